"""Custom autograd Functions."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder
from conformance.program import steps as s

CTX = s.Ref("ctx")


def custom(b: Builder) -> None:
    """Define and apply a Function of one or two tensors."""
    x = b.pick_differentiable() or b.pick()
    if x is None:
        return
    two = b.choose.coin(0.4)
    params = ("ctx", "a", "c") if two else ("ctx", "a")
    args: list[Any] = [s.Ref(x)]
    if two:
        shape = b.tensors[x].shape
        y = b.pick(lambda t: t.shape == shape)
        args.append(s.Ref(y if y is not None else x))
    forward, saves = _forward(b, two)
    backward = _backward(b, two, saves)
    definition = s.FunctionDef(
        b.fresh("Fn"),
        s.FunctionLit(params, tuple(forward[0]), forward[1]),
        backward,
        once_differentiable=b.choose.coin(0.1),
    )
    b.emit(s.CustomFunction(definition, tuple(args), (b.fresh(),)))


def _call(op: str, *args: Any, outs: tuple[str, ...] = (), form: Any = "method", unpack: bool = False) -> s.Apply:
    return s.Apply(op, args, (), outs, form, unpack)


def _forward(b: Builder, two: bool) -> tuple[tuple[list[Any], Any], bool]:
    """Steps and result of the forward, and whether it saves its first argument."""
    steps: list[Any] = []
    saves = b.choose.coin(0.6)
    if saves:
        steps.append(_call("save_for_backward", CTX, s.Ref("a")))
    kind = b.choose.weighted(
        ("scale", "square", "same", "view", "dirty", "first_and_mark", "no_tensor"), (6, 10, 11, 12, 14, 14.5, 14.8)
    )
    if kind == "scale":
        steps.append(_call("mul", s.Ref("a"), 3.0, outs=("r",)))
    elif kind == "square":
        steps.append(_call("mul", s.Ref("a"), s.Ref("c" if two else "a"), outs=("r",)))
    elif kind == "same":
        return (steps, s.Ref("a")), saves
    elif kind == "view":
        steps.append(_call("unsqueeze", s.Ref("a"), 0, outs=("r",)))
    elif kind == "dirty":
        steps.append(_call("mul", s.Ref("a"), 2.0, form="inplace"))
        if not b.spoil():
            steps.append(_call("mark_dirty", CTX, s.Ref("a")))
        return (steps, s.Ref("a")), saves
    elif kind == "first_and_mark":
        steps.append(_call("mul", s.Ref("a"), 2.0, outs=("r",)))
        steps.append(_call("mark_non_differentiable", CTX, s.Ref("r")))
    else:
        return (steps, 1.0), saves
    return (steps, s.Ref("r")), saves


def _backward(b: Builder, two: bool, saves: bool) -> s.FunctionLit:
    steps: list[Any] = []
    grad: Any = s.Ref("g")
    kind = b.choose.weighted(
        ("scale", "saved", "same", "none", "short", "long", "shape", "type"), (5, 9, 11, 12, 12.4, 12.8, 13.2, 13.4)
    )
    if kind == "saved" and saves:
        steps.append(s.Apply("saved_tensors", (CTX,), (), ("k",), "property", True))
        steps.append(_call("mul", s.Ref("g"), s.Ref("k"), outs=("r",)))
        grad = s.Ref("r")
    elif kind in ("scale", "saved"):
        steps.append(_call("mul", s.Ref("g"), 3.0, outs=("r",)))
        grad = s.Ref("r")
    elif kind == "shape":
        steps.append(_call("sum", s.Ref("g"), outs=("r",)))
        grad = s.Ref("r")
    elif kind == "none":
        grad = None
    elif kind == "type":
        grad = "a"
    count = (2 if two else 1) + {"short": -1, "long": 1}.get(kind, 0)
    result = grad if count == 1 else s.Seq((grad,) * count)
    return s.FunctionLit(("ctx", "g"), tuple(steps), result)
