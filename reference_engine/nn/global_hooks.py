"""Hooks that all modules have: at every call, at every gradient, and when something is registered with any module.

Source: https://docs.pytorch.org/docs/stable/nn.html#global-hooks-for-module
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from reference_engine.autograd import hooks
from reference_engine.autograd.hooks import RemovableHandle

Hook = Callable[..., Any]

_CALLED = ("forward_pre_hooks", "forward_hooks", "backward_pre_hooks", "backward_hooks")


def kept(name: str) -> Any:
    """A registry. They are variables of ``torch.nn.modules.module``: who puts others in their place empties them."""
    return vars(sys.modules["reference_engine.nn.module"])["_global_" + name]


def any_called() -> bool:
    """Whether a call of a module has to look here."""
    return any(kept(name) for name in _CALLED)


def backward_hooks_of_kind(full: bool) -> list[Hook]:
    return list(kept("backward_hooks").values()) if kept("is_full_backward_hook") is full else []


def on_registration(kind: str, module: Any, name: str, value: Any) -> Any:
    """What is to be registered: a hook may put something else in its place."""
    for hook in kept(f"{kind}_registration_hooks").values():
        replaced = hook(module, name, value)
        if replaced is not None:
            value = replaced
    return value


def register_module_forward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module."""
    return hooks.add(kept("forward_pre_hooks"), hook)


def register_module_forward_hook(
    hook: Hook, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module."""
    handle = hooks.add(kept("forward_hooks"), hook, kept("forward_hooks_always_called"))
    if with_kwargs:
        kept("forward_hooks_with_kwargs")[handle.id] = True
    if always_call:
        kept("forward_hooks_always_called")[handle.id] = True
    return handle


def register_module_full_backward_pre_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` when the gradients of a module's outputs are known."""
    return hooks.add(kept("backward_pre_hooks"), hook)


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
    said = kept("is_full_backward_hook")  # as the first said
    if said is not None and said is not full:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module hook. "
            "Please use only one of them."
        )
    vars(sys.modules["reference_engine.nn.module"])["_global_is_full_backward_hook"] = full
    return hooks.add(kept("backward_hooks"), hook)


def register_module_parameter_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` when a parameter is registered; what it returns replaces it."""
    return hooks.add(kept("parameter_registration_hooks"), hook)


def register_module_buffer_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` when a buffer is registered; what it returns replaces it."""
    return hooks.add(kept("buffer_registration_hooks"), hook)


def register_module_module_registration_hook(hook: Hook) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` when a submodule is registered; what it returns replaces it."""
    return hooks.add(kept("module_registration_hooks"), hook)
