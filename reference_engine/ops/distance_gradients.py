"""The derivatives of the gradient of a distance, for double backward.

Row i of x1 is given g_ij / d_ij^(p-1) times sign(a)|a|^(p-1) of its difference a to row j of x2, summed over j. The
distances d are an argument here: what comes through them goes on to the node that made them.
"""

from __future__ import annotations

import math

from reference_engine.tensor import Tensor


def second_derivative(grad: Tensor, g: Tensor, x1: Tensor, x2: Tensor, p: float, d: Tensor) -> dict[str, Tensor]:
    """What the cotangent of x1's gradient gives to g, x1, x2 and d. Rows that are equal have no part in it."""
    if p == 2:
        return _euclidean(grad, g, x1, x2, d)
    made = {
        "g": g.new_zeros(g.shape),
        "x1": x1.new_zeros(x1.shape),
        "x2": x2.new_zeros(x2.shape),
        "d": d.new_zeros(d.shape),
    }
    if p == 0:
        return made
    apart = x1.unsqueeze(-2) - x2.unsqueeze(-3)
    if p in (1, math.inf):  # piecewise linear in the rows
        slope = apart.sgn()
        if p == math.inf:
            slope = (apart.abs() == d.unsqueeze(-1)) * slope
        made["g"] = (grad.unsqueeze(-2) * slope).sum(-1)
        return made
    equal, nowhere = d == 0, apart == 0
    slope = (apart.sgn() * apart.abs().pow(p - 1)).masked_fill(nowhere, 0)
    along = ((grad.unsqueeze(-2) * slope).sum(-1) / d.pow(p - 1)).masked_fill(equal, 0)
    bend = apart.abs().pow(p - 2).masked_fill(nowhere, 0)
    weight = (g / d.pow(p - 1)).masked_fill(equal, 0).unsqueeze(-1) * bend
    made["g"] = along
    made["x1"] = grad * (p - 1) * weight.sum(-2)
    made["x2"] = (grad.unsqueeze(-2) * weight).sum(-3) * (1 - p)
    made["d"] = (g / d).masked_fill(equal, 0) * (1 - p) * along
    return made


def _euclidean(grad: Tensor, g: Tensor, x1: Tensor, x2: Tensor, d: Tensor) -> dict[str, Tensor]:
    """The same by products of matrices, since the slope is the difference itself."""
    equal = d == 0
    along = (((grad * x1).sum(-1, keepdim=True) - grad.matmul(x2.mT)) / d).masked_fill(equal, 0)
    weight = (g / d).masked_fill(equal, 0)
    return {
        "g": along,
        "x1": grad * weight.sum(-1, keepdim=True),
        "x2": -weight.mT.matmul(grad),
        "d": -(weight * along),
    }
