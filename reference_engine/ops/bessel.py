"""Bessel functions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sp

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import where
from reference_engine.ops.kernels import HALF, elementwise, to_floating
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any
_APART = 32.0  # libraries approximate these functions by different polynomials
_HALF_I1 = {"float16": "special.i1_half", "bfloat16": "special.i1_half"}

# -- modified, of the first kind -----------------------------------------------------------------------------------


def _wide(fn: Any) -> Any:
    """Evaluated in double precision, rounded once."""
    return lambda x: fn(x.astype(np.float64)).astype(x.dtype)


def _special(name: str) -> Any:
    """``torch.special.<name>``, by name because ops refer to each other in circles."""

    def call(x: Tensor) -> Tensor:
        import reference_engine as engine

        return getattr(engine.special, name)(x)

    return call


_i0e, _i1, _i1e = _special("i0e"), _special("i1"), _special("i1e")


def _less(first: Callable[[], Tensor], second: Tensor) -> Tensor:
    """The first less the second, of which torch makes the second first: what each saves is seen in that order."""
    return first() - second


def _more(first: Callable[[], Tensor], second: Tensor) -> Tensor:
    """Their sum, in the same order."""
    return first() + second


def _half_at_zero(self: Tensor, formula: Any, kernel: str = "") -> Tensor:
    """A formula that divides by its argument, and its limit of one half where that is zero."""
    cite("special.i1.at_zero")
    import reference_engine as engine

    nan_kept = switch("special.i1_gradient_of_nan")
    if self._dtype.itemsize == 2 and not nan_kept:
        raise refusal("ops.not_implemented_for", op=kernel, dtype=self._dtype.scalar_name)
    eps = dtypes.finfo(self.dtype).eps
    close = self.abs() <= eps if nan_kept else (self.abs() > eps).logical_not()
    return where(close, 0.5, formula(where(close, engine.full((), eps, dtype=self.dtype), self)))


def _i1_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    """I0 - I1/x."""
    return grad * _half_at_zero(self, lambda x: _less(x.i0, result * x.reciprocal()), "i1_backward")


def _i1e_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    def away_from_zero(x: Tensor) -> Tensor:
        return _less(lambda: _i0e(x), result * _more(x.sgn, x.reciprocal()))

    return grad * _half_at_zero(self, away_from_zero, "i1e_backward")


declare(
    "i0(Tensor self) -> Tensor",
    forward=elementwise(_wide(sp.i0), dtype=to_floating, ulps=_APART, name="i0_vml_cpu", not_for="complex", since=HALF),
    vjp={"self": lambda grad, self: grad * _i1(self)},
    inplace=True, out=True, aliases=("special.i0",), samples=domains.real(),
)  # fmt: skip

declare(
    "special.i0e(Tensor self) -> Tensor",
    forward=elementwise(_wide(sp.i0e), dtype=to_floating, ulps=_APART, name="i0e_cpu", not_for="complex", since=HALF),
    node="SpecialI0EBackward0",
    vjp={"self": lambda grad, self, result: grad * _less(lambda: _i1e(self), self.sgn() * result)},
    method=False, out=True, samples=domains.real(special=(0.0,)),
)  # fmt: skip

declare(
    "special.i1(Tensor self) -> Tensor",
    forward=elementwise(_wide(sp.i1), dtype=to_floating, ulps=_APART, name="i1_cpu", not_for="complex", since=_HALF_I1),
    node="SpecialI1Backward0", vjp={"self": _i1_vjp}, method=False, out=True, samples=domains.real(special=(0.0,)),
)  # fmt: skip

declare(
    "special.i1e(Tensor self) -> Tensor",
    forward=elementwise(
        _wide(sp.i1e), dtype=to_floating, ulps=_APART, name="i1e_cpu", not_for="complex", since=_HALF_I1
    ),
    node="SpecialI1EBackward0", vjp={"self": _i1e_vjp}, method=False, out=True, samples=domains.real(special=(0.0,)),
)  # fmt: skip

# -- of the first and the second kind, and modified: differentiable in newer versions ----------------------------------


def _cited(fn: Any) -> Any:
    """The same function, whose precision beyond one is a rule of its own."""

    def evaluated(x: Array) -> Array:
        if x.dtype == np.float64 and (np.abs(x) > 1).any():
            cite("special.bessel.precision")
        return fn(x)

    return evaluated


def _declare_in_both_ways(name: str, fn: Any, camel: str, vjp: Any, low: float) -> None:
    forward = elementwise(
        _wide(fn), dtype=to_floating, ulps=_APART, floor=1.0, name=f"{name}_cpu", not_for="float16 bfloat16 complex"
    )
    options: dict[str, Any] = {"method": False, "out": True, "forward": forward}
    declare(
        f"special.{name}(Tensor self) -> Tensor", when="special.bessel_derivative", node=f"Special{camel}Backward0",
        vjp={"self": vjp}, samples=domains.real(low, 3, special=(0.0,)), **options,
    )  # fmt: skip
    declare(f"special.{name}(Tensor self) -> Tensor", when="!special.bessel_derivative", **options)


_j0, _j1, _y0, _y1 = (_special(f"bessel_{name}") for name in ("j0", "j1", "y0", "y1"))
_m1, _k0, _k1 = (_special(f"modified_bessel_{name}") for name in ("i1", "k0", "k1"))


def _y1_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    """Y0 - Y1/x, infinite at zero."""
    return grad * where(self == 0, math.inf, _less(lambda: _y0(self), result * self.reciprocal()))


_declare_in_both_ways("bessel_j0", _cited(sp.j0), "BesselJ0", lambda grad, self: grad * -_j1(self), -3.0)
_declare_in_both_ways(
    "bessel_j1", _cited(sp.j1), "BesselJ1",
    lambda grad, self, result: grad * _half_at_zero(self, lambda x: _less(lambda: _j0(x), result * x.reciprocal())),
    -3.0,
)  # fmt: skip
_declare_in_both_ways("bessel_y0", _cited(sp.y0), "BesselY0", lambda grad, self: grad * -_y1(self), 0.3)
_declare_in_both_ways("bessel_y1", _cited(sp.y1), "BesselY1", _y1_vjp, 0.3)
_declare_in_both_ways("modified_bessel_i0", sp.i0, "ModifiedBesselI0", lambda grad, self: grad * _m1(self), -3.0)
_declare_in_both_ways(
    "modified_bessel_i1", sp.i1, "ModifiedBesselI1",
    lambda grad, self, result: grad * _half_at_zero(self, lambda x: _less(x.i0, result * x.reciprocal())), -3.0,
)  # fmt: skip
_declare_in_both_ways("modified_bessel_k0", sp.k0, "ModifiedBesselK0", lambda grad, self: grad * -_k1(self), 0.3)
_declare_in_both_ways(
    "modified_bessel_k1", sp.k1, "ModifiedBesselK1",
    lambda grad, self, result: grad * -_more(lambda: _k0(self), result * self.reciprocal()), 0.3,
)  # fmt: skip

# -- without a derivative ------------------------------------------------------------------------------------------


def _plain(name: str, fn: Any) -> None:
    """torch evaluates these, and does not differentiate them; so they are not drawn for programs either."""
    declare(
        f"special.{name}(Tensor self) -> Tensor",
        forward=elementwise(
            _wide(fn), dtype=to_floating, ulps=_APART, name=f"{name}_cpu", not_for="float16 bfloat16 complex"
        ),
        method=False, out=True,
    )  # fmt: skip


_plain("scaled_modified_bessel_k0", sp.k0e)
_plain("scaled_modified_bessel_k1", sp.k1e)
_plain("spherical_bessel_j0", lambda x: np.where(np.isinf(x), 0.0, np.sinc(x / np.pi)))
_plain("airy_ai", lambda x: sp.airy(x)[0])
