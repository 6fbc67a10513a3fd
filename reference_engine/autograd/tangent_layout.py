"""Where a tangent lies in memory: as its primal does, so that a view of one is the same view of the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reference_engine import levels

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def same_layout(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors look at memories of one size in the same way.

    A dimension of one element takes no step, and where there are no elements there is no step and no beginning.
    """
    return (
        (a._shape, a._conj, a._neg) == (b._shape, b._conj, b._neg)
        and (not a.numel() or (a._offset == b._offset and _same_steps(a, b)))
        and _as_large(a, b)
    )  # fmt: skip


def _same_steps(a: Tensor, b: Tensor) -> bool:
    return all(n <= 1 or i == j for n, i, j in zip(a._shape, a._strides, b._strides, strict=True))


def _as_large(tangent: Tensor, t: Tensor) -> bool:
    """Whether the memory of a tangent has room for all that a view may see; that of a batch for each slice."""
    if not levels.batches():
        return _extent(tangent) == _extent(t)
    return _extent(tangent) * levels.slices(t) >= _extent(t) * levels.slices(tangent)


def _extent(t: Tensor) -> int:
    """How many elements the memory holds."""
    return t._storage.nbytes() // t._dtype.itemsize


def zeros_laid_out_as(t: Tensor, tangent: Tensor) -> Tensor:
    """Zeros over memory of the same extent, looked at in the same way as ``t``; a batch of them for one of tangents.

    They are complex if ``t`` is, of whose real or imaginary part alone the tangent may be.
    """
    from reference_engine.ops.kernels import empty

    dtype = tangent._dtype.to_complex() if t._dtype.is_complex else tangent._dtype

    def make(like: Tensor, sizes: tuple[int, ...] = ()) -> Tensor:
        extent = _extent(t)
        whole = empty((*sizes, extent), dtype)
        whole._shape, whole._strides = (*sizes, *t._shape), (*whole._strides[:-1], *t._strides)
        whole._offset, whole._conj, whole._neg = t._offset, t._conj, t._neg
        return whole

    if levels.batches():
        return levels.alike(make, tangent, in_front=True)
    return levels.fresh(make(tangent)) if levels.stack else make(tangent)
