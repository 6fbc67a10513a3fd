"""Unpooling: each value goes to the place that its maximum came from, and everything else is zero.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_unpool2d.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import from_array
from reference_engine.ops.windows import Ints, image_layout, take
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _refuse(self: Tensor, indices: Tensor, output_size: Ints, stride: Ints, dims: int) -> None:
    """Raise for arguments that do not fit, in the order in which the kernels look at them."""
    rank = len(self._shape)
    if indices._dtype is not dtypes.int64:
        clause = "nn.unpool.indices_dtype" if dims == 2 else "nn.unpool.indices_dtype3d"
        raise refusal(clause, got=indices._dtype.scalar_name)
    if dims == 2:
        if len(output_size) != 2:
            raise refusal("nn.unpool.output_size", expected="two elements (height, width)", got=len(output_size))
        if rank not in (3, 4):
            raise refusal("nn.unpool.rank", dims=2, low=3, high=4, rank=rank)
        _refuse_indices_shape(self, indices)
        _refuse_empty(self, dims)
    else:
        if rank not in (4, 5):
            raise refusal("nn.unpool.rank", dims=3, low=4, high=5, rank=rank)
        if len(output_size) != 3:
            raise refusal(
                "nn.unpool.output_size", expected="three elements (depth, height, width)", got=len(output_size)
            )  # fmt: skip
        _refuse_indices_shape(self, indices)
        _refuse_empty(self, dims)
        if len(stride) == 3 and min(stride) <= 0:
            raise refusal("nn.unpool.stride", stride=list(stride))
    if not self._dtype.is_floating_point or (self._dtype.itemsize == 2 and not switch("nn.unpool.half")):
        raise refusal("ops.not_implemented_for", op=f"max_unpool{dims}d", dtype=self._dtype.scalar_name)


def _refuse_indices_shape(self: Tensor, indices: Tensor) -> None:
    if indices._shape != self._shape:
        raise refusal("nn.unpool.indices_shape", shape=list(self._shape), got=list(indices._shape))


def _refuse_empty(self: Tensor, dims: int) -> None:
    for dim, size in enumerate(self._shape):
        if dim and not size:
            raise refusal("nn.unpool.empty", dims=dims, shape=list(self._shape), dim=dim)


def _unpool(self: Tensor, indices: Tensor, output_size: Ints, stride: Ints, dims: int) -> Tensor:
    _refuse(self, indices, output_size, stride, dims)
    lead, volume = self._shape[:-dims], math.prod(output_size)
    rows = math.prod(lead)
    places = indices._read().reshape(rows, math.prod(self._shape[-dims:]))
    wrong = places[(places < 0) | (places >= volume)]
    if wrong.size and volume:
        raise refusal("nn.unpool.index", index=int(wrong[-1]), sizes="x".join(map(str, output_size)))
    made = np.zeros((rows, volume), self._dtype.np)
    if volume:
        np.put_along_axis(made, places, self._read().reshape(places.shape), 1)
    shape = (*lead, *output_size)
    return from_array(made.reshape(shape), self._dtype, image_layout(self, shape) if dims == 2 else None)


def _declare(dims: int) -> Any:
    return declare(
        f"_max_unpool{dims}d(Tensor self, Tensor indices, int[] output_size, int[] stride, int[] padding) -> Tensor",
        forward=lambda self, indices, output_size, stride, padding: _unpool(self, indices, output_size, stride, dims),
        node=f"MaxUnpool{dims}DBackward0", exact=True,
        vjp={"self": lambda grad, indices: take(grad, indices, dims)}, **_HIDDEN,
    )  # fmt: skip


_UNPOOL = {dims: _declare(dims) for dims in (2, 3)}


def _repeated(value: Any, dims: int) -> Any:
    return value if isinstance(value, (list, tuple)) else (value,) * dims


def _size(input: Tensor, kernel: Ints, stride: Ints, padding: Ints, output_size: Any) -> Any:
    """What the output would have been pooled from; where several sizes could have been, one may be asked for."""
    dims = len(kernel)
    plain = [
        (input._shape[d - dims] - 1) * stride[d] + kernel[d] - 2 * padding[d] for d in range(dims)
    ]  # fmt: skip
    if output_size is None:
        wanted = plain
    else:
        wanted = output_size[2:] if len(output_size) == dims + 2 else output_size
        if len(wanted) != dims:
            raise refusal("nn.unpool.length", dims=dims, more=dims + 2, got=len(wanted))
        for d in range(dims):
            low, high = plain[d] - stride[d], plain[d] + stride[d]
            if not low < wanted[d] < high:
                raise refusal("nn.unpool.range", size=wanted, dim=d, low=low, high=high)
    for d in range(dims):
        if wanted[d] < 0:
            raise refusal("nn.unpool.negative", dim=d, size=wanted[d])
    return wanted


def _public(dims: int) -> Any:
    def forward(
        input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
    ) -> Tensor:
        kernel, pads = _repeated(kernel_size, dims), _repeated(padding, dims)
        steps = kernel if stride is None else _repeated(stride, dims)
        size = tuple(_size(input, kernel, steps, pads, output_size))
        if dims > 1:
            made: Tensor = run(_UNPOOL[dims], [input, indices, size, tuple(steps), tuple(pads)])
            return made
        column = [input.unsqueeze(-1), indices.unsqueeze(-1), (*size, 1), (), ()]
        flat: Tensor = run(_UNPOOL[2], column).squeeze(-1)
        return flat

    return forward


for _dims in (1, 2, 3):
    declare(
        f"nn.functional.max_unpool{_dims}d(Tensor input, Tensor indices, any kernel_size, any stride=None, "
        "any padding=0, any output_size=None) -> Tensor",
        forward=_public(_dims), composite=True, exact=True, samples=domains.real(shapes=f"unpool{_dims}d"),
    )  # fmt: skip
