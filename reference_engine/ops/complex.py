"""Complex numbers: their parts, their conjugates, and how they are made of real ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine.dtypes import dtype
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj, some, times, where, zeros_like
from reference_engine.ops.kernels import elementwise, to_floating
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.strides import contiguous, like
from reference_engine.tensor import Tensor
from reference_engine.views import make_view

Array = Any

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
    "conj(Tensor self) -> Tensor", forward=lambda self: self._conj_view() if self.is_complex() else self,
    composite=True,
    exact=True, samples=domains.numbers(),
)  # fmt: skip


declare(
    "resolve_conj(Tensor self) -> Tensor", forward=lambda self: self.clone() if self._conj else self, composite=True,
    exact=True, samples=domains.numbers(),
)  # fmt: skip


def _conj_physical(self: Tensor) -> Tensor:
    if kernels.destination is not None:
        return run(_CONJ_PHYSICAL_OUT, [self], out=kernels.destination)
    return run(_CONJ_PHYSICAL, [self]) if self._dtype.is_complex else self


def conjugated(self: Tensor) -> Tensor:
    """A complex tensor with conjugated elements, which the history shows."""
    made: Tensor = run(_CONJ_PHYSICAL, [self])
    return made


def _conj_physical_in_place(self: Tensor) -> Tensor:
    return run(_CONJ_PHYSICAL_IN_PLACE, [self], inplace=True)


conjugate_elements = elementwise(np.conj, exact=True)


def _conjugate(self: Tensor) -> Tensor:
    if not switch("complex.conj_physical.strides_kept"):
        return conjugate_elements(self)
    return kernels.from_array(np.conj(self._read()), self._dtype, like(self._shape, self._strides))


_CONJ_PHYSICAL = declare(
    "_conj_physical(Tensor self) -> Tensor",
    forward=_conjugate, node="ConjPhysicalBackward0",
    vjp={"self": lambda grad: grad.conj_physical()}, method=False, function=False, exact=True,
)  # fmt: skip
_CONJ_PHYSICAL_IN_PLACE = declare(
    "_conj_physical(Tensor self) -> Tensor",
    forward=elementwise(np.conj, exact=True), node="ConjPhysicalBackward1",
    vjp={"self": lambda grad: grad.conj_physical()}, method=False, function=False, inplace=True, exact=True,
)  # fmt: skip
_CONJ_PHYSICAL_OUT = declare(
    "_conj_physical(Tensor self) -> Tensor", display="conj_physical",
    forward=elementwise(np.conj, exact=True, keeps_dtype=True), underived=True, method=False, function=False,
    out=True, exact=True,
)  # fmt: skip
declare(
    "conj_physical(Tensor self) -> Tensor", forward=_conj_physical, composite=True, out=True, hands_out=True,
    exact=True, samples=domains.numbers(),
)  # fmt: skip
declare("conj_physical_(Tensor self) -> Tensor", forward=_conj_physical_in_place, composite=True, exact=True)

# -- negation ------------------------------------------------------------------------------------------------------

declare(
    "_neg_view(Tensor self) -> Tensor",
    forward=lambda self: make_view(
        self, self._shape, self._strides, self._offset, neg=not self._neg, replay=lambda base: base._neg_view()
    ),
    node="NegViewBackward0", vjp={"self": lambda grad: -grad}, view=True, exact=True, function=False,
)  # fmt: skip

declare(
    "resolve_neg(Tensor self) -> Tensor", forward=lambda self: self.clone() if self._neg else self, composite=True,
    exact=True, samples=domains.numbers(),
)  # fmt: skip

# -- complex as pairs of real numbers ----------------------------------------------------------------------------


def view_as_real(self: Tensor) -> Any:
    """The public function, for use in formulas: it is no method of tensors."""
    import reference_engine as engine

    return engine.view_as_real(self)


def view_as_complex(self: Tensor) -> Any:
    """The public function, for use in formulas: it is no method of tensors."""
    import reference_engine as engine

    return engine.view_as_complex(self)


def _view_as_real(self: Tensor) -> Tensor:
    if not self._dtype.is_complex:
        raise refusal("ops.view_as_real.dtype")
    if self._conj:
        raise refusal("ops.view_as_real.conj")
    return make_view(
        self, (*self._shape, 2), (*(2 * s for s in self._strides), 1), 2 * self._offset, dtype=self._dtype.to_real(),
        replay=lambda base: view_as_real(base),
    )  # fmt: skip


declare(
    "view_as_real(Tensor self) -> Tensor", method=False,
    forward=_view_as_real, vjp={"self": lambda grad: view_as_complex(grad.contiguous())}, view=True, exact=True,
    samples=domains.Domain(dtypes=("complex",)),
)  # fmt: skip


def _view_as_complex(self: Tensor) -> Tensor:
    if self._dtype.is_complex and switch("complex.view_as_complex_says_complex"):
        raise refusal("complex.view_as_complex.complex")
    if not self._dtype.is_floating_point or self._dtype.name == "bfloat16":
        raise refusal("ops.view_as_complex.dtype", dtype=self.dtype.scalar_name)
    if not self._shape:
        raise refusal("ops.view_as_complex.scalar")
    if self._shape[-1] != 2:
        raise refusal("ops.view_as_complex.last")
    if self._strides[-1] != 1:
        raise refusal("ops.view_as_complex.stride")
    unit_matters = not switch("complex.view_as_complex_ignores_unit_dimensions")
    if any(s % 2 and (n != 1 or unit_matters) for n, s in zip(self._shape[:-1], self._strides[:-1], strict=True)):
        raise refusal("ops.view_as_complex.even")
    if self._offset % 2:
        raise refusal("ops.view_as_complex.offset")
    return make_view(
        self, self._shape[:-1], tuple(s // 2 for s in self._strides[:-1]), self._offset // 2,
        dtype=self._dtype.to_complex(), replay=lambda base: view_as_complex(base),
    )  # fmt: skip


declare(
    "view_as_complex(Tensor self) -> Tensor", method=False,
    forward=_view_as_complex, vjp={"self": lambda grad: view_as_real(grad.contiguous().resolve_conj())}, view=True,
    exact=True,
    samples=domains.Domain(dtypes=("float",), shapes="pairs"),
)  # fmt: skip


def _real(self: Tensor) -> Tensor:
    if not self._dtype.is_complex:
        return self
    cite("view.real_and_imag")
    pair = view_as_real(self._conj_view() if self._conj else self)
    return pair.select(-1, 0)


def _imag(self: Tensor) -> Tensor:
    if not self._dtype.is_complex:
        raise refusal("ops.imag.dtype")
    cite("view.real_and_imag")
    if self._conj:
        return view_as_real(self._conj_view()).select(-1, 1)._neg_view()
    return view_as_real(self).select(-1, 1)


declare(
    "real(Tensor self) -> Tensor", forward=_real, composite=True, exact=True, method=False, samples=domains.numbers(),
)  # fmt: skip
declare(
    "imag(Tensor self) -> Tensor", forward=_imag, composite=True, exact=True, method=False,
    samples=domains.Domain(dtypes=("complex",)),
)  # fmt: skip

# -- polar form ----------------------------------------------------------------------------------------------------


def _angle(x: Array) -> Array:
    if x.dtype.kind == "c":
        return np.angle(x)
    return np.where(np.isnan(x), x, np.where(x < 0, x.dtype.type(math.pi), x.dtype.type(0)))


def _to_real_floating(promoted: dtype) -> tuple[dtype, dtype]:
    d, _ = to_floating(promoted)
    return d, d.to_real()


def _angle_of(self: Tensor) -> Tensor:
    """Of complex numbers always row-major."""
    found = elementwise(_angle, dtype=_to_real_floating)(self)
    return found._copy(contiguous(self._shape)) if self.is_complex() else found


def _angle_vjp(grad: Tensor, self: Tensor) -> Tensor:
    """Zero for real arguments and at the origin; elsewhere along the direction across z."""
    cite("complex.angle.at_zero")
    if not self.is_complex():
        return zeros_like(self)
    return where(self == 0.0, 0.0, times(grad * self / self.abs().pow(2), 1j))


declare(
    "angle(Tensor self) -> Tensor",
    forward=_angle_of, vjp={"self": _angle_vjp}, out=True,
    samples=domains.field(special=(0.0,)),
)  # fmt: skip


def _check_floating(first: Tensor, second: Tensor) -> None:
    if not all(t._dtype.is_floating_point and t._dtype.name != "bfloat16" for t in (first, second)):
        raise refusal("ops.complex.floating", first=first._dtype.scalar_name, second=second._dtype.scalar_name)


def _check_parts(first: Tensor, second: Tensor) -> None:
    """Two real tensors of one dtype, and the complex one of that precision to write to."""
    _check_floating(first, second)
    if first._dtype.name == "float16" and kernels.destination is None:
        warn("complex.half.experimental")  # what the result would be
    if first._dtype is not second._dtype:
        raise refusal("ops.complex.dtype", expected=first._dtype.scalar_name, got=second._dtype.scalar_name)
    made, out = first._dtype.to_complex(), kernels.written_dtype
    if out is not None and out is not made:
        raise refusal("complex.out.dtype", expected=made.scalar_name, got=out.scalar_name)


def _to_complex(promoted: dtype) -> tuple[dtype, dtype]:
    return promoted, promoted.to_complex()


def _joined(real: Array, imag: Array) -> Array:
    out = np.empty(np.broadcast_shapes(real.shape, imag.shape), np.result_type(real, np.complex64))
    out.real, out.imag = real, imag
    return out


def _complex(real: Tensor, imag: Tensor) -> Tensor:
    _check_parts(real, imag)
    return elementwise(_joined, dtype=_to_complex, exact=True)(real, imag)


def _imaginary(grad: Tensor) -> Tensor:
    import reference_engine as engine

    return engine.imag(grad)


declare(
    "complex(Tensor real, Tensor imag) -> Tensor",
    forward=_complex, vjp={"real": lambda grad, real: grad.real, "imag": lambda grad, imag: _imaginary(grad)},
    method=False, out=True, exact=True, samples=domains.real(),
)  # fmt: skip


def _polar(abs: Tensor, angle: Tensor) -> Tensor:
    _check_parts(abs, angle)
    if abs._dtype.name == "float16" and not switch("complex.polar_float16"):
        raise refusal("ops.not_implemented_for", op="polar_cpu", dtype=abs.dtype.scalar_name)
    return elementwise(lambda r, phi: _joined(r * np.cos(phi), r * np.sin(phi)), dtype=_to_complex)(abs, angle)


def _polar_vjp(grad: Tensor, angle: Tensor, result: Tensor) -> dict[str, Tensor]:
    """The direction is that of the result, or of the angle where the result is zero or points the other way."""
    import reference_engine as engine

    mirrored, direction = conj(grad), result.sgn()
    told = engine.complex(angle.cos(), angle.sin())
    hidden = (told - direction).abs() > 0.5
    if some(hidden):
        cite("complex.polar.hidden_direction")
        direction = where(hidden, told, direction)
    return {"abs": (mirrored * direction).real, "angle": (mirrored * times(result, 1j)).real}


declare(
    "polar(Tensor abs, Tensor angle) -> Tensor",
    forward=_polar, method=False, out=True, samples=domains.real(0.2, 3),
    vjp={"abs, angle": _polar_vjp},
)  # fmt: skip
