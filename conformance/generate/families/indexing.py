"""Reading and writing through an index: x[i], x[a:b] = y, masks and index tensors."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder
from conformance.generate.families import making
from conformance.program import steps as s


def index(b: Builder) -> None:
    name = b.pick()
    if name is None:
        return
    t = b.tensors[name]
    at = _index(b, t)
    if b.choose.coin(0.5):
        b.emit(s.GetItem(b.fresh(), name, at))
        return
    value: Any
    kind = b.choose.integer(0, 2)
    if kind == 0:
        value = b.choose.one_of((0, 1.5, -2))
    elif kind == 1:
        found = b.pick(lambda o: o.ndim <= t.ndim and o.dtype is t.dtype)
        value = s.Ref(found) if found is not None else 1.0
    else:
        value = s.Ref(making.new(b, (), t.dtype.name))
    b.emit(s.SetItem(name, at, value))


def _index(b: Builder, t: Any) -> Any:
    items = [_one(b, n) for n in t.shape[: b.choose.integer(0, max(t.ndim, 0))]]
    if b.choose.coin(0.1):
        items.insert(b.choose.integer(0, len(items)), None)
    if b.choose.coin(0.15):
        items.insert(b.choose.integer(0, len(items)), s.Ellipsis_())
    if b.choose.coin(0.1):
        mask = b.pick(lambda o: o.dtype.name == "bool" and o.shape == t.shape)
        if mask is not None:
            return s.Ref(mask)
    if len(items) == 1 and b.choose.coin(0.8):
        return items[0]
    return s.Seq(tuple(items))


def _one(b: Builder, n: int) -> Any:
    kind = b.choose.weighted((0, 1, 2, 3), (5, 9, 10, 10.5))
    if kind == 0:
        return b.choose.integer(-n, n - 1) if n and not b.spoil() else n + 1
    if kind == 1:
        start = b.choose.integer(-n, n) if b.choose.coin(0.5) else None
        stop = b.choose.integer(-n, n + 1) if b.choose.coin(0.5) else None
        step = b.choose.integer(1, 2) if b.choose.coin(0.3) else None
        return s.Slice(start, stop, -1 if b.spoil() else step)
    if kind == 2 and n:
        return s.Seq(tuple(b.choose.integer(-n, n - 1) for _ in range(b.choose.integer(1, 3))), "list")
    return b.choose.coin(0.5)
