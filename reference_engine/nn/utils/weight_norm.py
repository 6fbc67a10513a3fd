"""Weight normalisation by a hook: the older form of ``parametrizations.weight_norm``."""

from __future__ import annotations

from typing import Any

import reference_engine as torch
from reference_engine.nn.parameter import Parameter
from reference_engine.semantics import switch, warn


class WeightNorm:
    """Computes the weight from ``<name>_g`` (norms) and ``<name>_v`` (directions) before every forward."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, -1 if dim is None else dim

    def compute_weight(self, module: Any) -> Any:
        return torch._weight_norm(getattr(module, f"{self.name}_v"), getattr(module, f"{self.name}_g"), self.dim)

    @staticmethod
    def apply(module: Any, name: str, dim: int | None) -> WeightNorm:
        """Replace the parameter `name`.

        Raises:
            RuntimeError: it has been done before.
        """
        if switch("nn.weight_norm.deprecated"):
            warn("nn.weight_norm.deprecated")
        if _hook_on(module, name) is not None:
            raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
        made = WeightNorm(name, dim)
        weight = module._parameters.pop(name)
        module.register_parameter(f"{name}_g", Parameter(torch.norm_except_dim(weight, 2, made.dim).data))
        module.register_parameter(f"{name}_v", Parameter(weight.data))
        made(module, ())
        module.register_forward_pre_hook(made)
        return made

    def remove(self, module: Any) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module)
        delattr(module, self.name)
        for part in "gv":
            del module._parameters[f"{self.name}_{part}"]
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module: Any, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def _hook_on(module: Any, name: str) -> int | None:
    hooks = module._forward_pre_hooks.items()
    return next((key for key, hook in hooks if isinstance(hook, WeightNorm) and hook.name == name), None)


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Learn the norm of a weight apart from its direction, for each index of `dim`."""
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight a plain parameter again.

    Raises:
        ValueError: it is not normalised.
    """
    key = _hook_on(module, name)
    if key is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    module._forward_pre_hooks.pop(key).remove(module)
    return module
