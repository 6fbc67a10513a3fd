"""The norm of each window: power pooling.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html
"""

from __future__ import annotations

import math
from typing import Any

from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.semantics import switch
from reference_engine.tensor import Tensor


def _public(dims: int) -> Any:
    def forward(input: Tensor, norm_type: Any, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
        import reference_engine as engine

        F = engine.nn.functional
        if dims == 1:
            count = kernel_size
        else:
            sides = kernel_size if isinstance(kernel_size, (list, tuple)) else (kernel_size,) * dims
            count = math.prod(sides)
        if norm_type in (math.inf, -math.inf) and switch("nn.lp_pool.infinite"):
            sign = 1 if norm_type > 0 else -1
            sizes = input.abs() if sign > 0 else -input.abs()
            found: Tensor = getattr(F, f"max_pool{dims}d")(sizes, kernel_size, stride, 0, 1, ceil_mode)
            return found if sign > 0 else -found
        means = getattr(F, f"avg_pool{dims}d")(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
        made: Tensor = (engine.sign(means) * F.relu(engine.abs(means))).mul(count).pow(1.0 / norm_type)
        return made

    return forward


for _dims in (1, 2, 3):
    declare(
        f"nn.functional.lp_pool{_dims}d(Tensor input, any norm_type, any kernel_size, any stride=None, "
        "bool ceil_mode=False) -> Tensor",
        forward=_public(_dims), composite=True, when="nn.lp_pool3d" if _dims == 3 else None,
        samples=domains.real(
            0.2, 3.0, shapes=f"pool{_dims}d",
            arguments={"norm_type": (1, 2, 3.0), "kernel_size": (1, 2), "stride": (None, 1, 2)},
        ),
    )  # fmt: skip
