"""Muon: momentum whose singular values are made alike.

K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024
"""

from __future__ import annotations

import math
from typing import Any

from reference_engine.optim.optimizer import Group, Optimizer, State, check_one_element, zeros_like

#: Of the polynomial a x + b x³ + c x⁵, chosen to be steep at zero.
COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def _orthogonalised(matrix: Any, coefficients: Any, steps: int, eps: float) -> Any:
    """U V^T of a matrix U S V^T, nearly: its singular values are moved near to one by a polynomial, in bfloat16."""
    import reference_engine as torch

    if steps >= 100:
        raise ValueError("Number of steps must be less than 100 for computational efficiency")
    if matrix.dim() != 2:
        raise ValueError("Input tensor gradient must be a 2D matrix")
    if len(coefficients) != 3:
        raise ValueError("Coefficients must be a tuple of exactly 3 values")
    a, b, c = coefficients
    tall = matrix.size(0) > matrix.size(1)
    x = matrix.bfloat16().T if tall else matrix.bfloat16()
    x.div_(x.norm().clamp(min=eps))
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


def _adjusted(lr: float, how: str | None, shape: Any) -> float:
    rows, columns = shape[:2]
    if how == "match_rms_adamw":
        return lr * 0.2 * math.sqrt(max(rows, columns))
    return lr * math.sqrt(max(1, rows / columns))


class Muon(Optimizer):
    """For the matrices of hidden layers; everything else wants another optimizer.

    Raises:
        ValueError: an option outside of its range, or a parameter that is no matrix.
    """

    def __init__(
        self, params: Any, lr: Any = 1e-3, weight_decay: float = 0.1, momentum: float = 0.95, nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = COEFFICIENTS, eps: float = 1e-7, ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:  # fmt: skip
        check_one_element(lr)
        for name, value in (("Learning rate", lr), ("momentum", momentum), ("weight decay", weight_decay)):
            if not value >= 0.0:
                raise ValueError(f"{name} should be >= 0 but is: {value}")
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise ValueError(f"Adjust learning rate function {adjust_lr_fn} is not supported")
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov,
            "ns_coefficients": ns_coefficients, "eps": eps, "ns_steps": ns_steps, "adjust_lr_fn": adjust_lr_fn,
        }  # fmt: skip
        super().__init__(params, defaults)
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.dim() != 2:
                    raise ValueError(
                        f"Muon only supports 2D parameters whereas we found a parameter with size: {parameter.size()}"
                    )

    def update(self, parameter: Any, gradient: Any, group: Group, state: State) -> None:
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = zeros_like(gradient)
        buffer, momentum = state["momentum_buffer"], group["momentum"]
        buffer.lerp_(gradient, 1 - momentum)
        step = gradient.lerp(buffer, momentum) if group["nesterov"] else buffer
        step = _orthogonalised(step, group["ns_coefficients"], group["ns_steps"], group["eps"])
        lr = float(group["lr"])
        parameter.mul_(1 - lr * group["weight_decay"])
        parameter.add_(step, alpha=-_adjusted(lr, group["adjust_lr_fn"], parameter.shape))
