"""What ``Module.to`` and its like do to each parameter and buffer.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html#torch.nn.Module.to
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_engine import __future__ as choices
from reference_engine.modes import no_grad
from reference_engine.nn.parameter import Parameter
from reference_engine.tensor import Tensor


def convert(module: Any, fn: Callable[[Tensor], Tensor]) -> None:
    """Apply `fn` to the parameters of this module alone, to their gradients, and to its buffers."""
    for name, parameter in module._parameters.items():
        if parameter is None:
            continue
        with no_grad():
            made = fn(parameter)
            grad = None if parameter.grad is None else fn(parameter.grad)
            elsewhere = made._storage.meta is not parameter._storage.meta
            if choices.get_swap_module_params_on_conversion():
                _swap(f"{module._get_name()}.{name}", parameter, made, grad)
            elif elsewhere or choices.get_overwrite_module_params_on_conversion():
                moved = module._parameters[name] = Parameter(made, parameter.requires_grad)
                moved.grad = grad
            else:
                parameter.data = made
                if grad is not None:
                    parameter.grad.data = grad
    for name, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[name] = fn(buffer)


def _swap(name: str, parameter: Any, made: Any, grad: Any) -> None:
    """Let the parameter be what was made of it; who holds it sees the change.

    Raises:
        RuntimeError: it cannot be swapped.
    """
    from reference_engine.utils.swapping import swap_tensors

    before, parameter.grad = parameter.grad, None
    try:
        swap_tensors(parameter, Parameter(made, parameter.requires_grad))
    except Exception as error:
        parameter.grad = before
        raise RuntimeError(f"_apply(): Couldn't swap {name}") from error
    if before is not None:
        wanted = grad.requires_grad_(before.requires_grad)
        try:
            swap_tensors(before, wanted)
        except Exception as error:
            raise RuntimeError(f"_apply(): Couldn't swap {name}.grad") from error
        parameter.grad = before
