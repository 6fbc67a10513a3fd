"""Losses by how far the score of the right class exceeds the others: of one class a sample, or of several.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.multi_margin_loss.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.ops.loss import OPTIONS, REDUCTION, reduction_of
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _sizes(self: Tensor) -> tuple[int, int]:
    """The number of samples and of classes: a vector is one sample."""
    shape = self._shape
    if len(shape) > 2 or (shape and shape[-1] == 0):
        raise refusal("nn.margin.input", shape=list(shape))
    return (shape[0] if len(shape) == 2 else 1), (shape[-1] if shape else 1)


def _refuse_dtype(self: Tensor, kernel: str) -> None:
    if self._dtype not in (dtypes.float32, dtypes.float64):
        raise refusal("ops.not_implemented_for", op=kernel, dtype=self._dtype.scalar_name)


def _refuse_target_dtype(target: Tensor) -> None:
    if target._dtype is not dtypes.int64:
        raise refusal("nn.margin.dtype", expected="Long", got=target._dtype.scalar_name)


def _put_together(losses: Array, reduction: str, shape: tuple[int, ...]) -> Array:
    if reduction == "none":
        return losses.reshape(shape)
    total = losses.sum()
    return np.asarray(total / losses.dtype.type(losses.size) if reduction == "mean" else total)


def _share(scores: Array, reduction: str) -> Array:
    """What each comparison counts for."""
    return scores.dtype.type(1) / scores.dtype.type(scores.size if reduction == "mean" else scores.shape[1])


def _each(grad_output: Tensor, reduction: str) -> Array:
    """The gradient of the loss of each sample."""
    g = grad_output._read().astype(grad_output._dtype.compute)
    return g.reshape(-1, 1) if reduction == "none" else g


# -- one class a sample ------------------------------------------------------------------------------------------------


def _violated(scores: Array, target: Array, p: float, margin: float, weight: Any) -> tuple[Array, Array]:
    """By how much each other class comes too near, a power of it; and the slope of that. A nan comes not near."""
    rows = np.arange(len(scores))
    z = scores.dtype.type(margin) - scores[rows, target][:, None] + scores
    near = z > 0
    near[rows, target] = False
    w = scores.dtype.type(1) if weight is None else weight[target][:, None]
    loss, slope = (z, np.ones_like(z)) if p == 1 else (z * z, 2 * z)
    return np.where(near, w * loss, 0), np.where(near, w * slope, 0)


def _read_single(self: Tensor, target: Tensor, weight: Any) -> tuple[Array, Array, Any]:
    samples, classes = _sizes(self)
    if len(target._shape) > 1 or target.numel() != samples:
        raise refusal(
            "nn.multi_margin.target", samples=samples, got=list(target._shape), shape=list(self._shape)
        )  # fmt: skip
    if weight is not None and weight.numel() != classes:
        raise refusal("nn.multi_margin.weight", classes=classes, got=list(weight._shape))
    _refuse_dtype(self, "multi_margin_loss_cpu_kernel")
    _refuse_target_dtype(target)
    if weight is not None and weight._dtype is not self._dtype:
        raise refusal("nn.margin.dtype", expected=self._dtype.scalar_name, got=weight._dtype.scalar_name)
    places = target._read().reshape(-1)
    if ((places < 0) | (places >= classes)).any():
        raise refusal("nn.multi_margin.range")
    return self._read().reshape(samples, classes), places, None if weight is None else weight._read()


def _multi_margin(self: Tensor, target: Tensor, p: Any, margin: Any, weight: Any, reduction: str) -> Tensor:
    scores, places, w = _read_single(self, target, weight)

    def losses(scores: Array) -> Array:
        each = _violated(scores, places, p, margin, w)[0].sum(1) / scores.dtype.type(scores.shape[1])
        return _put_together(each, reduction, target._shape)

    return from_array(noisy(losses(scores), losses, [scores], self._dtype), self._dtype)


def _multi_margin_backward(
    grad_output: Tensor, self: Tensor, target: Tensor, p: Any, margin: Any, weight: Any, reduction: str
) -> Tensor:
    scores, places, w = _read_single(self, target, weight)
    slopes = _violated(scores, places, p, margin, w)[1] * _share(scores, reduction)
    slopes[np.arange(len(scores)), places] = 0 - slopes.sum(1)
    return from_array((slopes * _each(grad_output, reduction)).reshape(self._shape), self._dtype)


_MULTI_MARGIN_BACKWARD = declare(
    "_multi_margin_loss_backward(Tensor grad_output, Tensor self, Tensor target, Scalar p, Scalar margin, "
    "Tensor? weight, str reduction) -> Tensor",
    forward=_multi_margin_backward, underived=True, display="multi_margin_loss_backward", **_HIDDEN,
)  # fmt: skip

_MULTI_MARGIN = declare(
    "_multi_margin_loss(Tensor self, Tensor target, Scalar p, Scalar margin, Tensor? weight, str reduction) -> Tensor",
    forward=_multi_margin, node="MultiMarginLossBackward0", **_HIDDEN,
    vjp={
        "self": lambda grad, self, target, p, margin, weight, reduction: run(
            _MULTI_MARGIN_BACKWARD, [grad, self, target, p, margin, weight, reduction]
        )
    },
)  # fmt: skip


def _public_multi_margin(
    input: Tensor, target: Tensor, p: Any, margin: Any, weight: Any, size_average: Any, reduce: Any, reduction: str
) -> Tensor:
    how = reduction_of(size_average, reduce, reduction)
    if p not in (1, 2):
        raise refusal("nn.multi_margin.power")
    if weight is not None and len(weight._shape) != 1:
        raise refusal("nn.multi_margin.weight_rank")
    made: Tensor = run(_MULTI_MARGIN, [input, target, p, margin, weight, how])
    return made


declare(
    "nn.functional.multi_margin_loss(Tensor input, Tensor target, Scalar p=1, Scalar margin=1.0, Tensor? weight=None, "
    f"{OPTIONS}) -> Tensor",
    forward=_public_multi_margin, composite=True,
    samples=domains.real(shapes="classes", arguments={**REDUCTION, "p": (1, 2), "margin": (1.0, 0.5)}),
)  # fmt: skip

# -- several classes a sample: those listed before the first -1 --------------------------------------------------------


def _read_labels(self: Tensor, target: Tensor) -> tuple[Array, Array, Array]:
    """The scores, which classes are right, and each listed class beside the sample that lists it, in order."""
    samples, classes = _sizes(self)
    if target._shape != self._shape:
        raise refusal("nn.multilabel_margin.target", got=list(target._shape), shape=list(self._shape))
    labels = target._read().reshape(samples, classes)
    if labels.size and (labels.min() < -1 or labels.max() >= classes):
        raise refusal("nn.multilabel_margin.range")
    _refuse_dtype(self, "multilabel_margin_loss_forward_out_frame")
    _refuse_target_dtype(target)
    listed = np.logical_and.accumulate(labels >= 0, axis=1)
    pairs = np.argwhere(listed)
    pairs[:, 1] = labels[listed]
    right = np.zeros((samples, classes), bool)
    right[tuple(pairs.T)] = True
    return self._read().reshape(samples, classes), right, pairs


def _near_misses(scores: Array, right: Array, pairs: Array) -> Array:
    """For each listed class, by how much less than one its score exceeds that of each class that is not."""
    z = 1 - scores[pairs[:, 0], pairs[:, 1]][:, None] + scores[pairs[:, 0]]
    return np.where(right[pairs[:, 0]] | ~(z > 0), 0, z)


def _multilabel_margin(self: Tensor, target: Tensor, reduction: str) -> tuple[Tensor, Tensor]:
    scores, right, pairs = _read_labels(self, target)

    def losses(scores: Array) -> Array:
        each = np.zeros(len(scores), scores.dtype)
        np.add.at(each, pairs[:, 0], _near_misses(scores, right, pairs).sum(1))
        return _put_together(each / scores.dtype.type(scores.shape[1]), reduction, self._shape[:-1])

    made = from_array(noisy(losses(scores), losses, [scores], self._dtype), self._dtype)
    return made, from_array(right.reshape(self._shape), self._dtype)


def _multilabel_margin_backward(
    grad_output: Tensor, self: Tensor, target: Tensor, reduction: str, is_target: Tensor
) -> Tensor:
    scores, right, pairs = _read_labels(self, target)
    share = (_near_misses(scores, right, pairs) > 0) * _share(scores, reduction)
    slopes = np.zeros_like(scores)
    np.add.at(slopes, pairs[:, 0], share)
    np.subtract.at(slopes, tuple(pairs.T), share.sum(1))
    return from_array((slopes * _each(grad_output, reduction)).reshape(self._shape), self._dtype)


_MULTILABEL_MARGIN_BACKWARD = declare(
    "_multilabel_margin_loss_backward(Tensor grad_output, Tensor self, Tensor target, str reduction, "
    "Tensor is_target) -> Tensor",
    forward=_multilabel_margin_backward, underived=True, display="multilabel_margin_loss_backward", **_HIDDEN,
)  # fmt: skip

_MULTILABEL_MARGIN = declare(
    "_multilabel_margin_loss(Tensor self, Tensor target, str reduction) -> (Tensor output, Tensor is_target)",
    forward=_multilabel_margin, node="MultilabelMarginLossBackward0", non_differentiable_outputs=(1,),
    vjp={
        "self": lambda grad, self, target, reduction, result1: run(
            _MULTILABEL_MARGIN_BACKWARD, [grad, self, target, reduction, result1]
        )
    },
    **_HIDDEN,
)  # fmt: skip

declare(
    f"nn.functional.multilabel_margin_loss(Tensor input, Tensor target, {OPTIONS}) -> Tensor",
    forward=lambda input, target, size_average, reduce, reduction: run(
        _MULTILABEL_MARGIN, [input, target, reduction_of(size_average, reduce, reduction)]
    )[0],
    composite=True, samples=domains.real(shapes="labels", arguments=REDUCTION),
)  # fmt: skip
