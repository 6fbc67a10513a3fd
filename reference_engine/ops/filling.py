"""Overwriting with one value, and what a Python number may become on the way into a tensor."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import zeros_like
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal, switch, warn
from reference_engine.tensor import Tensor

_NAMES = {"uint8": "uint8_t", "int8": "int8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t"}


def checked_number(value: Any, d: dtypes.dtype, elements: int = 1) -> Any:
    """A Python number as an element of dtype ``d``, for so many elements.

    Raises:
        RuntimeError: the dtype cannot hold it: too large, not finite, complex for a real dtype. Negative numbers wrap
            in an unsigned dtype, as in C.
    """
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise refusal("tensor.value.overflow_long")
    if d is dtypes.bool_:
        return bool(value)
    if isinstance(value, complex):
        if d.is_complex:
            return value
        if value.imag != 0:
            raise refusal("tensor.value.overflow", dtype_cpp=_NAMES.get(d.name, d.cpp_name))
        value = value.real
    if d.is_complex:
        return value
    if d.itemsize == 2 and d.is_floating_point:
        largest = 65504.0 if d is dtypes.float16 else 3.3895313892515355e38
        refused = elements != 1 or not switch("inplace.number.half_overflows")  # one alone is written in another way
        if math.isfinite(value) and abs(value) > largest and refused:
            name = d.cpp_name if switch("inplace.number.half_by_namespace") else d.cpp_name.replace("c10", "at")
            raise refusal("tensor.value.overflow", dtype_cpp=name)
        return value
    if d.is_floating_point:
        if d is dtypes.float32 and math.isfinite(value) and abs(value) > float(np.finfo(np.float32).max):
            raise refusal("tensor.value.overflow", dtype_cpp=_NAMES.get(d.name, d.cpp_name))
        return value
    bounds = np.iinfo(d.np)
    low = -int(bounds.max) if d is dtypes.uint8 and isinstance(value, int) else int(bounds.min)
    if not math.isfinite(value) or not low <= value <= int(bounds.max):
        raise refusal("tensor.value.overflow", dtype_cpp=_NAMES.get(d.name, d.cpp_name))
    return int(value) % 256 if d is dtypes.uint8 else int(value)


def allowed(*values: Any) -> tuple[str, ...]:
    """Writing one value to memory that several elements share is well defined."""
    return ()


def _refused_by_version(*values: Any) -> tuple[str, ...]:
    if switch("inplace.fill.copies"):
        raise refusal("inplace.internal_overlap")
    return ()


def _filled(self: Tensor, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        if value._shape:
            raise refusal("ops.fill.zero_dim", ndim=len(value._shape))
        array = value._read()
        if array.dtype.kind == "c" and self._dtype is dtypes.bool_ and switch("ops.cast.complex_to_bool"):
            array = array != 0
        elif array.dtype.kind == "c" and not self._dtype.is_complex:
            if not switch("inplace.fill.copies"):
                raise refusal("tensor.value.overflow", dtype_cpp=_NAMES.get(self._dtype.name, self._dtype.cpp_name))
            warn("ops.cast.discards_imaginary")
            array = array.real
        value = array
    else:
        value = checked_number(value, self._dtype, self.numel())
    filled = np.full(self._shape, np.asarray(value).astype(self._dtype.np))
    return from_array(filled, self._dtype, strides.like(self._shape, self._strides))


def _zeros(grad: Tensor) -> Tensor:
    return zeros_like(grad)


# A zero-dimensional tensor also passes for a number, so the tensor forms are tried first. In-place forms are nodes of
# their own in torch's graph, numbered after the others.
declare(
    "fill(Tensor self, Tensor value) -> Tensor",
    node="FillBackward1", forward=_filled, vjp={"self": _zeros, "value": lambda grad: grad.sum()}, method=False,
    exact=True, samples=domains.numbers(shapes="fill"),
)  # fmt: skip

declare(
    "fill(Tensor self, Scalar value) -> Tensor",
    node="FillBackward0", forward=_filled, vjp={"self": _zeros}, method=False, exact=True,
    samples=domains.numbers(arguments={"value": (0, 1, 2.5)}),
)  # fmt: skip

declare(
    "fill(Tensor self, Tensor value) -> Tensor",
    node="FillBackward3", forward=_filled, vjp={"self": _zeros, "value": lambda grad: grad.sum()}, inplace=True,
    method=False, function=False, exact=True, overlap=_refused_by_version, samples=domains.numbers(shapes="fill"),
)  # fmt: skip

declare(
    "fill(Tensor self, Scalar value) -> Tensor",
    node="FillBackward2", forward=_filled, vjp={"self": _zeros}, inplace=True, method=False, function=False, exact=True,
    overlap=allowed, samples=domains.numbers(arguments={"value": (0, 1, 2.5)}),
)  # fmt: skip

declare(
    "zero(Tensor self) -> Tensor",
    forward=lambda self: _filled(self, 0), vjp={"self": _zeros}, inplace=True, exact=True, method=False, function=False,
    overlap=allowed, samples=domains.numbers(),
)  # fmt: skip
