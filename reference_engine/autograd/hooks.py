"""Hooks: the handles, and running a chain of them.

Source: https://docs.pytorch.org/docs/stable/notes/autograd.html#backward-hooks-execution
"""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference_engine.semantics import cite, refusal

if TYPE_CHECKING:
    from reference_engine.autograd.node import Node
    from reference_engine.tensor import Tensor

HookDict = OrderedDict[int, Callable[..., Any]]


class RemovableHandle:
    """Removes a hook: by ``remove()``, or at the end of a ``with`` block. Removing twice does nothing."""

    next_id: int = 0
    __module__ = "torch.utils.hooks"  # where scripts know it

    def __init__(self, hooks_dict: Any, *, extra_dict: Any = None) -> None:
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        extras = [extra_dict] if isinstance(extra_dict, dict) else extra_dict or ()
        self.extra_dict_ref: tuple[Any, ...] = tuple(weakref.ref(extra) for extra in extras)

    def remove(self) -> None:
        found = self.hooks_dict_ref()
        if found is not None:
            cite("hooks.tensor.removed")
            found.pop(self.id, None)
        for extra in self.extra_dict_ref:
            if (said := extra()) is not None:
                said.pop(self.id, None)

    def __getstate__(self) -> tuple[Any, ...]:
        return self.hooks_dict_ref(), self.id, tuple(extra() for extra in self.extra_dict_ref)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        held, self.id, extras = state
        self.hooks_dict_ref = weakref.ref(new_dict() if held is None else held)  # a new one dies at once
        self.extra_dict_ref = tuple(weakref.ref(extra) for extra in extras)
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


def add(hooks: Any, fn: Callable[..., Any], extra: Any = None) -> RemovableHandle:
    """Keep a hook; `extra` holds what else is known of some of them by their numbers."""
    handle = RemovableHandle(hooks, extra_dict=extra)
    hooks[handle.id] = fn
    return handle


def new_dict() -> HookDict:
    return OrderedDict()


def run_tensor_hooks(hooks: HookDict, grad: Tensor | None) -> Tensor | None:
    """Each hook sees the gradient that the one before it returned; None keeps it."""
    for hook in list(hooks.values()):
        cite("hooks.tensor.called")
        if grad is None:
            cite("hooks.tensor.undefined")
        if not callable(hook):
            raise refusal("hooks.tensor.not_callable", type=type(hook).__name__)
        result = hook(grad)
        if result is None:
            continue
        cite("hooks.tensor.replaces")
        grad = check_replacement(grad, result, hook)
    return grad


def run_tensor_hooks_of(node: Node, grads: list[Tensor | None]) -> list[Tensor | None]:
    """The hooks of the tensors that a node made, then retained gradients: ``.grad`` holds what the hooks returned."""
    if node.tensor_hooks:
        grads = list(grads)
        for output_nr, chains in list(node.tensor_hooks.items()):
            for chain in chains:
                grads[output_nr] = run_tensor_hooks(chain, grads[output_nr])
    for output_nr in node.retain_grad_hooks:
        _retain(node, output_nr, grads)
    return grads


def _retain(node: Node, output_nr: int, grads: list[Tensor | None]) -> None:
    grad, retain = grads[output_nr], node.retain_grad_hooks.get(output_nr)
    if grad is not None and retain is not None:
        if node.tensor_hooks:
            cite("hooks.retain_grad.after_hooks")
        retain(grad)


def run_in_order_of_registration(node: Node, grads: list[Tensor | None]) -> list[Tensor | None]:
    """What old versions did: all that runs before a node, in the order in which each kind was first registered.

    The hooks of a leaf are part of its accumulation: they run last, and only for a gradient that is defined.
    """
    grads = list(grads)
    for kind, output_nr in node.hook_order if node.next_edges else sorted(node.hook_order):
        if kind == "pre":
            grads = run_pre_hooks(node.pre_hooks, grads)
        elif kind == "retain":
            _retain(node, output_nr, grads)
        elif node.next_edges or grads[output_nr] is not None:
            for chain in node.tensor_hooks[output_nr]:
                grads[output_nr] = run_tensor_hooks(chain, grads[output_nr])
    return grads


def check_replacement(grad: Tensor | None, result: Any, hook: Any) -> Tensor | None:
    """A hook may change the numbers of a gradient, not its type, dtype or shape."""
    from reference_engine.tensor import Tensor

    name = hook_name(hook)
    if grad is None:
        raise refusal("hooks.tensor.replaced_none", hook=name)
    if not isinstance(result, Tensor):
        raise refusal("hooks.tensor.wrong_type", hook=name, expected="torch.Tensor", got=type_name(result))
    if result._dtype is not grad._dtype:
        raise refusal(
            "hooks.tensor.wrong_dtype",
            hook=name,
            got=result.dtype.cpp_type_name,
            expected=grad.dtype.cpp_type_name,
        )
    if result._shape != grad._shape:
        raise refusal("hooks.tensor.wrong_shape", hook=name, got=list(result._shape), expected=list(grad._shape))
    return result


def refuse_result(variable: Tensor, result: Any, hook: Any) -> None:
    """A hook after accumulation has nothing to replace; that it returns what it was given is overlooked.

    Raises:
        TypeError: it returned something. RuntimeError: it returned another tensor.
    """
    from reference_engine.tensor import Tensor

    if result is None or result is variable:
        return
    if not isinstance(result, Tensor):
        raise refusal("hooks.post_accumulate.returns_none", got=type_name(result))
    check_replacement(variable, result, hook)
    raise refusal("hooks.post_accumulate.returns_tensor")


def type_name(value: Any) -> str:
    return type(value).__name__


def hook_name(hook: Any) -> str:
    """How messages call a hook."""
    return getattr(hook, "__name__", "<unknown>")


def run_pre_hooks(hooks: HookDict, grads: list[Tensor | None]) -> list[Tensor | None]:
    """Node pre-hooks: each may return a tuple that replaces the gradients."""
    for hook in list(hooks.values()):
        cite("hooks.node.pre")
        result = hook(tuple(grads))
        if result is not None:
            grads = _replaced(grads, result, hook)
    return grads


def run_post_hooks(hooks: HookDict, outputs: list[Tensor | None], inputs: list[Tensor | None]) -> list[Tensor | None]:
    """Node post-hooks see what the node made and what it was given."""
    for hook in list(hooks.values()):
        cite("hooks.node.post")
        result = hook(tuple(outputs), tuple(inputs))
        if result is not None:
            outputs = _replaced(outputs, result, hook)
    return outputs


def _replaced(before: list[Tensor | None], result: Any, hook: Any) -> list[Tensor | None]:
    """The gradients that a node hook returned, held to those that it was given.

    Raises:
        TypeError: not a tuple, or not of tensors. RuntimeError: another number of them, a tensor for None, another
            dtype or shape.
    """
    from reference_engine.tensor import Tensor

    if not isinstance(result, tuple):
        raise refusal("hooks.node.wrong_type", got=type_name(result))
    if len(result) != len(before):
        raise refusal("hooks.node.wrong_count", hook=hook_name(hook), got=len(result), expected=len(before))
    for old, new in zip(before, result, strict=True):
        if new is None:
            if old is not None:
                cite("hooks.node.none_for_tensor")
        elif not isinstance(new, Tensor):
            raise refusal("hooks.node.entry_type", got=type_name(new))
        else:
            check_replacement(old, new, hook)
    return list(result)
