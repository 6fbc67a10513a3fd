"""Optimizers with an average of the parameters (ASGD), steps by sign (Rprop), and a factored history (Adafactor)."""

from __future__ import annotations

from typing import Any

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.optim.optimizer import (
    Group,
    Optimizer,
    State,
    check,
    check_one_element,
    check_rate,
    count_step,
    real_views,
    zeros_like,
)
from reference_engine.tensor import Tensor


class ASGD(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.ASGD.html"""

    refuses_sparse = "ASGD does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        check_rate(lr)
        check("weight_decay value", weight_decay, weight_decay >= 0.0)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        step = count_step(state)
        if "ax" not in state:
            state["eta"] = torch.as_tensor(group["lr"], dtype=state["step"].dtype).clone().detach()
            state["mu"] = torch.ones_like(state["step"])
            state["ax"] = zeros_like(parameter)
        if group["weight_decay"] != 0:
            gradient = gradient.add(parameter, alpha=group["weight_decay"])
        target, gradient, average = real_views(parameter, gradient, state["ax"])
        rate, share = state["eta"].item(), state["mu"].item()
        target.mul_(1 - group["lambd"] * rate)
        target.add_(gradient, alpha=-rate)
        if share == 1:
            average.copy_(target)
        else:
            average.add_(target.sub(average).mul_(share))
        lr = group["lr"]
        state["eta"].copy_(torch.as_tensor(lr / ((1 + group["lambd"] * lr * step) ** group["alpha"])))
        state["mu"].copy_(torch.as_tensor(1 / max(1, step - group["t0"])))


class Rprop(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.Rprop.html"""

    refuses_sparse = "Rprop does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        check_rate(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        count_step(state)
        if "prev" not in state:
            state["prev"] = zeros_like(parameter)
            start = complex(group["lr"], group["lr"]) if parameter.is_complex() else group["lr"]
            state["step_size"] = torch.full_like(parameter.detach(), start, memory_format=torch.preserve_format)
        (shrink, grow), (least, most) = group["etas"], group["step_sizes"]
        target, gradient, before, size = real_views(parameter, gradient, state["prev"], state["step_size"])
        same = gradient.mul(before).sign()
        factor = torch.where(same.gt(0), grow, torch.where(same.lt(0), shrink, 1.0)).to(size.dtype)
        size.mul_(factor).clamp_(least, most)
        # where the sign has changed, nothing moves this time
        gradient = gradient.masked_fill(same.lt(0), 0)
        target.addcmul_(gradient.sign(), size, value=-1)
        before.copy_(gradient)


class Adafactor(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.Adafactor.html"""

    refuses_sparse = "Adafactor does not support sparse gradients"

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        check_one_element(lr)
        if lr < 0.0:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if beta2_decay > 0.0:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and eps[0] < 0.0:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if eps[1] < 0.0:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if d < 1.0:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if weight_decay < 0.0:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        if parameter.is_complex():
            raise RuntimeError("Adafactor does not support complex parameters")
        step = count_step(state)
        share = step ** group["beta2_decay"]
        small, least = group["eps"]
        small = dtypes.finfo(parameter.dtype).eps if small is None else small
        size = parameter.norm(2).item() / (parameter.numel() ** 0.5)
        rate = max(least, size) * min(group["lr"], 1 / (step**0.5))
        if group["weight_decay"] != 0:
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
        scale = self._variance(gradient, state, share, small).clamp_(min=small * small).rsqrt_().mul_(gradient)
        length = max(1.0, scale.norm(2).item() / ((scale.numel() ** 0.5) * group["d"]))
        parameter.add_(scale, alpha=-rate / length)

    @staticmethod
    def _variance(gradient: Tensor, state: State, share: float, small: float) -> Any:
        """The average square of the gradient; of a matrix, from the averages of rows and columns alone."""
        if gradient.dim() <= 1:
            if "variance" not in state:
                state["variance"] = torch.zeros_like(gradient, memory_format=torch.preserve_format)
            return state["variance"].lerp_(gradient.square(), share).clone()
        for name, dim in (("row_var", -1), ("col_var", -2)):
            if name not in state:
                shape = list(gradient.shape)
                shape[dim] = 1
                state[name] = gradient.new_zeros(shape)
            squares = gradient.norm(dim=dim, keepdim=True).square_().div_(gradient.size(dim))
            state[name].lerp_(squares, share)
        rows = state["row_var"]
        return (rows @ state["col_var"]).div_(rows.mean(dim=-2, keepdim=True).clamp_(min=small))
