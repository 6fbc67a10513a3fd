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
)
_TENSOR_WEIGHTS = [10, 16, 19, 20, 21, 22, 22.5, 24, 24.5, 25, 25.4, 25.8, 26.3]
_NODE = ("observe", "scale_first", "none_tuple", "short_tuple", "wrong_type", "raise")
_NODE_WEIGHTS = [10, 15, 15.4, 15.8, 16.1, 16.6]
_LEAF = ("observe", "clear_grad", "raise")


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
    b.emit(s.AddHook(out, kind, tuple(targets), _callback(b, kind, name)))  # type: ignore[arg-type]
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


def _callback(b: Builder, kind: str, name: str) -> s.Callback:
    if kind == "tensor":
        do = b.choose.weighted(_TENSOR, _TENSOR_WEIGHTS)
        value: Any = None
        if do in ("scale", "inplace_scale", "add"):
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
        do = b.choose.weighted(_LEAF, (8, 10, 10.5))
        return s.Callback(do, "from a hook" if do == "raise" else None)  # type: ignore[arg-type]
    return s.Callback("observe")
