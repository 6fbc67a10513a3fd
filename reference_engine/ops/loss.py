"""Losses that torch computes in one kernel: distances from a target, and cross entropies of probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.modes import state
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import minus, over, plus, times
from reference_engine.ops.kernels import Array, broadcast_shapes, elementwise, empty
from reference_engine.ops.supported import LOSSES, refuse_unsupported
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.strides import contiguous
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False}
REDUCTIONS = ("mean", "sum", "none")
REDUCTION: dict[str, Any] = {"reduction": REDUCTIONS, "size_average": (None,), "reduce": (None,)}
OPTIONS = "bool? size_average=None, bool? reduce=None, str reduction='mean'"


def reduction_of(size_average: Any, reduce: Any, reduction: str) -> str:
    """The reduction that a call asks for, in the new or in the old way.

    Raises:
        ValueError: an unknown reduction.
    """
    if size_average is not None or reduce is not None:
        averaged, summed = size_average is not False, reduce is not False
        reduction = "mean" if averaged and summed else "sum" if summed else "none"
        warn("nn.loss.legacy_reduction", reduction=reduction)
    if reduction not in REDUCTIONS:
        raise refusal("nn.loss.reduction", reduction=reduction)
    return reduction


def reduced(losses: Tensor, reduction: str) -> Tensor:
    """The mean, the sum, or each loss by itself."""
    return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()


def reduced_in_place(losses: Tensor, reduction: str) -> Tensor:
    """The same, by a kernel that stores the result where it had the losses: its memory is as large as theirs."""
    made = reduced(losses, reduction)
    if reduction == "none":
        return made
    room = empty(losses._shape, made._dtype)
    room._shape = room._strides = ()
    if losses.numel():
        room._write(made._read())
        return room
    return made


def in_common_shape(input: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Both as large as each other; unequal shapes are a likely mistake."""
    if input._shape != target._shape:
        warn(
            "ops.mse_loss.broadcast",
            target=f"torch.Size({list(target._shape)})",
            input=f"torch.Size({list(input._shape)})",
        )
    shape = broadcast_shapes([input._shape, target._shape])
    # a tensor that has the shape already is not recorded as expanded
    return tuple(t if t._shape == shape else t.expand(shape) for t in (input, target))  # type: ignore[return-value]


def refuse_cast(computed: dtypes.dtype, target: dtypes.dtype) -> None:
    """Raise if the dtype in which losses are computed doesn't go into that of the result."""
    if not dtypes.can_cast(computed, target):
        raise refusal("inplace.result_dtype", result=computed.scalar_name, target=target.scalar_name)


def shared(grad: Tensor, numel: int, reduction: str) -> Tensor:
    """What each of the averaged losses gets of the gradient."""
    return over(grad, numel) if reduction == "mean" else grad


def by_rows(t: Tensor) -> Tensor:
    """Kernels of losses write their gradients row by row, however the arguments lie in memory."""
    return t._copy(contiguous(t._shape))


def constant(op: str, **arguments: Any) -> None:
    """Refuse that what a kernel takes for a constant requires grad."""
    for name, t in arguments.items():
        if t is not None and t.requires_grad and state.grad:
            raise refusal("nn.loss.constant", op=op, name=name)


# -- distances: functions of input - target ----------------------------------------------------------------------------

_Slope = Callable[[Array, Any, Array], Array]


def _distance(
    name: str, kernel: str, node: str, loss: Callable[[Array, Any], Array], slope: _Slope, bend: Any,
    reduce: Any = None, since: dict[str, str] | None = None,
    slope_since: dict[str, str] | None = None, promoted: bool = True,
) -> Any:  # fmt: skip
    """Declare a loss of the difference, and its backward.

    Args:
        name: the hidden op's name. kernel: what messages call it. node: its name among the nodes.
        loss: of a difference and the parameter. slope: its derivative times a cotangent.
        bend: the second derivative times a cotangent, in ops.
        reduce: how the mean and the sum are stored, if not in the memory of the losses.
        since, slope_since: dtypes that the loss and its derivative took only later, with the switches.
        promoted: the losses have the common dtype, rather than that of the input.
    """

    def forward(self: Tensor, target: Tensor, reduction: str, delta: Any) -> Tensor:
        losses = elementwise(
            lambda x, y: loss(x - y, delta).astype(x.dtype), name=kernel, not_for="bool int complex", since=since
        )
        if not promoted and target._dtype is not self._dtype:
            cite("nn.huber.dtype")
            refuse_cast(kernels.promote([self, target]), self._dtype)
            return (reduce or reduced_in_place)(losses(self, target)._to_copy(self._dtype), reduction)
        return (reduce or reduced_in_place)(losses(self, target), reduction)

    def backward(grad_output: Tensor, self: Tensor, target: Tensor, reduction: str, delta: Any) -> Tensor:
        if target._dtype is not self._dtype:
            cite("nn.loss.mixed_gradient")
        n = self.numel() if reduction == "mean" else 1
        refuse_unsupported(f"{kernel.removesuffix('_cpu')}_backward_cpu_out", grad_output._dtype, slope_since or {})

        def share(g: Array, x: Array, y: Array) -> Array:
            return slope(x - y, delta, g / g.dtype.type(n or 1)).astype(g.dtype)

        return by_rows(elementwise(share)(grad_output, self, target))._to_copy(self._dtype)

    def both(
        grad: Tensor, self: Tensor, target: Tensor, reduction: str, delta: Any, needs: set[str]
    ) -> dict[str, Tensor | None]:
        return {
            "self": run(derivative, [grad, self, target, reduction, delta]) if "self" in needs else None,
            "target": run(derivative, [grad, target, self, reduction, delta]) if "target" in needs else None,
        }

    def turned(
        grad: Tensor, grad_output: Tensor, self: Tensor, target: Tensor, reduction: str, delta: Any
    ) -> dict[str, Tensor | None]:
        made = shared(bend(self - target, delta, grad * grad_output), self.numel(), reduction)
        return {"self": made, "target": -made}

    derivative = declare(
        f"{name}_backward(Tensor grad_output, Tensor self, Tensor target, str reduction, Scalar delta) -> Tensor",
        forward=backward, node=f"{node}BackwardBackward0",
        vjp={
            "grad_output": lambda grad, self, target, reduction, delta: reduced(
                run(derivative, [grad, self, target, "none", delta]), "none"
            ) if reduction == "none" else reduced(
                run(derivative, [grad.new_ones(()), self, target, reduction, delta]) * grad, "sum"
            ),
            "self, target": turned,
        },
        **_HIDDEN,
    )  # fmt: skip
    return declare(
        f"{name}(Tensor self, Tensor target, str reduction, Scalar delta) -> Tensor",
        forward=forward, vjp={"self, target": both}, node=f"{node}Backward0", **_HIDDEN,
    )  # fmt: skip


def _smooth_slope(d: Array, beta: Any, g: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(d) < beta, d * g / d.dtype.type(beta), np.sign(d) * g)


def _smooth_loss(d: Array, beta: Any) -> Array:
    size = np.abs(d)
    if beta == 0:
        return size
    return np.where(size < beta, d.dtype.type(0.5) * size * size / d.dtype.type(beta), size - d.dtype.type(0.5 * beta))


_MSE = _distance(
    "_mse_loss", "mse_cpu", "MseLoss", lambda d, _: d * d, lambda d, _, g: 2 * d * g, lambda d, _, g: times(g, 2),
    since={"bfloat16": "nn.half.mse_loss"}, slope_since={"float16": "nn.half.mse_loss"},
)  # fmt: skip
_SMOOTH_L1 = _distance(
    "_smooth_l1_loss", "smooth_l1_cpu", "SmoothL1Loss", _smooth_loss, _smooth_slope,
    lambda d, beta, g: over(g * (d.abs() < beta).type_as(g), beta) if beta else g.new_zeros(g.shape),
    slope_since={"float16": "nn.half.smooth_l1_loss"},
)  # fmt: skip
_HUBER = _distance(
    "_huber_loss",
    "huber_cpu",
    "HuberLoss",
    loss=lambda d, k: np.where(
        np.abs(d) <= k, d.dtype.type(0.5) * d * d, d.dtype.type(k) * (np.abs(d) - d.dtype.type(0.5 * k))
    ),
    slope=lambda d, k, g: np.where(np.abs(d) <= k, d * g, np.sign(d) * d.dtype.type(k) * g),
    reduce=reduced,
    bend=lambda d, k, g: g * (d.abs() < k),  # at the bound the second derivative is that of the straight side
    promoted=False,
)


def _mse(input: Tensor, target: Tensor, size_average: Any, reduce: Any, reduction: str, weight: Any) -> Tensor:
    x, y = in_common_shape(input, target)
    how = reduction_of(size_average, reduce, reduction)
    if weight is None:
        return run(_MSE, [x, y, how, 0])
    return weighted(run(_MSE, [x, y, "none", 0]), weight, input, how)


def weighted(losses: Tensor, weight: Tensor, input: Tensor, reduction: str) -> Tensor:
    """Each loss by its weight; the mean is that of the weights."""
    if weight._shape != input._shape:
        raise refusal("nn.loss.weight_shape")
    losses = losses * weight
    return losses.sum() / weight.sum() if reduction == "mean" else reduced(losses, reduction)


_SAMPLES = domains.real(shapes="same", arguments=REDUCTION)

declare(
    f"nn.functional.mse_loss(Tensor input, Tensor target, {OPTIONS}, Tensor? weight=None) -> Tensor",
    forward=_mse, composite=True, samples=domains.real(shapes="same", arguments={**REDUCTION, "weight": (None,)}),
)  # fmt: skip


def _l1(input: Tensor, target: Tensor, size_average: Any, reduce: Any, reduction: str, weight: Any) -> Tensor:
    x, y = in_common_shape(input, target)
    how = reduction_of(size_average, reduce, reduction)
    losses = (x - y).abs()
    return reduced(losses, how) if weight is None else weighted(losses, weight, input, how)


declare(
    f"nn.functional.l1_loss(Tensor input, Tensor target, {OPTIONS}, Tensor? weight=None) -> Tensor",
    forward=_l1, composite=True,
    samples=domains.field(shapes="same", arguments={**REDUCTION, "weight": (None,)}),
)  # fmt: skip


def _smooth_l1(input: Tensor, target: Tensor, size_average: Any, reduce: Any, reduction: str, beta: Any) -> Tensor:
    x, y = in_common_shape(input, target)
    how = reduction_of(size_average, reduce, reduction)
    if beta < 0:
        raise refusal("nn.smooth_l1.beta")
    return reduced((x - y).abs(), how) if beta == 0 else run(_SMOOTH_L1, [x, y, how, beta])


declare(
    f"nn.functional.smooth_l1_loss(Tensor input, Tensor target, {OPTIONS}, float beta=1.0) -> Tensor",
    forward=_smooth_l1, composite=True,
    samples=domains.real(shapes="same", arguments={**REDUCTION, "beta": (1.0, 0.5)}),
)  # fmt: skip


def _huber(input: Tensor, target: Tensor, reduction: str, delta: Any, weight: Any) -> Tensor:
    x, y = in_common_shape(input, target)
    how = reduction_of(None, None, reduction)
    if delta <= 0:
        raise refusal("nn.huber.delta")
    return (
        run(_HUBER, [x, y, how, delta])
        if weight is None
        else weighted(run(_HUBER, [x, y, "none", delta]), weight, input, how)
    )


declare(
    "nn.functional.huber_loss(Tensor input, Tensor target, str reduction='mean', float delta=1.0, "
    "Tensor? weight=None) -> Tensor",
    forward=_huber,
    composite=True,
    samples=domains.real(shapes="same", arguments={"reduction": REDUCTIONS, "delta": (1.0, 0.5), "weight": (None,)}),
)

# -- cross entropy of two probabilities --------------------------------------------------------------------------------

_LEAST_LOG, _LEAST_SLOPE = -100, 1e-12  # a probability of zero costs 100, not infinity


def _bce_forward(self: Tensor, target: Tensor, weight: Any, reduction: str) -> Tensor:
    if target._dtype is not self._dtype:
        raise refusal("nn.bce.dtype", got=target._dtype.scalar_name, expected=self._dtype.scalar_name)
    x = self._read().astype(self._dtype.compute)
    if x.size and not np.all((x >= 0) & (x <= 1)):
        raise refusal("ops.bce.range")
    if switch("nn.bce.target_checked"):
        t = target._read().astype(target._dtype.compute)
        if not np.all((t >= 0) & (t <= 1)):
            raise refusal("nn.bce.target_range")

    def loss(p: Array, t: Array) -> Array:
        with np.errstate(divide="ignore"):
            return (t - 1) * np.maximum(np.log1p(-p), _LEAST_LOG) - t * np.maximum(np.log(p), _LEAST_LOG)

    losses = elementwise(loss, name="binary_cross_entropy", not_for="bool int complex", since=LOSSES)(self, target)
    if weight is not None:
        losses = losses * weight.detach()
        refuse_cast(losses._dtype, self._dtype)
        losses = losses._to_copy(self._dtype)
    return reduced_in_place(losses, reduction)


def _bce_slope(grad_output: Tensor, self: Tensor, target: Tensor, weight: Any, reduction: str) -> Tensor:
    made = elementwise(lambda g, p, t: g * (p - t) / np.maximum((1 - p) * p, g.dtype.type(_LEAST_SLOPE)))
    return shared(_times_weight(made(grad_output, self, target), weight), self.numel(), reduction).detach()


def _times_weight(t: Tensor, weight: Any) -> Tensor:
    return t if weight is None else t * weight


def _bce_bend(grad: Tensor, grad_output: Tensor, self: Tensor, target: Tensor, weight: Any, reduction: str) -> Tensor:
    spread = (minus(1, self) * self).clamp_min(_LEAST_SLOPE)
    bend = (self * self - times(self * target, 2) + target) / (spread * spread)
    return shared(_times_weight(bend * grad * grad_output, weight), self.numel(), reduction)


def _bce_cross(grad: Tensor, grad_output: Tensor, self: Tensor, target: Tensor, weight: Any, reduction: str) -> Tensor:
    spread = (minus(1, self) * self).clamp_min(_LEAST_SLOPE)
    return shared(_times_weight(-(grad * grad_output) / spread, weight), self.numel(), reduction)


def _bce_of_grad(grad: Tensor, self: Tensor, target: Tensor, weight: Any, reduction: str) -> Tensor:
    spread = (minus(1, self) * self).clamp_min(_LEAST_SLOPE)
    made = shared(_times_weight((self - target) / spread * grad, weight), self.numel(), reduction)
    return made if reduction == "none" else made.sum()


def _bce_of_target(grad: Tensor, self: Tensor, target: Tensor, weight: Any, reduction: str) -> Tensor:
    cite("nn.bce.target_clamped")
    made = ((-self).log1p().clamp_min(_LEAST_LOG) - self.log().clamp_min(_LEAST_LOG)) * grad
    return shared(_times_weight(made, weight), target.numel(), reduction)


_BCE_BACKWARD = declare(
    "_binary_cross_entropy_backward(Tensor grad_output, Tensor self, Tensor target, Tensor? weight, "
    "str reduction) -> Tensor",
    forward=_bce_slope,
    node="BinaryCrossEntropyBackwardBackward0",
    vjp={"grad_output": _bce_of_grad, "self": _bce_bend, "target": _bce_cross},
    **_HIDDEN,
)
_BCE = declare(
    "_binary_cross_entropy(Tensor self, Tensor target, Tensor? weight, str reduction) -> Tensor",
    forward=_bce_forward,
    node="BinaryCrossEntropyBackward0",
    vjp={
        "self": lambda grad, self, target, weight, reduction: run(
            _BCE_BACKWARD, [grad, self, target, weight, reduction]
        ),
        "target": _bce_of_target,
    },
    **_HIDDEN,
)


def _bce(input: Tensor, target: Tensor, weight: Any, size_average: Any, reduce: Any, reduction: str) -> Tensor:
    how = reduction_of(size_average, reduce, reduction)
    if input._shape != target._shape:
        raise refusal(
            "ops.bce.size", target=f"torch.Size({list(target._shape)})", input=f"torch.Size({list(input._shape)})"
        )
    if weight is not None:
        weight = weight.expand(broadcast_shapes([weight._shape, target._shape]))
    constant("binary_cross_entropy", weight=weight)
    return run(_BCE, [input, target, weight, how])


declare(
    "nn.functional.binary_cross_entropy(Tensor input, Tensor target, Tensor? weight=None, bool? size_average=None, "
    "bool? reduce=None, str reduction='mean') -> Tensor",
    forward=_bce,
    composite=True,
    samples=domains.real(0.05, 0.95, special=(0.0, 1.0), shapes="same", arguments=REDUCTION),
)

# -- the same from logits ----------------------------------------------------------------------------------------------


def _logits_forward(self: Tensor, target: Tensor, weight: Any, pos_weight: Any, reduction: str) -> Tensor:
    if not self._dtype.is_floating_point:
        raise refusal("ops.not_implemented_for", op="log_sigmoid_cpu", dtype=self.dtype.scalar_name)

    def loss(x: Array, t: Array, *slope: Array) -> Array:
        scale = 1 + (slope[0] - 1) * t if slope else 1
        return (1 - t) * x + scale * (np.log1p(np.exp(-np.abs(x))) + np.maximum(-x, 0))

    losses = elementwise(loss)(*[t for t in (self, target, pos_weight) if t is not None])
    return reduced(losses if weight is None else losses * weight.detach(), reduction)


def _logits_of_self(grad: Tensor, self: Tensor, target: Tensor, weight: Any, pos_weight: Any, reduction: str) -> Tensor:
    if pos_weight is None:
        made = (self.sigmoid() - target) * grad
    else:
        t = pos_weight * target
        made = ((plus(t, 1) - target) * self.sigmoid() - t) * grad
    return shared(_times_weight(made, weight), self.numel(), reduction)


def _logits_of_target(
    grad: Tensor, self: Tensor, target: Tensor, weight: Any, pos_weight: Any, reduction: str
) -> Tensor:
    import reference_engine as engine

    if pos_weight is None:
        made = -self * grad
    else:
        log_sigmoid = engine.nn.functional.logsigmoid
        made = (log_sigmoid(-self) - pos_weight * log_sigmoid(self)) * grad
    return shared(_times_weight(made, weight), target.numel(), reduction)


_WITH_LOGITS = declare(
    "_binary_cross_entropy_with_logits(Tensor self, Tensor target, Tensor? weight, Tensor? pos_weight, "
    "str reduction) -> Tensor",
    forward=_logits_forward,
    node="BinaryCrossEntropyWithLogitsBackward0",
    vjp={"self": _logits_of_self, "target": _logits_of_target},
    **_HIDDEN,
)


def _with_logits(
    input: Tensor, target: Tensor, weight: Any, size_average: Any, reduce: Any, reduction: str, pos_weight: Any
) -> Tensor:  # fmt: skip
    how = reduction_of(size_average, reduce, reduction)
    if input._shape != target._shape:
        raise refusal(
            "nn.bce_with_logits.size",
            target=f"torch.Size({list(target._shape)})",
            input=f"torch.Size({list(input._shape)})",
        )
    constant("binary_cross_entropy_with_logits", weight=weight, pos_weight=pos_weight)
    return run(_WITH_LOGITS, [input, target, weight, pos_weight, how])


declare(
    "nn.functional.binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight=None, "
    "bool? size_average=None, bool? reduce=None, str reduction='mean', Tensor? pos_weight=None) -> Tensor",
    forward=_with_logits, composite=True, samples=_SAMPLES,
)  # fmt: skip
