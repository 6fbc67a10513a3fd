"""Rectified, with a learnt slope: one for all channels or one for each.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.prelu.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.ops import domains
from reference_engine.ops.declare import Op, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import some, where, zeros_like
from reference_engine.ops.kernels import HALF, elementwise
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

_NUMBERS = "bool int complex"
_HIDDEN: dict[str, Any] = {"function": False}


def _check_prelu(input: Tensor, weight: Tensor) -> None:
    rank = len(input._shape)
    channels = 1
    if weight.numel() != 1:
        if not rank:
            raise refusal("nn.prelu.scalar")
        channels = input._shape[1] if rank > 1 else 1
        if channels != weight.numel():
            raise refusal("nn.prelu.channels", weight=weight.numel(), channels=channels)
    if len(weight._shape) > 1:
        raise refusal("nn.prelu.weight_rank", ndim=len(weight._shape))
    if input._dtype is not weight._dtype:
        raise refusal("nn.prelu.dtype", input=input.dtype.scalar_name, weight=weight.dtype.scalar_name)


def _by_channel(weight: Tensor, input: Tensor) -> Tensor:
    """The slopes in the shape in which they are broadcast."""
    rank = len(input._shape)
    if rank == len(weight._shape):
        return weight
    return weight.reshape([-1 if d == (1 if rank > 1 else 0) else 1 for d in range(rank)])


def _prelu(input: Tensor, weight: Tensor) -> Tensor:
    if not switch("nn.prelu.by_kernel"):
        made: Tensor = run(_PRELU_WHOLE, [input, weight])
        return made
    _check_prelu(input, weight)
    return input._prelu_kernel(_by_channel(weight, input))


declare(
    "nn.functional.prelu(Tensor input, Tensor weight) -> Tensor",
    forward=_prelu, composite=True, aliases=("prelu",),
    samples=domains.real(special=(0.0,), shapes="channels"),
)  # fmt: skip
declare(
    "_prelu_kernel(Tensor self, Tensor weight) -> Tensor",
    forward=elementwise(lambda x, w: np.where(x > 0, x, w * x), name="prelu_cpu", not_for=_NUMBERS, since=HALF),
    vjp={
        "self, weight": lambda grad, self, weight: dict(
            zip(("self", "weight"), run(_PRELU_BACKWARD, [grad, self, weight]), strict=True)
        )
    },
    node="PreluKernelBackward0", **_HIDDEN,
)  # fmt: skip


def _prelu_backward(grad_output: Tensor, self: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    # the layout is that of the input
    of_self = elementwise(lambda x, w, g: np.where(x > 0, g, w * g))(self, weight, grad_output)
    of_weight = elementwise(lambda x, w, g: np.where(x > 0, g.dtype.type(0), x * g) + 0 * w)(self, weight, grad_output)
    return of_self, of_weight


def _prelu_backward_vjp(
    grads: list[Tensor | None], grad_output: Tensor, self: Tensor, weight: Tensor
) -> dict[str, Any]:
    above = self > 0
    if some(self == 0):
        cite("nn.prelu.second_at_zero")
    of_self, of_weight = grads
    made: dict[str, Any] = {}
    if of_self is not None and of_weight is not None:
        made["grad_output"] = where(above, of_self, weight * of_self + of_weight * self)
    elif of_self is not None:
        made["grad_output"] = where(above, of_self, weight * of_self)
    elif of_weight is not None:
        made["grad_output"] = where(above, 0, self * of_weight)
    made["self"] = zeros_like(self) if of_weight is None else where(above, 0, grad_output * of_weight)
    made["weight"] = zeros_like(weight) if of_self is None else where(above, 0, grad_output * of_self)
    return made


_PRELU_BACKWARD: Op = declare(
    "_prelu_kernel_backward(Tensor grad_output, Tensor self, Tensor weight) -> (Tensor, Tensor)",
    forward=_prelu_backward, vjp={"grad_output, self, weight": _prelu_backward_vjp},
    node="PreluKernelBackwardBackward0", **_HIDDEN,
)  # fmt: skip

# -- before: one node, whose slopes are reshaped inside ---------------------------------------------------------------


def _whole(self: Tensor, weight: Tensor) -> Tensor:
    _check_prelu(self, weight)
    made: Tensor = self.detach().contiguous()._prelu_kernel(_by_channel(weight.detach(), self))
    return made


def _whole_backward(grad_output: Tensor, self: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    slopes = _by_channel(weight.detach(), self)
    of_self, of_weight = _prelu_backward(grad_output, self, slopes)
    return of_self, of_weight.sum_to_size(slopes._shape).reshape(weight._shape)


def _whole_backward_vjp(
    grads: list[Tensor | None], grad_output: Tensor, self: Tensor, weight: Tensor
) -> dict[str, Any]:
    of_self, of_weight = grads
    wide = None if of_weight is None else _by_channel(of_weight, self).expand(self._shape)
    slopes = _by_channel(weight, self)
    made = _prelu_backward_vjp([of_self, wide], grad_output, self, slopes)
    return {**made, "weight": made["weight"].sum_to_size(slopes._shape).reshape(weight._shape)}


_PRELU_WHOLE_BACKWARD: Op = declare(
    "_prelu_backward(Tensor grad_output, Tensor self, Tensor weight) -> (Tensor, Tensor)", forward=_whole_backward,
    node="PreluBackwardBackward0", vjp={"grad_output, self, weight": _whole_backward_vjp}, **_HIDDEN,
)  # fmt: skip
_PRELU_WHOLE: Op = declare(
    "_prelu(Tensor self, Tensor weight) -> Tensor",
    forward=_whole, node="PreluBackward0",
    vjp={
        "self, weight": lambda grad, self, weight: dict(
            zip(("self", "weight"), run(_PRELU_WHOLE_BACKWARD, [grad, self, weight]), strict=True)
        )
    },
    **_HIDDEN,
)  # fmt: skip
