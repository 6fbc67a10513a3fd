"""Copies, fills and conversions."""

from __future__ import annotations

from typing import Any

from reference_engine import dtypes, layouts, strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array
from reference_engine.tensor import Tensor


def _clone(self: Tensor, memory_format: Any) -> Tensor:
    if memory_format is None or memory_format == "torch.preserve_format":
        return self._copy(strides.like(self._shape, self._strides))
    return self._copy(layouts.strides_in(self._shape, memory_format))


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


def _copied(self: Tensor, src: Any, non_blocking: bool) -> Tensor:
    """What ``copy_`` writes: the source cast to the destination's dtype and shown in its shape."""
    from reference_engine.ops.shape import _expand

    shown = src if src._shape == self._shape else _expand(src.detach(), self._shape, False)
    values = shown._read()
    if values.dtype.kind == "c" and not self._dtype.is_complex:
        values = values.real
    return from_array(values.astype(self._dtype.np), self._dtype)


def _cast_back(grad: Tensor, d: dtypes.dtype) -> Tensor:
    """The gradient in the dtype from before a conversion: of a complex one for a real tensor the real part."""
    part = grad.real if grad.is_complex() and not d.is_complex else grad
    return part.to(d)


declare(
    "copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
    forward=_copied, node="torch::autograd::CopyBackwards",
    vjp={
        "self": lambda grad: grad.new_zeros(grad.shape),
        "src": lambda grad, src_dtype: _cast_back(grad, src_dtype),
    },
    inplace=True, exact=True, method=False, function=False, samples=domains.numbers(),
)  # fmt: skip


def _cast(self: Tensor, dtype: Any, memory_format: Any) -> Tensor:
    values = self._read()
    if values.dtype.kind == "c" and not dtype.is_complex:
        values = values.real
    keeps = memory_format in (None, "torch.preserve_format")
    wanted = strides.like(self._shape, self._strides) if keeps else layouts.strides_in(self._shape, memory_format)
    return from_array(values.astype(dtype.np), dtype, wanted)


declare(
    "_to_copy(Tensor self, dtype dtype, any memory_format=None) -> Tensor",
    forward=_cast, node="ToCopyBackward0",
    vjp={"self": lambda grad, self_dtype: _cast_back(grad, self_dtype)},
    function=False,
)  # fmt: skip
