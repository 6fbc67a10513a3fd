"""When two arrays of numbers count as equal.

Bytes that are equal are equal. Otherwise, element by element, in units of the last place (ulp) of their own dtype:

* nan equals nan, whatever its sign and payload;
* an infinity equals only itself, and so does a zero: +0.0 is not -0.0;
* other floats may differ by four ulp: what a correctly written kernel loses by another order of a few operations;
* the parts of a complex number are measured in ulp of the larger of the two;
* integers and booleans are equal or not.
"""

from __future__ import annotations

from typing import Any, Literal

import ml_dtypes
import msgspec
import numpy as np

MAX_ULP = 4

_DTYPES: dict[str, Any] = {"bfloat16": ml_dtypes.bfloat16, "complex32": None}
_PARTS = {"complex64": np.float32, "complex128": np.float64}
_BITS: dict[int, Any] = {1: np.int8, 2: np.int16, 4: np.int32, 8: np.int64}


class ValueMismatch(msgspec.Struct, frozen=True):
    """Two arrays of the same dtype and shape that are not equal within the bound."""

    dtype: str
    shape: tuple[int, ...]
    expected: bytes
    observed: bytes
    index: int  # of the worst element, in row-major order
    ulps: float  # of the worst element; infinite where it is about a nan, an infinity or the sign of a zero
    kind: Literal["exact", "special", "magnitude", "zero_sign"]  # the last: all that differs is the signs of zeros


def array(dtype: str, shape: tuple[int, ...] | None, value: bytes) -> Any:
    """Bytes as a NumPy array."""
    return np.frombuffer(value, _DTYPES.get(dtype) or np.dtype(dtype)).reshape(shape or ())


def mismatch(dtype: str, shape: tuple[int, ...] | None, expected: bytes, observed: bytes) -> ValueMismatch | None:
    """What is wrong with the observed values; None if nothing."""
    if expected == observed:
        return None
    if len(expected) != len(observed) or dtype == "complex32":
        return ValueMismatch(dtype, shape or (), expected, observed, 0, np.inf, "exact")
    flat = (-1,)
    a, b = array(dtype, flat, expected), array(dtype, flat, observed)
    if a.dtype.kind in "biuS":
        return ValueMismatch(dtype, shape or (), expected, observed, int(np.argmax(a != b)), np.inf, "exact")
    with np.errstate(all="ignore"):
        part = _PARTS.get(dtype)
        if part is not None:
            ulps = _complex_ulps(a.view(part).reshape(-1, 2), b.view(part).reshape(-1, 2))
        else:
            ulps = _ulps(a, b)
    worst = int(np.argmax(ulps))
    if ulps[worst] <= MAX_ULP:
        return None
    kind: Literal["special", "magnitude", "zero_sign"] = "special" if np.isinf(ulps[worst]) else "magnitude"
    if kind == "special" and np.all((a == b) | (ulps <= MAX_ULP)):
        kind = "zero_sign"
    return ValueMismatch(dtype, shape or (), expected, observed, worst, float(ulps[worst]), kind)


def _ordered(values: Any) -> Any:
    """Floats as integers in the same order, one ulp apart where the floats are neighbours."""
    bits = values.view(_BITS[values.dtype.itemsize]).astype(np.float64 if values.dtype.itemsize < 8 else object)
    lowest = -(1 << (8 * values.dtype.itemsize - 1))
    return np.where(bits < 0, lowest - bits, bits)


def _ulps(a: Any, b: Any) -> Any:
    """The distance of each pair; infinite where the special values differ."""
    distance = np.abs(_ordered(a) - _ordered(b)).astype(np.float64)
    return np.where(_special_differs(a, b), np.inf, np.where(np.isnan(a), 0.0, distance))


def _special_differs(a: Any, b: Any) -> Any:
    zero = (a == 0) & (b == 0) & (np.signbit(a) != np.signbit(b))
    return (np.isnan(a) != np.isnan(b)) | (np.isinf(a) != np.isinf(b)) | (np.isinf(a) & (a != b) & ~np.isnan(b)) | zero


def _complex_ulps(a: Any, b: Any) -> Any:
    special = _special_differs(a, b)
    finite = np.where(np.isfinite(a), np.abs(a), 0)
    unit = np.spacing(np.maximum(finite.max(axis=1, keepdims=True), np.finfo(a.dtype).tiny))
    distance = np.where(np.isfinite(a) & np.isfinite(b), np.abs(a - b), 0) / unit
    return np.where(special, np.inf, distance).max(axis=1)


def show(dtype: str, shape: tuple[int, ...] | None, value: bytes | None) -> str:
    """Values for people, with all the digits that tell them apart."""
    if value is None:
        return "no value"
    if dtype == "complex32":
        return value.hex()
    values = array(dtype, shape, value)
    if values.dtype == ml_dtypes.bfloat16:
        values = values.astype(np.float32)
    text = np.array2string(values, separator=", ", threshold=24, edgeitems=4, floatmode="unique")
    return " ".join(text.split())
