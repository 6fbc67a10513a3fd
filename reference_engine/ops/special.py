"""Special functions: error function, gamma function and Bessel functions, and what is made of them.

Values come from SciPy; names with ``special.`` are those of ``torch.special``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special as sp

from reference_engine import dtypes, levels
from reference_engine.ops import domains, kernels
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import CASTS, OutForm, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj, less, not_derived, over, plus, some, times, where, zeros_like
from reference_engine.ops.kernels import HALF, elementwise, to_floating
from reference_engine.semantics import cite, refusal
from reference_engine.strides import contiguous
from reference_engine.tensor import Tensor

Array = Any
SQRT_PI = math.sqrt(math.pi)
_APART = 32.0  # libraries approximate these functions by different polynomials
_ALL_HALF = "float16 bfloat16 complex"

# -- the error function and the normal distribution ----------------------------------------------------------------


def _gaussian(self: Tensor, factor: float) -> Tensor:
    return times((-self.pow(2)).exp(), factor)


declare(
    "erf(Tensor self) -> Tensor",
    forward=elementwise(sp.erf, dtype=to_floating, name="erf_vml_cpu", not_for="complex", since=HALF),
    vjp={"self": lambda grad, self: _gaussian(self, 2 / SQRT_PI) * grad},
    inplace=True, out=True, aliases=("special.erf",), samples=domains.real(),
)  # fmt: skip

declare(
    "erfc(Tensor self) -> Tensor",
    forward=elementwise(sp.erfc, dtype=to_floating, name="erfc_vml_cpu", not_for="complex", since=HALF),
    vjp={"self": lambda grad, self: _gaussian(self, -2 / SQRT_PI) * grad},
    inplace=True, out=True, aliases=("special.erfc",), samples=domains.real(),
)  # fmt: skip

declare(
    "erfinv(Tensor self) -> Tensor",
    forward=elementwise(
        lambda x: np.copysign(sp.erfinv(x), x), dtype=to_floating, ulps=_APART, name="erfinv_vml_cpu",
        not_for="complex", since=HALF,
    ),
    vjp={"self": lambda grad, self: times(self.erfinv().pow(2).exp(), 0.5 * SQRT_PI) * grad},
    inplace=True, out=True, aliases=("special.erfinv",), samples=domains.real(-0.9, 0.9, special=(1.0, -1.0, 1.5)),
)  # fmt: skip

declare(
    "special.erfcx(Tensor self) -> Tensor",
    forward=elementwise(sp.erfcx, dtype=to_floating, ulps=_APART, name="erfcx_cpu", not_for=_ALL_HALF),
    node="SpecialErfcxBackward0",
    vjp={"self": lambda grad, self, result: plus(times(self, 2.0) * result, -2 / SQRT_PI) * grad},
    method=False, out=True, samples=domains.real(),
)  # fmt: skip


def _ndtr(self: Tensor) -> Tensor:
    """The normal distribution function, by way of erf."""
    return times(plus(times(self, math.sqrt(0.5)).erf(), 1), 0.5)


declare(
    "special.ndtr(Tensor self) -> Tensor", forward=_ndtr, composite=True, method=False, out=CASTS, copied=True,
    samples=domains.real(),
)  # fmt: skip

declare(
    "special.ndtri(Tensor self) -> Tensor",
    forward=elementwise(sp.ndtri, dtype=to_floating, ulps=_APART, name="ndtri_cpu", not_for=_ALL_HALF),
    node="SpecialNdtriBackward0",
    vjp={"self": lambda grad, result: times(grad, math.sqrt(2 * math.pi)) * over(result.square(), 2).exp()},
    method=False, out=True, samples=domains.real(0.1, 0.9, special=(0.0, 1.0, -0.5)),
)  # fmt: skip


def _log_ndtr_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    """The density over the distribution function, as one exponential."""
    return over(grad, math.sqrt(2 * math.pi)) * (-(result + over(self.square(), 2))).exp()


declare(
    "special.log_ndtr(Tensor self) -> Tensor",
    forward=elementwise(sp.log_ndtr, dtype=to_floating, ulps=_APART, name="log_ndtr_cpu", not_for=_ALL_HALF),
    node="SpecialLogNdtrBackward0",
    vjp={"self": _log_ndtr_vjp},
    method=False, out=True, samples=domains.real(),
)  # fmt: skip

# -- the gamma function --------------------------------------------------------------------------------------------


def _digamma(x: Array) -> Array:
    """At the poles: an infinity at zero, by the sign of the zero, and nan at the negative integers."""
    cite("special.digamma.poles")
    found = sp.digamma(x)
    pole = (x < 0) & (x == np.trunc(x))
    return np.where(x == 0, np.copysign(np.inf, -x), np.where(pole, np.nan, found)).astype(x.dtype)


def _polygamma(n: int, x: Array) -> Array:
    if n == 0:
        return _digamma(x)
    if n == 1:
        return _trigamma(x)
    wide = x.astype(np.float64)
    sign = 1.0 if n % 2 else -1.0
    return (sign * sp.gamma(n + 1.0) * sp.zeta(n + 1.0, wide)).astype(x.dtype)


def _trigamma(x: Array) -> Array:
    """By reflection for small arguments: near its poles the sine is that of the argument's own precision."""
    cite("special.trigamma.precision")
    positive = sp.zeta(2.0, np.where(x < 0.5, 1 - x, x).astype(np.float64))
    pi = x.dtype.type(np.pi)
    sine = np.sin(pi * x)
    return np.where(x < 0.5, pi * pi / (sine * sine) - positive, positive).astype(x.dtype)


def _lgamma(x: Array) -> Array:
    return np.where(np.isinf(x), np.inf, sp.gammaln(x.astype(np.float64))).astype(x.dtype)


declare(
    "lgamma(Tensor self) -> Tensor",
    forward=elementwise(
        _lgamma, dtype=to_floating, ulps=_APART, floor=1.0, name="lgamma_vml_cpu", not_for="complex", since=HALF
    ),
    vjp={"self": lambda grad, self: grad * self.digamma()},
    inplace=True,
    out=True,
    aliases=("special.gammaln",),
    samples=domains.real(0.3, 5, special=(0.0,)),
)

declare(
    "digamma(Tensor self) -> Tensor",
    forward=elementwise(
        _digamma, dtype=to_floating, ulps=_APART, floor=1.0, name="digamma", not_for="complex", since=HALF
    ),
    vjp={"self": lambda grad, self: grad * self.polygamma(1)},
    inplace=True,
    out=True,
    aliases=("special.digamma", "special.psi"),
    samples=domains.real(0.3, 5, special=(0.0,)),
)


def _check_order(n: int) -> None:
    if n < 0:
        raise refusal("special.polygamma.order")


def _polygamma_of(self: Tensor, n: int) -> Tensor:
    if n > 1 and (levels.values(self) == math.inf).any():
        cite("special.polygamma.infinity")
    _check_order(n)
    kernel = "digamma" if n == 0 else "trigamma" if n == 1 else "polygamma"
    return elementwise(
        lambda x: _polygamma(n, x),
        dtype=to_floating,
        ulps=_APART,
        floor=1.0,
        name=kernel,
        not_for="complex",
        since=HALF,
    )(self)


_POLYGAMMA: dict[str, Any] = {
    "node": "PolygammaBackward0", "vjp": {"self": lambda grad, self, n: grad * self.polygamma(n + 1)},
    "samples": domains.real(0.5, 4, arguments={"n": (0, 1, 2, 3)}),
}  # fmt: skip

declare(
    "polygamma(int n, Tensor self) -> Tensor",
    forward=lambda n, self: _polygamma_of(self, n), method=False, out=True, aliases=("special.polygamma",),
    **_POLYGAMMA,
)  # fmt: skip
declare("polygamma(Tensor self, int n) -> Tensor", forward=_polygamma_of, function=False, **_POLYGAMMA)
declare(
    "polygamma(Tensor self, int n) -> Tensor", forward=_polygamma_of, inplace=True, method=False, function=False,
    **{**_POLYGAMMA, "node": "PolygammaBackward1", "samples": None},
)  # fmt: skip


def _mvlgamma(self: Tensor, p: int) -> Tensor:
    if self._dtype.category == 0:
        raise refusal("special.mvlgamma.bool")
    if p < 1:
        raise refusal("special.mvlgamma.order")
    if self._dtype.is_complex:
        raise refusal("ops.not_implemented_for", op="arange_cpu", dtype=self._dtype.scalar_name)
    result, target = to_floating(self._dtype)[1], kernels.written_dtype
    if target is not None and not dtypes.can_cast(result, target):
        raise refusal("special.mvlgamma.out", result=result.scalar_name, target=target.scalar_name)
    kernels.will_write(None, None)  # it is a copy that is written
    constant = p * (p - 1) * math.log(math.pi) / 4

    def total(x: Array) -> Array:
        return sum((_lgamma(x - x.dtype.type(i / 2)) for i in range(p)), np.zeros_like(x)) + x.dtype.type(constant)

    found = elementwise(total, dtype=to_floating, ulps=_APART, floor=1.0, name="lgamma_vml_cpu", since=HALF)(self)
    return found._copy(contiguous(self._shape)) if len(self._shape) > 1 else found


def _mvlgamma_vjp(grad: Tensor, self: Tensor, p: int) -> Tensor:
    import reference_engine as engine

    shifts = engine.arange(-p / 2 + 0.5, 0.5, 0.5, dtype=self.dtype)
    return grad * (shifts + self.unsqueeze(-1)).digamma_().sum(-1)


declare(
    "mvlgamma(Tensor self, int p) -> Tensor",
    forward=_mvlgamma, vjp={"self": _mvlgamma_vjp}, inplace=True,
    out=OutForm(refused="special.mvlgamma.out"), aliases=("special.multigammaln",),
    samples=domains.real(2.5, 6, arguments={"p": (1, 2, 3)}),
)  # fmt: skip


def _log_density(self: Tensor, other: Tensor) -> Tensor:
    """The gamma distribution's density: the derivative of its distribution function."""
    return (less(self, 1) * other.log() - other - self.lgamma()).exp()


_UNDERFLOW = 1e-35  # of factors, where the product may still have a name
_IGAMMA = "bool int complex"
declare(
    "igamma(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(sp.gammainc, ulps=_APART, floor=_UNDERFLOW, name="igamma_cpu", not_for=_IGAMMA),
    vjp={"self": not_derived("igamma: input"), "other": lambda grad, self, other: grad * _log_density(self, other)},
    inplace=True, out=True, aliases=("special.gammainc",), samples=domains.real(0.3, 4),
)  # fmt: skip
declare(
    "igammac(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(sp.gammaincc, ulps=_APART, floor=_UNDERFLOW, name="igammac_cpu", not_for=_IGAMMA),
    vjp={"self": not_derived("igammac: input"), "other": lambda grad, self, other: -grad * _log_density(self, other)},
    inplace=True, out=True, aliases=("special.gammaincc",), samples=domains.real(0.3, 4),
)  # fmt: skip


def _hurwitz(x: Array, q: Array) -> Array:
    if np.isposinf(q).any():
        cite("special.zeta.infinite_offset")
    return sp.zeta(x, q)


_zeta = elementwise(_hurwitz, dtype=to_floating, ulps=_APART, name="zeta_cpu", not_for=_ALL_HALF)


def _zeta_other(grad: Tensor, self: Any, other: Tensor) -> Tensor:
    import reference_engine as engine

    return grad * -self * engine.special.zeta(self + 1.0, other)


_ZETAS: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("Tensor self, Tensor other", 0, {"self": not_derived("zeta"), "other": _zeta_other}),
    ("Scalar self, Tensor other", 1, {"other": _zeta_other}),
    ("Tensor self, Scalar other", 2, {"self": not_derived("zeta")}),
)
for _signature, _node, _zeta_vjp in _ZETAS:
    declare(
        f"special.zeta({_signature}) -> Tensor", node=f"SpecialZetaBackward{_node}", forward=_zeta, vjp=_zeta_vjp,
        method=False, out=True, samples=domains.real(1.5, 4) if _node == 0 else None,
    )  # fmt: skip

# -- x log y -------------------------------------------------------------------------------------------------------


def _xlogy(x: Array, y: Array) -> Array:
    """Zero where x is zero, whatever y is, unless nan."""
    return np.where(np.isnan(y), y, np.where(x == 0, x.dtype.type(0), x * np.log(y)))


def _xlog1py(x: Array, y: Array) -> Array:
    return np.where(np.isnan(y), y, np.where(x == 0, x.dtype.type(0), x * np.log1p(y)))


def _declare_xlogy(name: str, fn: Any, kernel: str, shift: int, low: float, **options: Any) -> None:
    """x log(y + shift): the gradient for x is zero where x is zero and the logarithm infinite or undefined."""
    forward = elementwise(fn, dtype=to_floating, name=kernel, not_for="complex")

    def again(grad: Tensor, other: Any) -> Tensor:
        import reference_engine as engine

        return engine.xlogy(grad, other) if shift == 0 else engine.special.xlog1py(grad, other)

    def of_self(grad: Tensor, self: Tensor, other: Any) -> Tensor:
        cite("special.xlogy.at_zero")
        edge = other <= -float(shift)
        at_zero = self == 0.0
        if isinstance(other, Tensor):
            return again(grad, other).masked_fill(at_zero.logical_and(edge), 0.0)
        return again(grad, other) if other > -shift else again(grad, other).masked_fill(at_zero, 0.0)

    def of_other(grad: Tensor, self: Any, other: Tensor) -> Tensor:
        numerator = grad * self if isinstance(self, Tensor) else times(grad, self)
        return numerator / (plus(other, shift) if shift else other)

    camel = {"xlogy": "Xlogy", "special.xlog1py": "SpecialXlog1Py"}[name]
    samples = domains.real(low, 3, special=(0.0, -1.0, math.nan))
    declare(
        f"{name}(Tensor self, Tensor other) -> Tensor", node=f"{camel}Backward0", forward=forward, samples=samples,
        vjp={"self": of_self, "other": of_other}, out=True, **options,
    )  # fmt: skip
    declare(
        f"{name}(Scalar self, Tensor other) -> Tensor", node=f"{camel}Backward1", forward=forward,
        vjp={"other": of_other},
        out=True, **{**options, "method": False, "inplace": False},
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, Scalar other) -> Tensor", node=f"{camel}Backward2", forward=forward,
        vjp={"self": of_self},
        out=True, **options,
    )  # fmt: skip


_declare_xlogy("xlogy", _xlogy, "xlogy_cpu", 0, 0.3, inplace=True, aliases=("special.xlogy",))
_declare_xlogy("special.xlog1py", _xlog1py, "xlog1py_cpu", 1, -0.6, method=False)


def _entr(x: Array) -> Array:
    return np.where(np.isnan(x), x, np.where(x > 0, -x * np.log(x), np.where(x == 0, 0, -np.inf))).astype(x.dtype)


declare(
    "special.entr(Tensor self) -> Tensor",
    forward=elementwise(_entr, dtype=to_floating, name="entr_cpu", not_for="complex", since=HALF),
    node="SpecialEntrBackward0",
    vjp={"self": lambda grad, self: grad * -plus(self.log(), 1)},
    method=False, out=True, samples=domains.real(0.2, 3, special=(0.0, -1.0)),
)  # fmt: skip

# -- sinc ----------------------------------------------------------------------------------------------------------


def _sinc(x: Array) -> Array:
    product = x * x.dtype.type(math.pi)
    return np.where(x == 0, x.dtype.type(1), np.sin(product) / np.where(product == 0, 1, product)).astype(x.dtype)


def _sinc_slope_at_zero_vjp(grad: Tensor, cotangent: Tensor, self: Tensor) -> dict[str, Tensor]:
    """sinc x = 1 - (pi x)²/6 + ..., so its slope has the slope -pi²/3."""
    cite("special.sinc.second_at_zero")
    return {"cotangent": zeros_like(grad), "self": times(grad * conj(cotangent), -(math.pi**2) / 3)}


_SINC_SLOPE_AT_ZERO = declare(
    "_sinc_slope_at_zero(Tensor cotangent, Tensor self) -> Tensor",
    forward=lambda cotangent, self: cotangent.new_zeros(cotangent.shape),
    vjp={"cotangent, self": _sinc_slope_at_zero_vjp},
    method=False, function=False, exact=True,
)  # fmt: skip


def _sinc_vjp(grad: Tensor, self: Tensor) -> Tensor:
    """Zero at zero, where the quotient is undefined."""
    cite("special.sinc.at_zero")
    at_zero = times(self * self, math.pi) == 0.0
    if not some(at_zero):
        return where(at_zero, 0.0, grad * _sinc_slope(self))
    return where(at_zero, run(_SINC_SLOPE_AT_ZERO, [grad, self]), grad * _sinc_slope(where(at_zero, 1.0, self)))


_NEAR = 0.1


def _sinc_slope(self: Tensor) -> Tensor:
    pi_x = times(self, math.pi)
    top = pi_x * pi_x.cos() - pi_x.sin()
    slope = top / times(self * self, math.pi)
    near = self.abs() < _NEAR
    if some(near):  # where the difference above cancels
        cite("special.sinc.near_zero")
        slope = differentiated(where(near, _sinc_slope_by_series(pi_x), slope), "special.sinc.near_zero")
    return conj(slope)


def _sinc_slope_by_series(pi_x: Tensor) -> Tensor:
    """sinc x = sum of (-1)^k (pi x)^2k / (2k + 1)!, term by term."""
    squared, total = pi_x * pi_x, zeros_like(pi_x)
    for k in range(8, 0, -1):
        total = plus(total * squared, (-1) ** k * 2 * k / math.factorial(2 * k + 1))
    return times(total * pi_x, math.pi)


declare(
    "sinc(Tensor self) -> Tensor",
    forward=elementwise(_sinc, dtype=to_floating, name="sinc_cpu", since=HALF), vjp={"self": _sinc_vjp},
    inplace=True, out=True, aliases=("special.sinc",), samples=domains.field(special=(0.0,)),
)  # fmt: skip
