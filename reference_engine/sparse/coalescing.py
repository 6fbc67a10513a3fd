"""Places as numbers, each place once: the arithmetic of coordinates, on NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops.kernels import adopt, from_array
from reference_engine.sparse import memory
from reference_engine.tensor import Tensor

Array = Any


def flat(indices: Array, shape: tuple[int, ...]) -> Array:
    """The place of each column as one number, in row-major order of the sparse dimensions."""
    at = np.zeros(indices.shape[1], np.int64)
    for row, size in zip(indices, shape, strict=False):
        at = at * size + row
    return at


def merged(at: Array, values: Array) -> tuple[Array, Array]:
    """Which of equal places are the first, in order of places, and the sums of the values there.

    Values are added in the order in which they stand, the first without a zero before it.
    """
    order = np.argsort(at, kind="stable")
    ordered = at[order]
    starts = np.ones(len(at), bool)
    starts[1:] = ordered[1:] != ordered[:-1]
    group = np.cumsum(starts) - 1
    sums = values[order[starts]].copy()
    later = ~starts
    (np.logical_or if values.dtype == np.bool_ else np.add).at(sums, group[later], values[order[later]])
    return order[starts], sums


def coalesced(t: Tensor) -> Tensor:
    """The tensor itself if it is, else a new one without history: every place once, in order."""
    kept = memory.coo_of(t)
    if kept.coalesced:
        return t
    if kept.nnz < 2:
        made = memory.copy(t)
        memory.coo_of(made).coalesced = True
        return made
    indices, values = kept.indices._read(), kept.values._read()
    first, sums = merged(flat(indices, t._shape), values)
    return memory.coo(
        t._shape, _leading(indices[:, first], kept.nnz), from_array(sums, kept.values._dtype), coalesced=True
    )


def _leading(indices: Array, capacity: int) -> Tensor:
    """Places in memory that was taken for as many as there might have been: rows lie apart if some were merged."""
    count = indices.shape[1]
    room = np.zeros((indices.shape[0], capacity), np.int64)
    room[:, :count] = indices
    whole = adopt(room, dtypes.int64)
    whole._shape = (indices.shape[0], count)
    return whole


def joined(a: memory.Coo, b: memory.Coo, values: tuple[Array, Array], d: dtypes.dtype) -> memory.Coo:
    """The places of both in one pass over them, as if both were in order; equal ones that meet are added.

    Two tensors that are not coalesced make one that isn't, in an order that depends on both.
    """
    ia, ib = a.indices._read(), b.indices._read()
    va, vb = values
    n, m = ia.shape[1], ib.shape[1]
    places, sums = [], []
    i = j = 0
    while i < n or j < m:
        left = tuple(ia[:, i]) if i < n else None
        right = tuple(ib[:, j]) if j < m else None
        take_left = left is not None and (right is None or left <= right)
        take_right = right is not None and (left is None or right <= left)
        if take_left and take_right:
            sums.append(va[i] | vb[j] if va.dtype == np.bool_ else va[i] + vb[j])
        else:
            sums.append(va[i] if take_left else vb[j])
        places.append(left if take_left else right)
        i, j = i + take_left, j + take_right
    made = np.array(places, np.int64).reshape(len(places), ia.shape[0]).T
    array = np.array(sums, va.dtype).reshape(len(sums), *va.shape[1:])
    return memory.Coo(_leading(made, n + m), from_array(array, d), a.coalesced and b.coalesced)


def scattered(t: Tensor, into: Array, alpha: Any = 1) -> Array:
    """Add a tensor of coordinates to a dense array, in place."""
    kept = memory.coo_of(coalesced(t))
    places = tuple(kept.indices._read())
    values = kept.values._read().astype(into.dtype)
    if alpha != 1:
        values = values * into.dtype.type(alpha)
    if into.dtype == np.bool_:
        into[places] |= values
    elif kept.nnz:
        into[places] += values if places else values[0]
    return into


def to_array(t: Tensor) -> Array:
    """All elements, the zeros too."""
    return scattered(t, np.zeros(t._shape, t._dtype.np))


def row_major(places: Array, d: dtypes.dtype = dtypes.int64) -> Tensor:
    return from_array(np.ascontiguousarray(places), d)
