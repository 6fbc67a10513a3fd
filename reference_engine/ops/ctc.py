"""Connectionist temporal classification: how unlikely a sequence of labels is, however it is spread over time.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.ctc_loss.html, and
Graves et al., "Connectionist Temporal Classification", https://www.cs.toronto.edu/~graves/icml_2006.pdf
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import where
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_HIDDEN: dict[str, Any] = {"function": False, "method": False}
_WHERE = "ctc_loss_allocate_outputs"


def _refuse(log_probs: Tensor, targets: Tensor, inputs: Ints, lengths: Ints, blank: int) -> None:
    """Raise for arguments that do not go together, in the order of torch's checks."""
    if not log_probs.numel() and switch("nn.ctc_loss.empty_refused"):
        raise refusal("nn.ctc_loss.empty")
    if log_probs._dtype not in (dtypes.float32, dtypes.float64):
        raise refusal("ops.not_implemented_for", op="ctc_loss_cpu", dtype=log_probs._dtype.scalar_name)
    if len(log_probs._shape) != 3:
        raise refusal("nn.ctc_loss.rank", rank=len(log_probs._shape), where=_WHERE)
    if len(targets._shape) not in (1, 2):
        raise refusal("nn.ctc_loss.targets_rank", rank=len(targets._shape), where=_WHERE)
    steps, batch, labels = log_probs._shape
    if not 0 <= blank < labels:
        raise refusal("nn.ctc_loss.blank")
    for name, given in (("input_lengths", inputs), ("target_lengths", lengths)):
        if len(given) != batch:
            raise refusal("nn.ctc_loss.batch", name=name)
    for length in lengths:
        if length < 0:
            raise refusal("nn.ctc_loss.least", name="target_lengths", value=length, where=_WHERE)
    if len(targets._shape) == 1 and targets._shape[0] != sum(lengths):
        raise refusal("nn.ctc_loss.targets", wanted=sum(lengths), size=targets._shape[0], where=_WHERE)
    if len(targets._shape) == 2 and targets._shape[1] < max(lengths, default=0):
        raise refusal("nn.ctc_loss.targets_padded", wanted=max(lengths), size=targets._shape[1], where=_WHERE)
    for length in inputs:
        if length < 0:
            raise refusal("nn.ctc_loss.least", name="input_lengths", value=length, where=_WHERE)
        if length > steps:
            raise refusal("nn.ctc_loss.most", most=steps, value=length, where=_WHERE)


def _sequences(targets: Array, lengths: Ints, blank: int) -> Iterator[Array]:
    """The labels of each sample with a blank before, between and after them."""
    start = 0
    for n, length in enumerate(lengths):
        labels = targets[n, :length] if targets.ndim == 2 else targets[start : start + length]
        start += length
        spread = np.full(2 * length + 1, blank, np.int64)
        spread[1::2] = labels
        yield spread


def _forwards(scores: Array, labels: Array, blank: int) -> Array:
    """The logarithm of how likely each label is reached at each time: (time, labels)."""
    alpha = np.full((len(scores), len(labels)), -np.inf, scores.dtype)
    if not len(scores):
        return alpha
    alpha[0, :2] = scores[0, labels[:2]]
    skips = np.zeros(len(labels), bool)  # from one label to another, past the blank
    skips[2:] = (labels[2:] != blank) & (labels[2:] != labels[:-2])
    for t in range(1, len(scores)):
        before = alpha[t - 1]
        reached = before.copy()
        reached[1:] = np.logaddexp(reached[1:], before[:-1])
        reached[2:] = np.where(skips[2:], np.logaddexp(reached[2:], before[:-2]), reached[2:])
        alpha[t] = reached + scores[t, labels]
    return alpha


def _likelihood(alpha: Array) -> Any:
    """The logarithm of how likely the labels are: they end with the last one, or the blank behind it."""
    if not len(alpha):
        return 0.0 if alpha.shape[1] == 1 else -np.inf
    return np.logaddexp.reduce(alpha[-1, -2:])


def _ctc(
    log_probs: Tensor, targets: Tensor, inputs: Ints, lengths: Ints, blank: int, zero_infinity: bool
) -> tuple[Tensor, Tensor]:
    _refuse(log_probs, targets, inputs, lengths, blank)
    scores, batch = log_probs._read(), log_probs._shape[1]
    places = targets._read()

    def alphas(scores: Array) -> list[Array]:
        spread = _sequences(places, lengths, blank)
        return [_forwards(scores[: inputs[n], n], labels, blank) for n, labels in enumerate(spread)]

    def losses(scores: Array) -> Array:
        return -np.array([_likelihood(alpha) for alpha in alphas(scores)], scores.dtype).reshape(batch)

    kept = np.full((batch, log_probs._shape[0], 2 * max(lengths, default=0) + 1), -np.inf, scores.dtype)
    for n, alpha in enumerate(alphas(scores)):
        kept[n, : alpha.shape[0], : alpha.shape[1]] = alpha
    floor = np.abs(scores).sum((0, 2))  # of logarithms of both signs
    made = noisy(losses(scores), losses, [scores], log_probs._dtype, floor=floor)
    return from_array(made + 0.0, log_probs._dtype), from_array(kept, log_probs._dtype)


def _ctc_backward(
    grad: Tensor, log_probs: Tensor, targets: Tensor, inputs: Ints, lengths: Ints, nll: Tensor, log_alpha: Tensor,
    blank: int, zero_infinity: bool,
) -> Tensor:  # fmt: skip
    cite("nn.ctc_loss.gradient")
    scores, g, places = log_probs._read(), grad._read(), targets._read()

    def slopes(g: Array, scores: Array) -> Array:
        made = np.zeros(scores.shape, scores.dtype)
        for n, labels in enumerate(_sequences(places, lengths, blank)):
            own = scores[: inputs[n], n]
            alpha = _forwards(own, labels, blank)
            loss = _likelihood(alpha)
            if zero_infinity and loss == -np.inf:
                continue
            # how likely each label is from its place on: the same, read backwards
            beta = _forwards(own[::-1], labels[::-1], blank)[::-1, ::-1]
            with np.errstate(invalid="ignore"):
                through = np.exp(alpha + beta - own[:, labels] - loss)
            for s, label in enumerate(labels):
                made[: inputs[n], n, label] -= g[n] * through[:, s]
        return made

    made = noisy(slopes(g, scores), slopes, [g, scores], log_probs._dtype, floor=np.abs(g)[None, :, None])
    return from_array(made, log_probs._dtype)


_OPTIONS = "int blank, bool zero_infinity"
_BACKWARD = declare(
    "_ctc_loss_backward(Tensor grad, Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, "
    f"Tensor neg_log_likelihood, Tensor log_alpha, {_OPTIONS}) -> Tensor",
    forward=_ctc_backward, underived=True, display="_ctc_loss_backward", **_HIDDEN,
)  # fmt: skip
_CTC = declare(
    "_ctc_loss(Tensor log_probs, Tensor targets, int[] input_lengths, int[] target_lengths, "
    f"{_OPTIONS}) -> (Tensor, Tensor)",
    forward=_ctc, node="CtcLossBackward0", non_differentiable_outputs=(1,),
    vjp={
        "log_probs": lambda grad, log_probs, targets, input_lengths, target_lengths, result0, result1, blank,
        zero_infinity: run(
            _BACKWARD,
            [grad, log_probs, targets, input_lengths, target_lengths, result0, result1, blank, zero_infinity],
        )
    },
    **_HIDDEN,
)  # fmt: skip


def _lengths(name: str, given: Any) -> Ints:
    if not isinstance(given, Tensor):
        return tuple(given)
    if given._dtype.category != 1:
        raise refusal("nn.ctc_loss.integral", name=name)
    return tuple(int(n) for n in given._read().reshape(-1))


def _ctc_loss(
    log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any, blank: int, reduction: str,
    zero_infinity: bool,
) -> Tensor:  # fmt: skip
    import reference_engine as engine

    inputs = _lengths("input_lengths", input_lengths)
    lengths = _lengths("target_lengths", target_lengths)
    batched = len(log_probs._shape) == 3
    scores = log_probs if batched else log_probs.unsqueeze(1)
    losses = run(_CTC, [scores, targets.to(dtypes.int64), inputs, lengths, blank, zero_infinity])[0]
    if zero_infinity:
        losses = where(losses == float("inf"), 0.0, losses)
    if reduction == "sum":
        return losses.sum()
    if reduction == "none":
        return losses if batched else losses.squeeze(0)
    return (losses / engine.tensor(lengths, dtype=losses._dtype).clamp_min(1)).mean()


_NUMBERS = ("none", "mean", "sum")
_SAMPLES = domains.real(
    -3.0, -0.1, shapes="ctc",
    arguments={"reduction": _NUMBERS, "blank": (0,), "zero_infinity": (False, True)},
)  # fmt: skip


def _numbered(*given: Any) -> Tensor:
    log_probs, targets, inputs, lengths, blank, reduction, zero_infinity = given
    return _ctc_loss(log_probs, targets, inputs, lengths, blank, _NUMBERS[reduction], zero_infinity)


for _type in ("int[]", "Tensor"):
    declare(
        f"ctc_loss(Tensor log_probs, Tensor targets, {_type} input_lengths, {_type} target_lengths, int blank=0, "
        "int reduction=1, bool zero_infinity=False) -> Tensor",
        forward=_numbered, composite=True, method=False,
    )  # fmt: skip


def _named(*given: Any) -> Tensor:
    import reference_engine as engine

    *others, reduction, zero_infinity = given
    if reduction not in _NUMBERS:
        raise refusal("nn.loss.reduction", reduction=reduction)
    made: Tensor = engine.ctc_loss(*others, _NUMBERS.index(reduction), zero_infinity)
    return made


declare(
    "nn.functional.ctc_loss(Tensor log_probs, Tensor targets, any input_lengths, any target_lengths, int blank=0, "
    "str reduction='mean', bool zero_infinity=False) -> Tensor",
    forward=_named, composite=True, samples=_SAMPLES,
)  # fmt: skip
