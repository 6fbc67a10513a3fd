"""The numbers in a trace as a person reads them.

A trace keeps a tensor's elements as bytes, in JSON as base64. Reports read them from a file, so bytes that do not fit
their own dtype and shape are shown as they stand.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np

_MOST_ELEMENTS = 64
_MOST_DIMENSIONS = 64


def readable_value(state: Mapping[str, Any]) -> str | None:
    """The elements of ``{"dtype", "shape", "value"}``, or None where they can't be read."""
    encoded, dtype, shape = state.get("value"), state.get("dtype"), state.get("shape")
    if not isinstance(encoded, str) or not isinstance(dtype, str):
        return None
    shape = () if shape is None else shape
    if not isinstance(shape, Sequence) or not all(isinstance(size, int) and size >= 0 for size in shape):
        return None
    try:
        kind = _numpy_dtype(dtype)
        flat = np.frombuffer(base64.b64decode(encoded, validate=True), kind)
        array = flat.reshape(tuple(shape))
    except (binascii.Error, TypeError, ValueError):
        return None
    if not array.size:
        return "[]"
    if array.ndim == 0:
        return _number(array[()])
    if array.size > _MOST_ELEMENTS:
        return f"[{', '.join(map(_number, flat[:_MOST_ELEMENTS]))}, … {array.size:,} elements]"
    return _nested(array)


def _numpy_dtype(name: str) -> np.dtype[Any]:
    name = name.removeprefix("torch.")
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype({"float": "float64"}.get(name, name))


def _nested(array: np.ndarray[Any, Any]) -> str:
    if array.ndim == 0:
        return _number(array[()])
    return f"[{', '.join(_nested(part) for part in array)}]"


def _number(value: Any) -> str:
    """As short as tells the value from its neighbours; as long as that takes."""
    return str(value.item() if isinstance(value, (np.bool_, np.integer)) else value)
