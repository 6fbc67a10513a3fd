"""Sums, products, quotients and powers of tensors of coordinates."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.ops.arithmetic import check_alpha, refuse_bools
from reference_engine.ops.kernels import broadcast_shapes, empty, from_array, promote
from reference_engine.semantics import cite, refusal
from reference_engine.sparse import coalescing, memory
from reference_engine.sparse.kernels import IN_PLACE, kernel
from reference_engine.tensor import Tensor

# -- sums --------------------------------------------------------------------------------------------------------------


@kernel("add")
def _add(self: Any, other: Any, alpha: Any) -> Tensor:
    """Dense + sparse is dense. Two sparse tensors make one that has the places of both.

    Raises:
        RuntimeError: sparse + dense, other sizes, another number of sparse dimensions.
    """
    d = promote([self, other])
    check_alpha(d, self, other, alpha)
    if not isinstance(other, Tensor) or other._sparse is None:
        raise refusal("sparse.add.sparse_dense")
    if not isinstance(self, Tensor) or self._sparse is None:
        return _dense_plus(self, other, alpha, d)
    if d.category == 0 or (d.itemsize == 2 and d.is_floating_point):
        raise refusal("ops.not_implemented_for", op="cadd_sparse", dtype=d.scalar_name)
    if self._shape != other._shape:
        raise refusal("sparse.add.sizes", self=list(self._shape), other=list(other._shape))
    a, b = memory.coo_of(self), memory.coo_of(other)
    if not b.nnz:
        return _cast(memory.copy(self), d)
    if not a.nnz:
        return _mul(_cast(other, d), alpha) if alpha != 1 else _cast(memory.copy(other), d)
    if a.sparse_dim != b.sparse_dim:
        raise refusal("sparse.add.density", self=a.sparse_dim, other=b.sparse_dim)
    left, right = a.values._read().astype(d.np), b.values._read().astype(d.np)
    if alpha != 1:
        right = right * d.np.type(alpha)
    if a.values.is_contiguous() and b.values.is_contiguous():
        return memory.tensor(self._shape, coalescing.joined(a, b, (left, right), d))
    return _appended(self, a, b, np.concatenate([left, right]), d)


def _appended(t: Tensor, a: memory.Coo, b: memory.Coo, values: Any, d: dtypes.dtype) -> Tensor:
    """The places of one behind those of the other; coalesced only where there are more of them than elements."""
    indices = np.concatenate([a.indices._read(), b.indices._read()], axis=1)
    made = memory.coo(t._shape, coalescing.row_major(indices), from_array(values, d), False)
    return coalescing.coalesced(made) if indices.shape[1] > t.numel() else made


def _dense_plus(self: Any, other: Tensor, alpha: Any, d: dtypes.dtype) -> Tensor:
    shape = self._shape if isinstance(self, Tensor) else ()
    if shape != other._shape:
        raise refusal("sparse.add.dense_sizes", self=list(shape), other=list(other._shape))
    total = np.broadcast_to(np.asarray(self._read() if isinstance(self, Tensor) else self), shape).astype(d.np)
    wanted = strides.like(shape, self._strides) if isinstance(self, Tensor) else None
    return from_array(coalescing.scattered(other, total, alpha), d, wanted)


def _cast(t: Tensor, d: dtypes.dtype) -> Tensor:
    kept = memory.coo_of(t)
    return t if kept.values._dtype is d else memory.with_values(t, kept.values.to(d))


@kernel("_add_scalar", "_sub_scalar")
def _add_number(self: Tensor, other: Any) -> Tensor:
    raise refusal("sparse.add.sparse_dense")


@kernel("sub")
def _sub(self: Any, other: Any, alpha: Any) -> Tensor:
    refuse_bools(promote([self, other]), self, other, alpha)
    check_alpha(promote([self, other]), self, other, alpha)
    return _add(self, other, -alpha)


@kernel("rsub", "_rsub_scalar")
def _rsub(self: Any, other: Any, alpha: Any = 1) -> Tensor:
    return _sub(other, self, alpha)


# -- products ----------------------------------------------------------------------------------------------------------


@kernel("mul", "_mul_scalar")
def _mul(self: Any, other: Any) -> Tensor:
    """The places of the sparse factor, or those that both have."""
    d = promote([self, other])
    sparse, factor = (self, other) if memory.is_coo(self) else (other, self)
    if not isinstance(factor, Tensor) or (not factor._shape and not memory.is_coo(factor)):
        return memory.with_values(sparse, _times(memory.coo_of(sparse).values, factor, d))
    if not memory.is_coo(factor):
        return _times_dense(factor, sparse, d)
    for number, t in ((self, other), (other, self)):
        if not number._shape:
            return _times_sparse_number(t, number, d)
    if self._shape != other._shape:
        raise refusal("sparse.mul.sizes")
    a, b = memory.coo_of(self), memory.coo_of(other)
    if not a.nnz or not b.nnz:
        return memory.no_places(self._shape, d, a.sparse_dim)
    if a.coalesced and b.coalesced:
        return _common(self, other, d)
    return _found_in(self, other, d)


def _times(values: Tensor, factor: Any, d: dtypes.dtype) -> Tensor:
    made: Tensor = (values * factor).to(d)
    return made


def _times_sparse_number(t: Tensor, number: Tensor, d: dtypes.dtype) -> Tensor:
    kept = memory.coo_of(coalescing.coalesced(number))
    if not kept.nnz:
        return memory.no_places(t._shape, d, memory.coo_of(t).sparse_dim)
    return memory.with_values(t, _times(memory.coo_of(t).values, kept.values[0], d))


def _common(a: Tensor, b: Tensor, d: dtypes.dtype) -> Tensor:
    """Both in order: the places that both have, in order."""
    ka, kb = memory.coo_of(a), memory.coo_of(b)
    at_a, at_b = (coalescing.flat(k.indices._read(), a._shape) for k in (ka, kb))
    _, ia, ib = np.intersect1d(at_a, at_b, assume_unique=True, return_indices=True)
    values = ka.values._read().astype(d.np)[ia] * kb.values._read().astype(d.np)[ib]
    return memory.coo(a._shape, coalescing.row_major(ka.indices._read()[:, ia]), from_array(values, d), True)


def _found_in(a: Tensor, b: Tensor, d: dtypes.dtype) -> Tensor:
    """Summands remain: the places of one of them, and the sum of each value's products with the other's values there.

    That one is not looked up which is not coalesced, or else the one with fewer places.
    """
    ka, kb = memory.coo_of(a), memory.coo_of(b)
    if ka.coalesced == kb.coalesced:
        swapped = ka.nnz < kb.nnz
    else:
        swapped = kb.coalesced
    looked_up, source = (b, a) if swapped else (a, b)
    kl, ks = memory.coo_of(looked_up), memory.coo_of(source)
    at_l, at_s = (coalescing.flat(k.indices._read(), a._shape) for k in (kl, ks))
    left, right = np.nonzero(at_s[:, None] == at_l[None, :])
    products = ks.values._read().astype(d.np)[left] * kl.values._read().astype(d.np)[right]
    values = np.zeros(ks.values._shape, d.np)
    (np.logical_or if d.category == 0 else np.add).at(values, left, products)
    return memory.coo(a._shape, coalescing.row_major(ks.indices._read()), from_array(values, d), ks.coalesced)


def _times_dense(dense: Tensor, sparse: Tensor, d: dtypes.dtype) -> Tensor:
    """The places of the sparse factor; of a dense one of more dimensions, in each of its slices."""
    shape = broadcast_shapes([dense._shape, sparse._shape])
    kept = memory.coo_of(sparse)
    if not kept.nnz or not sparse.numel() or not dense.numel():
        return memory.coo(shape, empty((len(shape), 0), dtypes.int64), empty((0,), d), None)
    extra = len(dense._shape) - len(sparse._shape)
    sparse = _stretched(sparse, shape[max(extra, 0) :])
    kept = memory.coo_of(sparse)
    if extra > 0:
        return _times_slices(dense, coalescing.coalesced(sparse), shape, extra, d)
    if len(dense._shape) <= kept.dense_dim:
        factor = dense
    else:
        skipped = -extra
        stretched = dense.expand(shape[len(shape) - len(dense._shape) :])
        places = kept.indices._read()[skipped:]
        factor = from_array(stretched._read()[tuple(places)], dense._dtype)
    values = (factor * kept.values).to(d)
    return memory.coo(shape, kept.indices._copy(strides.contiguous(kept.indices._shape)), values, kept.coalesced)


def _stretched(t: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Places repeated along sparse dimensions of size one, where the other factor has more."""
    kept = memory.coo_of(t)
    wide = [d for d in range(kept.sparse_dim) if t._shape[d] != shape[d]]
    if not wide:
        return t
    cite("sparse.mul.stretched")
    counts = tuple(shape[d] for d in wide)
    offsets = np.indices(counts).reshape(len(wide), -1)
    indices = np.repeat(kept.indices._read(), offsets.shape[1], axis=1)
    indices[wide] = np.tile(offsets, kept.nnz)
    values = from_array(np.repeat(kept.values._read(), offsets.shape[1], axis=0), t._dtype)
    sizes = tuple(shape[d] if d in wide else n for d, n in enumerate(t._shape))
    return coalescing.coalesced(memory.coo(sizes, coalescing.row_major(indices), values, False))


def _times_slices(dense: Tensor, sparse: Tensor, shape: tuple[int, ...], extra: int, d: dtypes.dtype) -> Tensor:
    kept = memory.coo_of(sparse)
    stretched = np.broadcast_to(dense._read(), shape)
    places = kept.indices._read()
    batch = np.indices(shape[:extra]).reshape(extra, -1)
    indices = np.concatenate([np.repeat(batch, kept.nnz, axis=1), np.tile(places, batch.shape[1])])
    values = stretched[tuple(indices)].astype(d.np) * np.concatenate(
        [kept.values._read().astype(d.np)] * batch.shape[1]
    )
    return memory.coo(shape, coalescing.row_major(indices), from_array(values, d), True)


# -- quotients and powers ----------------------------------------------------------------------------------------------


def _divisor(value: Any, word: str) -> Any:
    if isinstance(value, Tensor) and value._shape:
        raise refusal("sparse.div.shape", what=word, shape=list(value._shape))
    if memory.is_coo(value):
        raise refusal("sparse.div.sparse", what=word)
    return value


@kernel("div", "_div_scalar")
def _div(self: Any, other: Any, rounding_mode: Any = None) -> Tensor:
    """A tensor of coordinates by a number; rounding is of sums.

    Raises:
        RuntimeError: a divisor that has dimensions or is sparse.
    """
    divisor = _divisor(other, "division")
    if rounding_mode is not None:
        self = coalescing.coalesced(self)
    values = memory.coo_of(self).values
    made = values / divisor if rounding_mode is None else values.div(divisor, rounding_mode=rounding_mode)
    return memory.with_values(self, made)


@kernel("floor_divide")
def _floor_divide(self: Any, other: Any) -> Tensor:
    divisor = _divisor(other, "floor division")
    self = coalescing.coalesced(self)
    return memory.with_values(self, memory.coo_of(self).values.floor_divide(divisor))


@kernel("pow")
def _pow(self: Any, exponent: Any) -> Tensor:
    """A power other than the zeroth, which would be one everywhere."""
    if isinstance(exponent, Tensor):
        op = "pow.Tensor_Tensor" if isinstance(self, Tensor) else "pow.Scalar"
        raise refusal("sparse.unsupported", op=op, backend="SparseCPU")
    if exponent == 0:
        raise refusal("sparse.pow.zeroth")
    self = coalescing.coalesced(self)
    return memory.with_values(self, memory.coo_of(self).values.pow(exponent))


def _refuse_in_place(op: Any, self: Tensor, exponent: Any) -> None:
    form = "Tensor" if isinstance(exponent, Tensor) else "Scalar"
    raise refusal("sparse.unsupported", op=f"pow_.{form}", backend="SparseCPU")


IN_PLACE["pow"] = _refuse_in_place
