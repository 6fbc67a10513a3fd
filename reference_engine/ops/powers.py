"""Powers and roots."""

from __future__ import annotations

import cmath
import math
from typing import Any

import numpy as np

from reference_engine import dtypes, return_types, strides
from reference_engine.dtypes import dtype
from reference_engine.ops import domains, kernels
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj, decided, less, some, times, where, zeros_like
from reference_engine.ops.kernels import HALF, broadcast_shapes, elementwise, from_array, promote, to_floating
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any

# -- roots ---------------------------------------------------------------------------------------------------------

declare(
    "sqrt(Tensor self) -> Tensor",
    forward=elementwise(np.sqrt, dtype=to_floating, name="sqrt_vml_cpu", since=HALF),
    vjp={"self": lambda grad, result: grad / times(conj(decided("convention.sqrt.zero", result)), 2)},
    inplace=True, out=True, samples=domains.field(0.2, 4, special=(0.0, -1.0)),
)  # fmt: skip


def _rsqrt(x: Array) -> Array:
    return np.divide(x.dtype.type(1), np.sqrt(x))


def _rsqrt_self(grad: Tensor, result: Tensor) -> Tensor:
    cube = conj(result.pow(3))
    return times(grad, -0.5) * cube


declare(
    "rsqrt(Tensor self) -> Tensor",
    forward=elementwise(_rsqrt, dtype=to_floating, name="rsqrt_cpu", since=HALF),
    vjp={"self": _rsqrt_self},
    inplace=True, out=True, samples=domains.field(0.2, 4, special=(0.0, -1.0)),
)  # fmt: skip

# -- powers --------------------------------------------------------------------------------------------------------


def _integer_power(a: Array, b: Array) -> Array:
    """Wraps around, and rounds the powers with a negative exponent towards zero."""
    positive = np.power(a, np.maximum(b, 0))
    sign = np.where(a == 1, 1, np.where(a == -1, np.where(b % 2 == 0, 1, -1), 0)) if a.dtype.kind == "i" else a == 1
    return np.where(b < 0, sign, positive).astype(a.dtype)


def _complex_power(a: Array, b: Array) -> Array:
    """exp(b log a), also at zero, where it is 0, nan or infinite."""
    at_zero = np.where(b.real > 0, 0, np.where(b.real == 0, complex(math.nan, math.nan), complex(math.inf, math.nan)))
    return np.where(a == 0, at_zero, np.power(a, b)).astype(a.dtype)


def _power(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        return _integer_power(a, b)
    return _complex_power(a, b) if a.dtype.kind == "c" else np.power(a, b)


_BY_EXPONENT: dict[float, Any] = {
    0.5: np.sqrt, -0.5: _rsqrt, -1: lambda x: x.dtype.type(1) / x, 2: lambda x: x * x, 3: lambda x: x * x * x,
    -2: lambda x: x.dtype.type(1) / (x * x),
}  # fmt: skip


def _power_of_number(a: Array, exponent: Array) -> Array:
    """A few exponents have their own kernel, which shows at -0 and -inf."""
    n = exponent.item()
    if n == 0:
        return np.ones_like(a)
    if n == 1:
        return a.copy()
    special = _BY_EXPONENT.get(n) if a.dtype.kind in "fc" or n in (2, 3) else None
    return _power(a, exponent) if special is None else special(a)


def _number_to_power(base: Array, exponent: Array) -> Array:
    return np.ones_like(exponent) if base.item() == 1 else _power(base, exponent)


_of_number = elementwise(_number_to_power, name="pow", not_for="bool")


def _number_power(self: Any, exponent: Tensor) -> Tensor:
    """Always row-major."""
    found = _of_number(self, exponent)
    return found._copy(strides.contiguous(found._shape)) if len(found._shape) > 1 else found


def _check_exponent(promoted: dtype, self: Tensor, exponent: Any) -> None:
    """In place a power with a number has had words of its own for a dtype that cannot hold the result."""
    if promoted.category <= 1 and isinstance(exponent, int) and exponent < 0:
        raise refusal("ops.pow.negative_integer")
    target = kernels.written_dtype
    if target is not None and not dtypes.can_cast(promoted, target):
        raise refusal("ops.pow.in_place_dtype", target=target.scalar_name, result=promoted.scalar_name)
    if promoted.category == 0 and not switch("pointwise.pow_of_truth"):
        raise refusal("ops.not_implemented_for", op="pow", dtype=promoted.scalar_name)


def _pow_number_vjp(grad: Tensor, self: Tensor, exponent: Any) -> Tensor:
    """n x**(n-1), and exactly zero for n = 0, also at x = 0."""
    if exponent == 0:
        cite("convention.pow.zero_exponent")
        return zeros_like(self)
    return grad * conj(times(self.pow(exponent - 1), exponent))


def _pow_base_vjp(grad: Tensor, self: Tensor, exponent: Tensor) -> Tensor:
    constant = decided("convention.pow.zero_exponent", exponent) == 0.0
    if some(constant.logical_and(self == 0)):
        # x**0 is constant at zero too: what is masked in the end must not meet the pole of 1/x on the way back
        cite("pointwise.pow.zero_exponent")
        exponent = where(constant, 1.0, exponent)
    lower = less(exponent, 1)
    power = self.pow(lower)
    if power.is_complex():
        flat = (lower == 0).logical_and(self == 0)
        if some(flat):  # as everywhere, though the power of two complex zeros is nan
            cite("pointwise.pow.complex_zero")
            power = where(flat, 1.0, power)
    return where(constant, 0, grad * conj(exponent * power))


def _not_negative(exponent: Tensor) -> Tensor:
    if exponent.is_complex():
        return (exponent.imag == 0).logical_and(exponent.real >= 0)
    return exponent >= 0


def _pow_exponent_vjp(grad: Tensor, self: Tensor, exponent: Tensor, result: Tensor) -> Tensor:
    """a**b log a, and zero where the base is 0 and the exponent is not negative."""
    cite("pointwise.pow.zero_base")
    at_zero = (self == 0).logical_and(_not_negative(exponent))
    base = self.to(promote([self, exponent]))
    if not base.is_complex():
        flat = at_zero.logical_and(exponent > 1)
        if some(flat):
            # x**b log x tends to zero with its slope: the second derivative must not meet the logarithm's pole
            base = differentiated(where(flat, 1.0, base), "pointwise.pow.second_zero_base")
    return grad * where(at_zero, 0, conj(result * base.log()))


def _pow_of_number_vjp(grad: Tensor, self: Any, exponent: Tensor, result: Tensor) -> Tensor:
    if self == 0:
        return grad * where(_not_negative(exponent), 0, conj(times(result, -math.inf)))
    if isinstance(self, complex) or exponent.is_complex():
        return grad * conj(times(result, cmath.log(self)))
    return grad * times(result, math.log(self) if self > 0 else math.nan)


declare(
    "pow(Tensor self, Tensor exponent) -> Tensor",
    node="PowBackward1", forward=elementwise(_power, name="pow", not_for="bool"),
    vjp={"self": _pow_base_vjp, "exponent": _pow_exponent_vjp},
    inplace=True, out=True, samples=domains.field(0.2, 2, special=(0.0,)),
)  # fmt: skip

declare(
    "pow(Scalar self, Tensor exponent) -> Tensor",
    node="PowBackward2", forward=_number_power,
    vjp={"exponent": _pow_of_number_vjp},
    method=False, out=True, samples=domains.field(0.2, 2, arguments={"self": (2, 0.5, 1)}),
)  # fmt: skip

declare(
    "pow(Tensor self, Scalar exponent) -> Tensor",
    forward=elementwise(
        _power_of_number, name="pow", check=_check_exponent, number_is_operand=False
    ),
    vjp={"self": _pow_number_vjp},
    inplace=True, out=True,
    samples=domains.field(0.2, 2, special=(0.0,), arguments={"exponent": (2, 3, 0.5, -1, 0, 1)}),
)  # fmt: skip


def _square(self: Tensor) -> Tensor:
    import reference_engine as engine

    return engine.pow(self, 2, out=kernels.destination)


declare(
    "square(Tensor self) -> Tensor",
    forward=_square, composite=True, out=True, hands_out=True, samples=domains.field(special=(0.0,)),
)  # fmt: skip

declare("square_(Tensor self) -> Tensor", forward=lambda self: self.pow_(2), composite=True)

# -- powers in double precision ------------------------------------------------------------------------------------


def _widest(*values: Any) -> dtype:
    return dtypes.complex128 if promote(values).is_complex else dtypes.float64


def _widened(value: Any, d: dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(d)
    return complex(value) if d.is_complex else float(value)


def _float_power(self: Any, exponent: Any) -> Tensor:
    import reference_engine as engine

    d, out = _widest(self, exponent), kernels.destination
    if kernels.written_dtype is not None and kernels.written_dtype is not d:
        raise refusal("pointwise.float_power.out", dtype=kernels.written_dtype.scalar_name, result=d.scalar_name)
    return engine.pow(_widened(self, d), _widened(exponent, d), out=out)


def _float_power_in_place(self: Tensor, exponent: Any) -> Tensor:
    d = _widest(self, exponent)
    if self._dtype is not d:
        raise refusal("pointwise.float_power.in_place", dtype=self._dtype.scalar_name, result=d.scalar_name)
    return self.pow_(_widened(exponent, d))


declare(
    "float_power(Tensor self, Tensor exponent) -> Tensor", forward=_float_power, composite=True, out=True,
    hands_out=True,
    samples=domains.numbers(0.2, 2, special=(0.0,)),
)  # fmt: skip
declare(
    "float_power(Scalar self, Tensor exponent) -> Tensor", forward=_float_power, composite=True, out=True,
    hands_out=True, method=False,
    samples=domains.numbers(0.2, 2, arguments={"self": (2, 0.5)}),
)  # fmt: skip
declare(
    "float_power(Tensor self, Scalar exponent) -> Tensor", forward=_float_power, composite=True, out=True,
    hands_out=True,
    samples=domains.numbers(0.2, 2, arguments={"exponent": (2, 0.5, -1)}),
)  # fmt: skip
declare(
    "float_power_(Tensor self, Tensor|Scalar exponent) -> Tensor", forward=_float_power_in_place, composite=True,
    function=False,
)  # fmt: skip

# -- mantissa and exponent -----------------------------------------------------------------------------------------


def _ldexp(self: Tensor, other: Tensor) -> Tensor:
    """The power of two is rounded to the exponent's own dtype before it is multiplied.

    It lies in memory as the exponent does where the dtype of ``self`` must be asked for, else row by row.
    """
    import reference_engine as engine

    if other._dtype.category == 0 and self._dtype.is_differentiable:
        raise refusal("ops.not_implemented_for", op="ldexp_cpu_exp", dtype=other._dtype.scalar_name)
    if other._dtype.category < 2:
        if broadcast_shapes([self._shape, other._shape]) != self._shape:
            cite("pointwise.ldexp.no_out")
        exponents = elementwise(lambda a, b: a * np.exp2(b), dtype=to_floating)
        return exponents(self, other if self._dtype.is_differentiable else other.detach().contiguous())
    powers = engine.pow(2.0, other.detach())
    if self._dtype.is_differentiable and self._dtype is not dtypes.float32:
        powers = powers._copy(strides.like(other._shape, other._strides))
    return elementwise(np.multiply, dtype=to_floating)(self, powers)


def _ldexp_self(grad: Tensor, other: Tensor) -> Tensor:
    import reference_engine as engine

    if other._dtype.category == 1 and some(other < 0):
        cite("pointwise.ldexp.negative_integer")
    return grad * conj(engine.pow(2.0, other))


_LDEXP = declare(
    "ldexp(Tensor self, Tensor other) -> Tensor",
    forward=_ldexp, when="pointwise.ldexp_node",
    vjp={"self": _ldexp_self, "other": lambda grad, result: times(grad * conj(result), math.log(2))},
    out=True, samples=domains.field(),
)  # fmt: skip


def _times_power_of_two(self: Tensor, other: Tensor) -> Tensor:
    import reference_engine as engine

    return self.mul(engine.pow(2.0, other))


def _ldexp_in_place(self: Tensor, other: Tensor) -> Tensor:
    import reference_engine as engine

    if switch("pointwise.ldexp_node"):
        if not dtypes.can_cast(to_floating(promote([self, other]))[1], self._dtype):
            raise refusal("pointwise.ldexp.in_place", target=self._dtype.scalar_name)
        return run(_LDEXP, [self, other], inplace=True)
    return engine.mul(self, engine.pow(2.0, other), out=self)


declare(
    "ldexp(Tensor self, Tensor other) -> Tensor",
    forward=_times_power_of_two, when="!pointwise.ldexp_node", composite=True, out=True, display="mul",
    samples=domains.field(),
)  # fmt: skip
declare("ldexp_(Tensor self, Tensor other) -> Tensor", forward=_ldexp_in_place, composite=True)


def _frexp(self: Tensor) -> Any:
    if not self._dtype.is_floating_point:
        raise refusal("pointwise.frexp.dtype")
    mantissa, exponent = np.frexp(self._read().astype(self._dtype.compute))
    wanted = strides.like(self._shape, self._strides)
    return return_types.frexp((
        from_array(mantissa, self._dtype, wanted),
        from_array(np.where(np.isfinite(mantissa), exponent, 0), dtypes.int32, wanted),
    ))  # fmt: skip


declare(
    "frexp(Tensor self) -> (Tensor mantissa, Tensor exponent)",
    forward=_frexp, vjp={"self": lambda grad, result1: grad / result1.exp2()}, non_differentiable_outputs=(1,),
    out=True, exact=True, samples=domains.real(special=(0.0,)),
)  # fmt: skip


declare(
    "hypot(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(np.hypot, name="hypot_cpu", not_for="bool int complex", since=HALF),
    vjp={
        "self": lambda grad, self, result: grad * self / result,
        "other": lambda grad, other, result: grad * other / result,
    },
    inplace=True, out=True, samples=domains.real(special=(0.0,)),
)  # fmt: skip
