"""Exponentials, logarithms and the logistic function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine.modes import is_grad_enabled
from reference_engine.ops import domains
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import conj, minus, plus, some, times, where
from reference_engine.ops.kernels import HALF, elementwise, multiply_add, note_nan, to_floating
from reference_engine.ops.not_finite import annex_g
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

Array = Any
LN_2, LN_10 = math.log(2), math.log(10)

# -- exponentials --------------------------------------------------------------------------------------------------

declare(
    "exp(Tensor self) -> Tensor",
    forward=elementwise(annex_g(np.exp), dtype=to_floating, name="exp_vml_cpu", since=HALF),
    vjp={"self": lambda grad, result: grad * conj(result)},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip


def _exp2(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.exp2(x)
    scaled = x.copy()  # part by part: a product of complex numbers turns infinities to nan
    scaled.real *= LN_2
    scaled.imag *= LN_2
    return np.exp(scaled)


declare(
    "exp2(Tensor self) -> Tensor",
    forward=elementwise(
        _exp2, dtype=to_floating, name="exp2",
        since={"complex64": "pointwise.complex_exp2", "complex128": "pointwise.complex_exp2"},
    ),
    vjp={"self": lambda grad, result: times(grad * conj(result), LN_2)},
    inplace=True, out=True, aliases=("special.exp2",), samples=domains.field(),
)  # fmt: skip


def _expm1(x: Array) -> Array:
    return np.expm1(x) if x.dtype.kind != "c" else _complex_expm1(x)


def _complex_expm1(z: Array) -> Array:
    """exp(z) - 1 without cancellation: expm1(x) cos y - 2 sin²(y/2) + i exp(x) sin y."""
    x, y = z.real, z.imag
    half_sine = np.sin(y / 2)
    return (np.expm1(x) * np.cos(y) - 2 * half_sine * half_sine + 1j * (np.exp(x) * np.sin(y))).astype(z.dtype)


declare(
    "expm1(Tensor self) -> Tensor",
    forward=elementwise(
        _expm1, dtype=to_floating, name="expm1_vml_cpu",
        since={**HALF, "complex64": "pointwise.complex_expm1", "complex128": "pointwise.complex_expm1"},
    ),
    vjp={"self": lambda grad, result: grad * plus(conj(result), 1)},
    inplace=True, out=True, aliases=("special.expm1",), samples=domains.field(),
)  # fmt: skip

# -- logarithms ----------------------------------------------------------------------------------------------------

declare(
    "log(Tensor self) -> Tensor",
    forward=elementwise(np.log, dtype=to_floating, name="log_vml_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad.div(conj(self))},
    inplace=True, out=True, samples=domains.field(0.2, 4, special=(0.0, -1.0)),
)  # fmt: skip

declare(
    "log2(Tensor self) -> Tensor",
    forward=elementwise(np.log2, dtype=to_floating, name="log2_vml_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad / times(conj(self), LN_2)},
    inplace=True, out=True, samples=domains.field(0.2, 4, special=(0.0, -1.0)),
)  # fmt: skip

declare(
    "log10(Tensor self) -> Tensor",
    forward=elementwise(np.log10, dtype=to_floating, name="log10_vml_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad / times(conj(self), LN_10)},
    inplace=True, out=True, samples=domains.field(0.2, 4, special=(0.0, -1.0)),
)  # fmt: skip


def _log1p(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.log1p(x)
    # log|1 + z| from |1 + z|² - 1, which keeps its digits near zero
    squared = x.real * (2 + x.real) + x.imag * x.imag
    size = np.where(np.abs(x) < 0.5, 0.5 * np.log1p(squared), np.log(np.abs(1 + x)))
    return (size + 1j * np.arctan2(x.imag, 1 + x.real)).astype(x.dtype)


def _log1p_vjp(grad: Tensor, self: Tensor) -> Tensor:
    if self._sparse is None:
        return grad / conj(plus(self, 1))
    import reference_engine as engine

    if not switch("sparse.log1p.derived"):
        raise refusal("sparse.log1p.dense")
    warn("sparse.log1p.dense")
    return grad * conj(engine.ones(self._shape, dtype=self._dtype) + self).reciprocal()  # nothing divides zeros


declare(
    "log1p(Tensor self) -> Tensor",
    forward=elementwise(
        _log1p, dtype=to_floating, name="log1p_vml_cpu",
        since={**HALF, "complex64": "pointwise.complex_log1p", "complex128": "pointwise.complex_log1p"},
    ),
    vjp={"self": _log1p_vjp},
    inplace=True, out=True, aliases=("special.log1p",), samples=domains.field(-0.7, 4, special=(-1.0, -2.0)),
)  # fmt: skip

# -- sums of exponentials ------------------------------------------------------------------------------------------


def complex_logaddexp(a: Array, b: Array) -> Array:
    """log(exp a + exp b) for complex numbers, from the larger real part."""
    larger: Array = np.where(a.real >= b.real, a, b)
    smaller: Array = np.where(a.real >= b.real, b, a)
    total: Array = np.where(np.isinf(larger.real) & (a == b), a, larger + _log1p(np.exp(smaller - larger)))
    return total.astype(a.dtype)


def _logaddexp(a: Array, b: Array) -> Array:
    return complex_logaddexp(a, b) if a.dtype.kind == "c" else np.logaddexp(a, b)


def _share(grad: Tensor, mine: Tensor, theirs: Tensor, exponential: str, unit: float = 1.0) -> Tensor:
    """What of the gradient of log(exp a + exp b) belongs to ``mine``: it is logistic in the difference.

    Where the exponential overflows, the share is zero and all its derivatives are; they must not meet the infinity.
    """
    raised = getattr(theirs - mine, exponential)()
    if not raised.is_complex() and some(raised.isinf()):
        cite("pointwise.logaddexp.far")
        return grad * times(mine - theirs, unit).sigmoid()
    return grad / conj(plus(raised, 1))


declare(
    "logaddexp(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(
        _logaddexp, name="logaddexp_cpu", not_for="bool int",
        since={**HALF, "complex64": "pointwise.complex_logaddexp", "complex128": "pointwise.complex_logaddexp"},
    ),
    vjp={
        "self": lambda grad, self, other: _share(grad, self, other, "exp"),
        "other": lambda grad, self, other: _share(grad, other, self, "exp"),
    },
    out=True, samples=domains.field(special=(-math.inf,)),
)  # fmt: skip


def _logaddexp2(a: Array, b: Array) -> Array:
    """The larger, and the logarithm of the ratio in base two."""
    ratio = np.log1p(np.exp2(-np.abs(a - b)))
    return np.where(np.isinf(a) & (a == b), a, multiply_add(ratio, 1 / LN_2, np.maximum(a, b)))


declare(
    "logaddexp2(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(_logaddexp2, name="logaddexp2_cpu", not_for="bool int complex", since=HALF),
    vjp={
        "self": lambda grad, self, other: _share(grad, self, other, "exp2", LN_2),
        "other": lambda grad, self, other: _share(grad, other, self, "exp2", LN_2),
    },
    out=True, samples=domains.real(special=(-math.inf,)),
)  # fmt: skip

# -- the logistic function and its inverse -------------------------------------------------------------------------


def _sigmoid(x: Array) -> Array:
    return np.divide(x.dtype.type(1), x.dtype.type(1) + np.exp(-x))


declare(
    "sigmoid(Tensor self) -> Tensor",
    forward=elementwise(_sigmoid, dtype=to_floating, name="sigmoid_cpu", since=HALF),
    vjp={"self": lambda grad, result: grad._sigmoid_backward(result)},
    inplace=True, out=True, aliases=("special.expit",), samples=domains.field(),
)  # fmt: skip

declare(
    "_sigmoid_backward(Tensor grad_output, Tensor output) -> Tensor",
    forward=elementwise(lambda grad, y: grad * np.conj((1 - y) * y)), node="SigmoidBackwardBackward0", function=False,
    vjp={
        "grad_output": lambda grad, output: grad._sigmoid_backward(conj(output)),
        "output": lambda grad, grad_output, output: conj(grad) * grad_output * plus(times(conj(output), -2), 1),
    },
)  # fmt: skip


def _logit(x: Array, eps: float | None) -> Array:
    if eps is not None:
        x = np.clip(x, x.dtype.type(eps), x.dtype.type(1 - eps))
    one = x.dtype.type(1)
    return np.where(x == one, x.dtype.type(np.inf), np.log(x / (one - x))).astype(x.dtype)


def _logit_slope(g: Array, x: Array, low: float, high: float, beyond: float) -> Array:
    one = x.dtype.type(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = g / (x * (one - x))
    return np.where((note_nan(x) < x.dtype.type(low)) | (x > x.dtype.type(high)), beyond, inside).astype(g.dtype)


def _logit_vjp(grad: Tensor, self: Tensor, eps: float | None) -> Tensor:
    """Zero beyond the bounds that ``eps`` sets; without them, nan outside [0, 1]."""
    low, high = (0.0, 1.0) if eps is None else (eps, 1 - eps)
    if not is_grad_enabled():
        beyond = math.nan if eps is None else 0.0
        return elementwise(lambda g, x: _logit_slope(g, x, low, high, beyond))(grad, self)
    inside = (self < low).logical_or(self > high).logical_not()  # nan is beyond no bound
    if eps is not None and some(inside.logical_not()):
        # constant there: the second derivative must not meet the poles at 0 and 1
        self = differentiated(where(inside, self, 0.5), "special.logit.second_beyond")
    return where(inside, grad / (self * minus(1.0, self)), math.nan if eps is None else 0.0)


declare(
    "logit(Tensor self, float? eps=None) -> Tensor",
    forward=elementwise(
        _logit, dtype=to_floating, params=(1,), name="logit_cpu", not_for="complex", since=HALF, stepwise=True
    ),
    vjp={"self": _logit_vjp},
    inplace=True, out=True, aliases=("special.logit",),
    samples=domains.real(0.1, 0.9, special=(0.0, 1.0, 1.5), arguments={"eps": (None, 0.1)}),
)  # fmt: skip
