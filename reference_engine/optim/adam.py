"""Adam and its relatives: running averages of the gradient and of its square."""

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
    check_one_element,
    check_rate,
    count_step,
    real_views,
    zeros_like,
)
from reference_engine.tensor import Tensor


class Adam(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.Adam.html"""

    refuses_sparse = "Adam does not support sparse gradients, please consider SparseAdam instead"

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[Any, Any] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        _refuse_tensors(lr, "lr", foreach and not capturable)
        check_rate(lr)
        check("epsilon value", eps, eps >= 0.0)
        check_betas(betas)
        if isinstance(betas[0], Tensor) != isinstance(betas[1], Tensor):
            raise ValueError("betas must be either both floats or both Tensors")
        for index, beta in enumerate(betas):
            _refuse_tensors(beta, f"betas[{index}]", foreach and not capturable)
            check_one_element(beta, f"betas[{index}]")
        check("weight_decay value", weight_decay, weight_decay >= 0.0)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        step = count_step(state)
        if "exp_avg" not in state:
            state["exp_avg"], state["exp_avg_sq"] = zeros_like(parameter), zeros_like(parameter)
            if group["amsgrad"]:
                state["max_exp_avg_sq"] = zeros_like(parameter)
        lr, (beta1, beta2) = group["lr"], group["betas"]
        if group["weight_decay"] != 0:
            if group["decoupled_weight_decay"]:
                parameter.mul_(1 - lr * group["weight_decay"])
            else:
                gradient = gradient.add(parameter, alpha=group["weight_decay"])
        parameter, gradient, average, average_square = real_views(
            parameter, gradient, state["exp_avg"], state["exp_avg_sq"]
        )
        average.lerp_(gradient, 1 - beta1)
        average_square.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        if group["amsgrad"]:
            (largest,) = real_views(state["max_exp_avg_sq"])
            largest.copy_(torch.maximum(largest, average_square))
            average_square = largest
        # Averages that started at zero are too small at first.
        step_size = lr / (1 - beta1**step)
        denominator = (average_square.sqrt() / math.sqrt(1 - beta2**step)).add_(group["eps"])
        parameter.addcdiv_(average, denominator, value=-step_size)


def _refuse_tensors(value: Any, name: str, at_once: bool | None) -> None:
    """Refuse an option as a tensor where all parameters are changed at once: it would be read for each."""
    if at_once and isinstance(value, Tensor):
        raise ValueError(f"{name} as a Tensor is not supported for capturable=False and foreach=True")


class AdamW(Adam):
    """Adam with decoupled weight decay. https://docs.pytorch.org/docs/stable/generated/torch.optim.AdamW.html"""

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )


class Adamax(Optimizer):
    """Adam with the largest gradient instead of the mean square.

    https://docs.pytorch.org/docs/stable/generated/torch.optim.Adamax.html
    """

    refuses_sparse = "Adamax does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_rate(lr)
        check("epsilon value", eps, eps >= 0.0)
        check_betas(betas)
        check("weight_decay value", weight_decay, weight_decay >= 0.0)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        step = count_step(state)
        if "exp_avg" not in state:
            state["exp_avg"], state["exp_inf"] = zeros_like(parameter), zeros_like(parameter)
        beta1, beta2 = group["betas"]
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        parameter, gradient, average, largest = real_views(parameter, gradient, state["exp_avg"], state["exp_inf"])
        average.lerp_(gradient, 1 - beta1)
        largest.copy_(torch.maximum(largest.mul_(beta2), gradient.abs().add_(group["eps"])))
        parameter.addcdiv_(average, largest, value=-group["lr"] / (1 - beta1**step))
