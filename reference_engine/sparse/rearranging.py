"""Tensors of coordinates looked at another way: dimensions exchanged and added, parts taken, several put together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from reference_engine import dtypes, views
from reference_engine.ops.kernels import from_array, promote, wrap_dim
from reference_engine.semantics import refusal
from reference_engine.sparse import coalescing, memory
from reference_engine.sparse.kernels import kernel
from reference_engine.tensor import Tensor

Array = Any


def _view(parent: Tensor, made: Tensor, replay: Any, multi_output: bool = False) -> Tensor:
    """To autograd it is a view, and shares its version, though places and values are copies."""
    made._version_counter = parent._version_counter
    if not parent._inference:
        views.track(made, parent, replay, multi_output)
    return made


def _made(t: Tensor, shape: Sequence[int], indices: Array, values: Tensor | Array, coalesced: bool | None) -> Tensor:
    if not isinstance(values, Tensor):
        values = from_array(values, t._dtype)
    return memory.coo(shape, coalescing.row_major(indices), values, coalesced)


# -- dimensions in another order ---------------------------------------------------------------------------------------


@kernel("transpose")
def _transpose(self: Tensor, dim0: int, dim1: int) -> Tensor:
    rank = len(self._shape)
    a, b = wrap_dim(dim0, rank), wrap_dim(dim1, rank)
    kept = memory.coo_of(self)
    made = memory.copy(self)
    if a != b:
        if max(a, b) >= kept.sparse_dim:
            raise refusal("sparse.transpose.dense", sparse_dim=kept.sparse_dim, dim0=a, dim1=b)
        order = list(range(rank))
        order[a], order[b] = b, a
        made = _reordered(self, order)
    return _view(self, made, lambda base: base.transpose(dim0, dim1))


def _reordered(t: Tensor, order: Sequence[int]) -> Tensor:
    kept, n = memory.coo_of(t), memory.coo_of(t).sparse_dim
    indices = kept.indices._read()[list(order[:n])]
    values = kept.values.permute(0, *[d - n + 1 for d in order[n:]])
    in_order = list(order[:n]) == list(range(n))
    shape = tuple(t._shape[d] for d in order)
    return _made(t, shape, indices, values.clone(), (kept.coalesced and in_order) or not kept.nnz)


@kernel("t")
def _t(self: Tensor) -> Tensor:
    kept = memory.coo_of(self)
    if kept.sparse_dim > 2 or kept.dense_dim:
        raise refusal("sparse.t.rank", sparse_dim=kept.sparse_dim, dense_dim=kept.dense_dim)
    made = memory.copy(self) if len(self._shape) < 2 else _reordered(self, (1, 0))
    return _view(self, made, lambda base: base.t())


@kernel("permute")
def _permute(self: Tensor, dims: Sequence[int]) -> Tensor:
    """Sparse dimensions among themselves, and dense ones.

    Raises:
        RuntimeError: another number of dimensions, one twice, sparse ones for dense ones.
    """
    rank = len(self._shape)
    if len(dims) != rank:
        raise refusal("sparse.permute.rank", rank=rank, given=len(dims))
    order = [wrap_dim(d, rank) for d in dims]
    if len(set(order)) < rank:
        raise refusal("sparse.permute.twice")
    n = memory.coo_of(self).sparse_dim
    if any(d >= n for d in order[:n]):
        raise refusal("sparse.permute.dense")
    return _view(self, _reordered(self, order), lambda base: base.permute(tuple(dims)))


@kernel("unsqueeze")
def _unsqueeze(self: Tensor, dim: int) -> Tensor:
    return _view(self, _with_one(self, wrap_dim(dim, len(self._shape) + 1)), lambda base: base.unsqueeze(dim))


def _with_one(t: Tensor, d: int) -> Tensor:
    kept = memory.coo_of(t)
    shape = (*t._shape[:d], 1, *t._shape[d:])
    if d > kept.sparse_dim:
        values = kept.values.unsqueeze(d - kept.sparse_dim + 1)
        return _made(t, shape, kept.indices._read(), values.clone(), None)
    indices = np.insert(kept.indices._read(), d, 0, axis=0)
    return _made(t, shape, indices, kept.values.clone(), None)


# -- parts -------------------------------------------------------------------------------------------------------------


@kernel("select")
def _select(self: Tensor, dim: int, index: int) -> Tensor:
    rank = len(self._shape)
    if not rank:
        raise refusal("ops.select.scalar")
    d = wrap_dim(dim, rank)
    size = self._shape[d]
    if not -size <= index < size:
        raise refusal("ops.select.range", index=index, shape=list(self._shape), dim=d)
    return _view(self, _slice(self, d, index % size), lambda base: base.select(dim, index))


def _slice(t: Tensor, d: int, at: int) -> Tensor:
    """What has this index: without sparse dimensions left it is a dense sum."""
    kept = memory.coo_of(t)
    indices, values = kept.indices._read(), kept.values._read()
    shape = (*t._shape[:d], *t._shape[d + 1 :])
    if d >= kept.sparse_dim:
        return _made(t, shape, indices, np.take(values, at, d - kept.sparse_dim + 1), None)
    found = np.flatnonzero(indices[d] == at)
    if kept.sparse_dim == 1:
        return from_array(_sum(values[found]), t._dtype)
    if not found.size:
        return memory.no_places(shape, t._dtype, kept.sparse_dim - 1)
    return _made(t, shape, np.delete(indices[:, found], d, 0), values[found], None)


def _sum(values: Array) -> Array:
    return np.asarray(values.any(0) if values.dtype == np.bool_ else np.sum(values, axis=0, dtype=values.dtype))


@kernel("unbind")
def _unbind(self: Tensor, dim: int) -> tuple[Tensor, ...]:
    d = wrap_dim(dim, len(self._shape))
    return tuple(
        _view(self, _slice(self, d, i), partial(_replayed, d, i), multi_output=True) for i in range(self._shape[d])
    )


def _replayed(d: int, i: int, base: Tensor) -> Any:
    return base.select(d, i)


@kernel("index_select")
def _index_select(self: Tensor, dim: int, index: Tensor) -> Tensor:
    """Slices in the order of the index, along it the summands of each as they stand.

    Raises:
        IndexError: an index that is no vector of int64, or out of range.
    """
    if not self._shape:
        raise refusal("sparse.index_select.scalar")
    d = wrap_dim(dim, len(self._shape))
    if len(index._shape) != 1 or index._dtype is not dtypes.int64 or index._sparse is not None:
        raise refusal("sparse.index_select.index")
    size, wanted = self._shape[d], index._read()
    for i in wanted.tolist():
        if not -size <= i < size:
            raise refusal("sparse.index_select.range", index=i, shape=list(self._shape), dim=d)
    wanted = np.where(wanted < 0, wanted + size, wanted)
    kept = memory.coo_of(self)
    indices, values = kept.indices._read(), kept.values._read()
    shape = (*self._shape[:d], len(wanted), *self._shape[d + 1 :])
    if d >= kept.sparse_dim:
        return _made(self, shape, indices, np.take(values, wanted, d - kept.sparse_dim + 1), kept.coalesced or None)
    places = [np.flatnonzero(indices[d] == i) for i in wanted]
    found = np.concatenate(places) if places else np.zeros(0, np.int64)
    chosen = indices[:, found].copy()
    chosen[d] = np.repeat(np.arange(len(wanted)), [len(p) for p in places])
    return _made(self, shape, chosen, values[found], None)


@kernel("narrow_copy")
def _narrow_copy(self: Tensor, dim: int, start: int, length: int) -> Tensor:
    d = wrap_dim(dim, len(self._shape))
    size = self._shape[d]
    if not 0 <= start <= start + length <= size:
        raise refusal("sparse.narrow_copy.range", size=size)
    kept = memory.coo_of(self)
    indices, values = kept.indices._read(), kept.values._read()
    shape = (*self._shape[:d], length, *self._shape[d + 1 :])
    if d >= kept.sparse_dim:
        part = np.take(values, range(start, start + length), d - kept.sparse_dim + 1)
        return _made(self, shape, indices, part, kept.coalesced or None)
    found = (indices[d] >= start) & (indices[d] < start + length)
    chosen = indices[:, found].copy()
    chosen[d] -= start
    return _made(self, shape, chosen, values[found], kept.coalesced or None)


# -- several -----------------------------------------------------------------------------------------------------------


@kernel("cat")
def _cat(tensors: Sequence[Tensor], dim: int) -> Tensor:
    """The places of all, one after the other.

    Raises:
        RuntimeError: a dense tensor among them, other shapes or numbers of sparse dimensions.
    """
    for i, t in enumerate(tensors):
        if not memory.is_coo(t):
            raise refusal("sparse.cat.dense", position=i)
    first = tensors[0]
    rank, n = len(first._shape), memory.coo_of(first).sparse_dim
    d = wrap_dim(dim, rank)
    for i, t in enumerate(tensors[1:], 1):
        if len(t._shape) != rank or any(
            k != d and a != b for k, (a, b) in enumerate(zip(first._shape, t._shape, strict=True))
        ):
            raise refusal("sparse.cat.shapes", expected=list(first._shape), got=list(t._shape), position=i)
        kept = memory.coo_of(t)
        if kept.sparse_dim != n:
            raise refusal(
                "sparse.cat.density", sparse_dim=n, dense_dim=rank - n, position=i, got_sparse=kept.sparse_dim,
                got_dense=kept.dense_dim,
            )  # fmt: skip
    result = promote(tensors)
    total = sum(t._shape[d] for t in tensors)
    shape = (*first._shape[:d], total, *first._shape[d + 1 :])
    indices, values, at = [], [], 0
    for t in tensors:
        kept = memory.coo_of(t)
        places, found = kept.indices._read().copy(), kept.values._read().astype(result.np)
        if d < n:
            places[d] += at
        else:
            room = np.zeros((kept.nnz, *shape[n:]), result.np)
            np.moveaxis(room, d - n + 1, 0)[at : at + t._shape[d]] = np.moveaxis(found, d - n + 1, 0)
            found = room
        at += t._shape[d]
        indices.append(places)
        values.append(found)
    joined = from_array(np.concatenate(values), result)
    return memory.coo(shape, coalescing.row_major(np.concatenate(indices, axis=1)), joined, None)


@kernel("stack")
def _stack(tensors: Sequence[Tensor], dim: int) -> Tensor:
    first = tensors[0]
    for i, t in enumerate(tensors):
        if t._shape != first._shape:
            raise refusal("ops.stack.sizes", first=list(first._shape), got=list(t._shape), index=i)
        if not memory.is_coo(t):
            raise refusal("sparse.cat.dense", position=i)
    d = wrap_dim(dim, len(first._shape) + 1)
    return _cat([_with_one(t, d) for t in tensors], d)


# -- what cannot be done -----------------------------------------------------------------------------------------------


def _refused(clause: str) -> Any:
    def refuse(*values: Any) -> Tensor:
        raise refusal(clause)

    return refuse


kernel("reshape")(_refused("sparse.reshape"))
kernel("expand", "repeat")(_refused("sparse.expand"))


@kernel("flatten")
def _flatten(self: Tensor, start_dim: int, end_dim: int) -> Tensor:
    rank = len(self._shape)
    if rank and wrap_dim(start_dim, rank) == wrap_dim(end_dim, rank):
        return self
    raise refusal("sparse.reshape")
