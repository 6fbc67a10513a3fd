"""Relatives of Adam, with Nesterov's momentum or a rectified start: NAdam, RAdam."""

from __future__ import annotations

import math
from typing import Any

import reference_engine as torch
from reference_engine.optim.optimizer import (
    Group,
    Optimizer,
    State,
    check,
    check_betas,
    check_rate,
    count_step,
    real_views,
    zeros_like,
)
from reference_engine.tensor import Tensor


def _check(lr: float, eps: float, betas: tuple[float, float], weight_decay: float) -> None:
    check_rate(lr)
    check("epsilon value", eps, eps >= 0.0)
    check_betas(betas)
    check("weight_decay value", weight_decay, weight_decay >= 0.0)


def _decayed(parameter: Tensor, gradient: Tensor, group: Group) -> Tensor:
    """The gradient with the decay in it, unless the decay is applied to the parameter itself."""
    decay = group["weight_decay"]
    if decay == 0:
        return gradient
    if group["decoupled_weight_decay"]:
        parameter.mul_(1 - group["lr"] * decay)
        return gradient
    return gradient.add(parameter, alpha=decay)


class NAdam(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.NAdam.html"""

    refuses_sparse = "NAdam does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check(lr, eps, betas, weight_decay)
        check("momentum_decay value", momentum_decay, momentum_decay >= 0.0)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        step = count_step(state)
        if "mu_product" not in state:
            state["mu_product"] = torch.ones_like(state["step"])
            state["exp_avg"], state["exp_avg_sq"] = zeros_like(parameter), zeros_like(parameter)
        (beta1, beta2), lr, decay = group["betas"], group["lr"], group["momentum_decay"]
        gradient = _decayed(parameter, gradient, group)
        target, gradient, average, square = real_views(parameter, gradient, state["exp_avg"], state["exp_avg_sq"])
        now, following = (beta1 * (1.0 - 0.5 * 0.96 ** (at * decay)) for at in (step, step + 1))
        state["mu_product"].mul_(now)
        product = state["mu_product"].item()
        average.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        scale = square.div(1 - beta2**step).sqrt().add_(group["eps"])
        target.addcdiv_(gradient, scale, value=-lr * (1.0 - now) / (1.0 - product))
        target.addcdiv_(average, scale, value=(-lr * following) / (1.0 - product * following))


class RAdam(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.RAdam.html"""

    refuses_sparse = "RAdam does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        _check(lr, eps, betas, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        step = count_step(state)
        if "exp_avg" not in state:
            state["exp_avg"], state["exp_avg_sq"] = zeros_like(parameter), zeros_like(parameter)
        (beta1, beta2), lr = group["betas"], group["lr"]
        gradient = _decayed(parameter, gradient, group)
        target, gradient, average, square = real_views(parameter, gradient, state["exp_avg"], state["exp_avg_sq"])
        average.lerp_(gradient, 1 - beta1)
        square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        first, second = 1 - beta1**step, 1 - beta2**step
        moved = average / first
        # how many gradients the average of squares is worth; too few do not tell its variance
        most = 2 / (1 - beta2) - 1
        worth = most - 2 * step * (beta2**step) / second
        if worth <= 5.0:
            target.add_(moved * lr, alpha=-1.0)
            return
        rectified = math.sqrt((worth - 4) * (worth - 2) * most / ((most - 4) * (most - 2) * worth))
        adaptive = (second**0.5) / square.sqrt().add_(group["eps"])
        target.add_(moved * lr * adaptive * rectified, alpha=-1.0)
