"""Rounding to integers, and replacing what is not a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.modes import state
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import flat
from reference_engine.ops.kernels import HALF, elementwise
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any


def _rounding(name: str, fn: Any, *aliases: str) -> None:
    """A piecewise constant function: its gradient is zero everywhere."""

    def apply(x: Array) -> Array:
        return fn(x) if x.dtype.kind == "f" else x.copy()

    def refuse_complex(promoted: dtypes.dtype, self: Tensor) -> None:
        if promoted.is_complex:
            raise refusal("ops.unsupported_complex", op=name)

    declare(
        f"{name}(Tensor self) -> Tensor",
        forward=elementwise(
            apply,
            exact=True,
            name=f"{name}_vml_cpu",
            not_for="bool",
            since=HALF,
            first=refuse_complex,
            keeps_dtype=True,
        ),
        vjp={"self": flat}, inplace=True, out=True, exact=True, aliases=aliases,
        samples=domains.ordered(special=(0.0, 0.5, -0.5)),
    )  # fmt: skip


_rounding("floor", np.floor)
_rounding("ceil", np.ceil)
_rounding("trunc", np.trunc, "fix")

_to_nearest = elementwise(
    lambda x: np.rint(x) if x.dtype.kind == "f" else x.copy(),
    exact=True,
    name="round_vml_cpu",
    not_for="bool complex",
    since=HALF,
    keeps_dtype=True,
)


def _round(self: Tensor) -> Tensor:
    if not self._dtype.is_floating_point and not self._dtype.is_complex:
        cite("pointwise.round.integers")
    return _to_nearest(self)


declare(
    "round(Tensor self) -> Tensor",
    forward=_round, vjp={"self": flat}, inplace=True, out=True, exact=True,
    samples=domains.ordered(special=(0.5, 1.5, -0.5)),
)  # fmt: skip


def _round_to(x: Array, decimals: int) -> Array:
    """Scaled by a power of ten, rounded half to even, and scaled back."""
    if x.dtype.kind != "f":
        return x.copy()
    scale = x.dtype.type(10.0 ** abs(decimals))
    return np.rint(x / scale) * scale if decimals < 0 else np.rint(x * scale) / scale


_round_decimals = elementwise(
    _round_to, params=(1,), name="round_cpu", not_for="bool int complex", since=HALF, keeps_dtype=True
)

declare(
    "round(Tensor self, *, int decimals=0) -> Tensor",
    forward=lambda self, decimals: _round(self) if decimals == 0 else _round_decimals(self, decimals),
    node="RoundBackward1", vjp={"self": flat},
    inplace=True, out=True, aliases=("special.round",),
    samples=domains.real(special=(0.5, 1.25), arguments={"decimals": (0, 1, 2, -1)}),
)  # fmt: skip

declare(
    "frac(Tensor self) -> Tensor",
    forward=elementwise(
        lambda x: x - np.trunc(x), exact=True, name="frac_cpu", not_for="bool int complex", keeps_dtype=True
    ),
    vjp={"self": lambda grad: grad}, inplace=True, out=True, exact=True,
    samples=domains.real(special=(1.0,)),
)  # fmt: skip


def _nan_to_num(x: Array, nan: float | None, posinf: float | None, neginf: float | None, d: dtypes.dtype) -> Array:
    if x.dtype.kind == "c":
        part = d.to_real()
        return (
            _nan_to_num(x.real, nan, posinf, neginf, part) + 1j * _nan_to_num(x.imag, nan, posinf, neginf, part)
        ).astype(x.dtype)
    if x.dtype.kind != "f":
        return x.copy()
    limits = dtypes.finfo(d)
    high = limits.max if posinf is None else posinf
    low = limits.min if neginf is None else neginf
    x = np.where(np.isnan(x), x.dtype.type(nan or 0), x)
    return np.where(x == np.inf, x.dtype.type(high), np.where(x == -np.inf, x.dtype.type(low), x))


_COMPLEX = {"complex64": "pointwise.complex_nan_to_num", "complex128": "pointwise.complex_nan_to_num"}
_nan_to_num_kernel = elementwise(_nan_to_num, name="nan_to_num", since=_COMPLEX)


def _replace(self: Tensor, nan: float | None, posinf: float | None, neginf: float | None) -> Tensor:
    d = self._dtype
    if d.is_complex:
        _nan_to_num_kernel.refuse_unsupported(d)
    in_place = kernels.written is not None
    recorded = self.requires_grad and state.grad and not in_place
    if d.is_complex and recorded and not switch("complex.nan_to_num_gradient"):
        raise refusal("complex.not_differentiable", op="nan_to_num")
    out = kernels.written_dtype
    if out is not None and out is not d:
        raise refusal("pointwise.out.nan_to_num", out=out.scalar_name, dtype=d.scalar_name)
    if not d.is_differentiable:
        return self._copy(strides.like(self._shape, self._strides))  # nothing to replace: in place, a copy to itself
    return elementwise(lambda x: _nan_to_num(x, nan, posinf, neginf, d), exact=True, made_like=True)(self)


def _overlap(self: Tensor, *values: object) -> tuple[str, ...]:
    """A copy of integers to themselves does nothing, whatever the memory."""
    if self._dtype.is_differentiable:
        raise refusal("inplace.internal_overlap")
    return ()


def _nan_to_num_vjp(grad: Tensor, self: Tensor) -> Tensor:
    """What was replaced is a constant."""
    cite("pointwise.nan_to_num.replaced")
    return grad * self.isfinite()


declare(
    "nan_to_num(Tensor self, float? nan=None, float? posinf=None, float? neginf=None) -> Tensor",
    forward=_replace, vjp={"self": _nan_to_num_vjp},
    inplace=True, out=True, exact=True, overlap=_overlap,
    samples=domains.numbers(special=(float("nan"), float("inf"), -float("inf")), arguments={"nan": (None, 1.0)}),
)  # fmt: skip
