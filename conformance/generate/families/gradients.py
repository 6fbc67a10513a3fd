"""Gradients as values that a program goes on with: shared, changed, differentiated again, used as cotangents."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder, made
from conformance.generate.families import applying, calls, making
from conformance.generate.families.changing import write
from conformance.generate.families.rearranging import alias
from conformance.program import steps as s


def shared_cotangent(b: Builder) -> None:
    """One named cotangent for views of one or two leaves, more than once."""
    first = _leaf(b)
    shape = tuple(b.tensors[first].shape)
    roots = [name for name in (_thin(b, first),) if name is not None]
    if b.choose.coin(0.5):
        roots += [name for name in (_thin(b, _leaf(b, shape)),) if name is not None]
    if len(roots) == 2 and b.choose.coin(0.6) and b.tensors[roots[0]].shape == b.tensors[roots[1]].shape:
        joined = b.call(b.choose.one_of(("add", "sub", "add", "mul")), *roots)
        roots = [joined] if joined is not None else roots
    roots = [r for r in roots if b.tensors[r].requires_grad]
    if not roots:
        return
    t = b.tensors[roots[0]]
    cotangent = making.new(b, tuple(t.shape), t.dtype.name, False)
    given = cotangent if b.choose.coin(0.7) else (alias(b, cotangent) or cotangent)
    again = b.choose.integer(1, 2)
    for k in range(1 + again):
        some = roots if b.choose.coin(0.6) else [b.choose.one_of(roots)]
        fields: dict[str, Any] = {"grad_tensors": s.Seq(tuple(s.Ref(given) for _ in some))}
        if k < again or b.choose.coin(0.2):
            fields["retain_graph"] = True
        b.emit(s.Backward(s.Seq(tuple(s.Ref(r) for r in some)), form="function", **fields))


def _leaf(b: Builder, shape: tuple[int, ...] | None = None) -> str:
    found = b.pick(lambda t: t.requires_grad and not made(t) and (shape is None or tuple(t.shape) == shape))
    if found is not None and b.choose.coin(0.7):
        return found
    return making.new(b, making.shape(b) if shape is None else shape, b.choose.one_of(("float64", "float32")), True)


def _thin(b: Builder, name: str) -> str | None:
    """Something whose gradient is passed on to the leaf with little or no arithmetic."""
    kind = b.choose.integer(0, 4)
    if kind == 0:
        return b.call("clone", name)
    if kind == 1:
        return b.call("add", name, 1)
    return alias(b, name)


def used_again(b: Builder) -> None:
    """A gradient is read or asked for, then changed in place or used as a cotangent."""
    roots = [n for n, t in b.tensors.items() if t.requires_grad and made(t)]
    if not roots:
        return
    root = b.choose.one_of(roots[-3:])
    cotangent = calls.cotangent(b, root)
    given: dict[str, Any] = {} if cotangent is None else {"grad_tensors": cotangent}
    b.emit(s.Backward(s.Ref(root), retain_graph=True, **given))
    leaf = b.pick(lambda t: t.requires_grad and not made(t))
    if leaf is None:
        return
    held = b.fresh("g")
    b.emit(s.Read(leaf, "grad", held))
    if held not in b.tensors:
        return
    kind = b.choose.integer(0, 3)
    if kind == 0:
        write(b, held)
    elif kind == 1:
        seen = alias(b, held)
        if seen is not None:
            write(b, seen)
    fitting = [n for n in roots if n in b.tensors and b.tensors[n].shape == b.tensors[held].shape]
    if fitting and b.choose.coin(0.7):
        some = [b.choose.one_of(fitting) for _ in range(b.choose.integer(1, 2))]
        b.emit(
            s.Backward(
                s.Seq(tuple(s.Ref(r) for r in some)),
                s.Seq(tuple(s.Ref(held) for _ in some)),
                retain_graph=True,
                form="function",
            )
        )
    else:
        b.emit(s.Backward(s.Ref(root), **given))


def differentiated_again(b: Builder) -> None:
    """An op, its gradient with create_graph, the gradient of that, now and then the third."""
    applying.op(b)
    step = b.steps[-1]
    outs = step.outs if isinstance(step, s.Apply) else ()
    root = next((n for n in outs if n in b.tensors and b.tensors[n].requires_grad and made(b.tensors[n])), None)
    if root is None:
        return
    for depth in range(b.choose.weighted((1, 2, 3), (2, 8, 10))):
        inputs = [n for n, t in b.tensors.items() if t.requires_grad and not made(t)][-3:]
        if not inputs or root not in b.tensors:
            return
        asked = [b.choose.one_of(inputs) for _ in range(b.choose.integer(1, 2))]
        given = calls.cotangent(b, root, 0.4)
        names = tuple(b.fresh("g") for _ in asked)
        more: dict[str, Any] = {} if given is None else {"grad_outputs": given}
        inputs_given = s.Seq(tuple(map(s.Ref, asked)))
        b.emit(s.Grad(names, s.Ref(root), inputs_given, create_graph=True, allow_unused=True, **more))
        found = [n for n in names if n in b.tensors and b.tensors[n].requires_grad]
        if not found:
            return
        root = b.choose.one_of(found)
        if depth == 0 and b.choose.coin(0.25):
            squared = b.call("mul", root, root)
            root = squared or root
