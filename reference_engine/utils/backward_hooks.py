"""``torch.utils.hooks.BackwardHook``: what calls the backward hooks of a module."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from reference_engine.modes import is_grad_enabled
from reference_engine.nn.backward_hook import BackwardHookFunction
from reference_engine.tensor import Tensor


def _spread(places: Sequence[int], values: Sequence[Any], size: int) -> tuple[Any, ...]:
    """Values at their places, None elsewhere."""
    made: list[Any] = [None] * size
    for place, value in zip(places, values, strict=True):
        made[place] = value
    return tuple(made)


class BackwardHook:
    """Puts an identity around the inputs and the outputs of a module, and calls hooks with the gradients of both.

    Args:
        user_hooks: called with the module and both, once the gradients of the inputs are there.
        user_pre_hooks: called with the module and the gradients of the outputs, which they may replace.
    """

    def __init__(self, module: Any, user_hooks: Sequence[Any], user_pre_hooks: Sequence[Any]) -> None:
        self.module, self.user_hooks, self.user_pre_hooks = module, user_hooks, user_pre_hooks
        self.grad_outputs: Any = None
        self.n_inputs = self.n_outputs = -1
        self.input_tensors_index: list[int] | None = None
        self.output_tensors_index: list[int] | None = None

    def setup_input_hook(self, args: tuple[Any, ...]) -> Any:
        """The inputs as the module is to be given them."""
        made, self.input_tensors_index = self._around(self._at_inputs, args)
        self.n_inputs = len(args)
        return made

    def setup_output_hook(self, args: Any) -> Any:
        """The outputs as the module is to return them."""
        outputs = args if isinstance(args, tuple) else (args,)
        made, self.output_tensors_index = self._around(self._at_outputs, outputs)
        self.n_outputs = len(outputs)
        return made if isinstance(args, tuple) else made[0]

    def _around(self, hook: Callable[..., Any], args: Any) -> tuple[Any, list[int] | None]:
        places = [i for i, value in enumerate(args) if isinstance(value, Tensor)]
        tensors = [args[i] for i in places]
        if not (is_grad_enabled() and any(t.requires_grad for t in tensors)):
            return args, None
        passed: Any = BackwardHookFunction.apply(*tensors)
        passed = passed if isinstance(passed, tuple) else (passed,)
        node = next(t.grad_fn for t in passed if t.grad_fn is not None)
        node.register_hook(hook)
        made = list(args)
        for place, value in zip(places, passed, strict=True):
            made[place] = value
        return (tuple(made) if type(args) is tuple else type(args)(*made)), places

    def _at_inputs(self, grad_inputs: Any, _: Any) -> Any:
        if self.grad_outputs is None:  # the gradient came by another way than through the outputs
            return None
        assert self.input_tensors_index is not None
        grads = _spread(self.input_tensors_index, grad_inputs, self.n_inputs)
        for hook in self.user_hooks:
            changed = hook(self.module, grads, self.grad_outputs)
            if changed is None:
                continue
            if len(changed) != len(grads):
                raise RuntimeError(
                    f"Backward hook returned an invalid number of grad_input, got {len(changed)}, but expected "
                    f"{len(grads)}"
                )
            grads = changed
        self.grad_outputs = None
        return tuple(grads[i] for i in self.input_tensors_index)

    def _at_outputs(self, _: Any, grad_outputs: Any) -> Any:
        assert self.output_tensors_index is not None
        grads = _spread(self.output_tensors_index, grad_outputs, self.n_outputs)
        for hook in self.user_pre_hooks or ():
            changed = hook(self.module, grads)
            if changed is None:
                continue
            if len(changed) != len(grads):
                raise RuntimeError(
                    f"Backward pre hook returned an invalid number of grad_output, got {len(changed)}, but expected "
                    f"{len(grads)}"
                )
            grads = changed
        self.grad_outputs = grads
        if self.input_tensors_index is None:
            self._without_inputs()
        return tuple(grads[i] for i in self.output_tensors_index)

    def _without_inputs(self) -> None:
        """No input requires grad: the hooks are called here."""
        warnings.warn(
            "Full backward hook is firing when gradients are computed with respect to module outputs since no inputs "
            "require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module.html#torch.nn.Module."
            "register_full_backward_hook for more details.",
            stacklevel=5,
        )
        for hook in self.user_hooks:
            result = hook(self.module, (None,) * self.n_inputs, self.grad_outputs)
            if result is not None and not (isinstance(result, tuple) and all(each is None for each in result)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always return None or None for "
                    "all gradients."
                )
        self.grad_outputs = None


def warn_if_has_hooks(tensor: Any) -> None:
    """Warn of the hooks of a tensor, which are not written to files."""
    for hook in (tensor._backward_hooks or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, you can decorate the "
                "function with @torch.utils.hooks.unserializable_hook to suppress this warning",
                stacklevel=2,
            )
