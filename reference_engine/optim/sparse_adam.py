"""Adam of the places that a sparse gradient has."""

from __future__ import annotations

import math
from typing import Any

from reference_engine.optim.optimizer import (
    Group,
    Optimizer,
    State,
    at_places,
    check,
    check_betas,
    check_one_element,
    zeros_like,
)
from reference_engine.tensor import Tensor


class SparseAdam(Optimizer):
    """https://docs.pytorch.org/docs/stable/generated/torch.optim.SparseAdam.html"""

    def __init__(
        self,
        params: Any,
        lr: Any = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        maximize: bool = False,
    ) -> None:
        check_one_element(lr)
        check("learning rate", lr, lr > 0.0)
        check("epsilon value", eps, eps > 0.0)
        check_betas(betas)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        groups = [list(enumerate(group["params"])) for group in self.param_groups]
        sparse = [[i, j] for i, group in enumerate(groups) for j, parameter in group if parameter.is_sparse]
        if sparse:
            raise ValueError(f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors")
        complex_ = [[i, j] for i, group in enumerate(groups) for j, parameter in group if parameter.is_complex()]
        if complex_:
            raise ValueError(f"Complex params at indices {complex_}: SparseAdam does not support complex parameters")

    def update(self, parameter: Tensor, gradient: Tensor, group: Group, state: State) -> None:
        if not gradient.is_sparse:
            raise RuntimeError("SparseAdam does not support dense gradients, please consider Adam instead")
        if not state:
            state["step"] = 0
            state["exp_avg"], state["exp_avg_sq"] = zeros_like(parameter), zeros_like(parameter)
        state["step"] += 1
        gradient = gradient.coalesce()  # the rule is not linear
        values = gradient._values()
        if not values.numel():
            return
        beta1, beta2 = group["betas"]
        average = _moved(state["exp_avg"], gradient, values, 1 - beta1)
        square = _moved(state["exp_avg_sq"], gradient, values.pow(2), 1 - beta2)
        correction = math.sqrt(1 - beta2 ** state["step"]) / (1 - beta1 ** state["step"])
        length = float(group["lr"]) * correction
        parameter.add_(at_places(gradient, -length * (average / square.sqrt_().add_(group["eps"]))))


def _moved(mean: Tensor, gradient: Tensor, values: Tensor, share: float) -> Tensor:
    """Move a running mean towards new values where the gradient has places; the mean there."""
    old = mean.sparse_mask(gradient)._values()
    change = (values - old).mul_(share)
    mean.add_(at_places(gradient, change))
    return change.add_(old)
