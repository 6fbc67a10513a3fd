"""Convolution along time of sequences by time, sample and channel.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv_tbc.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def _refuse(self: Tensor, weight: Tensor, bias: Tensor) -> None:
    if len(self._shape) != 3:
        raise refusal("nn.conv_tbc.input")
    if len(weight._shape) != 3:
        raise refusal("nn.conv_tbc.weight")
    if len(bias._shape) != 1:
        raise refusal("nn.conv_tbc.bias")
    if self._shape[2] != weight._shape[1]:
        raise refusal("nn.conv_tbc.channels")
    if weight._shape[2] != bias._shape[0]:
        raise refusal("nn.conv_tbc.bias_size")
    if self._dtype is not weight._dtype:
        a, b = (t._dtype.name.replace("float64", "Double").replace("float32", "Float") for t in (self, weight))
        raise refusal("nn.conv_tbc.dtype", a=a, b=b)


def _conv_tbc(self: Tensor, weight: Tensor, bias: Tensor, pad: int) -> Tensor:
    _refuse(self, weight, bias)
    kernel = weight._shape[0]
    steps = self._shape[0] + 2 * pad - kernel + 1
    x, w, b = (t._read().astype(self._dtype.compute) for t in (self, weight, bias))

    def convolved(x: Array, w: Array, b: Array) -> Array:
        made = np.zeros((steps, x.shape[1], w.shape[2]), x.dtype) + b
        for k in range(kernel):
            first = max(0, pad - k)  # of the result
            last = min(steps, len(x) + pad - k)
            if last > first:
                made[first:last] += x[first + k - pad : last + k - pad] @ w[k]
        return made

    floor = convolved(np.abs(x), np.abs(w), np.abs(b))
    return from_array(noisy(convolved(x, w, b), convolved, [x, w, b], self._dtype, floor=floor), self._dtype)


def _vjp(grad: Tensor, self: Tensor, weight: Tensor, bias: Tensor, pad: int) -> dict[str, Any]:
    """Each step of the kernel is a product of matrices, of those steps in time that it sees."""
    import reference_engine as engine

    steps, times = grad._shape[0], self._shape[0]
    of_self, of_weight = (engine.zeros(t._shape, dtype=t.dtype) for t in (self, weight))
    for k in range(weight._shape[0]):
        first, last = max(0, pad - k), min(steps, times + pad - k)
        count = max(last - first, 0)
        g = grad.narrow(0, min(first, steps), count)
        seen = self.narrow(0, min(max(first + k - pad, 0), times), count)
        if count:
            of_weight[k].add_(seen.flatten(0, 1).t().matmul(g.flatten(0, 1)))
            of_self.narrow(0, first + k - pad, count).add_(g.matmul(weight[k].t()))
    return {"self": of_self, "weight": of_weight, "bias": engine.zeros_like(bias).copy_(grad.sum((0, 1)))}


declare(
    "conv_tbc(Tensor self, Tensor weight, Tensor bias, int pad=0) -> Tensor",
    forward=_conv_tbc, vjp={"self, weight, bias": _vjp}, method=False, aliases=("nn.functional.conv_tbc",),
    samples=domains.real(shapes="conv_tbc", arguments={"pad": (0, 1)}),
)  # fmt: skip
