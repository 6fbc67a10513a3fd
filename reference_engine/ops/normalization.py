"""Normalisation over the last dimensions, over groups of channels, over the batch.

Each has a fused gradient; the derivative of that gradient is taken of its formula in elementary ops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes, levels
from reference_engine.modes import enable_grad, is_grad_enabled, state
from reference_engine.ops import domains, shadow
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import plus
from reference_engine.ops.kernels import Array, empty, from_array, noisy
from reference_engine.ops.supported import LAYERS, ONLY_FLOATING, refuse_unsupported
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_HIDDEN: dict[str, Any] = {"function": False, "method": False}

# -- one formula for all: rows are normalised, then scaled -------------------------------------------------------------


def _gradient(
    grad: Tensor, x: Tensor, weight: Any, axes: Ints, eps: float, summed: Ints
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The gradients of ``(x - mean) / sqrt(var + eps) * weight + bias`` in ops; ``axes`` are normalised over."""
    mean = x.mean(axes, keepdim=True)
    centred = x - mean
    rate = plus((centred * centred).mean(axes, keepdim=True), eps).rsqrt()
    normal = centred * rate
    g = grad if weight is None else grad * weight
    of_x = rate * (g - g.mean(axes, keepdim=True) - normal * (g * normal).mean(axes, keepdim=True))
    return of_x, (grad * normal).sum(summed), grad.sum(summed)


def derivative_of(
    fn: Callable[..., Sequence[Tensor]], arguments: Sequence[Tensor | None], cotangents: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The derivative of a function in ops at its arguments, itself differentiable while a graph is being made."""
    import reference_engine as engine

    again = state.grad
    with enable_grad():
        inputs = [None if a is None else _argument(a, again) for a in arguments]
        results = fn(*inputs)
        pairs = [(r, c) for r, c in zip(results, cotangents, strict=True) if c is not None and r.requires_grad]
        wanted = [i for i in inputs if i is not None]
        found = iter(
            engine.autograd.grad(
                [r for r, _ in pairs], wanted, [c for _, c in pairs], create_graph=again, allow_unused=True
            )
            if pairs
            else [None] * len(wanted)
        )
    return [None if i is None else next(found) for i in inputs]


def _argument(a: Tensor, again: bool) -> Tensor:
    """A view, with hooks of its own, to be differentiated by; with the tangent of ``a`` and, if asked, its history."""
    made = a.view_as(a) if again or not a.requires_grad else a.detach()
    if not made.requires_grad:
        made._leaf_requires_grad = True  # requires_grad_() is refused inside of a transform
    return made


class _Layout:
    """How a normalisation sees its input: shape, axes of statistics, shape of parameters, axes of their sums."""

    def __init__(self, shape: Ints, axes: Ints, parameters: Ints, summed: Ints, statistics: Ints = ()) -> None:
        self.shape, self.axes, self.parameters, self.summed, self.statistics = (
            shape,
            axes,
            parameters,
            summed,
            statistics,
        )


def _normalised(input: Tensor, weight: Any, bias: Any, layout: _Layout, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    d = input._dtype
    x = input._read().astype(d.compute).reshape(layout.shape)

    def apply(x: Array) -> Array:
        mean = np.mean(x, axis=layout.axes, keepdims=True)
        centred = x - mean
        rate = 1 / np.sqrt(np.mean(centred * centred, axis=layout.axes, keepdims=True) + x.dtype.type(eps))
        w, b = (
            x.dtype.type(neutral) if t is None else t._read().astype(x.dtype).reshape(layout.parameters)
            for t, neutral in ((weight, 1), (bias, 0))
        )
        y = centred * rate * w + b
        if not layout.statistics:
            return y
        scale = rate * w  # kernels with statistics of channels multiply by the scale and add the rest
        return np.where(y == 0, np.copysign(y, x * scale + (b - mean * scale)), y)

    def centre(x: Array) -> Array:
        return np.asarray(np.mean(x, axis=layout.axes, keepdims=True))

    def spread(x: Array) -> Array:
        return np.asarray(1 / np.sqrt(np.var(x, axis=layout.axes, keepdims=True) + x.dtype.type(eps)))

    with np.errstate(invalid="ignore", divide="ignore"):
        mean, rate = centre(x), spread(x)
        if (np.isfinite(mean) & (rate == 0)).any():
            cite("nn.normalised.overflow")
        size = np.mean(np.abs(x), axis=layout.axes, keepdims=True)  # what rounding errors are relative to
        rounded = shadow.active is not None and shadow.sum_is_rounded(x, d)
        mean, rate = (
            noisy(mean, centre, [x], d, floor=size, rounded=rounded),
            noisy(rate, spread, [x], d, floor=rate * np.maximum(size * rate, 1), rounded=rounded),
        )
        floor, cancelled = 0.0, False
        if layout.statistics:  # what is added up there, and cancels, is rounded
            scale = rate if weight is None else rate * weight._read().astype(x.dtype).reshape(layout.parameters)
            floor, cancelled = np.abs(mean * scale) + np.abs(x * scale), mean != 0
        made = noisy(apply(x), apply, [x], d, floor=floor, rounded=cancelled)
    kept = layout.statistics or mean.shape
    mean, rate = mean.reshape(kept), rate.reshape(kept)
    return from_array(made.reshape(input._shape), d), from_array(mean, d), from_array(rate, d)


def _fused(grad: Tensor, input: Tensor, weight: Any, layout: _Layout, eps: float) -> tuple[Tensor, Tensor, Tensor]:
    d = input._dtype
    if not input.numel():
        shape = (0,) if weight is None else weight._shape
        return empty(input._shape, d), empty(shape, d), empty(shape, d)
    g, x = (t._read().astype(d.compute).reshape(layout.shape) for t in (grad, input))

    def slope(g: Array, x: Array) -> Array:
        w = g * weight._read().astype(g.dtype).reshape(layout.parameters) if weight is not None else g
        centred = x - np.mean(x, axis=layout.axes, keepdims=True)
        rate = 1 / np.sqrt(np.mean(centred * centred, axis=layout.axes, keepdims=True) + x.dtype.type(eps))
        normal = centred * rate
        mean_g, mean_gn = (np.mean(v, axis=layout.axes, keepdims=True) for v in (w, w * normal))
        sizes.append(rate * (np.abs(w) + np.abs(mean_g) + np.abs(normal * mean_gn)))
        made = rate * (w - mean_g - normal * mean_gn)
        if len(layout.statistics) < 2:
            return made
        # by groups, kernels multiply the input by one number, which is nan where infinities meet in it
        total, moment = (np.sum(v, axis=layout.axes, keepdims=True) for v in (w, w * x))
        return np.where(np.isnan(total * (x - centred) - moment), np.nan, made).astype(made.dtype)

    sizes: list[Array] = []  # of what is added up
    centred = x - np.mean(x, axis=layout.axes, keepdims=True)
    normal = centred / np.sqrt(np.mean(centred * centred, axis=layout.axes, keepdims=True) + x.dtype.type(eps))
    shape = tuple(n for i, n in enumerate(layout.shape) if i not in layout.summed)
    made = slope(g, x)
    of_x = from_array(noisy(made, slope, [g, x], d, floor=sizes[0]).reshape(input._shape), d)
    of_w = from_array(np.sum(g * normal, axis=layout.summed).reshape(shape), d)
    return of_x, of_w, from_array(np.sum(g, axis=layout.summed).reshape(shape), d)


def _double(
    grads: Any, grad_output: Tensor, input: Tensor, weight: Any, layout: _Layout, eps: float
) -> dict[str, Any]:  # fmt: skip
    def gradient(g: Tensor, x: Tensor, w: Any) -> tuple[Tensor, Tensor, Tensor]:
        shown = None if w is None else w.view(layout.parameters)
        of_x, of_w, of_b = _gradient(
            g.reshape(layout.shape), x.reshape(layout.shape), shown, layout.axes, eps, layout.summed
        )
        shape = tuple(n for i, n in enumerate(layout.shape) if i not in layout.summed) if w is None else w._shape
        return of_x.reshape(x._shape), of_w.reshape(shape), of_b.reshape(shape)

    # the gradient of this gradient, which goes through mean and deviation again
    grad_output, input = (differentiated(t, "nn.normalised.third_derivative") for t in (grad_output, input))
    made = derivative_of(gradient, (grad_output, input, weight), grads)
    return dict(zip(("grad_output", "input", "weight"), made, strict=True))


def _chosen(made: Any, needs: set[str]) -> dict[str, Any]:
    return {name: t for name, t in zip(("input", "weight", "bias"), made, strict=True) if name in needs}


# -- over the last dimensions ------------------------------------------------------------------------------------------


def _layers(input: Tensor, normalized_shape: Ints) -> _Layout:
    rank, inner = len(input._shape), len(normalized_shape)
    axes = tuple(range(rank - inner, rank))
    return _Layout(input._shape, axes, tuple(normalized_shape), tuple(range(rank - inner)))


_LAYER_BACKWARD = declare(
    "_native_layer_norm_backward(Tensor grad_output, Tensor input, Tensor? weight, Tensor? bias, "
    "int[] normalized_shape, float eps) -> (Tensor, Tensor, Tensor)",
    forward=lambda grad_output, input, weight, bias, normalized_shape, eps: _fused(
        grad_output, input, weight, _layers(input, normalized_shape), eps
    ),
    node="NativeLayerNormBackwardBackward0",
    vjp={
        # the bias moves nothing here, but counts as an argument
        "grad_output, input, weight, bias": lambda grads, grad_output, input, weight, normalized_shape, eps: _double(
            grads, grad_output, input, weight, _layers(input, normalized_shape), eps
        )
    },
    **_HIDDEN,
)  # fmt: skip


def _layer_vjp(
    grad: Tensor, bias: Any, input: Tensor, weight: Any, normalized_shape: Ints, eps: float, needs: set[str],
    result1: Any, result2: Any,
) -> dict[str, Any]:  # fmt: skip
    """The statistics are kept although they are computed again here: hooks see what is saved."""
    return _chosen(run(_LAYER_BACKWARD, [grad, input, weight, bias, normalized_shape, eps]), needs)


_LAYER = declare(
    "_native_layer_norm(Tensor input, int[] normalized_shape, Tensor? weight, Tensor? bias, float eps) -> (Tensor, "
    "Tensor, Tensor)",
    forward=lambda input, normalized_shape, weight, bias, eps: _normalised(
        input, weight, bias, _layers(input, normalized_shape), eps
    ),
    node="NativeLayerNormBackward0",
    non_differentiable_outputs=(1, 2),
    vjp={"input, weight, bias": _layer_vjp},
    **_HIDDEN,
)


def _check_parameters(normalized_shape: Ints, parameters: dict[str, Any]) -> None:
    shape = list(normalized_shape)
    if not shape:
        raise refusal("nn.layer_norm.empty", shape=shape)
    for name, t in parameters.items():
        if t is not None and t._shape != tuple(shape):
            raise refusal("nn.layer_norm.weight", name=name, shape=list(t._shape), normalized=shape)


def _check_layers(input: Tensor, normalized_shape: Ints, parameters: dict[str, Any], star: str) -> None:
    _check_parameters(normalized_shape, parameters)
    shape = list(normalized_shape)
    if input._shape[-len(shape) :] != tuple(shape):
        expected = "[*" + star + ", ".join(map(str, shape)) + "]"
        raise refusal("ops.layer_norm.shape", normalized=shape, expected=expected, shape=list(input._shape))


def layer_norm_with_statistics(input: Tensor, normalized_shape: Ints, weight: Any, bias: Any, eps: float) -> Any:
    """The result, the means, and the reciprocals of the deviations."""
    _check_layers(input, normalized_shape, {"weight": weight, "bias": bias}, ", ")
    refuse_unsupported("LayerNormKernelImpl", input._dtype, LAYERS, ONLY_FLOATING)
    return run(_LAYER, [input, normalized_shape, weight, bias, eps])


def _layer_norm(input: Tensor, normalized_shape: Ints, weight: Any, bias: Any, eps: float) -> Tensor:
    made: Tensor = layer_norm_with_statistics(input, normalized_shape, weight, bias, eps)[0]
    return made


declare(
    "nn.functional.layer_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, Tensor? bias=None, "
    "float eps=1e-05) -> Tensor",
    forward=_layer_norm,
    composite=True,
    samples=domains.real(shapes="layers", arguments={"eps": (1e-5,)}),
)


def _rms_norm(input: Tensor, normalized_shape: Ints, weight: Any, eps: Any) -> Tensor:
    """Written in elementary ops; half precision is computed in float32."""
    counted = switch("nn.rms_norm.dimensions_counted")
    if counted:
        _check_parameters(normalized_shape, {"weight": weight})
        if len(input._shape) < len(normalized_shape):
            raise refusal("nn.rms_norm.rank", least=len(normalized_shape), ndim=len(input._shape))
    _check_layers(input, normalized_shape, {"weight": weight}, "" if counted else ", ")
    if eps is None and not input._dtype.is_differentiable:
        raise refusal("ops.not_implemented_for", op="rms_norm", dtype=input.dtype.scalar_name)
    axes = tuple(range(-len(normalized_shape), 0))
    small = dtypes.finfo(input.dtype).eps if eps is None else eps
    wide = input.float() if input._dtype.itemsize == 2 and switch("nn.rms_norm.upcasts") else input
    made = wide * plus(wide.pow(2).mean(axes, keepdim=True), small).rsqrt()
    if weight is not None:
        made = made * weight
    if not switch("nn.rms_norm.upcasts"):
        return made
    made = made.to(input._dtype)
    return made.contiguous() if switch("nn.rms_norm.contiguous") else made


declare(
    "nn.functional.rms_norm(Tensor input, int[] normalized_shape, Tensor? weight=None, float? eps=None) -> Tensor",
    forward=_rms_norm, composite=True, samples=domains.real(shapes="layers", arguments={"eps": (1e-5,)}),
    when="nn.rms_norm.exists",
)  # fmt: skip

# -- over groups of channels -------------------------------------------------------------------------------------------


def _groups(input: Tensor, num_groups: int) -> _Layout:
    n, c = input._shape[:2]
    shape = (n, num_groups, c // num_groups, math.prod(input._shape[2:]))
    return _Layout(shape, (2, 3), (1, num_groups, c // num_groups, 1), (0, 3), (n, num_groups))


def _group_gradient(
    grad: Tensor, input: Tensor, weight: Any, num_groups: int, eps: float, needs: set[str], result1: Any, result2: Any
) -> dict[str, Any]:
    layout = _groups(input, num_groups)
    if weight is None and "bias" in needs:
        cite("nn.group_norm.bias_alone")
    if not state.grad:
        made: Any = _fused(grad, input, weight, layout, eps)
    else:
        shown = None if weight is None else weight.view(layout.parameters)
        made = _gradient(
            grad.reshape(layout.shape), input.reshape(layout.shape), shown, layout.axes, eps, layout.summed
        )
        made = (made[0].reshape(input._shape), *made[1:])
        if not levels.is_mapped(grad) and not np.isfinite(grad._read()).all():  # as where nothing is recorded
            fused = _fused(grad.detach(), input.detach(), None if weight is None else weight.detach(), layout, eps)[0]
            made = (made[0].masked_fill(fused.isnan(), math.nan), *made[1:])
    channels = (input._shape[1],)
    return _chosen((made[0], made[1].reshape(channels), made[2].reshape(channels)), needs)


_GROUP = declare(
    "_native_group_norm(Tensor input, Tensor? weight, Tensor? bias, int num_groups, float eps) -> (Tensor, Tensor, "
    "Tensor)",
    forward=lambda input, weight, bias, num_groups, eps: _normalised(
        input, weight, bias, _groups(input, num_groups), eps
    ),
    node="NativeGroupNormBackward0",
    vjp={"input, weight, bias": _group_gradient},
    **_HIDDEN,
)


def group_norm_with_statistics(input: Tensor, num_groups: int, weight: Any, bias: Any, eps: float) -> Any:
    """The result, the means, and the reciprocals of the deviations."""
    refuse_unsupported("GroupNormKernelImpl", input._dtype, not_for=ONLY_FLOATING)
    return run(_GROUP, [input, weight, bias, num_groups, eps])


def _group_norm(input: Tensor, num_groups: int, weight: Any, bias: Any, eps: float) -> Tensor:
    shape = list(input._shape)
    if len(shape) < 2:
        raise refusal("nn.group_norm.rank", ndim=len(shape))
    if num_groups <= 0:
        raise refusal("nn.group_norm.groups", groups=num_groups)
    if shape[1] % num_groups:
        raise refusal("nn.group_norm.channels", shape=shape, groups=num_groups)
    for name, t in (("weight", weight), ("bias", bias)):
        if t is not None and t._shape != (shape[1],):
            raise refusal("nn.group_norm.weight", name=name, given=list(t._shape), shape=shape)
    made: Tensor = group_norm_with_statistics(input, num_groups, weight, bias, eps)[0]
    return made


declare(
    "nn.functional.group_norm(Tensor input, int num_groups, Tensor? weight=None, Tensor? bias=None, "
    "float eps=1e-05) -> Tensor",
    forward=_group_norm,
    composite=True,
    samples=domains.real(shapes="groups", arguments={"eps": (1e-5,)}),
)

# -- over the batch ----------------------------------------------------------------------------------------------------


def _channels(input: Tensor) -> _Layout:
    others = (0, *range(2, len(input._shape)))
    return _Layout(input._shape, others, (1, -1, *[1] * (len(input._shape) - 2)), others, input._shape[1:2])


def _check_dtypes(input: Tensor, parameters: Sequence[Tensor]) -> None:
    """Parameters and statistics have the dtype of the input; those of a half precision may all be single."""
    d = input._dtype
    refuse_unsupported("batch_norm", d, not_for=ONLY_FLOATING)
    if parameters and parameters[0]._dtype is not d:
        if any(t._dtype is not dtypes.float32 for t in parameters):
            raise refusal("nn.batch_norm.dtype_parameters")
        if d.itemsize != 2:
            raise refusal("nn.batch_norm.dtype_input")
        return
    for t in parameters:
        if t._dtype is not d:
            raise refusal("nn.batch_norm.dtype", input=d.scalar_name, got=t._dtype.scalar_name)


def _batch_forward(
    input: Tensor,
    weight: Any,
    bias: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Tensor, Tensor, Tensor]:
    layout = _channels(input)
    if input.numel():
        _check_dtypes(input, [t for t in (weight, bias, running_mean, running_var) if t is not None])
    if training:
        made = _normalised(input, weight, bias, layout, eps)
        if running_mean is not None and input.numel():
            _track(input, running_mean, running_var, layout, momentum)
        return made
    d = input._dtype
    x, mean, var = (t._read().astype(d.compute) for t in (input, running_mean, running_var))

    def apply(x: Array, mean: Array, var: Array) -> Array:
        scale = 1 / np.sqrt(var + x.dtype.type(eps))
        if weight is not None:
            scale = scale * weight._read().astype(x.dtype)
        shift = (0 if bias is None else bias._read().astype(x.dtype)) - mean * scale
        return x * scale.reshape(layout.parameters) + shift.reshape(layout.parameters)

    return from_array(noisy(apply(x, mean, var), apply, [x, mean, var], d), d), empty((0,), d), empty((0,), d)


def _track(input: Tensor, running_mean: Any, running_var: Any, layout: _Layout, momentum: float) -> None:
    """Move the running statistics towards those of this batch; the variance is unbiased. Not a new version of them."""
    x = input._read().astype(input._dtype.compute)
    n = x.size // x.shape[1]
    mean, var = np.mean(x, axis=layout.axes), np.var(x, axis=layout.axes) * (n / max(n - 1, 1))
    for whole, batches in ((running_mean, mean), (running_var, var)):
        if whole is None:
            continue
        # channels whose statistics lie at one place move them one after the other
        apart = whole._strides[0] != 0
        for running, batch in [(whole, batches)] if apart else [(whole.select(0, i), b) for i, b in enumerate(batches)]:
            old = running._read().astype(batches.dtype)
            moved = batch * batches.dtype.type(momentum) + old * batches.dtype.type(1 - momentum)
            running._write(moved.astype(running._dtype.np))


def _evaluated(grad: Tensor, input: Tensor, weight: Any, running_mean: Tensor, running_var: Tensor, eps: float) -> Any:
    """With fixed statistics the map is affine."""
    layout = _channels(input)
    rate = plus(running_var, eps).rsqrt().view(layout.parameters)
    normal = (input - running_mean.view(layout.parameters)) * rate
    g = grad if weight is None else grad * weight.view(layout.parameters)
    return g * rate, (grad * normal).sum(layout.summed), grad.sum(layout.summed)


_BATCH_ARGUMENTS = "Tensor? running_mean, Tensor? running_var, bool training, float eps"


def _batch_backward(
    grad_output: Tensor, input: Tensor, weight: Any, running_mean: Any, running_var: Any, training: bool, eps: float
) -> Any:  # fmt: skip
    if training:
        return _fused(grad_output, input, weight, _channels(input), eps)
    plain: list[Any] = [
        None if t is None else t.detach() for t in (grad_output, input, weight, running_mean, running_var)
    ]
    made = _evaluated(plain[0], plain[1], plain[2], plain[3], plain[4], eps)
    return tuple(t.contiguous() for t in made)


def _batch_double(
    grads: Any,
    grad_output: Tensor,
    input: Tensor,
    weight: Any,
    running_mean: Any,
    running_var: Any,
    training: bool,
    eps: float,
) -> dict[str, Any]:
    if training:
        return _double(grads, grad_output, input, weight, _channels(input), eps)

    def gradient(g: Tensor, x: Tensor, w: Any) -> Any:
        return _evaluated(g, x, w, running_mean, running_var, eps)

    made = derivative_of(gradient, (grad_output, input, weight), grads)
    return dict(zip(("grad_output", "input", "weight"), made, strict=True))


_BATCH_BACKWARD = declare(
    f"_native_batch_norm_backward(Tensor grad_output, Tensor input, Tensor? weight, {_BATCH_ARGUMENTS}) -> (Tensor, "
    "Tensor, Tensor)",
    forward=_batch_backward,
    node="NativeBatchNormBackwardBackward0",
    vjp={"grad_output, input, weight": _batch_double},
    **_HIDDEN,
)


def _batch_vjp(
    grad: Tensor, input: Tensor, weight: Any, running_mean: Any, running_var: Any, training: bool, eps: float,
    needs: set[str], result1: Any, result2: Any,
) -> dict[str, Any]:  # fmt: skip
    return _chosen(run(_BATCH_BACKWARD, [grad, input, weight, running_mean, running_var, training, eps]), needs)


_BATCH = declare(
    "_native_batch_norm(Tensor input, Tensor? weight, Tensor? bias, Tensor? running_mean, Tensor? running_var, "
    "bool training, "
    "float momentum, float eps) -> (Tensor, Tensor, Tensor)",
    forward=_batch_forward,
    node="NativeBatchNormBackward0",
    non_differentiable_outputs=(1, 2),
    vjp={"input, weight, bias": _batch_vjp},
    **_HIDDEN,
)


def batch_norm_with_statistics(input: Tensor, *options: Any) -> Any:
    """The result, the means, and the reciprocals of the deviations; nothing is checked."""
    return run(_BATCH, [input, *options])


def _size(t: Tensor) -> str:
    return f"torch.Size({list(t._shape)})"


def batch_norm(
    input: Tensor,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """Checked, then normalised."""
    if training and math.prod((input._shape[0], *input._shape[2:])) == 1:
        raise refusal("nn.batch_norm.one_value", size=_size(input))
    channels = input._shape[1]
    for name, t in (("running_mean", running_mean), ("running_var", running_var)):
        if t is None and not training:
            raise refusal("nn.batch_norm.statistics", name=name)
    for name, t in (("running_mean", running_mean), ("running_var", running_var), ("weight", weight), ("bias", bias)):
        if t is not None and t.numel() != channels:
            raise refusal("nn.batch_norm.elements", name=name, channels=channels, got=t.numel())
    if is_grad_enabled():
        for name, t in (("running_mean", running_mean), ("running_var", running_var)):
            if t is not None and t.requires_grad:
                raise refusal("ops.argument.not_differentiable", op="native_batch_norm", name=name)
    if (running_mean is None) != (running_var is None) and switch("nn.batch_norm.both_statistics"):
        raise refusal("nn.batch_norm.both_statistics")
    tracked = [t for t in (running_mean, running_var) if t is not None] if training else []
    if levels.batches() and levels.is_mapped(input) and not all(levels.is_mapped(t) for t in tracked):
        raise refusal("functorch.vmap.batch_norm")
    if not input.numel():  # nothing to normalise
        made = input.clone()
        made = made if weight is None else made * weight[0]
        return made if bias is None else made + bias[0]
    return run(_BATCH, [input, weight, bias, running_mean, running_var, training, momentum, eps])[0]


declare(
    "nn.functional.batch_norm(Tensor input, Tensor? running_mean, Tensor? running_var, Tensor? weight=None, "
    "Tensor? bias=None, "
    "bool training=False, float momentum=0.1, float eps=1e-05) -> Tensor",
    forward=batch_norm,
    composite=True,
    samples=domains.real(shapes="batch_norm", arguments={"momentum": (0.1,), "eps": (1e-5,)}),
)


def _instance_norm(
    input: Tensor,
    running_mean: Any,
    running_var: Any,
    weight: Any,
    bias: Any,
    use_input_stats: bool,
    momentum: float,
    eps: float,
) -> Tensor:
    """A batch of one whose channels are those of every sample."""
    if use_input_stats and math.prod(input._shape[2:]) == 1:
        raise refusal("nn.instance_norm.one_value", size=_size(input))
    if not use_input_stats and (running_mean is None or running_var is None):
        raise refusal("nn.instance_norm.statistics")
    parameters = input if weight is None else weight
    casts = running_mean is not None and running_mean._dtype is not parameters._dtype
    casts = casts and switch("nn.instance_norm.casts_statistics")
    n, c = input.size(0), input.size(1)
    many: list[Any] = [None if t is None else t.repeat(n) for t in (weight, bias)]
    for statistic in (running_mean, running_var):
        if casts:
            if statistic is None:
                raise refusal("nn.instance_norm.one_statistic")
            statistic = statistic.to(parameters.dtype)
        many.append(None if statistic is None else statistic.repeat(n))
    folded = input.contiguous().view((1, n * c, *input._shape[2:]))
    made = batch_norm(folded, many[2], many[3], many[0], many[1], use_input_stats, momentum, eps)
    for running, copies in ((running_mean, many[2]), (running_var, many[3])):
        if running is not None and use_input_stats:
            running.detach().copy_(copies.view((n, c)).mean(0))
    return made.view(input._shape)


declare(
    "nn.functional.instance_norm(Tensor input, Tensor? running_mean=None, Tensor? running_var=None, "
    "Tensor? weight=None, "
    "Tensor? bias=None, bool use_input_stats=True, float momentum=0.1, float eps=1e-05) -> Tensor",
    forward=_instance_norm,
    composite=True,
    samples=domains.real(shapes="pool1d", arguments={"use_input_stats": (True,), "momentum": (0.1,), "eps": (1e-5,)}),
)
