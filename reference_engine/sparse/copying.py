"""Copies, casts and zeros of tensors of any sparse layout."""

from __future__ import annotations

from typing import Any

from reference_engine.ops.complex import conjugated, view_as_complex, view_as_real
from reference_engine.semantics import refusal, switch
from reference_engine.sparse import memory
from reference_engine.sparse.access import type_name
from reference_engine.sparse.kernels import COMPRESSED, kernel
from reference_engine.tensor import Tensor


@kernel("clone", table=COMPRESSED)
@kernel("clone")
def _clone(self: Tensor, memory_format: Any) -> Tensor:
    if memory_format not in (None, "torch.preserve_format"):
        raise refusal("sparse.memory_format", format=_FORMATS[memory_format])
    return memory.copy(self)


_FORMATS = {
    "torch.contiguous_format": "Contiguous", "torch.channels_last": "ChannelsLast",
    "torch.channels_last_3d": "ChannelsLast3d",
}  # fmt: skip


@kernel("contiguous", table=COMPRESSED)
@kernel("contiguous")
def _contiguous(self: Tensor, memory_format: Any) -> Tensor:
    if memory.is_coo(self) and not switch("sparse.contiguous.refused"):
        return self
    return _clone(self, memory_format or "torch.contiguous_format")


@kernel("_to_copy", table=COMPRESSED)
@kernel("_to_copy")
def _to_copy(self: Tensor, dtype: Any, memory_format: Any) -> Tensor:
    made = memory.copy(self)
    assert made._sparse is not None
    made._sparse.values = made._sparse.values.to(dtype)
    made._dtype = dtype
    return made


@kernel("copy", table=COMPRESSED)
@kernel("copy")
def _copy(self: Tensor, src: Tensor, non_blocking: bool) -> Tensor:
    """What ``copy_`` writes: the source, of the same layout, in the dtype of the target.

    Raises:
        RuntimeError: one is strided, the other is not.
    """
    if type(self._sparse) is not type(src._sparse):
        raise refusal("sparse.copy.layouts", self=type_name(self), src=type_name(src))
    return _to_copy(src, self._dtype, None)


@kernel("zero", table=COMPRESSED)
@kernel("zero")
def _zero(self: Tensor) -> Tensor:
    return zeros(self)


def zeros(like: Tensor, dtype: Any = None) -> Tensor:
    """Nothing but zeros, in the layout of another tensor."""
    d, kept = dtype or like._dtype, like._sparse
    if isinstance(kept, memory.Coo):
        return memory.no_places(like._shape, d, kept.sparse_dim)
    assert kept is not None
    compressed, plain, values = kept.compressed._copy(kept.compressed._strides), kept.plain, kept.values
    compressed._array()[...] = 0
    at = len(plain._shape) - 1
    none = (*plain._shape[:-1], 0)
    from reference_engine.ops.kernels import empty

    made = memory.Compressed(
        compressed, empty(none, plain._dtype), empty((*none, *values._shape[at + 1 :]), d), kept.layout
    )
    return memory.tensor(like._shape, made)


@kernel("conj", "conj_physical")
def _conj(self: Tensor) -> Tensor:
    """Not lazily: conjugated values."""
    made: Tensor = conjugated(self) if self._dtype.is_complex else self
    return made


@kernel("_conj_physical")
def _conjugate(self: Tensor) -> Tensor:
    return memory.with_values(self, memory.coo_of(self).values.conj_physical())


@kernel("view_as_real", "view_as_complex")
def _view_as_parts(self: Tensor) -> Tensor:
    """A last, dense dimension for the real and the imaginary part, or one less."""
    kept = memory.coo_of(self)
    complex_ = self._dtype.is_complex
    values = (view_as_real if complex_ else view_as_complex)(kept.values)
    made = memory.coo(values._shape, kept.indices, values, kept.coalesced)
    shape = (*self._shape, 2) if complex_ else self._shape[:-1]
    made._shape, made._strides = shape, (0,) * len(shape)
    return made
