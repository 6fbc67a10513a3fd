"""Forward mode: dual numbers made, used, viewed and changed in place, and their tangents looked at."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder
from conformance.generate.families import applying, calls, changing, making
from conformance.generate.families.rearranging import alias, rearrange
from conformance.program import steps as s

_USES = ("alias", "write", "op", "inplace", "rearrange", "copy_into")
_USE_WEIGHTS = [4, 8, 12, 13.5, 14.5, 16]


def dual(b: Builder) -> None:
    """One step of forward mode, right or wrong."""
    name = b.pick(_differentiable)
    if name is None:
        return
    if b.choose.coin(0.5):
        if not b.choose.coin(0.9 if b.open_modes else 0.1):
            _enter(b)
        _make(b, name, None)
    else:
        _unpack(b, name)


def story(b: Builder) -> None:
    """A dual tensor goes through ops, views and changes in place; then the tangents are looked at."""
    name = b.pick(_differentiable)
    if name is None:
        return
    _enter(b)
    if b.choose.coin(0.25):
        name = b.call("clone", name) or name
    made = _make(b, name, None)
    duals = [] if made is None else [made]
    if b.choose.coin(0.3):
        other = b.pick(lambda t: t.dtype is b.tensors[name].dtype and t.shape == b.tensors[name].shape)
        second = None if other is None else _make(b, other, _tangent(b))
        duals += [] if second is None else [second]
    if not duals:
        return
    concerned = list(duals)
    for _ in range(b.choose.integer(1, 4)):
        target = b.choose.one_of([n for n in concerned if n in b.tensors] or duals)
        if target not in b.tensors:
            break
        before = set(b.tensors)
        kind = b.choose.weighted(_USES, _USE_WEIGHTS)
        if kind == "alias":
            alias(b, target)
        elif kind == "write":
            changing.write(b, target)
        elif kind == "op":
            applying.op(b)
        elif kind == "inplace":
            applying.inplace(b)
        elif kind == "rearrange":
            rearrange(b)
        else:
            _copy_into(b, target)
        concerned += [n for n in b.tensors if n not in before]
    for n in dict.fromkeys(reversed(concerned)):
        if n in b.tensors and _differentiable(b.tensors[n]) and b.choose.coin(0.6):
            _unpack(b, n)
    rooted = [n for n in concerned if n in b.tensors and b.tensors[n].requires_grad]
    if rooted and b.choose.coin(0.25):
        calls.about(b, b.choose.one_of(rooted))
    if b.open_modes and b.choose.coin(0.5):
        b.open_modes -= 1
        b.emit(s.ExitMode())


def _differentiable(t: Any) -> bool:
    return bool(t.dtype.is_floating_point or t.dtype.is_complex)


def _enter(b: Builder) -> None:
    b.open_modes += 1
    b.emit(s.EnterMode("autograd.forward_ad.dual_level"))


def _make(b: Builder, name: str, tangent: str | None) -> str | None:
    t = b.tensors[name]
    if tangent is None or b.tensors[tangent].shape != t.shape:
        shape = tuple(t.shape) if not b.spoil() else (*t.shape, 1)
        tangent = making.new(b, shape, t.dtype.name, None if b.choose.coin(0.3) else False)
    out = b.fresh()
    b.emit(s.Apply("autograd.forward_ad.make_dual", (s.Ref(name), s.Ref(tangent)), (), (out,)))
    return out if out in b.tensors else None


def _tangent(b: Builder) -> str | None:
    """The tangent given last: two dual tensors may share it."""
    for step in reversed(b.steps):
        if isinstance(step, s.Apply) and step.op.endswith("make_dual") and b.choose.coin(0.5):
            given: Any = step.args[1]
            return str(given.name) if given.name in b.tensors else None
    return None


def _unpack(b: Builder, name: str) -> None:
    primal, tangent = b.fresh(), b.fresh()
    b.emit(s.Apply("autograd.forward_ad.unpack_dual", (s.Ref(name),), (), (primal, tangent)))
    if tangent in b.tensors and b.choose.coin(0.08):
        changing.write(b, tangent)


def _copy_into(b: Builder, source: str) -> None:
    """A dual tensor written into one that has no tangent, or into a view of it."""
    t = b.tensors[source]
    target = b.pick(lambda o: o.shape == t.shape and o is not t)
    if target is None or b.choose.coin(0.4):
        dtype = b.choose.one_of((t.dtype.name, t.dtype.name, "complex128", "float64"))
        target = making.new(b, tuple(t.shape), dtype, False)
    if b.choose.coin(0.3):
        target = alias(b, target) or target
    b.call(b.choose.one_of(("copy", "mul", "add")), target, source, form="inplace")
