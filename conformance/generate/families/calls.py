"""Calls of backward and grad: every argument, right and wrong."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder, made
from conformance.generate.families import making
from conformance.program import steps as s

_FLAG = (True, False)


def backward(b: Builder, last: bool = False) -> None:
    roots = _roots(b)
    if not roots:
        return
    fields: dict[str, Any] = {}
    single = len(roots) == 1 and b.choose.coin(0.8)
    form = "method" if single and b.choose.coin(0.7) else "function"
    given = _cotangents(b, roots)
    if given is not None:
        fields["grad_tensors"] = given[0] if single and given and not b.spoil() else _sequence(b, given)
    _flags(b, fields)
    if b.choose.coin(0.15):
        fields["inputs"] = _inputs(b, 0.1)
    if b.choose.coin(0.02) and form == "function":
        fields["grad_variables"] = fields.get("grad_tensors") or given_or_none(given)
    tensors: Any = _root(b, roots[0]) if single else _sequence(b, [_root(b, r) for r in roots])
    if form == "method" and not isinstance(tensors, s.Ref):
        form = "function"
    b.emit(s.Backward(tensors, form="method" if form == "method" else "function", **fields), last)


def given_or_none(given: list[Any] | None) -> Any:
    return given[0] if given else None


def grad(b: Builder, last: bool = False) -> None:
    roots = _roots(b)
    if not roots:
        return
    fields: dict[str, Any] = {}
    batched = b.choose.coin(0.04)
    given = _cotangents(b, roots, batched)
    single = len(roots) == 1 and b.choose.coin(0.8)
    if given is not None:
        fields["grad_outputs"] = given[0] if single and given else _sequence(b, given)
    if batched:
        fields["is_grads_batched"] = True
    _flags(b, fields)
    if b.choose.coin(0.35):
        fields["allow_unused"] = b.choose.weighted((True, False, None), (8, 9, 10))
    if b.choose.coin(0.12):
        fields["materialize_grads"] = b.choose.coin(0.8)
    if b.choose.coin(0.02):
        fields["only_inputs"] = b.choose.one_of(_FLAG)
    inputs = _inputs(b, 0.05)
    if inputs is None:
        return
    count = len(inputs.items) if isinstance(inputs, (s.Seq, s.Generator)) else 1
    outs = tuple(b.fresh("g") for _ in range(count))
    if isinstance(inputs, s.Mapping):
        outs = ()
    outputs: Any = _root(b, roots[0]) if single else _sequence(b, [_root(b, r) for r in roots])
    b.emit(s.Grad(outs, outputs, inputs, **fields), last)


def closing(b: Builder) -> None:
    """A program ends with a question: the gradient of what was made last."""
    before = len(b.steps)
    (backward if b.choose.coin(0.6) else grad)(b, last=True)
    if len(b.steps) == before or not b.traced or (b.look is False and not b.traced[-1].tensors):
        target = b.pick()
        if target is not None:
            b.emit(s.Read(target, "requires_grad"), last=True)


def about(b: Builder, root: str) -> None:
    """An ordinary question about one root: its backward, or the gradients of some leaves."""
    if root not in b.tensors or not b.tensors[root].requires_grad:
        return
    given = cotangent(b, root)
    if b.choose.coin(0.6):
        fields: dict[str, Any] = {} if given is None else {"grad_tensors": given}
        if b.choose.coin(0.3):
            fields["retain_graph"] = True
        b.emit(s.Backward(s.Ref(root), **fields))
        return
    leaves = [n for n, t in b.tensors.items() if t.requires_grad and (not made(t) or b.choose.coin(0.2))][-3:]
    if leaves:
        more: dict[str, Any] = {} if given is None else {"grad_outputs": given}
        if b.choose.coin(0.3):
            more["create_graph"] = True
        names = tuple(b.fresh("g") for _ in leaves)
        b.emit(s.Grad(names, s.Ref(root), s.Seq(tuple(map(s.Ref, leaves))), allow_unused=True, **more))


def cotangent(b: Builder, root: str, recorded: float = 0.1) -> s.Ref | None:
    """A cotangent that fits, by name; None where one is made implicitly."""
    t = b.tensors[root]
    if t.numel() == 1 and not t.dtype.is_complex and b.choose.coin(0.6):
        return None
    return s.Ref(making.new(b, tuple(t.shape), t.dtype.name, b.choose.coin(recorded)))


# -- parts -----------------------------------------------------------------------------------------------------------


def _roots(b: Builder) -> list[str]:
    count = b.choose.weighted((1, 2, 3), (10, 12.5, 13))
    found = []
    if b.choose.coin(0.5):  # what was made last is what the program is about
        newest = next((n for n, t in reversed(b.tensors.items()) if _good_root(t)), None)
        if newest is not None:
            found.append(newest)
            count -= 1
    for _ in range(count):
        name = b.pick(None if b.choose.coin(0.04) else _good_root)
        if name is not None:
            found.append(name)
    return found


def _good_root(t: Any) -> bool:
    return bool(t.requires_grad and made(t))


def _root(b: Builder, name: str) -> Any:
    if b.choose.coin(0.03) and b.tensors[name].requires_grad:
        return s.Edge(name)
    if b.spoil() and b.choose.coin(0.3):
        return b.choose.one_of((1, "a", None, s.Opaque()))
    return s.Ref(name)


def _sequence(b: Builder, items: list[Any]) -> Any:
    if b.choose.coin(0.05):
        return s.Generator(tuple(items))
    return s.Seq(tuple(items), b.choose.one_of(("tuple", "list")))


def _flags(b: Builder, fields: dict[str, Any]) -> None:
    if b.choose.coin(0.35):
        fields["retain_graph"] = b.choose.weighted((True, False, None), (8, 9.5, 10))
    if b.choose.coin(0.25):
        fields["create_graph"] = b.choose.weighted((True, False), (4, 5))
    if b.spoil() and b.choose.coin(0.2):
        fields[b.choose.one_of(("retain_graph", "create_graph"))] = b.choose.one_of(("a", 1, 1.5))


def _cotangents(b: Builder, roots: list[str], batched: bool = False) -> list[Any] | None:
    """One for each root; None where every root has one element and none is needed."""
    scalars = all(b.tensors[r].numel() == 1 for r in roots)
    if scalars and b.choose.coin(0.6):
        return None
    if not scalars and b.choose.coin(0.06):
        return None
    out = [_cotangent(b, r, batched) for r in roots]
    if b.spoil():
        out = out[:-1] if b.choose.coin(0.6) else [*out, None]
    return out


def _cotangent(b: Builder, root: str, batched: bool) -> Any:
    t = b.tensors[root]
    if t.numel() == 1 and b.choose.coin(0.3):
        return None
    shape, dtype = tuple(t.shape), t.dtype.name
    if batched:
        shape = (b.choose.integer(1, 2), *shape)
    if b.spoil():
        kind = b.choose.integer(0, 3)
        if kind == 0:
            shape = (*shape, 1) if b.choose.coin(0.5) else tuple(n + 1 for n in shape)
        elif kind == 1:
            dtype = b.choose.one_of(("float32", "float64", "complex64", "int64", "bool"))
        elif kind == 2:
            return b.choose.one_of(("a", 1.0, s.Opaque()))
        else:
            return None
    if b.choose.coin(0.35):
        found = b.pick(lambda o: tuple(o.shape) == shape and o.dtype.name == dtype)
        if found is not None:
            return s.Ref(found)
    # a named, live cotangent: what happens to it afterwards is observed
    return s.Ref(making.new(b, shape, dtype, dtype.startswith(("float", "bfloat", "complex")) and b.choose.coin(0.1)))


def _inputs(b: Builder, unsuitable: float) -> Any:
    count = b.choose.weighted((1, 2, 3), (10, 14, 15))
    names = []
    for _ in range(count):
        name = b.pick(None if b.choose.coin(unsuitable) else lambda t: t.requires_grad)
        if name is not None:
            names.append(name)
    if not names:
        return None
    if b.spoil() and b.choose.coin(0.4):
        return b.choose.one_of((s.Seq(()), s.Seq((1,)), "a", 1, s.Seq((s.Ref(names[0]), None))))
    items: list[Any] = [s.Edge(n) if b.choose.coin(0.04) and b.tensors[n].requires_grad else s.Ref(n) for n in names]
    if len(items) == 1 and b.choose.coin(0.5):
        return items[0]
    if b.choose.coin(0.03):
        return s.Mapping(tuple((f"k{i}", item) for i, item in enumerate(items)))
    return _sequence(b, items)
