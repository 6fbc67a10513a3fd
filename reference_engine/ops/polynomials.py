"""Orthogonal polynomials of a degree that is truncated to an integer; zero where it is negative. None has a derivative.

Source: https://docs.pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from reference_engine.ops import domains
from reference_engine.ops.declare import OutForm, declare
from reference_engine.ops.kernels import Array, elementwise, to_floating
from reference_engine.semantics import cite

Closed = Callable[[Array, int], Array]


@dataclass(frozen=True)
class _Family:
    """A family of polynomials by its recurrence.

    Attributes:
        first: the polynomial of degree one.
        step: the next one, of the argument, the two before and the degree of the later of these.
        at_one, at_minus_one: exact values at the ends of the interval, by degree.
        inside: a closed form between the ends, of the angle whose cosine is the argument, for degrees above ``from_``.
        shifted: the interval is from 0 to 1 instead of from -1 to 1.
        largest: the highest degree, by the size of a number, beyond which there is nan.
    """

    first: Callable[[Array], Array]
    step: Callable[[Array, Array, Array, int], Array]
    at_one: Callable[[int], int] | None = None
    at_minus_one: Callable[[int], int] | None = None
    inside: Closed | None = None
    from_: int = 0
    shifted: bool = False
    largest: dict[int, int] | None = None

    def __call__(self, x: Array, degree: Array) -> Array:
        x, degrees = np.broadcast_arrays(x, np.trunc(degree))
        made = np.zeros(x.shape, x.dtype)
        if (np.isnan(x) & (degrees > 1)).any():
            cite("special.polynomial.nan")
        for n in np.unique(degrees[degrees >= 0]):
            chosen = degrees == n
            made[chosen] = self._of_degree(x[chosen], int(n))
        return made

    def _of_degree(self, x: Array, n: int) -> Array:
        if self.largest is not None and n > self.largest[x.dtype.itemsize]:
            return np.full_like(x, np.nan)
        t = 2 * x - 1 if self.shifted else x
        made = self._by_recurrence(x, n)
        if self.inside is not None and n > self.from_:
            within = np.abs(t) < 1
            made[within] = self.inside(np.arccos(t[within]), n)
        if self.at_one is not None:
            made = np.where(t == 1, self.at_one(n), made)
        if self.at_minus_one is not None:
            made = np.where(t == -1, self.at_minus_one(n), made)
        return made

    def _by_recurrence(self, x: Array, n: int) -> Array:
        before, now = np.ones_like(x), self.first(x)
        if n == 0:
            return before
        for k in range(1, n):
            before, now = now, self.step(x, before, now, k)
        return now


def _sign(n: int) -> int:
    return -1 if n % 2 else 1


def _one(n: int) -> int:
    return 1


def _next_degree(n: int) -> int:
    return n + 1


def _odd(n: int) -> int:
    return 2 * n + 1


def _half(angle: Array) -> Array:
    return angle / 2


def _above(n: int) -> float:
    return n + 0.5


# kind of Chebyshev polynomial: degree one, values at the ends, closed form, and the degree above which it is used
_CHEBYSHEV: dict[str, tuple[Any, Any, Any, Any, int, int]] = {
    "t": (lambda t: t, _one, _sign, lambda a, n: np.cos(n * a), 6, 6),
    "u": (
        lambda t: t + t, _next_degree, lambda n: _sign(n) * (n + 1),
        lambda a, n: np.sin((n + 1) * a) / np.sin(a), 8, 6,
    ),
    "v": (
        lambda t: t + t - 1, _one, lambda n: _sign(n) * (2 * n + 1),
        lambda a, n: np.cos(_above(n) * a) / np.cos(_half(a)), 8, 6,
    ),
    "w": (
        lambda t: t + t + 1, _odd, _sign, lambda a, n: np.sin(_above(n) * a) / np.sin(_half(a)), 8, 4,
    ),
}  # fmt: skip
_HERMITE_LIMIT = {4: 128, 8: 512}

_FAMILIES = {
    "hermite_polynomial_h": _Family(
        lambda x: x + x, lambda x, p, q, k: (x + x) * q - 2 * k * p, largest=_HERMITE_LIMIT
    ),
    "hermite_polynomial_he": _Family(lambda x: x, lambda x, p, q, k: x * q - k * p, largest=_HERMITE_LIMIT),
    "laguerre_polynomial_l": _Family(
        lambda x: 1 - x, lambda x, p, q, k: ((2 * k + 1 - x) * q - k * p) / (k + 1)
    ),
    "legendre_polynomial_p": _Family(
        lambda x: x, lambda x, p, q, k: ((2 * k + 1) * x * q - k * p) / (k + 1), _one, _sign
    ),
}  # fmt: skip


def _doubled(start: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Of an argument between 0 and 1, moved to the interval from -1 to 1."""
    return lambda x: start(2 * x - 1)


for _kind, (_start, _at_one, _at_minus_one, _closed, _from, _from_shifted) in _CHEBYSHEV.items():
    _FAMILIES[f"chebyshev_polynomial_{_kind}"] = _Family(
        _start, lambda x, p, q, k: (x + x) * q - p, _at_one, _at_minus_one, _closed, _from
    )
    _FAMILIES[f"shifted_chebyshev_polynomial_{_kind}"] = _Family(
        _doubled(_start), lambda x, p, q, k: 2 * (2 * x - 1) * q - p,
        _at_one, _at_minus_one, _closed, _from_shifted, shifted=True,
    )  # fmt: skip

_DEGREES = (0, 1, 2, 3, 5, 9, -1)
for _name, _family in _FAMILIES.items():
    _forward = elementwise(
        _family, dtype=to_floating, ulps=32.0, floor=1.0, name=f"{_name}_cpu", not_for="complex float16 bfloat16"
    )
    for _arguments in ("Tensor x, Tensor n", "Scalar x, Tensor n", "Tensor x, Scalar n"):
        _drawn = _arguments == "Tensor x, Scalar n"
        declare(
            f"special.{_name}({_arguments}) -> Tensor", forward=_forward, method=False, out=OutForm(unrecorded=True),
            samples=domains.real(-1.5, 1.5, special=(0.0, 1.0, -1.0), arguments={"n": _DEGREES}) if _drawn else None,
        )  # fmt: skip
