"""The functions that a file names to make tensors again."""

from __future__ import annotations

from typing import Any

from reference_engine.layouts import LAYOUTS
from reference_engine.tensor import Tensor
from reference_engine.typed_storage import TypedStorage


def rebuild_tensor(
    storage: TypedStorage, storage_offset: int, size: Any, stride: Any, requires_grad: bool, backward_hooks: Any,
    metadata: Any = None,
) -> Tensor:  # fmt: skip
    made = Tensor._make(storage.untyped(), storage.dtype, tuple(size), tuple(stride), storage_offset)
    for name in ("conj", "neg"):
        if metadata and metadata.get(name):
            setattr(made, f"_{name}", True)
    made._leaf_requires_grad = requires_grad
    return made


def rebuild_tensor_of_old(storage: TypedStorage, storage_offset: int, size: Any, stride: Any) -> Tensor:
    return rebuild_tensor(storage, storage_offset, size, stride, False, None)


def rebuild_parameter(data: Tensor, requires_grad: bool, backward_hooks: Any) -> Any:
    from reference_engine.nn.parameter import Parameter

    return Parameter(data, requires_grad)


def rebuild_parameter_with_state(data: Tensor, requires_grad: bool, backward_hooks: Any, state: Any) -> Any:
    return _with_state(rebuild_parameter(data, requires_grad, backward_hooks), state)


def rebuild_from_type(function: Any, kind: type[Any], args: Any, state: Any) -> Any:
    """A tensor of a subclass, or with attributes."""
    made = function(*args)
    if type(made) is not kind:
        made = made._alias_as(kind) if hasattr(made, "_alias_as") else _as(made, kind)
    return _with_state(made, state)


def _as(t: Tensor, kind: type[Any]) -> Any:
    flag = t.requires_grad
    made: Any = object.__new__(kind)
    vars(made).update(vars(t))
    made._leaf_requires_grad = flag
    return made


def _with_state(t: Any, state: Any) -> Any:
    own = getattr(t, "__setstate__", None)
    if own is not None and "__setstate__" in vars(type(t)):
        own(state)
    elif state:
        attributes, slots = state if isinstance(state, tuple) else (state, {})
        for name, value in {**(attributes or {}), **(slots or {})}.items():
            setattr(t, name, value)
    return t


def layout_named(name: str) -> Any:
    return LAYOUTS[name.removeprefix("torch.")]
