"""Search in sorted values: searchsorted, bucketize. Nothing here is differentiable.

Source: https://docs.pytorch.org/docs/stable/generated/torch.searchsorted.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array, promote
from reference_engine.semantics import refusal, warn
from reference_engine.tensor import Tensor


def _search(keys: Any, values: Any, side: str) -> Any:
    """Where each value would go. A comparison with nan is false, which sends the search to the right."""
    found = np.empty(values.shape, np.int64)
    for at, value in np.ndenumerate(values):
        low, high = 0, len(keys)
        while low < high:
            middle = (low + high) // 2
            if keys[middle] > value or (side == "left" and keys[middle] == value):
                high = middle
            else:
                low = middle + 1
        found[at] = low
    return found


def _check_sorter(boundaries: Tensor, sorter: Tensor) -> None:
    if sorter._shape != boundaries._shape:
        raise refusal("indexing.searchsorted.sorter_shape", shape=list(boundaries._shape), sorter=list(sorter._shape))
    if sorter._dtype is not dtypes.int64:
        raise refusal("indexing.searchsorted.sorter_dtype", dtype=sorter.dtype.scalar_name)
    at = sorter._read()
    if at.size and (at.min() < 0 or at.max() >= at.shape[-1]):
        raise refusal("indexing.searchsorted.sorter_range")


def _searchsorted(
    sorted_sequence: Tensor, self: Any, out_int32: bool, right: bool, side: str | None, sorter: Any
) -> Tensor:
    if side not in (None, "left", "right"):
        raise refusal("indexing.searchsorted.side", side=side)
    if side == "left" and right:
        raise refusal("indexing.searchsorted.sides", side=side)
    where = "right" if right or side == "right" else "left"
    values = self._read() if isinstance(self, Tensor) else np.asarray(self)
    keys = sorted_sequence._read()
    if sorter is not None:
        _check_sorter(sorted_sequence, sorter)
    if not values.ndim and keys.ndim != 1:
        raise refusal("indexing.searchsorted.scalar_value", ndim=keys.ndim)
    if not keys.ndim:
        raise refusal("indexing.searchsorted.scalar_sequence")
    if keys.ndim > 1 and (values.ndim != keys.ndim or values.shape[:-1] != keys.shape[:-1]):
        raise refusal(
            "indexing.searchsorted.shape",
            shape=list(sorted_sequence._shape),
            values=list(getattr(self, "_shape", ())),
        )
    if sorter is not None:
        keys = np.take_along_axis(keys, sorter._read(), axis=-1)
    compared = promote([sorted_sequence, self])
    if compared.is_complex or compared.category == 0:
        raise refusal("ops.not_implemented_for", op="searchsorted_out_cpu", dtype=compared.scalar_name)
    if isinstance(self, Tensor) and not self.is_contiguous():
        warn("indexing.searchsorted.copies_values")
    if not sorted_sequence.is_contiguous():
        warn("indexing.searchsorted.copies_boundaries")
    found = np.empty(values.shape, np.int64)
    if keys.ndim == 1:
        found = _search(keys, values, where)
    else:
        for at in np.ndindex(*keys.shape[:-1]):
            found[at] = _search(keys[at], values[at], where)
    d = dtypes.int32 if out_int32 else dtypes.int64
    return from_array(np.asarray(found, d.np), d)


declare(
    "searchsorted(Tensor sorted_sequence, Tensor|Scalar self, *, bool out_int32=False, bool right=False, "
    "str? side=None, Tensor? sorter=None) -> Tensor",
    forward=_searchsorted,
    method=False,
    exact=True,
    samples=domains.ordered(shapes="searchsorted"),
)

declare(
    "bucketize(Tensor|Scalar self, Tensor boundaries, *, bool out_int32=False, bool right=False) -> Tensor",
    forward=lambda self, boundaries, out_int32, right: _buckets(self, boundaries, out_int32, right),
    method=False, exact=True, samples=domains.ordered(shapes="bucketize"),
)  # fmt: skip


def _buckets(self: Any, boundaries: Tensor, out_int32: bool, right: bool) -> Tensor:
    if len(boundaries._shape) != 1:
        raise refusal("indexing.bucketize.rank", ndim=len(boundaries._shape))
    return _searchsorted(boundaries, self, out_int32, right, None, None)
