"""Bessel functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as sp

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import where
from reference_engine.ops.kernels import HALF, elementwise, to_floating
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Array = Any
_APART = 32.0  # libraries approximate these functions by different polynomials
_HALF_I1 = {"float16": "special.i1_half", "bfloat16": "special.i1_half"}

# -- modified, of the first kind -----------------------------------------------------------------------------------


def _wide(fn: Any) -> Any:
    """Evaluated in double precision, rounded once."""
    return lambda x: fn(x.astype(np.float64)).astype(x.dtype)


def _i1(x: Tensor) -> Tensor:
    import reference_engine as engine

    return engine.special.i1(x)


def _i1e(x: Tensor) -> Tensor:
    import reference_engine as engine

    return engine.special.i1e(x)


def _i0e(x: Tensor) -> Tensor:
    import reference_engine as engine

    return engine.special.i0e(x)


def _away_from_zero(self: Tensor, kernel: str) -> tuple[Tensor, Tensor]:
    """Where the general formula holds, and arguments at which it is safe to evaluate."""
    import reference_engine as engine

    if self._dtype.itemsize == 2:
        raise refusal("ops.not_implemented_for", op=kernel, dtype=self._dtype.scalar_name)
    safe = self.abs() > dtypes.finfo(self.dtype).eps
    return safe, where(safe, self, engine.full((), dtypes.finfo(self.dtype).eps, dtype=self.dtype))


def _i1_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    """I0 - I1/x, and 1/2 at zero."""
    safe, x = _away_from_zero(self, "i1_backward")
    return grad * where(safe, x.i0() - result * x.reciprocal(), 0.5)


def _i1e_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    safe, x = _away_from_zero(self, "i1e_backward")
    return grad * where(safe, _i0e(x) - result * (x.sgn() + x.reciprocal()), 0.5)


declare(
    "i0(Tensor self) -> Tensor",
    forward=elementwise(_wide(sp.i0), dtype=to_floating, ulps=_APART, name="i0_vml_cpu", not_for="complex", since=HALF),
    vjp={"self": lambda grad, self: grad * _i1(self)},
    inplace=True, out=True, aliases=("special.i0",), samples=domains.real(),
)  # fmt: skip

declare(
    "special.i0e(Tensor self) -> Tensor",
    forward=elementwise(_wide(sp.i0e), dtype=to_floating, ulps=_APART, name="i0e_cpu", not_for="complex", since=HALF),
    node="SpecialI0EBackward0", vjp={"self": lambda grad, self, result: grad * (_i1e(self) - self.sgn() * result)},
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


_plain("bessel_j0", sp.j0)
_plain("bessel_j1", sp.j1)
_plain("bessel_y0", sp.y0)
_plain("bessel_y1", sp.y1)
_plain("modified_bessel_i0", sp.i0)
_plain("modified_bessel_i1", sp.i1)
_plain("modified_bessel_k0", sp.k0)
_plain("modified_bessel_k1", sp.k1)
_plain("scaled_modified_bessel_k0", sp.k0e)
_plain("scaled_modified_bessel_k1", sp.k1e)
_plain("spherical_bessel_j0", lambda x: np.where(np.isinf(x), 0.0, np.sinc(x / np.pi)))
_plain("airy_ai", lambda x: sp.airy(x)[0])
