"""``make_tensor``: random values to test with.

https://docs.pytorch.org/docs/stable/testing.html#torch.testing.make_tensor
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.dtypes import dtype as Dtype
from reference_engine.tensor import Tensor


def make_tensor(
    *shape: Any,
    dtype: Dtype,
    device: Any,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: Any = None,
) -> Tensor:
    """Values drawn uniformly from [low, high): from -9 to 9 unless given.

    Raises:
        ValueError: an interval that is empty, or outside what the dtype holds.
    """
    size = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], Sequence) else shape
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, "
            f"but got {noncontiguous=} and {memory_format=}"
        )
    if requires_grad and not dtype.is_differentiable:
        raise ValueError(f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype=}")
    spread = noncontiguous and math.prod(size) > 1
    if spread:
        size = (*size[:-1], 2 * size[-1])
    if dtype.is_differentiable:
        limits = dtypes.finfo(dtype)
        low, high = interval(low, high, limits.min, limits.max, -9, 9, dtype)
        result = torch.empty(size, dtype=dtype)
        flat = torch.view_as_real(result) if dtype.is_complex else result
        if high - low >= limits.max:
            flat.uniform_(low / 2, high / 2).mul_(2)
        else:
            flat.uniform_(low, high)
    else:
        if dtype is dtypes.bool_:
            low, high = interval(low, high, 0, 2, 0, 2, dtype)
        else:
            whole = dtypes.iinfo(dtype)
            above = whole.max + (0 if dtype is dtypes.int64 else 1)
            low, high = interval(low, high, whole.min, above, -9, 10, dtype)
        result = torch.randint(math.ceil(low), math.ceil(high), size, dtype=dtype)
    if spread:
        result = result[..., 1::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        result[result == 0] = dtypes.finfo(dtype).tiny if dtype.is_differentiable else 1
    if dtype.is_differentiable:
        result.requires_grad = requires_grad
    return result


def interval(
    low: float | None,
    high: float | None,
    lowest: float,
    highest: float,
    default_low: float,
    default_high: float,
    dtype: Dtype,
) -> tuple[float, float]:
    """The bounds to draw between, inside what the dtype holds."""
    low = default_low if low is None else low
    high = default_high if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got {low=} and {high=}")
    if low == high and dtype.is_differentiable:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is deprecated since 2.1 "
            "and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=4,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < lowest or low >= highest:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), "
            f"but {dtype} only supports [{lowest}, {highest})"
        )
    return min(max(low, lowest), highest), min(max(high, lowest), highest)
