"""Hooks of a module: before and after forward, and at its gradients.

Source: https://docs.pytorch.org/docs/stable/notes/modules.html#module-hooks

Gradients pass through a module's boundary twice: `BackwardHookFunction` is an identity whose node stands at the inputs
and at the outputs, so that hooks see them whole.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine.autograd import hooks
from reference_engine.autograd.hooks import RemovableHandle
from reference_engine.modes import is_grad_enabled
from reference_engine.nn import global_hooks
from reference_engine.nn.bound_hook import BoundHook
from reference_engine.semantics import category, cite, current, refusal, switch, warn
from reference_engine.tensor import Tensor

if TYPE_CHECKING:
    from reference_engine.nn.module import Module

Hook = Callable[..., Any]

_REGISTRIES = (
    "_backward_pre_hooks", "_backward_hooks", "_is_full_backward_hook", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called", "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip

_DOCUMENTATION = (
    "https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module.register_full_backward_hook"
)


def empty_registries() -> dict[str, Any]:
    """The hook attributes of a new module."""
    made: dict[str, Any] = {}
    add_missing_registries(made)
    return made


def add_missing_registries(fields: dict[str, Any]) -> None:
    """Give the attributes of a module that an older version saved what they lack."""
    for name in _REGISTRIES:
        fields.setdefault(name, None if name == "_is_full_backward_hook" else hooks.new_dict())


class HooksMixin:
    """The registration methods."""

    _is_full_backward_hook: bool | None
    _backward_pre_hooks: hooks.HookDict
    _backward_hooks: hooks.HookDict
    _forward_pre_hooks: hooks.HookDict
    _forward_hooks: hooks.HookDict
    _forward_hooks_with_kwargs: Any
    _forward_hooks_always_called: Any
    _forward_pre_hooks_with_kwargs: Any

    def register_forward_pre_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args)` before forward; what it returns replaces the arguments."""
        handle = self._register(self._forward_pre_hooks, hook, prepend, self._forward_pre_hooks_with_kwargs)
        if with_kwargs:
            self._forward_pre_hooks_with_kwargs[handle.id] = True
        return handle

    def register_forward_hook(
        self, hook: Hook, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Call `hook(module, args, output)` after forward; what it returns replaces the output."""
        said = [self._forward_hooks_with_kwargs, self._forward_hooks_always_called]
        handle = self._register(self._forward_hooks, hook, prepend, said)
        if with_kwargs:
            self._forward_hooks_with_kwargs[handle.id] = True
        if always_call:
            self._forward_hooks_always_called[handle.id] = True
        return handle

    def register_full_backward_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_output)` when the gradients of the outputs are known."""
        return self._register(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call `hook(module, grad_input, grad_output)` when the gradients of the inputs are known."""
        if self._is_full_backward_hook is False:
            raise refusal("hooks.module.both")
        self._is_full_backward_hook = True
        return self._register(self._backward_hooks, hook, prepend)

    def register_backward_hook(self, hook: Hook) -> RemovableHandle:
        """The deprecated kind: sees only the last node of the module."""
        if self._is_full_backward_hook is True:
            raise refusal("hooks.module.both")
        self._is_full_backward_hook = False
        return self._register(self._backward_hooks, hook, False)

    def _register(self, registry: Any, hook: Hook, prepend: bool, said: Any = None) -> RemovableHandle:
        handle = hooks.add(registry, hook, said)
        if prepend:
            registry.move_to_end(handle.id, last=False)
        return handle


def call(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Forward, with every hook in its place."""
    own = module._backward_hooks or module._backward_pre_hooks or module._forward_hooks or module._forward_pre_hooks
    if not own and not global_hooks.any_called():
        return module.forward(*args, **kwargs)
    called: set[int] = set()
    try:
        return _call_with_hooks(module, args, kwargs, called)
    except Exception:
        always = {**global_hooks.kept("forward_hooks_always_called"), **module._forward_hooks_always_called}
        for key, hook in [*global_hooks.kept("forward_hooks").items(), *module._forward_hooks.items()]:
            if key not in always or key in called:
                continue
            try:
                _forward_hook(module, key, hook, args, kwargs, None)
            except Exception as error:
                warnings.warn(
                    "module forward hook with ``always_call=True`` raised an exception "
                    f"that was silenced as another error was raised in forward: {error}",
                    stacklevel=2,
                )
        raise


def _call_with_hooks(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], called: set[int]) -> Any:
    full, partial = global_hooks.backward_hooks_of_kind(True), global_hooks.backward_hooks_of_kind(False)
    if module._is_full_backward_hook is not None:
        (full if module._is_full_backward_hook else partial).extend(module._backward_hooks.values())
    pre = [*global_hooks.kept("backward_pre_hooks").values(), *module._backward_pre_hooks.values()]

    for key, hook in [*global_hooks.kept("forward_pre_hooks").items(), *module._forward_pre_hooks.items()]:
        if key in module._forward_pre_hooks_with_kwargs:
            replaced = hook(module, args, kwargs)
            if replaced is not None:
                if not isinstance(replaced, tuple) or len(replaced) != 2:
                    raise RuntimeError(
                        f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {replaced}."
                    )
                args, kwargs = replaced
        else:
            replaced = hook(module, args)
            if replaced is not None:
                args = replaced if isinstance(replaced, tuple) else (replaced,)

    boundary = _Boundary(module, full, pre) if full or pre else None
    if boundary is not None:
        args = boundary.enter(args)
    result = module.forward(*args, **kwargs)

    for key, hook in [*global_hooks.kept("forward_hooks").items(), *module._forward_hooks.items()]:
        called.add(key)
        replaced = _forward_hook(module, key, hook, args, kwargs, result)
        if replaced is not None:
            result = replaced

    if boundary is not None:
        if not isinstance(result, (Tensor, tuple)) and switch("hooks.module.output_warned"):
            warn("hooks.module.output_type", type=type(result))
        result = boundary.leave(result)
    if partial:
        _attach_partial(module, partial, args, result)
    return result


def _forward_hook(module: Module, key: int, hook: Hook, args: Any, kwargs: Any, result: Any) -> Any:
    if key in module._forward_hooks_with_kwargs or key in global_hooks.kept("forward_hooks_with_kwargs"):
        return hook(module, args, kwargs, result)
    return hook(module, args, result)


# -- full backward hooks ---------------------------------------------------------------------------------------------


class _Boundary:
    """The two identities around one call of a module, and what passes between them."""

    def __init__(self, module: Module, user_hooks: list[Hook], user_pre_hooks: list[Hook]) -> None:
        self.module, self.user_hooks, self.user_pre_hooks = module, user_hooks, user_pre_hooks
        self.grad_outputs: tuple[Any, ...] | None = None
        self.inputs: list[int] | None = None
        self.outputs: list[int] | None = None
        self.n_inputs = self.n_outputs = -1

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        self.n_inputs = len(args)
        passed, self.inputs, node = _identity(args)
        if node is not None:
            node.register_hook(self._at_inputs)
        return passed

    def leave(self, result: Any) -> Any:
        values = result if isinstance(result, tuple) else (result,)
        self.n_outputs = len(values)
        passed, self.outputs, node = _identity(values)
        if node is not None:
            node.register_hook(self._at_outputs)
        return passed if isinstance(result, tuple) else passed[0]

    def _at_outputs(self, _: Any, grad_output: Any) -> Any:
        assert self.outputs is not None
        self.grad_outputs = _spread(self.outputs, grad_output, self.n_outputs)
        for hook in self.user_pre_hooks:
            replaced = hook(self.module, self.grad_outputs)
            if replaced is None:
                continue
            if len(replaced) != len(self.grad_outputs):
                raise RuntimeError(
                    f"Backward pre hook returned an invalid number of grad_output, got {len(replaced)}, "
                    f"but expected {len(self.grad_outputs)}"
                )
            self.grad_outputs = tuple(replaced)
        passed_on = self.grad_outputs
        if self.inputs is None:
            self._fire_without_inputs()
        return tuple(passed_on[index] for index in self.outputs)

    def _fire_without_inputs(self) -> None:
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs "
            f"require gradients. See {_DOCUMENTATION} for more details.",
            stacklevel=5,
        )
        for hook in self.user_hooks:
            replaced = hook(self.module, (None,) * self.n_inputs, self.grad_outputs)
            if replaced is not None and not (isinstance(replaced, tuple) and all(r is None for r in replaced)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None for "
                    "all gradients."
                )
        self.grad_outputs = None

    def _at_inputs(self, grad_input: Any, _: Any) -> Any:
        if self.grad_outputs is None:
            return None  # the gradient came by a way that does not lead through the module's outputs
        assert self.inputs is not None
        shown = _spread(self.inputs, grad_input, self.n_inputs)
        for hook in self.user_hooks:
            replaced = hook(self.module, shown, self.grad_outputs)
            if replaced is None:
                continue
            if len(replaced) != len(shown):
                raise RuntimeError(
                    f"Backward hook returned an invalid number of grad_input, got {len(replaced)}, "
                    f"but expected {len(shown)}"
                )
            shown = replaced
        self.grad_outputs = None
        return tuple(shown[index] for index in self.inputs)


def _identity(values: tuple[Any, ...]) -> tuple[Any, list[int] | None, Any]:
    """`values` with the tensors sent through the identity, where the tensors stand, and the node."""
    places = [index for index, value in enumerate(values) if isinstance(value, Tensor)]
    tensors = [values[index] for index in places]
    if not (is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)):
        return values, None, None
    from reference_engine.nn.backward_hook import BackwardHookFunction

    passed = BackwardHookFunction.apply(*tensors)
    node = next(tensor.grad_fn for tensor in passed if tensor.grad_fn is not None)
    spread = list(values)
    for index, value in zip(places, passed, strict=True):
        spread[index] = value
    kind = type(values)
    return (tuple(spread) if kind is tuple else kind(*spread)), places, node


def _spread(places: Sequence[int], values: Sequence[Any], size: int) -> tuple[Any, ...]:
    """`values` at their places in a tuple of `size`, None elsewhere."""
    spread: list[Any] = [None] * size
    for index, value in zip(places, values, strict=True):
        spread[index] = value
    return tuple(spread)


# -- the deprecated kind ---------------------------------------------------------------------------------------------


def _attach_partial(module: Module, partial: list[Hook], args: Any, result: Any) -> None:
    """Hook the node of the first tensor found in the result."""
    found = result
    while not isinstance(found, Tensor):
        found = next(v for v in found.values() if isinstance(v, Tensor)) if isinstance(found, dict) else found[0]
    node = found.grad_fn
    if node is None:
        return
    for hook in partial:
        node.register_hook(BoundHook(hook, module))
    reason = _what_is_missing(args, result, node)
    if reason:
        warnings.warn(reason, category("hooks.module.non_full"), stacklevel=5)


def _what_is_missing(args: Any, result: Any, node: Any) -> str | None:
    """The warning that fits the module, if its last node does not stand for the whole of it."""
    advice = "Please use register_full_backward_hook to get the documented behavior."
    outputs = (result,) if isinstance(result, Tensor) else result
    if not (isinstance(outputs, tuple) and all(isinstance(value, Tensor) for value in outputs)):
        return (
            "Using non-full backward hooks on a Module that does not return a single Tensor or a tuple of Tensors is "
            "deprecated and will be removed in future versions. This hook will be missing some of the grad_output. "
            + advice
        )
    inputs = (args,) if isinstance(args, Tensor) else args
    if not (isinstance(inputs, tuple) and all(isinstance(value, Tensor) for value in inputs)):
        return (
            "Using non-full backward hooks on a Module that does not take as input a single Tensor or a tuple of "
            "Tensors is deprecated and will be removed in future versions. This hook will be missing some of the "
            "grad_input. " + advice
        )
    nodes = {value.grad_fn for value in outputs if value.grad_fn is not None}
    if not nodes or (len(nodes) == 1 and node not in nodes):
        return (
            "Using a non-full backward hook when outputs are nested in python data structure is deprecated and will be "
            "removed in future versions. This hook will be missing some grad_output."
        )
    if len(nodes) > 1:
        return (
            "Using a non-full backward hook when outputs are generated by different autograd Nodes is deprecated and "
            "will be removed in future versions. This hook will be missing some grad_output. " + advice
        )
    before = {value.grad_fn for value in inputs if value.grad_fn is not None}
    if before != {edge[0] for edge in node.next_functions}:
        cite("hooks.module.non_full")
        return current().message("hooks.module.non_full")[1]
    return None
