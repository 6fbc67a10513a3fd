"""Hooks that all modules have: at every call, at every gradient, and when something is registered with any module.

Source: https://docs.pytorch.org/docs/stable/nn.html#global-hooks-for-module
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_engine.autograd import hooks
from reference_engine.autograd.hooks import RemovableHandle

Hook = Callable[..., Any]

forward_pre_hooks, forward_hooks = hooks.new_dict(), hooks.new_dict()
backward_pre_hooks, backward_hooks = hooks.new_dict(), hooks.new_dict()
registered: dict[str, hooks.HookDict] = {kind: hooks.new_dict() for kind in ("parameter", "buffer", "module")}
with_kwargs_of: set[int] = set()
always_called: set[int] = set()
_backward_kind: bool | None = None  # full or not, as the first said


def any_called() -> bool:
    """Whether a call of a module has to look here."""
    return bool(forward_pre_hooks or forward_hooks or backward_pre_hooks or backward_hooks)


def backward_hooks_of_kind(full: bool) -> list[Hook]:
    return list(backward_hooks.values()) if _backward_kind is full else []


def on_registration(kind: str, module: Any, name: str, value: Any) -> Any:
    """What is to be registered: a hook may put something else in its place."""
    for hook in registered[kind].values():
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module."""
    return hooks.add(forward_pre_hooks, hook)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module."""
    handle = hooks.add(forward_hooks, hook)
    if with_kwargs:
        with_kwargs_of.add(handle.id)
    if always_call:
        always_called.add(handle.id)
    return handle


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` when the gradients of a module's outputs are known."""
    return hooks.add(backward_pre_hooks, hook)


def register_module_full_backward_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` when the gradients of a module's inputs are known.

    Raises:
        RuntimeError: there are global hooks of the deprecated kind.
    """
    return _add_backward(hook, True)


def register_module_backward_hook(hook: Hook) -> RemovableHandle:
    """The deprecated kind, which sees only the last node of a module.

    Raises:
        RuntimeError: there are full global hooks.
    """
    return _add_backward(hook, False)


def _add_backward(hook: Hook, full: bool) -> RemovableHandle:
    global _backward_kind
    if _backward_kind is not None and _backward_kind is not full:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
            "Please use only one of them."
        )
    _backward_kind = full
    return hooks.add(backward_hooks, hook)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` when a parameter is registered; what it returns replaces it."""
    return hooks.add(registered["parameter"], hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` when a buffer is registered; what it returns replaces it."""
    return hooks.add(registered["buffer"], hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` when a submodule is registered; what it returns replaces it."""
    return hooks.add(registered["module"], hook)
