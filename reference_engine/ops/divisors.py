"""Greatest common divisors and least common multiples of integers.

Source: https://docs.pytorch.org/docs/stable/generated/torch.gcd.html
"""

from __future__ import annotations

import numpy as np

from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import Array, elementwise

_ONLY_INTEGERS = "bool float complex"
_SAMPLES = domains.Domain(-12, 12, (0.0,), ("int",))


def _gcd(a: Array, b: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.gcd(a, b)


def _lcm(a: Array, b: Array) -> Array:
    """|a / gcd · b|, wrapping as integers of the dtype do; zero with zero."""
    divisor = _gcd(a, b)
    with np.errstate(over="ignore"):
        return np.where(divisor == 0, 0, np.abs(a // np.where(divisor == 0, 1, divisor) * b)).astype(a.dtype)


for _name, _fn in (("gcd", _gcd), ("lcm", _lcm)):
    declare(
        f"{_name}(Tensor self, Tensor other) -> Tensor",
        forward=elementwise(_fn, name=f"{_name}_cpu", not_for=_ONLY_INTEGERS),
        underived=True, inplace=True, out=True, exact=True, samples=_SAMPLES,
    )  # fmt: skip
