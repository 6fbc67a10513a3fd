"""A copy of a tensor with one view of it replaced: select_scatter, slice_scatter, diagonal_scatter, as_strided_scatter.

Source: https://docs.pytorch.org/docs/stable/generated/torch.select_scatter.html
"""

from __future__ import annotations

from collections.abc import Callable

from reference_engine import strides
from reference_engine.modes import is_grad_enabled
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array, wrap_dim
from reference_engine.semantics import cite, refusal, switch
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def _replaced(self: Tensor, src: Tensor, look: Callable[[Tensor], Tensor], real_only: str = "") -> Tensor:
    made = _copied(self)
    place = look(made)
    if place._shape != src._shape:
        raise refusal("indexing.view_scatter.size", src=list(src._shape), slice=list(place._shape))
    if real_only:
        _refuse_recorded_complex(real_only, self, src)
    values = src._read()
    if values.dtype.kind == "c" and not self._dtype.is_complex:
        values = values.real
    place._array()[...] = values
    return made


def _copied(self: Tensor) -> Tensor:
    """A copy that lies in a copy of the whole memory as the tensor lies in it, unless elements share a place."""
    if any(step == 0 and n > 1 for n, step in zip(self._shape, self._strides, strict=True)):
        return from_array(self._read(), self._dtype, strides.like(self._shape, self._strides))
    storage = Storage(0)
    storage.bytes = self._storage.bytes.copy()
    made = Tensor._make(storage, self._dtype, self._shape, self._strides, self._offset)
    made._array()[...] = self._read()
    return made


def _refuse_recorded_complex(op: str, self: Tensor, src: Tensor) -> None:
    if self._dtype.is_complex and (self.requires_grad or src.requires_grad) and is_grad_enabled():
        raise refusal("indexing.view_scatter.complex", op=op)


def _select_scatter(self: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    return _replaced(self, src, lambda t: t.detach().select(dim, index), real_only="select_scatter")


def _slice_scatter(self: Tensor, src: Tensor, dim: int, start: int | None, end: int | None, step: int) -> Tensor:
    if not self._shape:
        raise refusal("shape.slice.scalar")
    wrap_dim(dim, len(self._shape))
    if step <= 0:
        raise refusal("shape.slice.step")
    if not switch("indexing.slice_scatter_size_first"):
        _refuse_recorded_complex("slice_scatter", self, src)
    return _replaced(self, src, lambda t: t.detach()._slice(dim, start, end, step), real_only="slice_scatter")


def _zeros(grad: Tensor, shape: Ints) -> Tensor:
    return grad.new_zeros(shape)


declare(
    "select_scatter(Tensor self, Tensor src, int dim, int index) -> Tensor",
    forward=_select_scatter,
    vjp={
        "self": lambda grad, src_shape, dim, index: grad.select_scatter(_zeros(grad, src_shape), dim, index),
        "src": lambda grad, dim, index: grad.select(dim, index),
    },
    exact=True, samples=domains.numbers(shapes="select_scatter"),
)  # fmt: skip

declare(
    "slice_scatter(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    forward=_slice_scatter,
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


def _in_its_place(grad: Tensor, steps: Ints, offset: int, part: int | None) -> tuple[Tensor, int]:
    """The gradient laid out as the result is, and where in that memory the part begins that was replaced.

    The part is given by places in the memory of the result, whereas the gradient may lie anywhere.
    """
    begin = offset if part is None else part
    if strides.is_contiguous(grad._shape, steps) and begin >= offset:
        laid: Tensor = grad.contiguous()
        if laid._offset != offset:
            cite("indexing.as_strided_scatter.gradient_by_place")
        return laid, begin + laid._offset - offset
    cite("indexing.as_strided_scatter.gradient_by_place")
    if not switch("indexing.as_strided_scatter.keeps_layout") or 0 in steps:
        steps, offset = strides.like(grad._shape, steps), 0
    laid = grad.new_zeros(offset + strides.extent(grad._shape, steps)).as_strided(grad._shape, steps, offset)
    return laid.copy_(grad), begin


def _untouched(grad: Tensor, src: Ints, size: Ints, stride: Ints, part: int | None, steps: Ints, offset: int) -> Tensor:
    """The gradient of what is not replaced."""
    cite("indexing.as_strided_scatter.gradient")
    laid, begin = _in_its_place(grad, steps, offset, part)
    made: Tensor = laid.as_strided_scatter(_zeros(grad, src), size, stride, begin)
    return made


def _replaced_part(grad: Tensor, size: Ints, stride: Ints, part: int | None, steps: Ints, offset: int) -> Tensor:
    laid, begin = _in_its_place(grad, steps, offset, part)
    made: Tensor = laid.as_strided(size, stride, begin)
    return made


def _as_strided_scatter(self: Tensor, src: Tensor, size: Ints, stride: Ints, storage_offset: int | None) -> Tensor:
    if not self.is_contiguous():
        cite("indexing.as_strided_scatter.layout")
    if not switch("indexing.as_strided_scatter.keeps_layout"):
        self = self.detach().clone()
    return _replaced(self, src, lambda t: t.detach().as_strided(size, stride, storage_offset))


declare(
    "as_strided_scatter(Tensor self, Tensor src, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
    forward=_as_strided_scatter,
    vjp={
        "self": lambda grad, src_shape, size, stride, storage_offset, self_steps, self_offset: _untouched(
            grad, src_shape, size, stride, storage_offset, self_steps, self_offset
        ),
        "src": lambda grad, size, stride, storage_offset, self_steps, self_offset: _replaced_part(
            grad, size, stride, storage_offset, self_steps, self_offset
        ),
    },
    exact=True, samples=domains.numbers(shapes="as_strided_scatter"),
)  # fmt: skip
