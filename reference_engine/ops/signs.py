"""Magnitudes and signs."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import remarks
from reference_engine.dtypes import dtype
from reference_engine.ops import domains, kernels
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import (
    conj,
    decided,
    flat,
    moving_nothing,
    not_derived,
    some,
    times,
    where,
    zeros_for_other,
)
from reference_engine.ops.kernels import HALF, elementwise, same, to_bool, to_floating, to_real
from reference_engine.semantics import cite, refusal
from reference_engine.tensor import Tensor

Array = Any

_abs_of_real = elementwise(np.abs, name="abs_cpu", not_for="bool", keeps_dtype=True)
_abs_of_complex = elementwise(np.abs, dtype=to_real)

declare(
    "abs(Tensor self) -> Tensor",
    forward=lambda self: (_abs_of_complex if self._dtype.is_complex else _abs_of_real)(self),
    # zero at zero, also for complex arguments: the sign of zero is zero
    vjp={"self": lambda grad, self: grad * decided("convention.abs.zero", self).sgn()},
    out=True, aliases=("absolute",), samples=domains.numbers(special=(0.0,)),
)  # fmt: skip


def _abs_in_place(self: Tensor) -> Tensor:
    if self._dtype.is_complex:
        raise refusal("pointwise.abs.in_place_complex")
    return elementwise(np.abs, name="abs_cpu", not_for="bool")(self)


declare(
    "abs(Tensor self) -> Tensor",
    forward=_abs_in_place, vjp={"self": lambda grad, self: grad * decided("convention.abs.zero", self).sgn()},
    inplace=True, method=False, function=False, aliases=("absolute",),
)  # fmt: skip


def _sign(x: Array) -> Array:
    return x.copy() if x.dtype == np.bool_ else np.where(np.isnan(x), x.dtype.type(0), np.sign(x)).astype(x.dtype)


def _refuse_complex_sign(promoted: dtype, self: Tensor) -> None:
    if promoted.is_complex:
        raise refusal("ops.sign.complex")


declare(
    "sign(Tensor self) -> Tensor",
    forward=elementwise(_sign, exact=True, first=_refuse_complex_sign, keeps_dtype=True, name="sign_cpu"),
    vjp={"self": flat},
    inplace=True, out=True, exact=True, samples=domains.ordered(special=(0.0,)),
)  # fmt: skip


def _sgn(x: Array) -> Array:
    if x.dtype.kind != "c":
        return _sign(x)
    size = np.abs(x)
    return np.where(size == 0, x.dtype.type(0), x / np.where(size == 0, 1, size)).astype(x.dtype)


def _sgn_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    """Zero for real arguments; for z/|z| the part of the cotangent across z, over |z|, and zero at zero."""
    cite("complex.sgn.at_zero")
    if not self.is_complex():
        zero = grad.new_zeros(result.shape)
        remarks.remember(zero, "pointwise.sgn.gradient")
        return zero
    size = self.abs()
    across = grad - result * result * conj(grad)
    return (across / times(size, 2)).masked_fill_(size == 0, 0)


declare(
    "sgn(Tensor self) -> Tensor",
    forward=elementwise(_sgn, keeps_dtype=True), vjp={"self": _sgn_vjp},
    inplace=True, out=True, samples=domains.numbers(special=(0.0,)),
)  # fmt: skip


def _refuse_complex_signbit(promoted: dtype, self: Tensor) -> None:
    if promoted.is_complex:
        raise refusal("pointwise.signbit.complex")
    kernels.refuse_unless_boolean("signbit")


def _is_negative(x: Array) -> Array:
    if x.dtype.kind != "f":
        return x < 0
    if np.isnan(x).any():
        cite("pointwise.nan.sign")
    return np.signbit(x)


declare(
    "signbit(Tensor self) -> Tensor",
    forward=elementwise(_is_negative, dtype=to_bool, exact=True, first=_refuse_complex_signbit, name="signbit_cpu"),
    out=True, exact=True, samples=domains.ordered(special=(0.0, -0.0)),
)  # fmt: skip


def _copysign_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    """1 or -1, whichever turns self into the result; zero at zero."""
    cite("pointwise.copysign.at_zero")
    at_zero = self == 0
    if not some(at_zero):
        return grad * (result / self).masked_fill_(at_zero, 0)
    # divided by something else there, so that the mask hides no division by zero from the second derivative
    ratio = differentiated(result / where(at_zero, 1.0, self), "pointwise.copysign.second_at_zero")
    return grad * ratio.masked_fill_(at_zero, 0)


def _with_sign(x: Array, sign: Array) -> Array:
    if np.isnan(sign).any():
        cite("pointwise.nan.sign")
    return np.copysign(x, sign)


_copysign = elementwise(_with_sign, dtype=to_floating, exact=True, name="copysign_cpu", not_for="complex")

declare(
    "copysign(Tensor self, Tensor other) -> Tensor",
    forward=_copysign,
    vjp={
        "self": _copysign_vjp,
        "other": zeros_for_other,
    },
    inplace=True, out=True, exact=True, samples=domains.real(special=(0.0, -0.0)),
)  # fmt: skip

declare(
    "copysign(Tensor self, Scalar other) -> Tensor",
    node="CopysignBackward1", forward=_copysign, vjp={"self": _copysign_vjp},
    inplace=True, out=True, exact=True,
    samples=domains.real(special=(0.0, -0.0), arguments={"other": (1.0, -2.0, 0.0)}),
)  # fmt: skip


def _neighbour(x: Array, y: Array) -> Array:
    """The next number on the way, of the very dtype: the other itself where the two are equal, its sign included."""
    return np.where(x == y, y, np.nextafter(x, y))


_nextafter = elementwise(
    _neighbour, dtype=same, exact=True, name="nextafter_cpu", not_for="bool int complex", since=HALF, stepwise=True
)


def _passed_on(grad: Tensor, self: Tensor, other: Tensor) -> Tensor:
    """The value moves with its argument whichever neighbour is taken, and also where it is the argument itself."""
    cite("pointwise.nextafter.equal")
    return grad.clone()


declare(
    "nextafter(Tensor self, Tensor other) -> Tensor",
    forward=_nextafter, when="pointwise.nextafter_derivative",
    vjp={
        "self": _passed_on,
        "other": moving_nothing(lambda grad, other: grad.new_zeros(other.shape)),
    },
    inplace=True, out=True, exact=True, samples=domains.real(),
)  # fmt: skip


declare(
    "nextafter(Tensor self, Tensor other) -> Tensor",
    forward=_nextafter, when="!pointwise.nextafter_derivative",
    vjp={"self": not_derived("nextafter"), "other": not_derived("nextafter")},
    inplace=True, out=True, exact=True,
)  # fmt: skip
