"""Losses that are written in other functions, of distributions, labels and triplets."""

from __future__ import annotations

import math
from typing import Any

from reference_engine.modes import no_grad
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import some
from reference_engine.ops.loss import REDUCTIONS, reduced, reduction_of
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor


def _of_one_size(input: Tensor, var: Tensor) -> bool:
    """Whether variances are those of the input, but one for all along one dimension: the last, or by now any."""
    if not switch("nn.gaussian_nll.any_dimension"):
        return var._shape[:-1] == input._shape[:-1] and var._shape[-1] == 1
    if len(var._shape) != len(input._shape):
        return False
    return [n for n, m in zip(var._shape, input._shape, strict=True) if n != m] == [1]


def _gaussian_nll(input: Tensor, target: Tensor, var: Any, full: bool, eps: float, reduction: str) -> Tensor:
    sign_first = switch("nn.gaussian_nll.number")
    if not isinstance(var, Tensor) and sign_first:
        var = input.new_full(input._shape, var)
    negative = some(var < 0)
    if negative and sign_first:
        raise refusal("nn.gaussian_nll.negative")
    if var._shape != input._shape:
        rows = input._shape[:-1]
        if var._shape == rows:
            var = var.unsqueeze(-1)
        elif not _of_one_size(input, var):
            raise refusal("nn.gaussian_nll.size")
    if reduction not in REDUCTIONS:
        raise refusal("nn.loss.reduction_short", reduction=reduction)
    if negative:
        raise refusal("nn.gaussian_nll.negative")
    var = var.clone()
    with no_grad():
        var.clamp_(min=eps)
    losses = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        losses = losses + 0.5 * math.log(2 * math.pi)
    return reduced(losses, reduction)


declare(
    "nn.functional.gaussian_nll_loss(Tensor input, Tensor target, any var, bool full=False, float eps=1e-06, "
    "str reduction='mean') -> Tensor",
    forward=_gaussian_nll, composite=True,
)  # fmt: skip


def _multilabel_soft_margin(
    input: Tensor, target: Tensor, weight: Any, size_average: Any, reduce: Any, reduction: str
) -> Tensor:
    import reference_engine as engine

    if size_average is not None or reduce is not None:
        reduction = reduction_of(size_average, reduce, reduction)
    log_sigmoid = engine.nn.functional.logsigmoid
    losses = -(target * log_sigmoid(input) + (1 - target) * log_sigmoid(-input))
    if weight is not None:
        losses = losses * weight
    losses = losses.sum(dim=input.dim() - 1) / input.size(input.dim() - 1)
    if reduction not in REDUCTIONS:
        raise refusal("nn.loss.reduction_short", reduction=reduction)
    return reduced(losses, reduction)


declare(
    "nn.functional.multilabel_soft_margin_loss(Tensor input, Tensor target, Tensor? weight=None, "
    "bool? size_average=None, bool? reduce=None, str reduction='mean') -> Tensor",
    forward=_multilabel_soft_margin, composite=True,
)  # fmt: skip


def _triplet(
    anchor: Tensor, positive: Tensor, negative: Tensor, distance: Any, margin: float, swap: bool, reduction: str
) -> Tensor:
    import reference_engine as engine

    if reduction not in REDUCTIONS:
        raise refusal("nn.loss.reduction", reduction=reduction)
    if margin <= 0 and switch("nn.triplet.margin_checked"):
        raise refusal("nn.triplet.margin", margin=margin)
    a, p, n = (len(t._shape) for t in (anchor, positive, negative))
    if not a == p == n and switch("nn.triplet.rank_checked"):
        raise refusal("nn.triplet.rank", a=a, p=p, n=n)
    distance = engine.pairwise_distance if distance is None else distance
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = engine.minimum(far, distance(positive, negative))
    return reduced((margin + near - far).clamp_min(0), reduction)


declare(
    "nn.functional.triplet_margin_with_distance_loss(Tensor anchor, Tensor positive, Tensor negative, *, "
    "any distance_function=None, float margin=1.0, bool swap=False, str reduction='mean') -> Tensor",
    forward=_triplet, composite=True,
)  # fmt: skip
