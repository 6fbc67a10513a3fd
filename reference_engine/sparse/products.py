"""Products of sparse matrices with dense and sparse ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj, scaled
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal
from reference_engine.sparse import coalescing, converting, memory
from reference_engine.sparse.access import backend_of
from reference_engine.sparse.kernels import COMPRESSED, kernel
from reference_engine.tensor import Tensor

Array = Any
_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _refuse_shapes(self: Tensor, mat2: Tensor) -> None:
    if self._shape[1] != mat2._shape[0]:
        a, b = self._shape, mat2._shape
        raise refusal("ops.mm.shapes", op="mm", a=a[0], b=a[1], c=b[0], d=b[1])


@kernel("mm")
def _mm(self: Tensor, mat2: Tensor) -> Tensor:
    """Sparse @ sparse is sparse, all other products are dense."""
    if memory.is_coo(self) and memory.is_coo(mat2):
        return _sparse_sparse(self, mat2)
    if not memory.is_coo(self):
        return _dense_sparse(self, mat2)
    zero = from_array(np.zeros((), mat2._dtype.np), mat2._dtype)
    return _addmm(zero, self, mat2, 0, 1)


def _dense_sparse(self: Tensor, mat2: Tensor) -> Tensor:
    _refuse_shapes(self, mat2)
    made: Tensor = _mm(mat2.t(), self.t()).t()
    return made


def _sparse_sparse(self: Tensor, mat2: Tensor) -> Tensor:
    """Coalesced, with a place for each that sums anything, though the sum may be zero."""
    _refuse_shapes(self, mat2)
    if self._dtype is not mat2._dtype:
        raise refusal("sparse.matmul.dtype", first=self._dtype.scalar_name, second=mat2._dtype.scalar_name)
    a, b = (memory.coo_of(coalescing.coalesced(t)) for t in (self, mat2))
    shape = (self._shape[0], mat2._shape[1])
    ia, ib = a.indices._read(), b.indices._read()
    pairs = np.nonzero(ia[1][:, None] == ib[0][None, :])
    values = a.values._read()[pairs[0]] * b.values._read()[pairs[1]]
    indices = np.stack([ia[0][pairs[0]], ib[1][pairs[1]]])
    made = memory.coo(shape, coalescing.row_major(indices), from_array(values, self._dtype), False)
    made = memory.copy(coalescing.coalesced(made))  # with no room for places that were merged
    memory.coo_of(made).coalesced = True
    return made


@kernel("addmm")
def _addmm(self: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta * dense + alpha * sparse @ dense.

    Raises:
        RuntimeError: other layouts, shapes or dtypes.
    """
    if memory.is_coo(self):
        raise refusal("sparse.addmm.result")
    if not memory.is_coo(mat1) or mat2._sparse is not None:
        if not memory.is_coo(mat1) and memory.is_coo(mat2):
            return self * beta + _dense_sparse(mat1, mat2) * alpha
        raise refusal("sparse.addmm.layouts", mat1=_layout(mat1), mat2=_layout(mat2))
    kept = memory.coo_of(mat1)
    base = self.expand((mat1.size(0), mat2.size(1)))
    if kept.sparse_dim != 2:
        raise refusal("sparse.addmm.matrix", rank=kept.sparse_dim)
    if kept.dense_dim:
        raise refusal("sparse.addmm.values", rank=kept.dense_dim)
    if len(mat2._shape) != 2:
        raise refusal("sparse.addmm.matrix", rank=len(mat2._shape))
    if mat2._shape[0] != mat1._shape[1]:
        raise refusal("sparse.addmm.size", size=mat1._shape[1], got=mat2._shape[0])
    for t in (mat2, self):
        if t._dtype is not mat1._dtype:
            raise refusal("sparse.dtype", expected=mat1._dtype.scalar_name, got=t._dtype.scalar_name)
    d = mat1._dtype
    made = np.zeros(base._shape, d.np) if beta == 0 else base._read() * d.np.type(beta)
    rows, columns = kept.indices._read()
    weights = kept.values._read() * d.np.type(alpha)
    np.add.at(made, rows, weights[:, None] * mat2._read()[columns])
    return from_array(np.asarray(made), d)


def _layout(t: Tensor) -> str:
    from reference_engine.sparse.access import layout_word

    return layout_word(t)


@kernel("mv")
def _mv(self: Tensor, vec: Tensor) -> Tensor:
    if len(self._shape) != 2 or len(vec._shape) != 1:
        raise refusal("sparse.mv.rank", matrix=len(self._shape), vector=len(vec._shape))
    if self._shape[1] != vec._shape[0]:
        raise refusal("sparse.mv.size")
    return _mm(self, vec.unsqueeze(-1)).squeeze(-1)


@kernel("bmm")
def _bmm(self: Tensor, mat2: Tensor) -> Tensor:
    if memory.is_coo(mat2):
        raise refusal("sparse.bmm.dense")
    kept = memory.coo_of(self)
    if kept.dense_dim:
        raise refusal("sparse.bmm.values", rank=kept.dense_dim)
    if kept.sparse_dim != 3:
        raise refusal("sparse.bmm.rank", rank=kept.sparse_dim)
    if len(mat2._shape) != 3:
        raise refusal("sparse.bmm.other_rank", rank=len(mat2._shape))
    if self._shape[0] != mat2._shape[0]:
        raise refusal("sparse.bmm.batch")
    if self._shape[2] != mat2._shape[1]:
        raise refusal("sparse.bmm.size")
    made: Tensor = self.to_dense().bmm(mat2)
    return made


# -- torch.sparse ------------------------------------------------------------------------------------------------------


def _masked(grad: Tensor, like: Tensor) -> Tensor:
    """A gradient where the sparse factor is specified: other places do not count as numbers that could move."""
    return grad.sparse_mask(like.coalesce() if memory.is_coo(like) else like)


_SPARSE_ADDMM = declare(
    "_sparse_addmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    forward=lambda self, mat1, mat2, beta, alpha: self.addmm(mat1, mat2, beta=beta, alpha=alpha),
    vjp={
        "self": lambda grad, beta: scaled(grad, conj(beta)),
        "mat1": lambda grad, mat1, mat2, alpha: scaled(_factor(grad, mat1, mat2), conj(alpha)),
        "mat2": lambda grad, mat1, alpha: scaled(conj(mat1.t()).mm(grad), conj(alpha)),
    },
    method=False, aliases=("sparse.addmm",),
)  # fmt: skip


def _factor(grad: Tensor, mat1: Tensor, mat2: Tensor) -> Tensor:
    whole = grad.mm(conj(mat2.t()))
    return whole if mat1._sparse is None else _masked(whole, mat1)


@kernel("_sparse_addmm")
def _sparse_addmm(self: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any) -> Tensor:
    made: Tensor = self.addmm(mat1, mat2, beta=beta, alpha=alpha)
    return made


def _matmul_backward(grad: Tensor, other: Tensor, like: Tensor, left: bool) -> Tensor:
    turned = conj(other.t())
    product = run(_SPARSE_MATMUL, [grad, turned] if left else [turned, grad])
    return product.sparse_mask(like) if like.is_coalesced() else product * _ones(like)


def _ones(like: Tensor) -> Tensor:
    """One at each place that is specified, as a dense tensor."""
    return from_array(converting.specified(like, 0).astype(like._dtype.np), like._dtype)


_SPARSE_MATMUL = declare(
    "_sparse_sparse_matmul(Tensor self, Tensor other) -> Tensor",
    forward=_sparse_sparse,
    vjp={
        "self": lambda grad, self, other: _matmul_backward(grad, other, self, True),
        "other": lambda grad, self, other: _matmul_backward(grad, self, other, False),
    },
    method=False,
)  # fmt: skip
kernel("_sparse_sparse_matmul")(_sparse_sparse)


def _sparse_mm(sparse: Tensor, dense: Tensor) -> Tensor:
    """``torch.sparse.mm``: gradients of a sparse factor have its places only.

    Raises:
        RuntimeError, IndexError: shapes or dtypes that do not fit.
    """
    made: Tensor
    if memory.is_coo(sparse) and memory.is_coo(dense):
        made = run(_SPARSE_MATMUL, [sparse, dense])
        return made
    like = dense if dense._sparse is None else sparse
    base = like.new_zeros((sparse.size(-2), dense.size(-1)))
    made = run(_SPARSE_ADDMM, [base, sparse, dense, 0, 1])
    return made


declare(
    "_sparse_mm(Tensor sparse, Tensor dense) -> Tensor",
    forward=_sparse_mm, composite=True, method=False, aliases=("sparse.mm",),
)  # fmt: skip


_EXTREMES = ("amax", "amin", "max", "min")


def _by_row(sparse: Tensor) -> tuple[Array, Array, Array]:
    """The row, the column and the value of each place of a CSR matrix."""
    kept = sparse._sparse
    assert isinstance(kept, memory.Compressed)
    starts = kept.compressed._read()
    return np.repeat(np.arange(len(starts) - 1), np.diff(starts)), kept.plain._read(), kept.values._read()


def _chosen(sparse: Tensor, other: Tensor, reduce: str) -> Array:
    """Which of the products of a row each result is, for the largest or smallest; -1 where there are none."""
    rows, columns, values = _by_row(sparse)
    products = values[:, None] * other._read()[columns]
    chosen = np.full((sparse._shape[0], other._shape[1]), -1, np.int64)
    for row in np.unique(rows):
        inside = np.flatnonzero(rows == row)
        best = products[inside].argmax(0) if reduce in ("amax", "max") else products[inside].argmin(0)
        chosen[row] = inside[best]
    return chosen


def _mm_reduced(self: Tensor, other: Tensor, reduce: str) -> Tensor:
    """CSR @ dense, where the products of a row are summed, averaged, or the extreme one is taken.

    Raises:
        RuntimeError: another reduction.
    """
    if not isinstance(self._sparse, memory.Compressed):
        raise refusal("sparse.unsupported", op="_sparse_mm_reduce_impl", backend=backend_of(self))
    if reduce not in ("sum", "mean", *_EXTREMES):
        raise refusal("sparse.mm.reduce", reduce=reduce)
    rows, columns, values = _by_row(self)
    products = values[:, None] * other._read()[columns]
    if reduce in _EXTREMES:
        chosen = _chosen(self, other, reduce)
        made = np.where(chosen < 0, 0, np.take_along_axis(products, np.maximum(chosen, 0), 0) if len(products) else 0)
    else:
        made = np.zeros((self._shape[0], other._shape[1]), products.dtype)
        np.add.at(made, rows, products)
        if reduce == "mean":
            made = made / np.maximum(np.bincount(rows, minlength=len(made)), 1).astype(made.dtype)[:, None]
    return from_array(made, self._dtype)


def _weights(sparse: Tensor, other: Tensor, reduce: str) -> Array:
    """How much of each product goes into the result of its row and column."""
    rows, _, values = _by_row(sparse)
    if reduce in _EXTREMES:
        return (_chosen(sparse, other, reduce)[rows] == np.arange(len(values))[:, None]).astype(values.dtype)
    whole = np.ones((len(values), other._shape[1]), values.dtype)
    if reduce == "mean":
        whole = whole / np.bincount(rows, minlength=sparse._shape[0])[rows].astype(values.dtype)[:, None]
    return whole


def _of_sparse(grad: Tensor, self: Tensor, other: Tensor, reduce: str) -> Tensor:
    rows, columns, _ = _by_row(self)
    found = (grad._read()[rows] * _weights(self, other, reduce) * other._read()[columns]).sum(1)
    return memory.with_values(self, from_array(found, self._dtype))


def _of_dense(grad: Tensor, self: Tensor, other: Tensor, reduce: str) -> Tensor:
    rows, columns, values = _by_row(self)
    made = np.zeros(other._shape, other._dtype.np)
    np.add.at(made, columns, grad._read()[rows] * _weights(self, other, reduce) * values[:, None])
    return from_array(made, other._dtype)


_MM_REDUCED = declare(
    "_sparse_mm_reduce_impl(Tensor self, Tensor other, str reduce) -> Tensor",
    forward=_mm_reduced, node="SparseMmReduceImplBackward0", vjp={"self": _of_sparse, "other": _of_dense}, **_HIDDEN,
)  # fmt: skip
kernel("_sparse_mm_reduce_impl")(kernel("_sparse_mm_reduce_impl", table=COMPRESSED)(_mm_reduced))

declare(
    "_sparse_mm(Tensor sparse, Tensor dense, str reduce) -> Tensor",
    forward=lambda sparse, dense, reduce: run(_MM_REDUCED, [sparse, dense, reduce]), composite=True, method=False,
    aliases=("sparse.mm",), when="sparse.mm.reduces",
)  # fmt: skip

# -- older names -------------------------------------------------------------------------------------------------------


def _as_places(dense: Tensor, sparse_dim: int, coalesced: bool = False) -> Tensor:
    """Every element of a dense tensor at a place of its own."""
    shape = dense._shape[:sparse_dim]
    places = np.indices(shape).reshape(sparse_dim, -1)
    values = dense._read().reshape(-1, *dense._shape[sparse_dim:])
    return memory.coo(dense._shape, coalescing.row_major(places), from_array(values, dense._dtype), coalesced)


def _sspaddmm(self: Tensor, mat1: Tensor, mat2: Tensor, beta: Any, alpha: Any) -> Tensor:
    """beta * sparse + alpha * sparse @ dense, sparse: rows that the sparse factor has anything in."""
    a, b = memory.coo_of(self), memory.coo_of(mat1)
    product = (mat1 if alpha == 1 else mat1 * alpha).mm(mat2)
    rows = np.unique(b.indices._read()[0])
    columns = np.arange(mat2._shape[1])
    indices = np.stack([np.repeat(rows, len(columns)), np.tile(columns, len(rows))])
    values = product._read()[tuple(indices)]
    kept = a.values._read() * a.values._dtype.np.type(beta)
    return memory.coo(
        self._shape, coalescing.row_major(np.concatenate([a.indices._read(), indices], axis=1)),
        from_array(np.concatenate([kept, values]), self._dtype), False,
    )  # fmt: skip


_SSPADDMM = declare(
    "sspaddmm(Tensor self, Tensor mat1, Tensor mat2, *, Scalar beta=1, Scalar alpha=1) -> Tensor",
    forward=_sspaddmm, underived=True,
)  # fmt: skip
kernel("sspaddmm")(_sspaddmm)


def _smm(self: Tensor, mat2: Tensor) -> Tensor:
    base = memory.no_places((self._shape[0], mat2._shape[1]), self._dtype)
    made: Tensor = run(_SSPADDMM, [base, self, mat2, 0, 1])
    return made


declare("smm(Tensor self, Tensor mat2) -> Tensor", forward=_smm, composite=True)


def _hspmm(mat1: Tensor, mat2: Tensor) -> Tensor:
    """Sparse @ dense, with dense rows: one for each row that the sparse factor has anything in."""
    kept = memory.coo_of(mat1)
    if kept.sparse_dim != 2:
        raise refusal("sparse.hspmm.matrix", argument=2, rank=kept.sparse_dim)
    if kept.dense_dim:
        raise refusal("sparse.hspmm.values", rank=kept.dense_dim)
    if len(mat2._shape) != 2:
        raise refusal("sparse.hspmm.matrix", argument=3, rank=len(mat2._shape))
    if mat2._shape[0] != mat1._shape[1]:
        raise refusal("sparse.hspmm.size", size=mat1._shape[1], got=mat2._shape[0])
    rows = np.unique(kept.indices._read()[0])
    values = from_array(_mm(mat1, mat2)._read()[rows], mat2._dtype)
    return memory.coo((mat1._shape[0], mat2._shape[1]), coalescing.row_major(rows[None]), values, None)


declare(
    "hspmm(Tensor mat1, Tensor mat2) -> Tensor",
    forward=_hspmm,
    underived=True,
    out=True,
    method=False,
    aliases=("hsmm",),
)
kernel("hspmm")(_hspmm)

declare("dsmm(Tensor self, Tensor mat2) -> Tensor", forward=lambda self, mat2: self.mm(mat2), composite=True,
        method=False, aliases=("spmm",))  # fmt: skip
