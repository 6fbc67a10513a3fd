"""Hooks on tensors, leaves, nodes and groups of tensors."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder, made
from conformance.program import steps as s

_KINDS = ("tensor", "retain_grad", "node_post", "node_pre", "post_accumulate", "multi_all", "multi_any")
_WEIGHTS = [10, 16, 18, 20, 22, 23, 24]
_TENSOR = (
    "observe",
    "scale",
    "add",
    "identity",
    "zeros",
    "clone",
    "detach",
    "inplace_scale",
    "replace",
    "wrong_shape",
    "wrong_dtype",
    "wrong_type",
    "raise",
    "keep",
    "keep_detached",
    "steps",
)
_TENSOR_WEIGHTS = [10, 16, 19, 20, 21, 22, 22.5, 24, 24.5, 25, 25.4, 25.8, 26.3, 28, 29.5, 32]
_NODE = ("observe", "scale_first", "none_tuple", "short_tuple", "wrong_type", "raise")
_NODE_WEIGHTS = [10, 15, 15.4, 15.8, 16.1, 16.6]
_LEAF = ("observe", "clear_grad", "raise", "steps")


def hook(b: Builder) -> None:
    if b.handles and b.choose.coin(0.2):
        handle = b.choose.one_of(b.handles)
        b.emit(s.RemoveHook(handle))
        return
    kind = b.choose.weighted(_KINDS, _WEIGHTS)
    name = b.pick(None if b.spoil() else _suits[kind])
    if name is None:
        return
    targets = [name]
    if kind.startswith("multi"):
        other = b.pick(lambda t: t.requires_grad)
        if other is not None:
            targets.append(other)
    out = b.fresh("h")
    b.emit(s.AddHook(out, kind, tuple(targets), _callback(b, kind, name, out)))  # type: ignore[arg-type]
    if b.traced[-1].outcome == "ok" and kind != "retain_grad":
        b.handles.append(out)


_suits: dict[str, Any] = {
    "tensor": lambda t: t.requires_grad,
    "retain_grad": lambda t: t.requires_grad,
    "node_post": lambda t: made(t),
    "node_pre": lambda t: made(t),
    "post_accumulate": lambda t: t.requires_grad and not made(t),
    "multi_all": lambda t: t.requires_grad,
    "multi_any": lambda t: t.requires_grad,
}


def _callback(b: Builder, kind: str, name: str, handle: str) -> s.Callback | s.FunctionLit:
    if kind == "tensor":
        do = b.choose.weighted(_TENSOR, _TENSOR_WEIGHTS)
        value: Any = None
        if do == "steps":
            return _body(b, handle)
        if do.startswith("keep"):
            value = b.fresh("k")
        elif do in ("scale", "inplace_scale", "add"):
            value = b.choose.one_of((2.0, -1.0, 0.5))
        elif do == "replace":
            shape = b.tensors[name].shape
            other = b.pick(lambda t: t.shape == shape)
            value = s.Ref(other) if other is not None else 1.0
        elif do == "raise":
            value = "from a hook"
        return s.Callback(do, value)  # type: ignore[arg-type]
    if kind.startswith("node"):
        do = b.choose.weighted(_NODE, _NODE_WEIGHTS)
        return s.Callback(do, 2.0 if do == "scale_first" else "from a hook" if do == "raise" else None)  # type: ignore[arg-type]
    if kind == "post_accumulate":
        do = b.choose.weighted(_LEAF, (8, 10, 10.5, 13))
        if do == "steps":
            return _update(b)
        return s.Callback(do, "from a hook" if do == "raise" else None)  # type: ignore[arg-type]
    return s.Callback("observe")


def _body(b: Builder, handle: str) -> s.FunctionLit:
    """A hook of several steps: it differentiates, registers, or changes something of the program around it.

    One that starts another backward is removed first: reached again from there, it would never end.
    """
    g = s.Ref("g")
    steps: list[s.Step] = []
    result: Any = None
    kind = b.choose.integer(0, 4)
    if kind == 0:  # a backward within the backward
        steps = [
            s.EnterMode("enable_grad"),
            s.Apply("detach", (g,), (), ("d",), "method"),
            s.Apply("requires_grad", (s.Ref("d"),), form="inplace"),
            s.Apply("square", (s.Ref("d"),), (), ("e",), "method"),
            s.Apply("sum", (s.Ref("e"),), (), ("f",), "method"),
            s.Backward(s.Ref("f")),
            s.Read("d", "grad", "r"),
            s.ExitMode(),
        ]
        result = s.Ref("r")
    elif kind == 1:  # another graph, from inside of this one
        other = b.pick(lambda t: t.requires_grad and made(t) and t.numel() == 1)
        if other is not None:
            steps = [s.RemoveHook(handle), s.Backward(s.Ref(other), retain_graph=True)]
    elif kind == 2:  # a tensor of the program is changed
        other = b.pick()
        if other is not None:
            steps = [s.EnterMode("no_grad"), s.Apply("mul", (s.Ref(other), 2), form="inplace"), s.ExitMode()]
    elif kind == 3 and b.handles:
        steps = [s.RemoveHook(b.choose.one_of(b.handles))]
    else:
        other = b.pick(lambda t: t.requires_grad)
        if other is not None:
            steps = [s.AddHook("inner", "tensor", (other,), s.Callback("scale", 2.0))]
    return s.FunctionLit(("g",), tuple(steps), result)


def _update(b: Builder) -> s.FunctionLit:
    """An optimizer's step as a hook: the leaf is changed, and its gradient perhaps forgotten."""
    p = s.Ref("p")
    steps: list[s.Step] = [
        s.EnterMode("no_grad"),
        s.Read("p", "grad", "d"),
        s.Apply("sub", (p, s.Ref("d")), form="inplace"),
        s.ExitMode(),
    ]
    if b.choose.coin(0.5):
        steps.append(s.SetAttr("p", "grad", None))
    return s.FunctionLit(("p",), tuple(steps))
