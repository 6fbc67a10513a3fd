"""Products and sums that are rounded once, as the processor's fused multiply-add does.

NumPy has no such function, and the last bit of many random numbers depends on it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def fused_multiply_add(factor: Array, other: Any, addend: Any) -> Array:
    """`factor * other + addend`, rounded once to the dtype of `factor` (float32 or float64)."""
    if factor.dtype == np.float32:
        return _multiply_add_float32(factor, other, addend)
    addend = np.asarray(addend, dtype=np.float64)
    high, low = exact_product(factor, np.asarray(other, dtype=np.float64))
    middle, rest = exact_sum(addend, low)
    total, error = exact_sum(high, middle)
    return total + sum_to_odd(rest, error)


_LOST = (1 << 29) - 1  # the bits of a float64 that a float32 has no room for
_HALF = 1 << 28


def _multiply_add_float32(factor: Array, other: Any, addend: Any) -> Array:
    """A product of two float32 is exact in float64, so only the sum is rounded twice.

    That matters where the first rounding may have made a tie of the second: where the lost bits are just a half, or
    where the result is so small that more of them are lost. There, a sum that keeps its last bit odd survives.
    """
    product = np.asarray(factor.astype(np.float64) * np.asarray(other, dtype=np.float64))
    addend = np.asarray(addend, dtype=np.float64)
    total = np.asarray(product + addend)
    unsure = (total.view(np.int64) & _LOST == _HALF) | (np.abs(total) < np.finfo(np.float32).tiny)
    if unsure.any():
        first, second = np.broadcast_to(product, total.shape), np.broadcast_to(addend, total.shape)
        total[unsure] = sum_to_odd(first[unsure], second[unsure])
    return total.astype(np.float32)


def exact_sum(first: Array, second: Array) -> tuple[Array, Array]:
    """The rounded sum of two float64 and what rounding left out."""
    total = np.asarray(first + second)
    shadow = total - first
    return total, (first - (total - shadow)) + (second - shadow)


def exact_product(first: Array, second: Array) -> tuple[Array, Array]:
    """The rounded product of two float64 and what rounding left out (Dekker)."""
    product = np.asarray(first * second)
    first_high, first_low = split(first)
    second_high, second_low = split(second)
    partial = product - first_high * second_high - first_low * second_high - first_high * second_low
    return product, first_low * second_low - partial


def split(number: Array) -> tuple[Array, Array]:
    """A float64 as the sum of two numbers with half as many bits each (Veltkamp)."""
    scaled = np.asarray(134217729.0 * number)
    high = scaled - (scaled - number)
    return high, number - high


def sum_to_odd(first: Array, second: Array) -> Array:
    """The sum of two float64, where inexact the neighbour with an odd last bit (Boldo and Melquiond)."""
    total, error = exact_sum(first, second)
    bits = total.view(np.int64)
    away = np.where((error > 0) == (total > 0), 1, -1)
    odd = np.where((error != 0) & (bits & 1 == 0), bits + away, bits)
    return odd.view(np.float64)
