"""Nonlinearities that are made of straight pieces: the ReLU family, shrinking, clipping.

At a corner the derivative is that of one side, named beside each declaration.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.dtypes import dtype, finfo
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.filling import checked_number
from reference_engine.ops.formulas import decided, over, zeros_like
from reference_engine.ops.kernels import HALF, elementwise, note_nan
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any
_HIDDEN: dict[str, Any] = {"function": False}
_NUMBERS = "bool int complex"

# -- leaky: one slope below zero, which also holds at zero ------------------------------------------------------------


def _of_leaky(grad: Tensor, x: Tensor, slope: Any, is_result: bool) -> Tensor:
    if is_result and slope < 0:
        raise refusal("nn.leaky_relu.negative_in_place")  # the result no longer tells the side
    return grad._leaky_relu_backward(decided("convention.leaky_relu.zero", x), slope)


_LEAKY, _LEAKY_IN_PLACE = (
    declare(
        "_leaky_relu(Tensor self, Scalar negative_slope) -> Tensor", display="leaky_relu",
        forward=elementwise(
            lambda x, slope: np.where(x > 0, x, x * x.dtype.type(slope)),
            params=(1,), name="leaky_relu_cpu", not_for=_NUMBERS, since=HALF,
        ),
        vjp=vjp, node=f"LeakyReluBackward{in_place:d}", inplace=in_place, **_HIDDEN,
    )
    for in_place, vjp in (
        (False, {"self": lambda grad, self, negative_slope: _of_leaky(grad, self, negative_slope, False)}),
        (True, {"self": lambda grad, result, negative_slope: _of_leaky(grad, result, negative_slope, True)}),
    )
)  # fmt: skip
declare(
    "nn.functional.leaky_relu(Tensor self, Scalar negative_slope=0.01, bool inplace=False) -> Tensor",
    forward=lambda self, negative_slope, inplace: run(
        _LEAKY_IN_PLACE if inplace else _LEAKY, [self, negative_slope], inplace
    ),
    composite=True, samples=domains.real(
        special=(0.0,), arguments={"negative_slope": (0.01, 0.5, 0.0, 1), "inplace": (False, False, True)}
    ),
)  # fmt: skip
leaky_backward = elementwise(lambda x, grad, slope: np.where(x > 0, grad, grad * grad.dtype.type(slope)), params=(2,))
declare(
    "_leaky_relu_backward(Tensor grad_output, Tensor self, Scalar negative_slope) -> Tensor",
    forward=lambda grad_output, self, negative_slope: leaky_backward(self, grad_output, negative_slope),
    vjp={
        "grad_output": lambda grad, self, negative_slope: grad._leaky_relu_backward(self, negative_slope),
        "self": lambda grad: zeros_like(grad),
    },
    node="LeakyReluBackwardBackward0", **_HIDDEN,
)  # fmt: skip

# -- clipped: the derivative is zero at both bounds --------------------------------------------------------------------


def _check_clip(promoted: dtype, self: Tensor, low: Any, high: Any, inplace: bool) -> None:
    if low > high and switch("nn.hardtanh.ordered_bounds"):
        raise refusal("nn.hardtanh.bounds")
    if promoted.category == 0:
        raise refusal("nn.hardtanh.bool")
    if promoted.is_complex:
        raise refusal("ops.clamp.complex")


def _clip(x: Array, low: Any, high: Any, _: bool = False) -> Array:
    return np.where(np.isnan(x), x, np.minimum(np.maximum(x, x.dtype.type(low)), x.dtype.type(high))).astype(x.dtype)


_HARDTANH = declare(
    "nn.functional.hardtanh(Tensor self, Scalar min_val=-1.0, Scalar max_val=1.0, bool inplace=False) -> Tensor",
    forward=elementwise(
        _clip, params=(1, 2, 3), exact=True, name="clamp_scalar_cpu", since=HALF, check=_check_clip, made_like=True
    ),
    vjp={
        "self": lambda grad, self, min_val, max_val: grad._hardtanh_backward(
            decided("convention.hardtanh.bounds", self, lambda x: (x == min_val) | (x == max_val)), min_val, max_val
        )
    },
    exact=True,
    samples=domains.real(
        special=(-1.0, 1.0),
        arguments={"min_val": (-1.0, -0.5, 0), "max_val": (1.0, 0.5, 2), "inplace": (False, False, True)},
    ),
)
declare(
    "_hardtanh_backward(Tensor grad_output, Tensor self, Scalar min_val, Scalar max_val) -> Tensor",
    forward=elementwise(
        lambda grad, x, low, high: np.where((note_nan(x) <= low) | (x >= high), grad.dtype.type(0), grad),
        params=(2, 3),
        exact=True,
        name="hardshrink_backward_cpu",
        since={"bfloat16": "nn.half.hardtanh_backward"},
    ),
    vjp={
        "grad_output": lambda grad, self, min_val, max_val: grad._hardtanh_backward(self, min_val, max_val),
        "self": lambda grad: zeros_like(grad),
    },
    node="HardtanhBackwardBackward0",
    exact=True,
    **_HIDDEN,
)
declare(
    "nn.functional.relu6(Tensor self, bool inplace=False) -> Tensor",
    forward=lambda self, inplace: run(_HARDTANH, [self, 0.0, 6.0, inplace], inplace), composite=True, exact=True,
    samples=domains.real(-2.0, 8.0, special=(0.0, 6.0), arguments={"inplace": (False, False, True)}),
)  # fmt: skip

# -- sigmoid and swish in three pieces ---------------------------------------------------------------------------------


def _hardsigmoid(x: Array, _: bool) -> Array:
    return (np.minimum(np.maximum(x + x.dtype.type(3), x.dtype.type(0)), x.dtype.type(6)) / x.dtype.type(6)).astype(
        x.dtype
    )


declare(
    "nn.functional.hardsigmoid(Tensor self, bool inplace=False) -> Tensor",
    forward=elementwise(_hardsigmoid, params=(1,), name="hardsigmoid_cpu", not_for=_NUMBERS, since=HALF),
    vjp={"self": lambda grad, self: grad._hardsigmoid_backward(self)},
    samples=domains.real(-4.0, 4.0, special=(-3.0, 3.0), arguments={"inplace": (False, False, True)}),
)  # fmt: skip


def _hardsigmoid_slope(grad: Array, x: Array) -> Array:
    if grad.dtype == np.float64:
        cite("nn.hardsigmoid.sixth")
    return np.where((x > -3) & (x < 3), grad / grad.dtype.type(6), grad.dtype.type(0)).astype(grad.dtype)


declare(
    "_hardsigmoid_backward(Tensor grad_output, Tensor self) -> Tensor",
    forward=elementwise(_hardsigmoid_slope),
    underived=True, display="hardsigmoid_backward", **_HIDDEN,
)  # fmt: skip


def _hardswish(x: Array, _: bool) -> Array:
    return (x * np.minimum(np.maximum(x + x.dtype.type(3), x.dtype.type(0)), x.dtype.type(6)) / x.dtype.type(6)).astype(
        x.dtype
    )


def _hardswish_slope(grad: Array, x: Array) -> Array:
    inside = grad * ((x / x.dtype.type(3)) + x.dtype.type(0.5))
    flat = switch("nn.hardswish.flat_at_bounds")
    below, above = (note_nan(x) <= -3, x < 3) if flat else (note_nan(x) < -3, x <= 3)
    return np.where(below, grad.dtype.type(0), np.where(above, inside, grad)).astype(grad.dtype)


declare(
    "nn.functional.hardswish(Tensor self, bool inplace=False) -> Tensor",
    forward=elementwise(_hardswish, params=(1,), name="hardswish_cpu", not_for=_NUMBERS, since=HALF),
    vjp={"self": lambda grad, self: grad._hardswish_backward(self)},
    samples=domains.real(-4.0, 4.0, special=(-3.0, 3.0), arguments={"inplace": (False, False, True)}),
)  # fmt: skip


def _hardswish_curvature(grad: Tensor, grad_output: Tensor, self: Tensor) -> Tensor:
    import reference_engine as engine

    inside = (self > -3).logical_and(self < 3)
    return engine.where(inside, over(grad * grad_output, 3), engine.zeros((), dtype=grad.dtype))


declare(
    "_hardswish_backward(Tensor grad_output, Tensor self) -> Tensor",
    forward=elementwise(_hardswish_slope),
    vjp={"grad_output": lambda grad, self: grad._hardswish_backward(self), "self": _hardswish_curvature},
    node="HardswishBackwardBackward0", **_HIDDEN,
)  # fmt: skip

# -- threshold, and what shrinks towards zero --------------------------------------------------------------------------


def _element(value: Any, d: Any) -> Any:
    """A number as the kernel reads it: rounded to the dtype, an unsigned one wrapping what is negative."""
    return np.asarray(checked_number(value, d)).astype(d.compute)


def _replaced(self: Tensor, threshold: Any, value: Any) -> Tensor:
    low, new = (
        (_element(threshold, self._dtype), _element(value, self._dtype)) if self._dtype.category in (1, 2) else (0, 0)
    )
    choose = elementwise(
        lambda x: np.where(x <= low, new, x), exact=True, name="threshold_cpu", not_for="bool complex", since=HALF
    )
    return choose(self)


_THRESHOLD, _THRESHOLD_IN_PLACE = (
    declare(
        "_threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor", display="threshold", forward=_replaced,
        vjp={"self": lambda grad, self, threshold: grad._threshold_backward(self, threshold)},
        node=f"ThresholdBackward{in_place:d}", inplace=in_place, exact=True, **_HIDDEN,
    )
    for in_place in (False, True)
)  # fmt: skip
_THRESHOLDS = domains.ordered(special=(0.0,), arguments={"threshold": (0, 0.5, -1), "value": (0, 2.0, -1)})
declare(
    "nn.functional.threshold(Tensor self, Scalar threshold, Scalar value, bool inplace=False) -> Tensor",
    forward=lambda self, threshold, value, inplace: run(
        _THRESHOLD_IN_PLACE if inplace else _THRESHOLD, [self, threshold, value], inplace
    ),
    composite=True, exact=True, method=False, samples=_THRESHOLDS,
)  # fmt: skip
declare(
    "threshold(Tensor self, Scalar threshold, Scalar value) -> Tensor",
    forward=lambda self, threshold, value: run(_THRESHOLD, [self, threshold, value]),
    composite=True, exact=True, method=False, samples=_THRESHOLDS,
)  # fmt: skip


def _check_lambda(promoted: dtype, self: Tensor, lambd: Any) -> None:
    if promoted.category < 2 or promoted.is_complex:
        raise refusal("ops.not_implemented_for", op="softshrink_check", dtype=promoted.scalar_name)
    if lambd < 0:
        largest = f"{float(finfo(promoted).max):g}"
        raise refusal("nn.softshrink.negative", value=f"{lambd:g}", largest=largest, dtype=promoted.scalar_name)


def _softshrink(x: Array, lambd: Any) -> Array:
    k = x.dtype.type(lambd)
    inside = x * x.dtype.type(0) if switch("nn.softshrink.keeps_nan") else x.dtype.type(0)
    return np.where(x > k, x - k, np.where(x < -k, x + k, inside)).astype(x.dtype)


def _kept(grad: Array, x: Array, lambd: Any) -> Array:
    return np.where((note_nan(x) >= -lambd) & (x <= lambd), grad.dtype.type(0), grad)


declare(
    "nn.functional.softshrink(Tensor self, Scalar lambd=0.5) -> Tensor",
    forward=elementwise(_softshrink, params=(1,), check=_check_lambda, name="softshrink_cpu", since=HALF),
    vjp={"self": lambda grad, self, lambd: grad._softshrink_backward(self, lambd)},
    samples=domains.real(special=(-0.5, 0.5), arguments={"lambd": (0.5, 0, 1.0)}),
)  # fmt: skip
declare(
    "_softshrink_backward(Tensor grad_output, Tensor self, Scalar lambd) -> Tensor",
    forward=elementwise(_kept, params=(2,), exact=True),
    vjp={
        "grad_output": lambda grad, self, lambd: grad._softshrink_backward(self, lambd),
        "self": lambda grad: zeros_like(grad),
    },
    node="SoftshrinkBackwardBackward0", exact=True, **_HIDDEN,
)  # fmt: skip
declare(
    "nn.functional.hardshrink(Tensor self, Scalar lambd=0.5) -> Tensor",
    forward=elementwise(
        lambda x, lambd: np.where((x >= -lambd) & (x <= lambd), x.dtype.type(0), x),
        params=(1,), exact=True, name="hardshrink_cpu", not_for=_NUMBERS, since=HALF,
    ),
    vjp={"self": lambda grad, self, lambd: grad._hardshrink_backward(self, lambd)},
    exact=True, aliases=("hardshrink",),
    samples=domains.real(special=(-0.5, 0.5), arguments={"lambd": (0.5, 0, 1.0)}),
)  # fmt: skip
declare(
    "_hardshrink_backward(Tensor grad_output, Tensor self, Scalar lambd) -> Tensor",
    forward=elementwise(_kept, params=(2,), exact=True),
    vjp={
        "grad_output": lambda grad, self, lambd: grad._hardshrink_backward(self, lambd),
        "self": lambda grad: zeros_like(grad),
    },
    node="HardshrinkBackwardBackward0", exact=True, **_HIDDEN,
)  # fmt: skip
