"""A copy of a tensor with one view of it replaced: select_scatter, slice_scatter, diagonal_scatter, as_strided_scatter.

Source: https://docs.pytorch.org/docs/stable/generated/torch.select_scatter.html
"""

from __future__ import annotations

from collections.abc import Callable

from reference_engine import strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def _replaced(self: Tensor, src: Tensor, look: Callable[[Tensor], Tensor]) -> Tensor:
    made = from_array(self._read(), self._dtype, strides.like(self._shape, self._strides))
    place = look(made)
    if place._shape != src._shape:
        raise refusal("indexing.view_scatter.size", src=list(src._shape), slice=list(place._shape))
    values = src._read()
    if values.dtype.kind == "c" and not self._dtype.is_complex:
        values = values.real
    place._array()[...] = values
    return made


def _zeros(grad: Tensor, shape: Ints) -> Tensor:
    return grad.new_zeros(shape)


declare(
    "select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor",
    forward=lambda self, src, dim, index: _replaced(self, src, lambda t: t.detach().select(dim, index)),
    vjp={
        "self": lambda grad, src_shape, dim, index: grad.select_scatter(_zeros(grad, src_shape), dim, index),
        "src": lambda grad, dim, index: grad.select(dim, index),
    },
    exact=True, samples=domains.numbers(shapes="select_scatter"),
)  # fmt: skip

declare(
    "slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    forward=lambda self, src, dim, start, end, step: _replaced(
        self, src, lambda t: t.detach()._slice(dim, start, end, step)
    ),
    vjp={
        "self": lambda grad, src_shape, dim, start, end, step: grad.slice_scatter(
            _zeros(grad, src_shape), dim, start, end, step
        ),
        "src": lambda grad, dim, start, end, step: grad._slice(dim, start, end, step),
    },
    exact=True, samples=domains.numbers(shapes="slice_scatter"),
)  # fmt: skip

declare(
    "diagonal_scatter(Tensor self, Tensor src, int offset=0, int dim1=0, int dim2=1) -> Tensor",
    forward=lambda self, src, offset, dim1, dim2: _replaced(
        self, src, lambda t: t.detach().diagonal(offset, dim1, dim2)
    ),
    vjp={
        "self": lambda grad, src_shape, offset, dim1, dim2: grad.diagonal_scatter(
            _zeros(grad, src_shape), offset, dim1, dim2
        ),
        "src": lambda grad, offset, dim1, dim2: grad.diagonal(offset, dim1, dim2),
    },
    exact=True, samples=domains.numbers(shapes="diagonal_scatter"),
)  # fmt: skip

declare(
    "as_strided_scatter(Tensor self, Tensor src, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
    forward=lambda self, src, size, stride, storage_offset: _replaced(
        self, src, lambda t: t.detach().as_strided(size, stride, storage_offset)
    ),
    vjp={
        "self": lambda grad, src_shape, size, stride, storage_offset: grad.contiguous().as_strided_scatter(
            _zeros(grad, src_shape), size, stride, storage_offset
        ),
        "src": lambda grad, size, stride, storage_offset: grad.contiguous().as_strided(size, stride, storage_offset),
    },
    exact=True, samples=domains.numbers(shapes="as_strided_scatter"),
)  # fmt: skip
