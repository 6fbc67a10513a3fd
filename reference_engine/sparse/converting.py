"""From one layout to another: what is specified of a tensor, and its elements, written down anew.

A strided tensor specifies what is not zero; a sparse one what it has a place for, be it zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.layouts import LAYOUTS, layout
from reference_engine.ops.kernels import empty, from_array
from reference_engine.semantics import refusal
from reference_engine.sparse import coalescing, memory
from reference_engine.tensor import Tensor

Array = Any


def elements(t: Tensor) -> Array:
    """All elements of a tensor of any layout, as an array that is not to be written to."""
    kept = t._sparse
    if kept is None:
        return t._read()
    if isinstance(kept, memory.Coo):
        return coalescing.to_array(t)
    made = np.zeros(t._shape, t._dtype.np)
    blocks = kept.values._read()
    for at, value in zip(_places(t, kept), blocks.reshape(-1, *blocks.shape[len(kept.plain._shape) :]), strict=True):
        made[at] = value
    return made


def specified(t: Tensor, dense_dim: int) -> Array:
    """Which elements are specified: a bool for each, of all but the dense dimensions."""
    kept = t._sparse
    if kept is None:
        found = t._read() != 0
        return found.any(tuple(range(found.ndim - dense_dim, found.ndim))) if dense_dim else found
    mask = np.zeros(t._shape[: len(t._shape) - kept.dense_dim], bool)
    if isinstance(kept, memory.Coo):
        mask[tuple(kept.indices._read())] = True
    else:
        for at in _places(t, kept):
            mask[at] = True
    return mask


def _places(t: Tensor, kept: memory.Compressed) -> list[tuple[Any, ...]]:
    """Where each value (each block, with the B layouts) of a compressed tensor goes."""
    batch = kept.compressed._shape[:-1]
    high, wide = kept.blocksize or (1, 1)
    found: list[tuple[Any, ...]] = []
    for b in np.ndindex(*batch):
        starts, plain = kept.compressed._read()[b], kept.plain._read()[b]
        lines = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        for line, at in zip(lines.tolist(), plain.tolist(), strict=True):
            row, column = (line, at) if kept.by_rows else (at, line)
            if kept.blocked:
                spans = (slice(row * high, (row + 1) * high), slice(column * wide, (column + 1) * wide))
                found.append((*b, *spans))
            else:
                found.append((*b, row, column))
    return found


# -- coordinates -------------------------------------------------------------------------------------------------------


def to_coordinates(t: Tensor, sparse_dim: int) -> Tensor:
    """What is specified of a tensor, coalesced, with this many sparse dimensions."""
    array = elements(t)
    if not t._shape:
        nnz = int(specified(t, 0))
        values = from_array(array.reshape(1)[:nnz], t._dtype)
        return memory.coo((), empty((0, nnz), dtypes.int64), values, True)
    mask = specified(t, array.ndim - sparse_dim)
    indices = np.stack(np.nonzero(mask))
    return memory.coo(t._shape, coalescing.row_major(indices), from_array(array[tuple(indices)], t._dtype), True)


# -- rows and columns --------------------------------------------------------------------------------------------------


def to_compressed(t: Tensor, name: layout, blocksize: tuple[int, int] | None = None, dense_dim: int = 0) -> Tensor:
    """What is specified of a tensor, by rows or columns, of elements or blocks.

    Raises:
        RuntimeError: a size that is no multiple of the block's; batches with more values than others.
    """
    if t._sparse is not None:
        dense_dim = t._sparse.dense_dim
    array, mask = elements(t), specified(t, dense_dim)
    rows, columns = mask.shape[-2:]
    high, wide = blocksize or (1, 1)
    batch = mask.shape[:-2]
    blocks = mask.reshape(*batch, rows // high, high, columns // wide, wide).any((-3, -1))
    by_rows = name in (LAYOUTS["sparse_csr"], LAYOUTS["sparse_bsr"])
    counts = {int(m.sum()) for m in blocks.reshape(-1, *blocks.shape[-2:])}
    if len(counts) > 1:
        raise refusal("sparse.compressed.batches")
    starts, plain, values = [], [], []
    for b in np.ndindex(*batch):
        lines = blocks[b] if by_rows else blocks[b].T
        line, at = np.nonzero(lines)
        starts.append(np.concatenate([[0], np.cumsum(lines.sum(1))]))
        plain.append(at)
        row, column = (line, at) if by_rows else (at, line)
        values.append(_parts(array[b], row, column, (high, wide) if blocksize else None))
    kept = memory.Compressed(
        coalescing.row_major(np.reshape(starts, (*batch, len(starts[0])))),
        coalescing.row_major(np.reshape(plain, (*batch, len(plain[0])))),
        from_array(np.reshape(values, (*batch, *values[0].shape)), t._dtype),
        name,
    )
    return memory.tensor(t._shape, kept)


def _parts(array: Array, row: Array, column: Array, block: tuple[int, int] | None) -> Array:
    """The elements, or the blocks, at these rows and columns."""
    if block is None:
        return array[row, column]
    high, wide = block
    parts = [array[r * high : (r + 1) * high, c * wide : (c + 1) * wide] for r, c in zip(row, column, strict=True)]
    return np.stack(parts) if parts else np.zeros((0, high, wide, *array.shape[2:]), array.dtype)


def to_layout(t: Tensor, name: layout, blocksize: Any = None, dense_dim: int | None = None) -> Tensor:
    """The same elements in another layout, without history."""
    if name is LAYOUTS["strided"]:
        return from_array(elements(t), t._dtype)
    if name is LAYOUTS["sparse_coo"]:
        dense = t._sparse.dense_dim if t._sparse is not None else dense_dim or 0
        return to_coordinates(t, len(t._shape) - dense)
    return to_compressed(t, name, None if blocksize is None else tuple(blocksize), dense_dim or 0)
