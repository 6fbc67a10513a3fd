"""Division of complex numbers as each version has it: where parts vanish or the divisor is zero, the way shows."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.semantics import switch

_LANES = 64  # bytes that a vectorised kernel takes at a time, the others follow one by one


def quotient(a: Any, b: Any) -> Any:
    """``a / b``; complex numbers by dividing through the larger part of ``b``, or by scaling both numbers before."""
    by_parts = np.divide(a, b)
    if by_parts.dtype.kind != "c" or not switch("complex.division_scaled_in_lanes"):
        return by_parts
    scaled = np.array(_scaled(a, b)).reshape(by_parts.shape)
    if switch("complex.division_scaled"):
        return scaled
    # one loop over all elements, or over each row where one of them is repeated
    alike = np.shape(a) == np.shape(b) or 1 in (np.size(a), np.size(b))
    row = by_parts.size if alike else by_parts.shape[-1]
    whole = row - row % (_LANES // by_parts.dtype.itemsize)
    return np.where(np.arange(by_parts.size).reshape(by_parts.shape) % max(row, 1) < whole, scaled, by_parts)


def is_rounded(a: Any, b: Any) -> Any:
    """Whether dividing goes through steps that are rounded, whatever the quotient is: by a number with both parts."""
    return (b.real != 0) & (b.imag != 0)


def _scaled(a: Any, b: Any) -> Any:
    scale = 1 / np.maximum(np.abs(b.real), np.abs(b.imag))
    re, im, c, d = a.real * scale, a.imag * scale, b.real * scale, b.imag * scale
    size = c * c + d * d
    made = np.empty(np.broadcast_shapes(np.shape(a), np.shape(b)), np.result_type(a, b))
    made.real, made.imag = (re * c + im * d) / size, (im * c - re * d) / size
    return made
