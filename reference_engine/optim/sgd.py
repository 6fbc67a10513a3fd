"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

from reference_engine.optim.optimizer import Group, Optimizer, State, check, check_rate
from reference_engine.tensor import Tensor


class SGD(Optimizer):
    """``p -= lr * g``, with momentum, dampening, Nesterov's look-ahead and weight decay.

    https://docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html
    """

    fused_refuses = "`_fused_sgd` does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_rate(lr)
        check("momentum value", momentum, momentum >= 0.0)
        check("weight_decay value", weight_decay, weight_decay >= 0.0)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)

    def _refuse(self, group: Group, changed: list[Any]) -> None:
        super()._refuse(group, changed)
        for parameter in changed if group.get("fused") else ():
            if not parameter.is_floating_point():
                raise NotImplementedError(f"\"fused_sgd_kernel\" not implemented for '{parameter.dtype.scalar_name}'")

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        momentum = group["momentum"]
        if momentum != 0:
            velocity = state.get("momentum_buffer")
            if velocity is None:
                velocity = state["momentum_buffer"] = gradient.detach().clone()
            else:
                velocity.mul_(momentum).add_(gradient, alpha=1 - group["dampening"])
            gradient = gradient.add(velocity, alpha=momentum) if group["nesterov"] else velocity
        parameter.add_(gradient, alpha=-group["lr"])
