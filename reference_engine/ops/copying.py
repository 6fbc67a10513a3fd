"""Copies, fills and conversions."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor
from reference_engine.views import make_view


def _clone(self: Tensor, memory_format: Any) -> Tensor:
    if memory_format is None or str(memory_format) == "torch.preserve_format":
        wanted = strides.like(self._shape, self._strides)
    else:
        wanted = strides.contiguous(self._shape)
    return self._copy(wanted)


declare(
    "clone(Tensor self, *, any memory_format=None) -> Tensor",
    forward=_clone, vjp={"self": lambda grad: grad}, exact=True, samples=domains.numbers(),
)  # fmt: skip

declare(
    "contiguous(Tensor self, *, any memory_format=None) -> Tensor",
    forward=lambda self, memory_format: self if self.is_contiguous() else self.clone(memory_format="contiguous"),
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


declare(
    "copy(Tensor self, Tensor src, bool non_blocking=False) -> Tensor",
    forward=_copied, node="torch::autograd::CopyBackwards",
    vjp={
        "self": lambda grad: grad.new_zeros(grad.shape),
        "src": lambda grad, src_dtype: grad.to(src_dtype) if not grad.is_complex() or src_dtype.is_complex else grad.real,
    },
    inplace=True, exact=True, function=False, samples=domains.numbers(),
)  # fmt: skip


def _filled(self: Tensor, value: Any) -> Tensor:
    v = value.detach()._read() if isinstance(value, Tensor) else value
    if isinstance(value, Tensor) and value._shape:
        raise refusal("ops.fill.zero_dim", ndim=len(value._shape))
    return from_array(np.full(self._shape, v).astype(self._dtype.np), self._dtype)


declare(
    "fill(Tensor self, Scalar value) -> Tensor",
    forward=_filled, vjp={"self": lambda grad: grad.new_zeros(grad.shape)}, inplace=True, exact=True,
    samples=domains.numbers(arguments={"value": (0, 1, 2.5)}),
)  # fmt: skip

declare(
    "fill(Tensor self, Tensor value) -> Tensor",
    node="FillBackward1", forward=_filled,
    vjp={"self": lambda grad: grad.new_zeros(grad.shape), "value": lambda grad: grad.sum()}, inplace=True, exact=True,
    samples=domains.numbers(shapes="fill"),
)  # fmt: skip

declare(
    "zero(Tensor self) -> Tensor",
    forward=lambda self: _filled(self, 0), vjp={"self": lambda grad: grad.new_zeros(grad.shape)},
    inplace=True, exact=True, method=False, function=False, samples=domains.numbers(),
)  # fmt: skip


def _cast(self: Tensor, dtype: Any) -> Tensor:
    values = self._read()
    if values.dtype.kind == "c" and not dtype.is_complex:
        values = values.real
    return from_array(values.astype(dtype.np), dtype, strides.like(self._shape, self._strides))


declare(
    "_to_copy(Tensor self, dtype dtype) -> Tensor",
    forward=_cast, node="ToCopyBackward0",
    vjp={"self": lambda grad, self_dtype: grad.to(self_dtype) if not grad.is_complex() or self_dtype.is_complex else grad.real.to(self_dtype)},
    function=False,
)  # fmt: skip

# -- conjugation -------------------------------------------------------------------------------------------------


def _lazy_conj(self: Tensor) -> Tensor:
    return make_view(
        self, self._shape, self._strides, self._offset, conj=not self._conj, replay=lambda base: base._conj_view()
    )


declare(
    "_conj_view(Tensor self) -> Tensor", forward=_lazy_conj, node="ConjBackward0",
    vjp={"self": lambda grad: grad.conj()}, view=True, exact=True, function=False,
)  # fmt: skip

declare(
    "conj(Tensor self) -> Tensor", forward=lambda self: self._conj_view() if self.is_complex() else self, composite=True,
    exact=True, samples=domains.numbers(),
)  # fmt: skip


def _resolve_conj(self: Tensor) -> Tensor:
    return self if not self._conj else self.clone()


declare("resolve_conj(Tensor self) -> Tensor", forward=_resolve_conj, composite=True, exact=True)
declare("resolve_neg(Tensor self) -> Tensor", forward=lambda self: self if not self._neg else self.clone(), composite=True, exact=True)

# -- complex as pairs of real numbers ----------------------------------------------------------------------------


def _view_as_real(self: Tensor) -> Tensor:
    if not self._dtype.is_complex:
        raise refusal("ops.view_as_real.dtype")
    if self._conj:
        raise refusal("ops.view_as_real.conj")
    return make_view(
        self, (*self._shape, 2), (*(2 * s for s in self._strides), 1), 2 * self._offset, dtype=self._dtype.to_real(),
        replay=lambda base: base.view_as_real(),
    )  # fmt: skip


declare(
    "view_as_real(Tensor self) -> Tensor",
    forward=_view_as_real, vjp={"self": lambda grad: grad.contiguous().view_as_complex()}, view=True, exact=True,
    samples=domains.Domain(dtypes=("complex",)),
)  # fmt: skip


def _view_as_complex(self: Tensor) -> Tensor:
    if not self._dtype.is_floating_point:
        raise refusal("ops.view_as_complex.dtype", dtype=self.dtype.scalar_name)
    if not self._shape:
        raise refusal("ops.view_as_complex.scalar")
    if self._shape[-1] != 2:
        raise refusal("ops.view_as_complex.last")
    if self._strides[-1] != 1:
        raise refusal("ops.view_as_complex.stride")
    if any(s % 2 for s in self._strides[:-1]):
        raise refusal("ops.view_as_complex.even")
    if self._offset % 2:
        raise refusal("ops.view_as_complex.offset")
    return make_view(
        self, self._shape[:-1], tuple(s // 2 for s in self._strides[:-1]), self._offset // 2,
        dtype=self._dtype.to_complex(), replay=lambda base: base.view_as_complex(),
    )  # fmt: skip


declare(
    "view_as_complex(Tensor self) -> Tensor",
    forward=_view_as_complex, vjp={"self": lambda grad: grad.resolve_conj().view_as_real()}, view=True, exact=True,
)  # fmt: skip


declare(
    "_neg_view(Tensor self) -> Tensor", function=False, node="NegViewBackward0",
    forward=lambda self: make_view(
        self, self._shape, self._strides, self._offset, neg=not self._neg, replay=lambda base: base._neg_view()
    ),
    vjp={"self": lambda grad: -grad}, view=True, exact=True,
)  # fmt: skip


def _real(self: Tensor) -> Tensor:
    if not self._dtype.is_complex:
        return self
    pair = (self._conj_view() if self._conj else self).view_as_real()
    return pair.select(-1, 0)  # type: ignore[no-any-return]


def _imag(self: Tensor) -> Tensor:
    if not self._dtype.is_complex:
        raise refusal("ops.imag.dtype")
    if self._conj:
        return self._conj_view().view_as_real().select(-1, 1)._neg_view()  # type: ignore[no-any-return]
    return self.view_as_real().select(-1, 1)  # type: ignore[no-any-return]


declare("real(Tensor self) -> Tensor", forward=_real, composite=True, exact=True, method=False, samples=domains.numbers())
declare("imag(Tensor self) -> Tensor", forward=_imag, composite=True, exact=True, method=False)

__all__ = ["dtypes"]
