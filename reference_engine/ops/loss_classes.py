"""Losses over classes, and those written in other functions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import over, plus, some, times, where
from reference_engine.ops.kernels import elementwise, from_array
from reference_engine.ops.loss import (
    OPTIONS,
    REDUCTION,
    REDUCTIONS,
    by_rows,
    constant,
    reduced,
    reduced_in_place,
    reduction_of,
    shared,
)
from reference_engine.ops.supported import CLASSES, ONLY_FLOATING, refuse_unsupported
from reference_engine.semantics import refusal, switch, warn
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False}

# -- the negative log-likelihood of a class ----------------------------------------------------------------------------


def _picked(self: Tensor, target: Tensor, weight: Any, ignore_index: int) -> tuple[Any, Any, Any, int]:
    """The classes, the weight of each sample (zero where it is ignored), a mask, and the dimension of classes."""
    axis = 0 if len(self._shape) == 1 else 1
    classes = target._read()
    counted = classes != ignore_index
    size = self._shape[axis]
    wrong = classes[counted & ((classes < 0) | (classes >= size))]
    if wrong.size:
        raise refusal("ops.nll_loss.target", target=int(wrong.ravel()[0]))
    safe = np.where(counted, classes, 0).astype(np.int64)
    w = np.ones(size, self._dtype.compute) if weight is None else weight._read().astype(self._dtype.compute)
    shares = np.where(counted, w[safe] if size else 0, 0).astype(self._dtype.compute)
    return safe, shares, counted, axis


def _nll(self: Tensor, target: Tensor, weight: Any, reduction: str, ignore_index: int) -> Tensor:
    refuse_unsupported("nll_loss_out_frame", self._dtype, CLASSES, ONLY_FLOATING)
    safe, shares, counted, axis = _picked(self, target, weight, ignore_index)
    values = self._read().astype(self._dtype.compute)
    chosen = np.take_along_axis(values, np.expand_dims(safe, axis), axis).squeeze(axis) if values.size else shares * 0
    losses = np.where(counted, -chosen * shares, shares * 0)
    if reduction == "none":
        return from_array(np.asarray(losses), self._dtype)
    total = np.sum(losses, dtype=losses.dtype)
    if reduction == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            total = total / np.sum(shares, dtype=losses.dtype)
    return from_array(np.asarray(total), self._dtype)


def _nll_backward(
    grad_output: Tensor, self: Tensor, target: Tensor, weight: Any, reduction: str, ignore_index: int
) -> Tensor:
    safe, shares, counted, axis = _picked(self, target, weight, ignore_index)
    g = grad_output._read().astype(self._dtype.compute)
    if reduction == "mean":
        with np.errstate(invalid="ignore", divide="ignore"):
            g = g / np.sum(shares, dtype=shares.dtype)
    made = np.zeros(self._shape, self._dtype.compute)
    if made.size:
        np.put_along_axis(
            made, np.expand_dims(safe, axis), np.expand_dims(np.where(counted, -g * shares, 0), axis), axis
        )
    return from_array(made, self._dtype)


_NLL: dict[str, tuple[Any, Any]] = {}


def _declare_nll(suffix: str, node: str) -> None:
    backward = declare(
        f"_nll_loss{suffix}_backward(Tensor grad_output, Tensor self, Tensor target, Tensor? weight, str reduction, "
        "int ignore_index) -> Tensor",
        forward=_nll_backward, node=f"{node}BackwardBackward0",
        vjp={
            "grad_output": lambda grad, target, weight, reduction, ignore_index: run(
                forward, [grad, target, weight, reduction, ignore_index]
            ),
            "self": lambda grad: grad.new_zeros(grad.shape),
        },
        **_HIDDEN,
    )  # fmt: skip
    forward = declare(
        f"_nll_loss{suffix}(Tensor self, Tensor target, Tensor? weight, str reduction, int ignore_index) -> Tensor",
        forward=_nll, node=f"{node}Backward0",
        vjp={
            "self": lambda grad, self, target, weight, reduction, ignore_index: run(
                backward, [grad, self, target, weight, reduction, ignore_index]
            )
        },
        **_HIDDEN,
    )  # fmt: skip
    _NLL[suffix] = (forward, backward)


_declare_nll("", "NllLoss")
_declare_nll("2d", "NllLoss2D")


_CLASS_DTYPES = (dtypes.int64, dtypes.uint8)


def _refuse_classes(target: Tensor, weight: Any, classes: int, clause: str) -> None:
    """Raise if the classes are no integers, or the weights are not one a class; in the order of the version."""
    wrong = target._dtype not in _CLASS_DTYPES
    first = switch("nn.nll_loss.dtype_first")
    if wrong and first:
        raise refusal("ops.nll_loss.dtype", expected="Long", got=target._dtype.scalar_name)
    if weight is not None and weight._shape != (classes,):
        raise refusal(clause, classes=classes, shape=list(weight._shape))
    if wrong and clause == "nn.nll_loss.weight":
        raise refusal("ops.nll_loss.dtype", expected="Long", got=target._dtype.scalar_name)


def nll_loss(self: Tensor, target: Tensor, weight: Any, reduction: str, ignore_index: int) -> Tensor:
    """The loss for any number of further dimensions."""
    rank = len(self._shape)
    if rank < 1:
        raise refusal("nn.nll_loss.rank")
    if rank != 1 and target._shape[:1] != self._shape[:1]:
        target_batch = target._shape[0] if target._shape else 0
        raise refusal("ops.nll_loss.batch", input=self._shape[0], target=target_batch)
    classes = self._shape[0 if rank == 1 else 1]
    if rank <= 2:
        if len(target._shape) > 1:
            raise refusal("nn.nll_loss.multi_target")
        alone = rank == 1 and bool(target._shape)  # one sample, and its class in a vector
        strict = switch("nn.nll_loss.one_target")
        if alone and not strict and target._shape != self._shape:
            raise refusal("nn.nll_loss.sizes", input=list(self._shape), target=list(target._shape))
        if target._dtype in _CLASS_DTYPES and alone and strict and target.numel() != 1:
            raise refusal("nn.nll_loss.one_target", size=target._shape[0])
        _refuse_classes(target, weight, classes, "nn.nll_loss.weight")
        if alone:
            target = target.select(0, 0)
        return run(_NLL[""][0], [self, target, weight, reduction, ignore_index])
    if rank == 4 and len(target._shape) != 3:
        raise refusal("nn.nll_loss.images", ndim=len(target._shape))
    if target._shape[1:] != self._shape[2:]:
        expected = [self._shape[0], *self._shape[2:]]
        raise refusal("nn.nll_loss.spatial", expected=expected, got=list(target._shape))
    _refuse_classes(target, weight, classes, "nn.nll_loss.weights_of_images")
    if target._dtype is not dtypes.int64:
        raise refusal("nn.nll_loss.images_dtype", got=target._dtype.scalar_name)
    if rank == 4:
        return run(_NLL["2d"][0], [self, target, weight, reduction, ignore_index])
    # other ranks are folded into images of one column
    n = self._shape[0]
    images = self.contiguous().view((n, classes, 1, -1)) if self.numel() else self.contiguous().view((n, classes, 0, 0))
    spots = target.contiguous().view((n, 1, -1)) if target.numel() else target.contiguous().view((n, 0, 0))
    losses = run(_NLL["2d"][0], [images, spots, weight, reduction, ignore_index])
    return losses.view((n, *self._shape[2:])) if reduction == "none" else losses


declare(
    "nn.functional.nll_loss(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, "
    "int ignore_index=-100, bool? reduce=None, str reduction='mean') -> Tensor",
    forward=lambda input, target, weight, size_average, ignore_index, reduce, reduction: nll_loss(
        input, target, weight, reduction_of(size_average, reduce, reduction), ignore_index
    ),
    composite=True, samples=domains.real(shapes="classes", arguments={**REDUCTION, "ignore_index": (-100, 0)}),
)  # fmt: skip

# -- cross entropy of logits -------------------------------------------------------------------------------------------


def _cross_entropy(
    input: Tensor, target: Tensor, weight: Any, size_average: Any, ignore_index: int, reduce: Any, reduction: str,
    label_smoothing: float,
) -> Tensor:  # fmt: skip
    how = reduction_of(size_average, reduce, reduction)
    axis = 0 if len(input._shape) == 1 else 1
    if not 0.0 <= label_smoothing <= 1.0:
        raise refusal("nn.cross_entropy.smoothing", value=label_smoothing)
    if input._shape == target._shape:
        if not target._dtype.is_floating_point:
            raise refusal("nn.cross_entropy.probabilities", dtype=target._dtype.scalar_name)
        classes = input._shape[axis] if input._shape else 1
        if weight is not None and weight._shape != (classes,):
            raise refusal("nn.cross_entropy.weight", classes=classes, shape=list(weight._shape))
        return _soft_targets(input, target, weight, how, label_smoothing, axis)
    if label_smoothing > 0:
        return _smoothed(input, target, weight, how, ignore_index, label_smoothing, axis)
    return nll_loss(input.log_softmax(axis), target, weight, how, ignore_index)


def _by_class(weight: Tensor, rank: int, axis: int) -> Tensor:
    return weight.view(tuple(-1 if d == axis else 1 for d in range(rank)))


def _soft_targets(input: Tensor, target: Tensor, weight: Any, how: str, smoothing: float, axis: int) -> Tensor:
    classes = input._shape[axis]
    if smoothing > 0:
        target = plus(times(target, 1 - smoothing), smoothing / classes)
    found = input.log_softmax(axis) * target
    if weight is not None:
        found = found * _by_class(weight, len(input._shape), axis)
    if how == "none":
        return -found.sum(axis)
    total = -found.sum()
    return over(total, max(input.numel() // max(classes, 1), 1)) if how == "mean" else total


def _smoothed(
    input: Tensor, target: Tensor, weight: Any, how: str, ignore_index: int, smoothing: float, axis: int
) -> Tensor:  # fmt: skip
    logs = input.log_softmax(axis)
    hard = nll_loss(logs, target, weight, how, ignore_index)
    spread = -(logs if weight is None else logs * _by_class(weight, len(logs._shape), axis)).sum(axis)
    ignored = target == ignore_index
    spread = spread.masked_fill(ignored, 0)
    if how == "mean":
        if weight is None:
            spread = spread.sum() / int((~ignored._read()).sum())
        else:
            spread = (
                spread.sum()
                / weight.detach()
                .gather(0, target.masked_fill(ignored, 0).flatten())
                .masked_fill(ignored.flatten(), 0)
                .sum()
            )
    elif how == "sum":
        spread = spread.sum()
    return times(hard, 1 - smoothing) + times(spread, smoothing / input._shape[axis])


declare(
    "nn.functional.cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, "
    "int ignore_index=-100, bool? reduce=None, str reduction='mean', float label_smoothing=0.0) -> Tensor",
    forward=_cross_entropy,
    composite=True,
    samples=domains.real(
        shapes="classes", arguments={**REDUCTION, "ignore_index": (-100, 0), "label_smoothing": (0.0, 0.1)}
    ),
)

# -- written in other functions ----------------------------------------------------------------------------------------


def _kl_div(
    input: Tensor, target: Tensor, size_average: Any, reduce: Any, reduction: str, log_target: bool
) -> Tensor:  # fmt: skip
    if size_average is not None or reduce is not None:
        reduction = reduction_of(size_average, reduce, reduction)
    elif reduction == "mean":
        warn("nn.kl_div.mean")
    how = "sum" if reduction == "batchmean" else reduction_of(None, None, reduction)
    losses = target.exp() * (target - input) if log_target else target.xlogy(target) - target * input
    total = reduced(losses, how)
    return total / input._shape[0] if reduction == "batchmean" and input._shape else total


declare(
    f"nn.functional.kl_div(Tensor input, Tensor target, {OPTIONS}, bool log_target=False) -> Tensor",
    forward=_kl_div, composite=True,
    samples=domains.real(0.1, 2.0, shapes="same", arguments={**REDUCTION, "reduction": (*REDUCTIONS, "batchmean")}),
)  # fmt: skip


def _hinge_embedding(
    input: Tensor, target: Tensor, margin: float, size_average: Any, reduce: Any, reduction: str
) -> Tensor:  # fmt: skip
    import reference_engine as engine

    apart = (margin - input).clamp_min_(0)
    zeros = engine.zeros((), dtype=input.dtype)
    far = engine.where(target != 1, apart, zeros)
    return reduced(far + engine.where(target != -1, input, zeros), reduction_of(size_average, reduce, reduction))


def _margin_ranking(
    input1: Tensor, input2: Tensor, target: Tensor, margin: float, size_average: Any, reduce: Any, reduction: str
) -> Tensor:  # fmt: skip
    how = reduction_of(size_average, reduce, reduction)
    if not len(input1._shape) == len(input2._shape) == len(target._shape):
        sizes = {name: f"torch.Size({list(t._shape)})" for name, t in zip("abc", (input1, input2, target), strict=True)}
        raise refusal("nn.margin_ranking_loss.rank", **sizes)
    return reduced(plus(-target * (input1 - input2), margin).clamp_min_(0), how)


declare(
    "nn.functional.hinge_embedding_loss(Tensor input, Tensor target, float margin=1.0, bool? size_average=None, "
    "bool? reduce=None, str reduction='mean') -> Tensor",
    forward=_hinge_embedding, composite=True, samples=domains.real(shapes="same", arguments=REDUCTION),
)  # fmt: skip
declare(
    "nn.functional.margin_ranking_loss(Tensor input1, Tensor input2, Tensor target, float margin=0, "
    "bool? size_average=None, "
    "bool? reduce=None, str reduction='mean') -> Tensor",
    forward=_margin_ranking,
    composite=True,
    samples=domains.real(shapes="same", arguments=REDUCTION),
)


def _soft_margin_slope(grad_output: Tensor, self: Tensor, target: Tensor, reduction: str) -> Tensor:
    n = (self.numel() or 1) if reduction == "mean" else 1

    def slope(g: Any, x: Any, y: Any) -> Any:
        z = np.exp(-y * x)
        return (-y * z / (z + 1) * g / n).astype(g.dtype)

    return by_rows(elementwise(slope)(grad_output, self, target))


def _soft_margin_of_grad(grad: Tensor, grad_output: Tensor, self: Tensor, target: Tensor, reduction: str) -> Tensor:
    if reduction == "none":
        return run(_SOFT_MARGIN_BACKWARD, [grad, self, target, reduction])
    ones = grad_output.new_ones(grad_output.shape)
    return (run(_SOFT_MARGIN_BACKWARD, [ones, self, target, reduction]) * grad).sum()


def _soft_margin_bend(grad: Tensor, grad_output: Tensor, self: Tensor, target: Tensor, reduction: str) -> Tensor:
    z = (self * -target).exp()
    once = plus(z, 1)
    return shared(grad * grad_output * (target * target) * z / (once * once), self.numel(), reduction)


_SOFT_MARGIN_BACKWARD = declare(
    "_soft_margin_loss_backward(Tensor grad_output, Tensor self, Tensor target, str reduction) -> Tensor",
    forward=_soft_margin_slope, node="SoftMarginLossBackwardBackward0",
    vjp={"grad_output": _soft_margin_of_grad, "self": _soft_margin_bend}, **_HIDDEN,
)  # fmt: skip


def _soft_margin(self: Tensor, target: Tensor, reduction: str) -> Tensor:
    """Computed step by step into a tensor like the first argument, which must therefore be the larger one."""
    kernel = elementwise(lambda x, y: np.log1p(np.exp(-y * x)).astype(x.dtype))
    losses = kernel(self, target)
    if losses._shape != self._shape:
        raise refusal("inplace.broadcast_shape", shape=list(self._shape), result=list(losses._shape))
    if not dtypes.can_cast(losses._dtype, self._dtype):
        raise refusal("inplace.result_dtype", result=losses.dtype.scalar_name, target=self.dtype.scalar_name)
    return reduced_in_place(losses.to(self._dtype), reduction)


_SOFT_MARGIN = declare(
    "_soft_margin_loss(Tensor self, Tensor target, str reduction) -> Tensor",
    forward=_soft_margin, node="SoftMarginLossBackward0", **_HIDDEN,
    vjp={"self": lambda grad, self, target, reduction: run(_SOFT_MARGIN_BACKWARD, [grad, self, target, reduction])},
)  # fmt: skip


def _public_soft_margin(input: Tensor, target: Tensor, size_average: Any, reduce: Any, reduction: str) -> Tensor:
    constant("soft_margin_loss", target=target)
    return run(_SOFT_MARGIN, [input, target, reduction_of(size_average, reduce, reduction)])


declare(
    f"nn.functional.soft_margin_loss(Tensor input, Tensor target, {OPTIONS}) -> Tensor",
    forward=_public_soft_margin, composite=True, samples=domains.real(shapes="same", arguments=REDUCTION),
)  # fmt: skip


def _poisson_nll(
    input: Tensor,
    target: Tensor,
    log_input: bool,
    full: bool,
    size_average: Any,
    eps: float,
    reduce: Any,
    reduction: str,
) -> Tensor:
    how = reduction_of(size_average, reduce, reduction)
    losses = input.exp() - target * input if log_input else input - target * (input + eps).log()
    if full:
        small = target <= 1
        if some(target == 0):
            # the mask must not hide the logarithm's pole from the gradient
            target = differentiated(where(small, 1.0, target), "nn.poisson_nll.target_zero")
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        losses = losses + stirling.masked_fill(small, 0)
    return reduced(losses, how)


declare(
    "nn.functional.poisson_nll_loss(Tensor input, Tensor target, bool log_input=True, bool full=False, "
    "bool? size_average=None, float eps=1e-08, bool? reduce=None, str reduction='mean') -> Tensor",
    forward=_poisson_nll,
    composite=True,
    samples=domains.real(0.1, 3.0, shapes="same", arguments={**REDUCTION, "eps": (1e-8,)}),
)
