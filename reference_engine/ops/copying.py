"""Copies, fills and conversions."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, layouts, strides
from reference_engine.modes import state
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import broadcast_shapes, empty, from_array
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor


def _clone(self: Tensor, memory_format: Any) -> Tensor:
    if memory_format is None or memory_format == "torch.preserve_format":
        wanted = strides.like(self._shape, self._strides)
    else:
        wanted = layouts.strides_in(self._shape, memory_format)
    return _by_copy(self, self._dtype, wanted) if _unseen(self) else self._copy(wanted)


def _unseen(t: Tensor) -> bool:
    """Whether ``t`` records nothing by itself though it requires grad: an inference tensor met outside."""
    return t._inference and not state.inference and t.requires_grad


def _by_copy(t: Tensor, dtype: Any, wanted: tuple[int, ...]) -> Tensor:
    """The copy into a new tensor, which is none of inference mode, is what is recorded."""
    cite("inference.recorded_with_normal")
    made: Tensor = empty(t._shape, dtype, wanted).copy_(t)
    return made


declare(
    "clone(Tensor self, *, any memory_format=None) -> Tensor",
    forward=_clone, vjp={"self": lambda grad: grad}, exact=True, samples=domains.numbers(),
)  # fmt: skip

declare(
    "contiguous(Tensor self, *, any memory_format=None) -> Tensor",
    forward=lambda self, memory_format: (
        self
        if self.is_contiguous(memory_format=memory_format)
        else self.clone(memory_format=memory_format or "torch.contiguous_format")
    ),
    composite=True, function=False, exact=True, samples=domains.numbers(),
)  # fmt: skip


def _overlap(self: Tensor, src: Tensor, non_blocking: bool) -> tuple[str, ...]:
    """A copy to itself does nothing, whatever the memory."""
    if not (src is self or (switch("inplace.copy.same_memory") and src.is_set_to(self) and src._conj == self._conj)):
        raise refusal("inplace.internal_overlap")
    return ()


def _copied(self: Tensor, src: Any, non_blocking: bool) -> Tensor:
    """What ``copy_`` writes: the source cast to the destination's dtype and shown in its shape."""
    if strides.may_overlap_internally(self._shape, self._strides):
        _overlap(self, src, non_blocking)
    kernels.refuse_partial_overlap(self, [src])  # memory is looked at before shapes are
    kernels.refuse_shape(self, broadcast_shapes([self._shape, src._shape]))
    values = _discarding(np.broadcast_to(src._read(), self._shape), self._dtype)
    return from_array(dtypes.nearest(values, self._dtype).astype(self._dtype.np), self._dtype)


def _discarding(values: Any, d: dtypes.dtype) -> Any:
    """The values for a tensor of another dtype: of complex ones the real parts, where it is real."""
    if values.dtype.kind == "c" and d is dtypes.bool_ and switch("ops.cast.complex_to_bool"):
        return values != 0
    if values.dtype.kind == "c" and not d.is_complex:
        warn("ops.cast.discards_imaginary")
        return values.real
    return values


def _cast_back(grad: Tensor, d: dtypes.dtype) -> Tensor:
    """The gradient in the dtype from before a conversion: of a complex one for a real tensor the real part."""
    part = grad.real if grad.is_complex() and not d.is_complex else grad
    return part.to(d)


declare(
    "copy(Tensor self, Tensor other, bool non_blocking=False) -> Tensor",
    forward=_copied, node="torch::autograd::CopyBackwards",
    vjp={
        "self": lambda grad: grad.new_zeros(grad.shape),
        "other": lambda grad, other_dtype: _cast_back(grad, other_dtype),
    },
    inplace=True, exact=True, overlap=_overlap, method=False, function=False, samples=domains.numbers(),
)  # fmt: skip


def _cast(self: Tensor, dtype: Any, memory_format: Any) -> Tensor:
    if _unseen(self):
        return _by_copy(self, dtype, strides.like(self._shape, self._strides))
    values = _discarding(self._read(), dtype)
    keeps = memory_format in (None, "torch.preserve_format")
    wanted = strides.like(self._shape, self._strides) if keeps else layouts.strides_in(self._shape, memory_format)
    return from_array(dtypes.nearest(values, dtype).astype(dtype.np), dtype, wanted)


declare(
    "_to_copy(Tensor self, dtype dtype, any memory_format=None) -> Tensor",
    forward=_cast, node="ToCopyBackward0",
    vjp={"self": lambda grad, self_dtype: _cast_back(grad, self_dtype)},
    function=False,
)  # fmt: skip
