"""Sparse tensors: made, changed and summed, and gradients that are sparse or go to what is sparse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.generate.builder import Builder, made
from conformance.generate.families import making
from conformance.program import steps as s

_FLOATS = ("float64", "float32", "float64", "complex128", "float64")
_SHAPES = ((2, 3), (3,), (3, 2), (2, 2), (2, 2, 2), (4, 2))


def places(b: Builder) -> None:
    """One to three things done to sparse tensors, then mostly a backward through them."""
    b.specified = True
    name = b.choose.one_of(list(b.sparse)) if b.sparse and b.choose.coin(0.5) else _new(b)
    if name is None:
        return
    for _ in range(b.choose.integer(0, 2)):
        b.choose.weighted(_DOINGS, _OFTEN)(b, name)
        name = b.choose.one_of(list(b.sparse)[-3:]) if b.sparse else name
    if name in b.sparse and b.sparse[name].requires_grad and b.choose.coin(0.7):
        _differentiate(b, name)


# -- making ------------------------------------------------------------------------------------------------------------


def _new(b: Builder) -> str | None:
    kind = b.choose.weighted((_from_places, _from_dense, _table, _mask), (5, 8, 9.5, 10.5))
    found: str | None = kind(b)
    return found


def _leaf(b: Builder, shape: tuple[int, ...], dtype: str) -> str:
    return making.new(b, shape, dtype, b.choose.coin(0.7))


def _from_places(b: Builder) -> str | None:
    """Coordinates that may repeat, with values that may require grad; or a leaf."""
    shape = b.choose.one_of(_SHAPES)
    dims = b.choose.integer(1, len(shape))
    nnz = b.choose.integer(0, 4)
    dtype = b.choose.one_of(_FLOATS)
    places = tuple(b.choose.integer(0, size - 1) for size in shape[:dims] for _ in range(nnz))
    indices = b.fresh()
    b.emit(s.Make(indices, places or (0,), (dims, nnz), "int64"))
    if nnz == 1 and dims < len(shape):  # torch tells a single row by its stride, and writes beyond it
        values = b.fresh()
        row = making.values(b, dtype, making.numel(shape[dims:]))
        b.emit(s.Make(values, row, (1, *shape[dims:]), dtype, b.choose.coin(0.7)))
    else:
        values = _leaf(b, (nnz, *shape[dims:]), dtype)
    options: dict[str, Any] = {"check_invariants": b.choose.coin(0.5)}
    if b.choose.coin(0.15):
        options["requires_grad"] = True
    size = s.Seq(shape, "tuple") if not b.spoil() else s.Seq((*shape, 2), "tuple")
    out = b.fresh()
    given = (s.Ref(indices), s.Ref(values), size)
    b.emit(s.Apply("sparse_coo_tensor", given, tuple(options.items()), (out,), "function"))
    return out if out in b.sparse else None


def _from_dense(b: Builder) -> str | None:
    shape = b.choose.one_of(_SHAPES)
    dense = _leaf(b, shape, b.choose.one_of(_FLOATS))
    if b.choose.coin(0.3):
        return b.call("to_sparse", dense, b.choose.integer(1, len(shape)))
    found = b.call("to_sparse", dense)
    if found is not None and not b.sparse[found].requires_grad and b.choose.coin(0.6):
        b.emit(s.SetAttr(found, "requires_grad", True))
    return found


def _table(b: Builder) -> str | None:
    """Rows looked up in a table whose gradient is to be sparse."""
    table = making.new(b, (4, 2), b.choose.one_of(("float64", "float32")), True)
    indices = b.fresh()
    count = b.choose.integer(1, 3)
    b.emit(s.Make(indices, tuple(b.choose.integer(0, 3) for _ in range(count)), (count,), "int64"))
    rows = b.fresh()
    options: tuple[Any, ...] = (("sparse", True),)
    if b.choose.coin(0.3):
        options = (*options, ("padding_idx", b.choose.integer(0, 3)))
    given = (s.Ref(indices), s.Ref(table))
    b.emit(s.Apply("nn.functional.embedding", given, options, (rows,), "function"))
    if rows in b.tensors:
        root = b.call("sum", b.call("mul", rows, rows) or rows) if b.choose.coin(0.5) else b.call("sum", rows)
        if root is not None and b.tensors[root].requires_grad:
            b.emit(s.Backward(s.Ref(root), create_graph=True) if b.choose.coin(0.1) else s.Backward(s.Ref(root)))
            held = b.fresh("g")
            b.emit(s.Read(table, "grad", held))
            return held if held in b.sparse else None
    return None


def _mask(b: Builder) -> str | None:
    like = b.choose.one_of(list(b.sparse)) if b.sparse else _from_dense(b)
    if like is None or not b.sparse[like].is_sparse:
        return None
    t = b.sparse[like]
    return b.call("sparse_mask", _leaf(b, tuple(t.shape), t.dtype.name), like)


# -- doing -------------------------------------------------------------------------------------------------------------

_UNARY = ("neg", "abs", "sin", "sqrt", "relu", "sign", "log1p", "coalesce", "clone", "detach", "t", "exp", "floor")


def _unary(b: Builder, name: str) -> None:
    b.call(b.choose.one_of(_UNARY), name)


def _arithmetic(b: Builder, name: str) -> None:
    """With a number, a dense or a sparse tensor, on either side."""
    t = b.sparse[name]
    op = b.choose.one_of(("mul", "add", "mul", "sub", "div", "pow"))
    if op in ("div", "pow") or b.choose.coin(0.3):
        b.call(op, name, b.choose.one_of((2, 0.5, 3)))
        return
    alike = [n for n, other in b.sparse.items() if tuple(other.shape) == tuple(t.shape)]
    other = b.choose.one_of(alike) if b.choose.coin(0.6) else _leaf(b, tuple(t.shape), t.dtype.name)
    pair = (name, other) if b.choose.coin(0.5) else (other, name)
    b.call(op, *pair)


def _in_place(b: Builder, name: str) -> None:
    op = b.choose.one_of(("mul_", "add_", "zero_", "neg_", "copy_", "sin_", "mul_"))
    if op in ("zero_", "neg_", "sin_"):
        b.call(op, name, form="inplace")
    elif op == "mul_" and b.choose.coin(0.6):
        b.call(op, name, 2, form="inplace")
    else:
        b.call(op, name, name, form="inplace")


def _part(b: Builder, name: str) -> None:
    t = b.sparse[name]
    dim = b.choose.integer(0, max(len(t.shape) - 1, 0))
    kind = b.choose.integer(0, 4)
    if kind == 0:
        b.call("select", name, dim, b.choose.integer(0, 1))
    elif kind == 1:
        b.call("unsqueeze", name, dim)
    elif kind == 2:
        b.call("values", name)
    elif kind == 3:
        b.call("transpose", name, 0, dim)
    else:
        out = b.fresh()
        b.emit(s.Apply("cat", (s.Seq((s.Ref(name), s.Ref(name))), dim), (), (out,), "function"))


def _reduction(b: Builder, name: str) -> None:
    t = b.sparse[name]
    dim = b.choose.integer(0, max(len(t.shape) - 1, 0))
    op = b.choose.one_of(("sparse.sum", "sparse.softmax", "sparse.log_softmax", "sparse.sum"))
    if op == "sparse.sum" and b.choose.coin(0.4):
        b.call(op, name, form="function")
    else:
        b.call(op, name, dim, form="function")


def _product(b: Builder, name: str) -> None:
    t = b.sparse[name]
    if len(t.shape) != 2:
        return
    rows = t.shape[1] + (1 if b.spoil() else 0)
    dense = _leaf(b, (rows, b.choose.integer(1, 3)), t.dtype.name)
    if b.choose.coin(0.6):
        b.call("sparse.mm", name, dense, form="function")
    else:
        b.call(b.choose.one_of(("matmul", "mm")), name, dense)


def _read(b: Builder, name: str) -> None:
    what = b.choose.one_of(("is_coalesced", "sparse_dim", "dense_dim", "is_sparse", "layout", "repr"))
    b.emit(s.Read(name, what))


def _assign(b: Builder, name: str) -> None:
    """As the gradient of a leaf that fits, or nearly."""
    t = b.sparse[name]
    leaf = b.pick(lambda other: not made(other) and other.requires_grad and tuple(other.shape) == tuple(t.shape))
    if leaf is None:
        leaf = making.new(b, tuple(t.shape), t.dtype.name, True)
    b.emit(s.SetAttr(leaf, "grad", s.Ref(name)))


_DOINGS: tuple[Callable[[Builder, str], None], ...] = (
    _unary, _arithmetic, _in_place, _part, _reduction, _product, _read, _assign,
)  # fmt: skip
_OFTEN = (3, 7, 9, 11, 13, 15, 16, 17)


# -- differentiating ---------------------------------------------------------------------------------------------------


def _differentiate(b: Builder, name: str) -> None:
    """By way of a dense tensor, or with a cotangent that is sparse or dense."""
    t = b.sparse[name]
    if b.choose.coin(0.6):
        dense = b.call("to_dense", name)
        if dense is None:
            return
        root = b.call("sum", b.call("mul", dense, dense) or dense)
        if root is not None and b.tensors[root].requires_grad and not b.tensors[root].is_complex():
            b.emit(s.Backward(s.Ref(root)))
        return
    alike = [n for n, other in b.sparse.items() if tuple(other.shape) == tuple(t.shape)]
    if b.choose.coin(0.6):
        cotangent = b.choose.one_of(alike)
    else:
        cotangent = making.new(b, tuple(t.shape), t.dtype.name, False)
    b.emit(s.Backward(s.Ref(name), s.Ref(cotangent)))
