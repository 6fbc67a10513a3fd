"""A tensor's place in the graph: requires_grad, .grad, .data, detach, retain_grad, copies."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder, made
from conformance.generate.families import making
from conformance.program import steps as s


def change(b: Builder) -> None:
    b.choose.weighted(_KINDS, _CUMULATIVE)(b)


def _requires_grad(b: Builder) -> None:
    name = b.pick(None if b.choose.coin(0.3) else lambda t: not made(t))
    if name is None:
        return
    value: Any = b.choose.coin(0.7)
    if b.choose.coin(0.5):
        if b.spoil():
            value = b.choose.one_of((1, "a", None))
        b.emit(s.SetAttr(name, "requires_grad", value))
    else:
        args = () if value is True and b.choose.coin(0.6) else (value,)
        b.emit(s.Apply("requires_grad", (s.Ref(name), *args), form="inplace"))


def _set_grad(b: Builder) -> None:
    name = b.pick(lambda t: not made(t))
    if name is None:
        return
    t = b.tensors[name]
    value: Any = None
    if b.choose.coin(0.6):
        found = (
            None if b.choose.coin(0.4) else b.pick(lambda o: b.spoil() or (o.shape == t.shape and o.dtype is t.dtype))
        )
        value = s.Ref(found if found is not None else making.new(b, tuple(t.shape), t.dtype.name, False))
        if b.spoil():
            value = b.choose.one_of((1, "a", s.Ref(name)))
    b.emit(s.SetAttr(name, "grad", value))


def _detach(b: Builder) -> None:
    name = b.pick(lambda t: t.requires_grad or b.spoil())
    if name is None:
        return
    if b.choose.coin(0.3):
        b.emit(s.Apply("detach", (s.Ref(name),), form="inplace"))
    else:
        b.emit(s.Apply("detach", (s.Ref(name),), (), (b.fresh(),), "method"))


def _data(b: Builder) -> None:
    name = b.pick()
    if name is None:
        return
    t = b.tensors[name]
    if b.choose.coin(0.6):
        b.emit(s.Read(name, "data", b.fresh()))
        return
    other = b.pick(lambda o: (o.dtype is t.dtype and o.shape == t.shape) or b.spoil())
    if other is not None:
        b.emit(s.SetAttr(name, "data", s.Ref(other)))


def _retain(b: Builder) -> None:
    name = b.pick(lambda t: t.requires_grad or b.spoil())
    if name is not None:
        b.emit(s.AddHook(b.fresh("h"), "retain_grad", (name,)))


def _read_grad(b: Builder) -> None:
    name = b.pick()
    if name is not None:
        b.emit(s.Read(name, "grad", b.fresh() if not made(b.tensors[name]) and b.choose.coin(0.4) else None))


def _copied(b: Builder) -> None:
    """A copy that keeps, or cuts, what the original had."""
    name = b.pick()
    if name is None:
        return
    ways = ("copy.deepcopy", "nn.Parameter", "as_tensor", "copy.copy", "clone")
    kind = b.choose.weighted(ways, (3, 5.5, 6, 6.5, 7.5))
    if kind == "clone":
        b.call("clone", name)
    else:
        b.call(kind, name, form="function")


_KINDS = (_requires_grad, _set_grad, _detach, _data, _retain, _read_grad, _copied)
_CUMULATIVE = [4, 6, 10, 11.5, 13, 16, 17.5]
