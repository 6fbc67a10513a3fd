"""Logarithm, sine and cosine in single precision, by the polynomials of the Cephes library.

torch fills large tensors of normal numbers with vectorised versions of these. They differ from the C library's
functions in the last bits, and so a seed's numbers depend on each operation below, and on which products and sums are
rounded together.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from reference_engine.rounding import fused_multiply_add

Array = npt.NDArray[Any]
single = np.float32

LOG_COEFFICIENTS = (
    7.0376836292e-2,
    -1.1514610310e-1,
    1.1676998740e-1,
    -1.2420140846e-1,
    1.4249322787e-1,
    -1.6668057665e-1,
    2.0000714765e-1,
    -2.4999993993e-1,
    3.3333331174e-1,
)
SINE_COEFFICIENTS = (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)
COSINE_COEFFICIENTS = (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)

#: A quarter of pi in three pieces: a multiple of the first two is exact.
QUARTER_TURN = (0.78515625, 2.4187564849853515625e-4, 3.77489497744594108e-8)

#: The natural logarithm of two in two pieces.
LOG_TWO = (0.693359375, -2.12194440e-4)


def polynomial(coefficients: tuple[float, ...], argument: Array) -> Array:
    """Horner's rule, each step rounded once."""
    value = np.full_like(argument, single(coefficients[0]))
    for coefficient in coefficients[1:]:
        value = fused_multiply_add(value, argument, single(coefficient))
    return value


def log(argument: Array) -> Array:
    """The natural logarithm of positive float32 numbers."""
    bits = np.maximum(argument, np.finfo(single).tiny).view(np.uint32)
    exponent = ((bits >> 23).astype(np.int32) - 126).astype(single)
    significand = ((bits & np.uint32(0x007FFFFF)) | np.uint32(0x3F000000)).view(single)  # in [1/2, 1)
    small = significand < single(0.707106781186547524)
    exponent = exponent - small.astype(single)
    rest = (significand - single(1)) + np.where(small, significand, single(0))
    square = rest * rest
    tail = polynomial(LOG_COEFFICIENTS, rest) * rest
    tail = fused_multiply_add(tail, square, exponent * single(LOG_TWO[1]))
    tail = fused_multiply_add(-square, single(0.5), tail)
    return fused_multiply_add(exponent, single(LOG_TWO[0]), rest + tail)


def sine_and_cosine(angle: Array) -> tuple[Array, Array]:
    """Sine and cosine of float32 angles that are not negative."""
    octant = (angle * single(1.27323954473516)).astype(np.int32)
    octant = (octant + 1) & ~1
    turns = octant.astype(single)
    rest = angle
    for piece in QUARTER_TURN:
        rest = fused_multiply_add(-turns, single(piece), rest)
    square = rest * rest
    cosine = polynomial(COSINE_COEFFICIENTS, square) * square
    cosine = fused_multiply_add(cosine, square, -(square * single(0.5))) + single(1)
    sine = fused_multiply_add(polynomial(SINE_COEFFICIENTS, square) * square, rest, rest)
    swapped = octant & 2 != 0
    sine, cosine = np.where(swapped, cosine, sine), np.where(swapped, sine, cosine)
    sine = np.where(octant & 4 != 0, -sine, sine)
    cosine = np.where((octant - 2) & 4 == 0, -cosine, cosine)
    return sine, cosine
