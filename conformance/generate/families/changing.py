"""Changing in place what something else depends on: saved tensors, bases, views, overlapping memory, a cotangent.

These are stories of two or three steps. Drawn one by one, their steps would seldom meet on the same tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conformance.generate.builder import Builder, made
from conformance.generate.families import applying, calls, making
from conformance.generate.families.rearranging import alias
from conformance.program import steps as s

_WRITES = ("mul", "add", "zero", "fill", "copy", "other", "set", "any")
_WRITE_WEIGHTS = [4, 6, 7.5, 8.5, 10, 12, 14, 15]
_PLACES: tuple[Any, ...] = (0, s.Slice(None, 1), s.Slice(1), s.Ellipsis_())
_VALUES: tuple[Any, ...] = (0, 2.0)
_NO_GRAD = s.EnterMode("no_grad")


def after_use(b: Builder) -> None:
    """An op; then one of its arguments or results is changed, directly or by another way; then its gradient."""
    if b.choose.coin(0.6):  # a leaf may not be changed: work on a copy of it
        leaf = b.pick(lambda t: t.requires_grad and not made(t))
        if leaf is not None:
            b.call("clone", leaf)
    applying.op(b)
    step = b.steps[-1]
    if not isinstance(step, s.Apply) or b.traced[-1].outcome != "ok":
        return
    given = [*step.args, *(value for _, value in step.kwargs)]
    concerned = [n for n in dict.fromkeys((*_names(given), *step.outs)) if n in b.tensors]
    root = next((n for n in step.outs if n in b.tensors and b.tensors[n].requires_grad), None)
    if not concerned:
        return
    change(b, b.choose.one_of(concerned))
    if root is not None and b.choose.coin(0.8):
        calls.about(b, root)


def change(b: Builder, name: str) -> None:
    """Change a tensor in place: itself, or through a view, a detached alias, .data or no_grad."""
    way = b.choose.weighted(("itself", "view", "detach", "data", "no_grad", "view_no_grad"), (5, 9, 10.5, 11.5, 13, 14))
    target: str | None = name
    if way == "view":
        target = alias(b, name)
    elif way == "detach":
        target = b.call("detach", name)
    elif way == "data":
        target = b.call("data", name, form="property")
    if way.endswith("no_grad"):
        b.emit(_NO_GRAD)
        if way.startswith("view"):
            target = alias(b, name)
    if target is not None and target in b.tensors:
        write(b, target)
    if way.endswith("no_grad"):
        b.emit(s.ExitMode())


def write(b: Builder, name: str) -> None:
    """One in-place operation that suits nearly every tensor."""
    t = b.tensors[name]
    kind = b.choose.weighted(_WRITES, _WRITE_WEIGHTS)
    if kind in ("mul", "add"):
        b.call(kind, name, b.choose.one_of((2, -1, 3)), form="inplace")
    elif kind == "zero":
        b.call(kind, name, form="inplace")
    elif kind == "fill":
        b.call(kind, name, 2, form="inplace")
    elif kind in ("copy", "other"):
        found = b.pick(lambda o: o.shape == t.shape and o is not t)
        other = found if found is not None and b.choose.coin(0.6) else making.new(b, tuple(t.shape), t.dtype.name)
        b.call("copy" if kind == "copy" else b.choose.one_of(("mul", "add", "sub")), name, other, form="inplace")
    elif kind == "set" and t.ndim:
        at, value = b.choose.one_of(_PLACES), b.choose.one_of(_VALUES)
        b.emit(s.SetItem(name, at, value))
    else:
        applying.inplace(b)


def overlapping(b: Builder) -> None:
    """A write whose source and target share memory, or whose target holds an element twice."""
    name = b.pick(lambda t: t.ndim > 0 and t.numel() > 1)
    if name is None:
        return
    if b.tensors[name].requires_grad and not made(b.tensors[name]):
        copied = b.call("clone", name)
        if copied is None:
            return
        name = copied
    t = b.tensors[name]
    kind = b.choose.integer(0, 5)
    if kind == 0:
        part = b.fresh()
        b.emit(s.GetItem(part, name, s.Slice(None, -1)))
        b.emit(s.SetItem(name, s.Slice(1), s.Ref(part)))
    elif kind == 1 and t.ndim == 2:
        flipped = b.call("t", name)
        if flipped is not None:
            b.call(b.choose.one_of(("copy", "add", "mul")), name, flipped, form="inplace")
    elif kind == 2:
        part = b.fresh()
        index = s.Seq((s.Slice(), s.Slice(None, 1))) if t.ndim > 1 else s.Slice(None, 1)
        b.emit(s.GetItem(part, name, index))
        if part in b.tensors:
            b.call(b.choose.one_of(("sub", "add", "mul", "copy")), name, part, form="inplace")
    elif kind == 3:
        window = b.call("unfold", name, 0, min(2, int(t.shape[0])), 1)
        if window is not None:
            write(b, window)
    elif kind == 4:
        size, strides = ((2, 2), (1, 1)) if t.numel() > 2 else ((2,), (0,))
        twice = b.call("as_strided", name, s.Seq(size), s.Seq(strides))
        if twice is not None:
            write(b, twice)
    else:
        wider = b.call("expand", name, s.Seq((2, *t.shape)))
        if wider is not None:
            write(b, wider)
    if b.choose.coin(0.6):
        calls.about(b, name)


def views_at_once(b: Builder) -> None:
    """Two or three views of one tensor; one of the family is changed; another is asked for its gradient."""
    name = b.pick(lambda t: t.dtype.is_floating_point or t.dtype.is_complex)
    if name is None:
        return
    if b.tensors[name].requires_grad and not made(b.tensors[name]) and b.choose.coin(0.85):
        copied = b.call("mul", name, 1)
        if copied is None:
            return
        name = copied
    family = [name]
    for _ in range(b.choose.integer(1, 3)):
        found = alias(b, b.choose.one_of(family))
        if found is not None:
            family.append(found)
    if b.choose.coin(0.15):
        target = b.choose.one_of(family)
        if not b.tensors[target].requires_grad and (b.tensors[target].dtype.is_floating_point):
            b.emit(s.Apply("requires_grad", (s.Ref(target),), form="inplace"))
    read = b.choose.one_of(family)
    if b.choose.coin(0.3):  # something hangs on one of them before the change
        b.call(b.choose.one_of(("sin", "clone", "square", "sum")), read)
    for _ in range(b.choose.integer(1, 2)):
        change(b, b.choose.one_of([n for n in family if n in b.tensors]))
    rooted = [n for n in family if n in b.tensors and b.tensors[n].requires_grad]
    if rooted and b.choose.coin(0.7):
        calls.about(b, b.choose.one_of(rooted))


def _names(args: Sequence[Any]) -> list[str]:
    """Names of tensors in arguments, also within sequences."""
    found = []
    for arg in args:
        if isinstance(arg, s.Ref):
            found.append(arg.name)
        elif isinstance(arg, s.Seq):
            found += _names(arg.items)
    return found
