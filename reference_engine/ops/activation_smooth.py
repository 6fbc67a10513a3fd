"""Nonlinearities that are smooth, or all but smooth: exponential units, GELU, SiLU, Mish, softplus, gates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special

from reference_engine import strides
from reference_engine.dtypes import float32
from reference_engine.modes import state
from reference_engine.ops import domains, shadow
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import less, minus, plus, some, times
from reference_engine.ops.kernels import HALF, elementwise, from_array, noisy, note_nan, wrap_dim
from reference_engine.ops.supported import ONLY_FLOATING, refuse_unsupported
from reference_engine.semantics import cite, refusal
from reference_engine.tensor import Tensor

Array = Any
_HIDDEN: dict[str, Any] = {"function": False}
_NUMBERS = "bool int complex"
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
_FLAG = {"inplace": (False, False, True)}

# -- exponential linear units: at zero the derivative is that of the exponential side ----------------------------------


def _elu(x: Array, alpha: Any, scale: Any, input_scale: Any) -> Array:
    t = x.dtype.type
    return np.where(x < 0, np.expm1(np.where(x < 0, x, 0) * t(input_scale)) * t(alpha * scale), x * t(scale)).astype(
        x.dtype
    )


def _elu_slope(grad: Array, alpha: Any, scale: Any, input_scale: Any, is_result: bool, x: Array) -> Array:
    """Of the argument, or of the result where that has overwritten the argument."""
    t = x.dtype.type
    steep = x + t(alpha * scale) if is_result else t(alpha * scale) * np.exp(np.minimum(x, 0) * t(input_scale))
    return np.where(note_nan(x) <= 0, grad * t(input_scale) * steep, grad * t(scale)).astype(grad.dtype)


def _elu_curvature(
    grad: Tensor, grad_output: Tensor, alpha: Any, scale: Any, input_scale: Any, is_result: bool, self: Tensor
) -> Tensor:
    """At zero, where the second derivatives of the two sides differ, it is that of the straight side."""
    both = grad * grad_output * input_scale
    if not is_result:
        both = both._elu_backward(alpha, scale, input_scale, False, self)
    return both * (self < 0).type_as(grad)


def _of_elu(grad: Tensor, alpha: Any, scale: Any, input_scale: Any, is_result: bool, self: Tensor) -> Tensor:
    if is_result and alpha < 0:
        raise refusal("nn.elu.negative_in_place")
    return grad._elu_backward(alpha, scale, input_scale, is_result, self)


_ELU_BACKWARD = declare(
    "_elu_backward(Tensor grad_output, Scalar alpha, Scalar scale, Scalar input_scale, bool is_result, Tensor self) "
    "-> Tensor",
    forward=elementwise(_elu_slope, params=(1, 2, 3, 4)),
    vjp={
        "grad_output": lambda grad, alpha, scale, input_scale, is_result, self: grad._elu_backward(
            alpha, scale, input_scale, is_result, self
        ),
        "self": _elu_curvature,
    },
    node="EluBackwardBackward0",
    **_HIDDEN,
)
_ELU, _ELU_IN_PLACE = (
    declare(
        "_elu(Tensor self, Scalar alpha=1, Scalar scale=1, Scalar input_scale=1) -> Tensor",
        forward=elementwise(_elu, params=(1, 2, 3), name="elu_cpu", not_for=_NUMBERS, since=HALF),
        vjp=vjp, node=f"EluBackward{in_place:d}", inplace=in_place, **_HIDDEN,
    )
    for in_place, vjp in (
        (False, {
            "self": lambda grad, self, alpha, scale, input_scale: _of_elu(grad, alpha, scale, input_scale, False, self)
        }),
        (True, {
            "self": lambda grad, result, alpha, scale, input_scale: _of_elu(
                grad, alpha, scale, input_scale, True, result
            )
        }),
    )
)  # fmt: skip


def _public_elu(self: Tensor, alpha: Any, scale: Any, inplace: bool) -> Tensor:
    return run(_ELU_IN_PLACE if inplace else _ELU, [self, alpha, scale, 1], inplace)


declare(
    "nn.functional.elu(Tensor self, Scalar alpha=1.0, bool inplace=False) -> Tensor",
    forward=lambda self, alpha, inplace: _public_elu(self, alpha, 1, inplace), composite=True,
    samples=domains.real(special=(0.0,), arguments={"alpha": (1.0, 0.5, 2), **_FLAG}),
)  # fmt: skip
declare(
    "nn.functional.selu(Tensor self, bool inplace=False) -> Tensor",
    forward=lambda self, inplace: _public_elu(self, _SELU_ALPHA, _SELU_SCALE, inplace), composite=True,
    samples=domains.real(special=(0.0,), arguments=_FLAG),
)  # fmt: skip


def _celu(self: Tensor, alpha: Any) -> Tensor:
    if alpha == 0:
        raise refusal("nn.celu.alpha")
    kernel = elementwise(_elu, params=(1, 2, 3), name="elu_cpu", not_for=_NUMBERS, since=HALF)
    return kernel(self, alpha, 1.0, 1.0 / alpha)


_CELU, _CELU_IN_PLACE = (
    declare(
        "_celu(Tensor self, Scalar alpha) -> Tensor", display="celu",
        forward=_celu, vjp=vjp, node=f"CeluBackward{in_place:d}", inplace=in_place, **_HIDDEN,
    )
    for in_place, vjp in (
        (False, {"self": lambda grad, self, alpha: _of_elu(grad, alpha, 1, 1.0 / alpha, False, self)}),
        (True, {"self": lambda grad, result, alpha: _of_elu(grad, alpha, 1, 1.0 / alpha, True, result)}),
    )
)  # fmt: skip
declare(
    "nn.functional.celu(Tensor self, Scalar alpha=1.0, bool inplace=False) -> Tensor",
    forward=lambda self, alpha, inplace: run(_CELU_IN_PLACE if inplace else _CELU, [self, alpha], inplace),
    composite=True, samples=domains.real(special=(0.0,), arguments={"alpha": (1.0, 0.5, 2), **_FLAG}),
)  # fmt: skip

# -- GELU ---------------------------------------------------------------------------------------------------------

_KAPPA, _BETA = 0.044715, math.sqrt(2 / math.pi)
_TANH_FORMS = ("none", "tanh")


def _erf(x: Array) -> Array:
    """As good as the vectorised one, whose error is a few units in the last place of 1 even where it is small."""
    found = scipy.special.erf(x)
    if shadow.active is None or x.dtype != np.float32:
        return found
    return shadow.active.perturb(scipy.special.erf, [x], found, float32, ulps=4.0, floor=1.0)


def _gelu(x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        return (0.5 * x * (1 + np.tanh(_BETA * (x + _KAPPA * x * x * x)))).astype(x.dtype)
    return (x * 0.5 * (1 + _erf(x * x.dtype.type(math.sqrt(0.5))))).astype(x.dtype)


def _gelu_slope(grad: Array, x: Array, approximate: str) -> Array:
    if approximate == "tanh":
        t = np.tanh(_BETA * (x + _KAPPA * x * x * x))
        flat = np.abs(t) == 1  # there the square of x may overflow, and would be multiplied with zero
        if (flat & np.isinf(x * x) & np.isfinite(x)).any():
            cite("nn.gelu.far")
        near = np.where(flat, x.dtype.type(0), x)
        slope = 0.5 * (1 + t) + 0.5 * near * (1 - t * t) * _BETA * (1 + 3 * _KAPPA * near * near)
    else:
        slope = 0.5 * (1 + _erf(x * x.dtype.type(math.sqrt(0.5)))) + x * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return (grad * slope).astype(grad.dtype)


def _gelu_curvature(grad: Tensor, grad_output: Tensor, self: Tensor, approximate: str) -> Tensor:
    if approximate == "none":
        density = times((times(self.pow(2), -0.5)).exp(), 1 / math.sqrt(2 * math.pi))
        square = self.pow(2)
        if some(square.isinf().logical_and(self.isinf().logical_not())):
            cite("nn.gelu.far")
            square = square.masked_fill(density == 0, 0)
        return grad * grad_output * density * minus(2, square)
    t = times(self + times(self.pow(3), _KAPPA), _BETA).tanh()
    inner_slope = times(plus(times(self.pow(2), 3 * _KAPPA), 1), _BETA)
    inner_curvature = times(self, 6 * _KAPPA * _BETA)
    sech = minus(1, t * t)
    bend = sech * inner_slope + times(
        self * (sech * inner_curvature - times(t * sech * inner_slope * inner_slope, 2)), 0.5
    )
    return grad * grad_output * bend


def _check_approximate(promoted: Any, self: Tensor, approximate: str) -> None:
    if approximate not in _TANH_FORMS:
        raise refusal("nn.gelu.approximate")


declare(
    "nn.functional.gelu(Tensor self, *, str approximate='none') -> Tensor",
    forward=elementwise(
        _gelu, params=(1,), name="GeluKernelImpl", not_for=_NUMBERS, since=HALF, check=_check_approximate
    ),
    vjp={"self": lambda grad, self, approximate: grad._gelu_backward(self, approximate=approximate)},
    samples=domains.real(arguments={"approximate": _TANH_FORMS}),
)
declare(
    "_gelu_backward(Tensor grad_output, Tensor self, *, str approximate='none') -> Tensor",
    forward=elementwise(_gelu_slope, params=(2,)),
    vjp={
        "grad_output": lambda grad, self, approximate: grad._gelu_backward(self, approximate=approximate),
        "self": _gelu_curvature,
    },
    node="GeluBackwardBackward0", **_HIDDEN,
)  # fmt: skip

# -- SiLU and Mish: while a graph of the gradient is made, the derivative is written in elementary ops -----------------


def _logistic(x: Array) -> Array:
    return 1 / (1 + np.exp(-x)) if x.dtype.kind == "c" else scipy.special.expit(x)


def _silu_slope(grad: Array, x: Array) -> Array:
    s = _logistic(x)
    slope = s * (1 + x * (1 - s))
    return (grad * (np.conj(slope) if x.dtype.kind == "c" else slope)).astype(grad.dtype)


def _silu_vjp(grad: Tensor, self: Tensor) -> Tensor:
    if not state.grad:
        return elementwise(_silu_slope)(grad, self)
    s = self.sigmoid()
    if self._dtype.is_complex:
        return grad * (s * plus(self * minus(1, s), 1)).conj()
    return grad * s * plus(self * minus(1, s), 1)


def _check_silu(promoted: Any, self: Tensor, inplace: bool) -> None:
    if promoted.is_complex and self.requires_grad and state.grad:
        raise refusal("complex.not_differentiable", op="silu_" if inplace else "silu")


declare(
    "nn.functional.silu(Tensor self, bool inplace=False) -> Tensor",
    forward=elementwise(
        lambda x, _: (x * _logistic(x)).astype(x.dtype), params=(1,), name="silu_cpu", not_for="bool int", since=HALF,
        check=_check_silu,
    ),
    vjp={"self": _silu_vjp}, samples=domains.real(arguments=_FLAG),
)  # fmt: skip


def _mish_slope(grad: Array, x: Array) -> Array:
    t, s = np.tanh(np.logaddexp(x, 0)), scipy.special.expit(x)
    return (grad * (t + x * s * (1 - t * t))).astype(grad.dtype)


def _mish_vjp(grad: Tensor, self: Tensor) -> Tensor:
    if not state.grad:
        return elementwise(_mish_slope)(grad, self)
    t = run(_SOFTPLUS, [self, 1, 20]).tanh()
    if some(self.exp().isinf().logical_and(self.isinf().logical_not())):
        self = differentiated(self, "nn.mish.far")
    return grad * (t + self * self.sigmoid() * minus(1, t * t))


declare(
    "nn.functional.mish(Tensor self, bool inplace=False) -> Tensor",
    forward=elementwise(
        lambda x, _: (x * np.tanh(np.logaddexp(x, x.dtype.type(0)))).astype(x.dtype), params=(1,), name="mish_cpu",
        not_for=_NUMBERS, since={**HALF, "bfloat16": "nn.half.hardtanh_backward"},
    ),
    vjp={"self": _mish_vjp}, samples=domains.real(arguments=_FLAG),
)  # fmt: skip

# -- softplus and the logarithm of the sigmoid -------------------------------------------------------------------------


def _softplus(x: Array, beta: Any, threshold: Any) -> Array:
    scaled = x * x.dtype.type(beta)
    return np.where(scaled > threshold, x, np.log1p(np.exp(np.minimum(scaled, threshold))) / x.dtype.type(beta)).astype(
        x.dtype
    )


def _softplus_slope(grad: Array, x: Array, beta: Any, threshold: Any) -> Array:
    scaled = x * x.dtype.type(beta)
    return np.where(scaled > threshold, grad, grad * scipy.special.expit(scaled)).astype(grad.dtype)


def _softplus_curvature(grad: Tensor, grad_output: Tensor, self: Tensor, beta: Any, threshold: Any) -> Tensor:
    scaled = times(self, beta)
    s = scaled.sigmoid()
    return times(grad * grad_output * s * minus(1, s) * (scaled < threshold).type_as(grad), beta)


_SOFTPLUS = declare(
    "nn.functional.softplus(Tensor self, Scalar beta=1, Scalar threshold=20) -> Tensor",
    forward=elementwise(_softplus, params=(1, 2), name="softplus_cpu", not_for=_NUMBERS, since=HALF),
    vjp={"self": lambda grad, self, beta, threshold: grad._softplus_backward(self, beta, threshold)},
    samples=domains.real(arguments={"beta": (1, 2.0, 0.5), "threshold": (20, 30)}),
)  # fmt: skip
declare(
    "_softplus_backward(Tensor grad_output, Tensor self, Scalar beta, Scalar threshold) -> Tensor",
    forward=elementwise(_softplus_slope, params=(2, 3)),
    vjp={
        "grad_output": lambda grad, self, beta, threshold: grad._softplus_backward(self, beta, threshold),
        "self": _softplus_curvature,
    },
    node="SoftplusBackwardBackward0", **_HIDDEN,
)  # fmt: skip


def _log_sigmoid(x: Array) -> Array:
    return (np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x)))).astype(x.dtype)


_LOG_SIGMOID = elementwise(_log_sigmoid, name="log_sigmoid_cpu", not_for=_NUMBERS, since=HALF)
_DECAY = elementwise(lambda x: np.exp(-np.abs(x)).astype(x.dtype))


def _log_sigmoid_forward(self: Tensor) -> tuple[Tensor, Tensor]:
    """It reads row by row, and so it writes. What it leaves in the buffer is kept, and not looked at here."""
    layout = strides.contiguous(self._shape)
    return _LOG_SIGMOID(self)._copy(layout), _DECAY(self)._copy(layout)


def _log_sigmoid_curvature(grad: Tensor, grad_output: Tensor, self: Tensor) -> Tensor:
    s = self.sigmoid()
    return grad * grad_output * less(s, 1) * s


_LOG_SIGMOID_FORWARD = declare(
    "_log_sigmoid_forward(Tensor self) -> (Tensor output, Tensor buffer)", display="log_sigmoid",
    forward=_log_sigmoid_forward, non_differentiable_outputs=(1,),
    vjp={"self": lambda grad, self, result1: grad._log_sigmoid_backward(self)}, **_HIDDEN,
)  # fmt: skip
declare(
    "nn.functional.logsigmoid(Tensor self) -> Tensor", display="log_sigmoid",
    forward=lambda self: run(_LOG_SIGMOID_FORWARD, [self])[0], composite=True, samples=domains.real(),
)  # fmt: skip
declare(
    "_log_sigmoid_backward(Tensor grad_output, Tensor self) -> Tensor",
    forward=elementwise(lambda grad, x: (grad * scipy.special.expit(-x)).astype(grad.dtype)),
    vjp={"grad_output": lambda grad, self: grad._log_sigmoid_backward(self), "self": _log_sigmoid_curvature},
    node="LogSigmoidBackwardBackward0", **_HIDDEN,
)  # fmt: skip

# -- written in other ops ----------------------------------------------------------------------------------------------

declare(
    "nn.functional.softsign(Tensor input) -> Tensor",
    forward=lambda input: input / plus(input.abs(), 1),
    composite=True,
    samples=domains.field(special=(0.0,)),
)
declare(
    "nn.functional.tanhshrink(Tensor input) -> Tensor", forward=lambda input: input - input.tanh(), composite=True,
    samples=domains.field(),
)  # fmt: skip

# -- a gate: one half opens the other ----------------------------------------------------------------------------------


def _glu(self: Tensor, dim: int) -> Tensor:
    if not self._shape:
        raise refusal("nn.glu.scalar")
    d = wrap_dim(dim, len(self._shape))
    size = self._shape[d]
    if size % 2:
        raise refusal("nn.glu.odd", dim=d, size=size)
    refuse_unsupported("glu_cpu", self._dtype, HALF, ONLY_FLOATING)
    a, b = np.split(self._read().astype(self._dtype.compute), 2, axis=d)

    def gate(p: Array, q: Array) -> Array:
        return p * scipy.special.expit(q)

    layout = strides.of_pointwise_result(a.shape, [(a.shape, self._strides)] * 2)
    return from_array(noisy(gate(a, b), gate, [a, b], self._dtype), self._dtype, layout)


def _glu_backward(grad_output: Tensor, self: Tensor, dim: int) -> Tensor:
    a, b = np.split(self._read().astype(self._dtype.compute), 2, axis=dim)
    g = grad_output._read().astype(self._dtype.compute)

    def both(p: Array, q: Array, cotangent: Array) -> Array:
        s = scipy.special.expit(q)
        return np.concatenate([cotangent * s, (1 - s) * s * cotangent * p], axis=dim)

    return from_array(noisy(both(a, b, g), both, [a, b, g], self._dtype), self._dtype)


def _glu_double_self(grad: Tensor, grad_output: Tensor, self: Tensor, dim: int) -> Tensor:
    import reference_engine as engine

    half = self._shape[dim] // 2
    a, b = self.narrow(dim, 0, half), self.narrow(dim, half, half)
    ga, gb = grad.narrow(dim, 0, half), grad.narrow(dim, half, half)
    s = b.sigmoid()
    slope = minus(1, s) * s * grad_output
    return engine.cat([gb * slope, slope * (ga + gb * a * minus(1, times(s, 2)))], dim)


def _glu_double_grad(grad: Tensor, self: Tensor, dim: int) -> Tensor:
    half = self._shape[dim] // 2
    a, b = self.narrow(dim, 0, half), self.narrow(dim, half, half)
    s = b.sigmoid()
    return grad.narrow(dim, 0, half) * s + grad.narrow(dim, half, half) * minus(1, s) * s * a


declare(
    "nn.functional.glu(Tensor self, int dim=-1) -> Tensor",
    forward=_glu, vjp={"self": lambda grad, self, dim: grad._glu_backward(self, wrap_dim(dim, len(self._shape)))},
    samples=domains.real(shapes="halves"),
)  # fmt: skip
declare(
    "_glu_backward(Tensor grad_output, Tensor self, int dim) -> Tensor",
    forward=_glu_backward, vjp={"grad_output": _glu_double_grad, "self": _glu_double_self},
    node="GluBackwardBackward0", **_HIDDEN,
)  # fmt: skip
