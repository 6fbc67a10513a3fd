"""Optimizers that scale each element by the history of its gradient: RMSprop, Adagrad, Adadelta."""

from __future__ import annotations

from typing import Any

import reference_engine as torch
from reference_engine.optim.optimizer import (
    Group,
    Optimizer,
    State,
    at_places,
    check,
    check_rate,
    count_step,
    real_views,
    zeros_like,
)  # fmt: skip
from reference_engine.tensor import Tensor


class RMSprop(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.RMSprop.html"""

    refuses_sparse = "RMSprop does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        check("epsilon value", eps, eps >= 0.0)
        check("momentum value", momentum, momentum >= 0.0)
        check("weight_decay value", weight_decay, weight_decay >= 0.0)
        check("alpha value", alpha, alpha >= 0.0)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        count_step(state)
        if "square_avg" not in state:
            state["square_avg"] = zeros_like(parameter)
            if group["momentum"] > 0:
                state["momentum_buffer"] = zeros_like(parameter)
            if group["centered"]:
                state["grad_avg"] = zeros_like(parameter)
        alpha, lr, momentum = group["alpha"], group["lr"], group["momentum"]
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        parameter, gradient, square = real_views(parameter, gradient, state["square_avg"])
        square.mul_(alpha).addcmul_(gradient, gradient, value=1 - alpha)
        if group["centered"]:
            (mean,) = real_views(state["grad_avg"])
            mean.lerp_(gradient, 1 - alpha)
            scale = square.addcmul(mean, mean, value=-1).sqrt_()
        else:
            scale = square.sqrt()
        scale = scale.add(group["eps"])
        if momentum > 0:
            (velocity,) = real_views(state["momentum_buffer"])
            velocity.mul_(momentum).addcdiv_(gradient, scale)
            parameter.add_(velocity, alpha=-lr)
        else:
            parameter.addcdiv_(gradient, scale, value=-lr)


class Adagrad(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.Adagrad.html"""

    fused_refuses = "`fused` does not support sparse grad or complex param"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        check_rate(lr)
        check("lr_decay value", lr_decay, lr_decay >= 0.0)
        check("weight_decay value", weight_decay, weight_decay >= 0.0)
        check("initial_accumulator_value value", initial_accumulator_value, initial_accumulator_value >= 0.0)
        check("epsilon value", eps, eps >= 0.0)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        for group in self.param_groups:
            for parameter in group["params"]:
                start = initial_accumulator_value * (1 + 1j) if parameter.is_complex() else initial_accumulator_value
                blank = parameter.detach()
                self.state[parameter]["step"] = torch.tensor(0.0)
                self.state[parameter]["sum"] = torch.full_like(blank, start, memory_format=torch.preserve_format)

    def _refuse(self, group: Group, changed: list[Any]) -> None:
        super()._refuse(group, changed)
        if group.get("fused") and any(parameter.is_complex() for parameter in changed):
            raise RuntimeError(self.fused_refuses)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        step = count_step(state)
        length = group["lr"] / (1 + (step - 1) * group["lr_decay"])
        if gradient.is_sparse:
            _update_places(parameter, gradient, group, state, length)
            return
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        parameter, gradient, total = real_views(parameter, gradient, state["sum"])
        total.addcmul_(gradient, gradient, value=1)
        scale = total.sqrt().add(group["eps"])
        parameter.addcdiv_(gradient, scale, value=-length)


def _update_places(parameter: Tensor, gradient: Tensor, group: Group, state: State, length: float) -> None:
    """Adagrad where a sparse gradient has places; other elements do not change.

    Raises:
        RuntimeError: with weight decay, which would change all.
    """
    if group["weight_decay"] != 0:
        raise RuntimeError("weight_decay option is not compatible with sparse gradients")
    gradient = gradient.coalesce()
    values = gradient._values()
    state["sum"].add_(at_places(gradient, values.pow(2)))
    scale = state["sum"].sparse_mask(gradient)._values().sqrt_().add_(group["eps"])
    parameter.add_(at_places(gradient, values / scale), alpha=-length)


class Adadelta(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.Adadelta.html"""

    refuses_sparse = "Adadelta does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        check("rho value", rho, 0.0 <= rho <= 1.0)
        check("epsilon value", eps, eps >= 0.0)
        check("weight_decay value", weight_decay, weight_decay >= 0.0)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        count_step(state)
        if "square_avg" not in state:
            state["square_avg"], state["acc_delta"] = zeros_like(parameter), zeros_like(parameter)
        rho, eps = group["rho"], group["eps"]
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        target, gradient, square, moved = real_views(parameter, gradient, state["square_avg"], state["acc_delta"])
        square.mul_(rho).addcmul_(gradient, gradient, value=1 - rho)
        change = moved.add(eps).sqrt().div_(square.add(eps).sqrt()).mul_(gradient)
        moved.mul_(rho).addcmul_(change, change, value=1 - rho)
        target.add_(change, alpha=-group["lr"])
