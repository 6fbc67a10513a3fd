"""Views that are no ops of the catalogue: properties, other dtypes, aliases, and changes of a tensor's own geometry."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder
from conformance.program import steps as s

_SAME_SIZE = {"float64": ("float64", "int64", "complex64"), "float32": ("float32", "int32")}
_OTHER_SIZE = {"float64": ("complex128", "float32"), "float32": ("float64", "float16")}


def rearrange(b: Builder) -> None:
    """One view, or one change of geometry in place."""
    name = b.pick()
    if name is not None:
        b.choose.weighted(_KINDS, _CUMULATIVE)(b, name)


def alias(b: Builder, name: str) -> str | None:
    """A view of all or nearly all of a tensor, by one of many ways."""
    t = b.tensors[name]
    ways: list[Any] = ["all", "view_as", "detach", "unsqueeze", "flat", "expand_as", "squeeze"]
    if t.ndim:
        ways += ["part", "transpose", "flatten", "narrow", "select"]
    if t.ndim == 2:
        ways += ["t", "mT"]
    if t.dtype.is_complex:
        ways += ["real", "imag", "view_as_real", "conj"]
    way = b.choose.one_of(ways)
    if way in ("all", "part"):
        out = b.fresh()
        n = t.shape[0] if t.ndim else 0
        some: tuple[Any, ...] = (s.Slice(1), s.Slice(None, max(n - 1, 1)), s.Slice())
        b.emit(s.GetItem(out, name, s.Ellipsis_() if way == "all" else b.choose.one_of(some)))
        return out if out in b.tensors else None
    if way in ("view_as", "expand_as"):
        return b.call(way, name, name)
    if way == "unsqueeze":
        return b.call(way, name, b.choose.one_of((0, -1)))
    if way == "flat":
        return b.call("view", name, -1)
    if way in ("transpose", "flatten"):
        return b.call(way, name, 0, -1)
    if way == "narrow":
        return b.call(way, name, 0, 0, max(int(t.shape[0]) - 1, 0))
    if way == "select":
        return b.call(way, name, 0, b.choose.one_of((0, -1)))
    if way in ("mT", "real", "imag"):
        return b.call(way, name, form="property")
    return b.call(way, name)


def _alias(b: Builder, name: str) -> None:
    alias(b, name)


def _property(b: Builder, name: str) -> None:
    t = b.tensors[name]
    names = ["real", "T", "mT", "H", "mH", "data"] if t.ndim == 2 else ["real", "data", "mT"]
    b.call(b.choose.one_of([*names, "imag"] if t.dtype.is_complex or b.spoil() else names), name, form="property")


def _conjugate(b: Builder, name: str) -> None:
    ops = ("conj", "resolve_conj", "resolve_neg", "conj_physical", "adjoint", "positive", "contiguous", "ravel")
    b.call(b.choose.one_of(ops), name)


def _other_dtype(b: Builder, name: str) -> None:
    """The same memory read as another dtype."""
    dtype = b.tensors[name].dtype.name
    table = _SAME_SIZE if b.choose.coin(0.7) else _OTHER_SIZE
    b.call("view", name, s.Dtype(b.choose.one_of(table.get(dtype, (dtype,)))))


def _converted(b: Builder, name: str) -> None:
    dtypes = ("float64", "float32", "complex128", "int64", "bool")
    b.call("to", name, s.Dtype(b.choose.one_of((b.tensors[name].dtype.name, *dtypes))))


def _parts(b: Builder, name: str) -> None:
    """Several views at once: those that may not be changed in place."""
    t = b.tensors[name]
    dim = b.choose.integer(0, max(t.ndim - 1, 0))
    size = int(t.shape[dim]) if t.ndim else 1
    op = b.choose.one_of(("chunk", "split", "tensor_split", "unbind"))
    args: tuple[Any, ...] = (dim,) if op == "unbind" else (b.choose.integer(1, 2), dim)
    count = {"chunk": min(args[0], size), "split": -(-size // max(args[0], 1)), "tensor_split": args[0]}.get(op, size)
    if not 0 < count <= 4:
        return
    b.emit(s.Apply(op, (s.Ref(name), *args), (), tuple(b.fresh() for _ in range(count)), "method", unpack=True))


def _geometry(b: Builder, name: str) -> None:
    """A change of shape, strides or offset of the tensor itself."""
    t = b.tensors[name]
    last = max(t.ndim - 1, 0)
    kind = b.choose.weighted(_GEOMETRY, _GEOMETRY_CUMULATIVE)
    args: tuple[Any, ...] = ()
    if kind in ("transpose", "swapaxes", "swapdims"):
        args = (0, last if not b.spoil() else last + 1)
    elif kind == "squeeze":
        args = () if b.choose.coin(0.5) else (b.choose.integer(0, last),)
    elif kind == "unsqueeze":
        args = (b.choose.integer(-1, last),)
    elif kind == "as_strided":
        room = t.untyped_storage().nbytes() // max(t.element_size(), 1)
        size = b.choose.integer(0, min(room, 3))
        step = b.choose.integer(0, 2) if size < 2 or 2 * (size - 1) < room else 1
        args = (s.Seq((size,)), s.Seq((step,)))
        if b.choose.coin(0.5):
            args = (*args, max(room - 1 - max(size - 1, 0) * step, 0))
    elif kind == "resize":
        n = int(t.numel())
        sizes = ((n,), (n + 2,), (max(n - 1, 0),), (1, n), (-1,)) if not b.spoil() else ((-2,), (-1,))
        args = (s.Seq(b.choose.one_of(sizes)),)
    elif kind in ("resize_as", "set"):
        other = b.pick(lambda o: o.dtype is t.dtype)
        if other is None:
            return
        args = (s.Ref(other),)
    b.emit(s.Apply(kind, (s.Ref(name), *args), form="inplace"))


_GEOMETRY = (
    *("t", "transpose", "squeeze", "unsqueeze", "as_strided"),
    *("swapaxes", "resize", "set", "resize_as", "swapdims"),
)
_GEOMETRY_CUMULATIVE = [5, 10, 13, 16, 20, 21, 23, 24.5, 25, 25.5]
_KINDS = (_alias, _property, _conjugate, _other_dtype, _converted, _parts, _geometry)
_CUMULATIVE = [5, 7, 9, 10.5, 11.5, 13, 17]
