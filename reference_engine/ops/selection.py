"""Choosing between values: where, clamp, maximum and their kin. Ties share the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, levels, strides
from reference_engine.dtypes import dtype
from reference_engine.ops import domains, kernels
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import OutForm, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import decided, decided_together, over, where
from reference_engine.ops.kernels import broadcast_shapes, elementwise, from_array, promote, same
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

Array = Any

# -- where ---------------------------------------------------------------------------------------------------------


def _where(condition: Tensor, self: Tensor, other: Tensor) -> Tensor:
    if condition._dtype is dtypes.uint8:
        warn("ops.where.uint8")
    elif condition._dtype is not dtypes.bool_:
        raise refusal("ops.where.condition", dtype=condition._dtype.scalar_name)
    d = self._dtype
    tensors = (condition, self, other)
    shape = broadcast_shapes([t._shape for t in tensors])
    chosen = np.where(condition._read(), self._read(), other._read())
    wanted = strides.of_pointwise_result(shape, [(t._shape, t._strides) for t in tensors])
    return from_array(chosen, d, wanted)


_WHERE = declare(
    "_where(Tensor condition, Tensor self, Tensor other) -> Tensor",
    forward=_where, node="WhereBackward0", method=False, function=False, exact=True,
    vjp={
        "self": lambda grad, condition: where(condition, grad, 0),
        "other": lambda grad, condition: where(condition, 0, grad),
    },
)  # fmt: skip


def _promoted(t: Tensor, d: dtype) -> Tensor:
    """A real tensor that is chosen from beside a complex one gets the real part of its gradient, as everywhere."""
    real = t.requires_grad and d.is_complex and not t._dtype.is_complex
    made: Tensor = (differentiated(t, "complex.gradient.real_argument") if real else t).to(d)
    return made


def _where_any(condition: Tensor, self: Any, other: Any) -> Tensor:
    """Numbers become tensors and both sides take their common dtype, which is recorded, before one is chosen."""
    import reference_engine as engine

    out = kernels.written_dtype
    if not isinstance(self, Tensor) or not isinstance(other, Tensor) or self._dtype is not other._dtype:
        d = promote([self, other])
        self, other = (
            (v if v._dtype is d else _promoted(v, d)) if isinstance(v, Tensor) else engine.scalar_tensor(v, dtype=d)
            for v in (self, other)
        )
    if out is not None and out is not self._dtype:
        raise refusal("pointwise.out.where", expected=self._dtype.scalar_name, got=out.scalar_name)
    return run(_WHERE, [condition, self, other])


declare(
    "where(Tensor condition, Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    forward=_where_any, composite=True, method=False, exact=True, out=OutForm(numbers=False),
    samples=domains.numbers(shapes="where"),
)  # fmt: skip

declare(
    "where(Tensor self, Tensor condition, Tensor|Scalar other) -> Tensor",
    forward=lambda self, condition, other: _where_any(condition, self, other), composite=True, function=False,
    exact=True,
)  # fmt: skip


def _where_true(condition: Tensor) -> Any:
    import reference_engine as engine

    if levels.is_mapped(condition):
        raise refusal("functorch.vmap.dynamic_shape", op="where")
    return engine.nonzero(condition, as_tuple=True)


declare("where(Tensor condition) -> Tensor[]", forward=_where_true, composite=True, method=False, exact=True)

# -- the larger and the smaller ------------------------------------------------------------------------------------


def _refuse_complex(name: str) -> Any:
    def check(promoted: dtype, *values: Any) -> None:
        if promoted.is_complex:
            raise refusal("pointwise.extremum.complex", op=name)

    return check


def _larger(a: Array, b: Array) -> Array:
    """nan if either is; of equal values, such as 0 and -0, the first."""
    return np.where(np.isnan(a) | ~((a < b) | np.isnan(b)), a, b)


def _smaller(a: Array, b: Array) -> Array:
    return np.where(np.isnan(a) | ~((b < a) | np.isnan(b)), a, b)


def _larger_number(a: Array, b: Array) -> Array:
    """nan only if both are."""
    return np.where((a >= b) | np.isnan(b), a, b)


def _smaller_number(a: Array, b: Array) -> Array:
    return np.where((a <= b) | np.isnan(b), a, b)


def _half_at_ties(grad: Tensor, self: Tensor, other: Tensor, loses: Tensor) -> Tensor:
    """All of the gradient to the one chosen, half to each where they are equal."""
    decided_together("convention.maximum.ties", self, other)
    return where(self == other, over(grad, 2), grad).masked_fill_(loses, 0)


declare(
    "maximum(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(_larger, exact=True, first=_refuse_complex("maximum"), name="maximum_cpu"),
    vjp={
        "self": lambda grad, self, other: _half_at_ties(grad, self, other, self < other),
        "other": lambda grad, self, other: _half_at_ties(grad, self, other, self > other),
    },
    out=True, exact=True, samples=domains.ordered(special=(0.0, float("nan"))),
)  # fmt: skip

declare(
    "minimum(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(_smaller, exact=True, first=_refuse_complex("minimum"), name="minimum_cpu"),
    vjp={
        "self": lambda grad, self, other: _half_at_ties(grad, self, other, self > other),
        "other": lambda grad, self, other: _half_at_ties(grad, self, other, self < other),
    },
    out=True, exact=True, samples=domains.ordered(special=(0.0, float("nan"))),
)  # fmt: skip


def _passing_nan(grad: Tensor, self: Tensor, other: Tensor, beyond: Tensor, of_self: bool) -> Tensor:
    """nan loses against any number; a tie is shared (it was the first argument's once)."""
    cite("pointwise.fmax.tie")
    tie, shared = self == other, switch("pointwise.fmax_ties_shared")
    first = beyond if shared and not of_self else beyond.logical_or(tie)
    first = first.logical_or_(other.isnan())
    loses = first.logical_not_() if of_self else first
    if shared:
        return where(tie, over(grad, 2), grad).masked_fill_(loses, 0)
    return grad.masked_fill(loses, 0)


declare(
    "fmax(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(_larger_number, exact=True, first=_refuse_complex("fmax"), name="fmax_cpu"),
    vjp={
        "self": lambda grad, self, other: _passing_nan(grad, self, other, self > other, of_self=True),
        "other": lambda grad, self, other: _passing_nan(grad, self, other, self > other, of_self=False),
    },
    out=True, exact=True, samples=domains.ordered(special=(0.0, float("nan"))),
)  # fmt: skip

declare(
    "fmin(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(_smaller_number, exact=True, first=_refuse_complex("fmin"), name="fmin_cpu"),
    vjp={
        "self": lambda grad, self, other: _passing_nan(grad, self, other, self < other, of_self=True),
        "other": lambda grad, self, other: _passing_nan(grad, self, other, self < other, of_self=False),
    },
    out=True, exact=True, samples=domains.ordered(special=(0.0, float("nan"))),
)  # fmt: skip

# -- bounds --------------------------------------------------------------------------------------------------------


def _at_least(x: Array, low: Array) -> Array:
    """nan stays nan, also in the bound; an equal value, such as -0 for 0, stays itself."""
    return np.where((x < low) | np.isnan(low), low, x)


def _at_most(x: Array, high: Array) -> Array:
    return np.where((x > high) | np.isnan(high), high, x)


def _clamp(x: Array, low: Array | None, high: Array | None) -> Array:
    """Where the bounds cross, the upper one holds."""
    if low is not None:
        x = _at_least(x, low)
    return x if high is None else _at_most(x, high)


def _check_present(promoted: dtype, self: Tensor, low: Any, high: Any) -> None:
    if low is None and high is None:
        raise refusal("ops.clamp.none")
    if self._dtype.is_complex:
        raise refusal("ops.clamp.complex")


def _check_tensors(promoted: dtype, self: Tensor, low: Any, high: Any) -> None:
    kernels.refuse_narrow_target(promoted)
    kernel = "clamp_cpu" if low is not None and high is not None else "maximum_cpu" if high is None else "minimum_cpu"
    narrow = promoted.category == 0 or (promoted.name == "float16" and not switch("pointwise.float16"))
    if promoted.is_complex or (narrow and kernel == "clamp_cpu"):
        raise refusal("ops.not_implemented_for", op=kernel, dtype=promoted.scalar_name)


def _check_bounds(promoted: dtype, self: Tensor, low: Any, high: Any) -> None:
    _check_present(promoted, self, low, high)
    if promoted.is_complex and self._dtype.is_floating_point:
        widest = "double" if switch("pointwise.clamp_bound_as_double") else self._dtype.cpp_name
        raise refusal("pointwise.scalar.overflow", type=widest)
    _refuse_narrow(promoted)
    if promoted.is_complex:
        raise refusal("ops.clamp.complex")


def _check_numbers(promoted: dtype, self: Tensor, low: Any, high: Any) -> None:
    side = "" if low is not None and high is not None else "min_" if high is None else "max_"
    if promoted.category == 0 or (promoted.name == "float16" and not switch("pointwise.float16")):
        kernel = _bound_kernel(f"clamp_{side}scalar_cpu")
        raise refusal("ops.not_implemented_for", op=kernel, dtype=promoted.scalar_name)


def _bound_kernel(name: str) -> str:
    """One kernel had another name once."""
    return name if name != "clamp_min_scalar_cpu" or switch("pointwise.clamp_min_kernel") else "clamp_min_cpu"


def _refuse_narrow(promoted: dtype) -> None:
    """In place the bounds may not widen the dtype; said with the C++ name, unlike elsewhere."""
    target = kernels.written
    if target is not None and not dtypes.can_cast(promoted, target._dtype):
        raise refusal("inplace.result_dtype", result=promoted.scalar_name, target=target._dtype.cpp_name)


_clamped = elementwise(_clamp, exact=True, first=_check_present, check=_check_tensors)
_clamped_by_numbers = elementwise(
    _clamp, exact=True, first=_check_bounds, check=_check_numbers, number_is_operand=False, keeps_dtype=True
)


def _within(self: Tensor, low: Any, high: Any) -> Tensor:
    """Where the gradient passes: the bounds belonged to the inside once, and to the outside now."""
    if switch("convention.clamp.bound_zero"):
        if low is None:
            return self < high
        return self > low if high is None else (self > low).logical_and_(self < high)
    if low is None:
        return self <= high
    return self >= low if high is None else (self >= low).logical_and_(self <= high)


def _halved_at(grad: Tensor, tie: Tensor) -> Tensor:
    """Where the input meets a bound that is a tensor too, each gets a half."""
    return where(tie, over(grad, 2), grad)


def _clamp_self(grad: Tensor, self: Tensor, min: Any, max: Any) -> Tensor:
    for bound in (min, max):
        if bound is not None:
            decided_together("convention.clamp.bounds", self, bound)
    if not (isinstance(min, Tensor) or isinstance(max, Tensor)) or not switch("convention.clamp.bound_zero"):
        return where(_within(self, min, max), grad, 0)
    if max is None:
        return _halved_at(grad, self == min).masked_fill_(self < min, 0)
    if min is None:
        return _halved_at(grad, self == max).masked_fill_(self > max, 0)
    tie = (self == min).logical_or(self == max).logical_and(min < max)
    return _halved_at(grad, tie).masked_fill_((self < min).logical_or(self > max), 0)


def _clamp_min_bound(grad: Tensor, self: Tensor, min: Tensor, max: Any) -> Tensor:
    if switch("convention.clamp.bound_zero"):
        if max is None:
            return _halved_at(grad, self == min).masked_fill_(self > min, 0)
        tie = (self == min).logical_and(min < max)
        return where((self < min).logical_and(min <= max).logical_or(tie), _halved_at(grad, tie), 0)
    below = self < min
    return where(below if max is None else below.logical_and_(min < max), grad, 0)


def _clamp_max_bound(grad: Tensor, self: Tensor, min: Any, max: Tensor) -> Tensor:
    if switch("convention.clamp.bound_zero"):
        if min is None:
            return _halved_at(grad, self == max).masked_fill_(self < max, 0)
        tie = (self == max).logical_and(min < max)
        above = (self > max).logical_and(min <= max).logical_or(max < min)
        return where(above.logical_or(tie), _halved_at(grad, tie), 0)
    above = self > max
    return where(above if min is None else above.logical_or_(max < min), grad, 0)


declare(
    "clamp(Tensor self, Tensor? min=None, Tensor? max=None) -> Tensor",
    forward=_clamped, vjp={"self": _clamp_self, "min": _clamp_min_bound, "max": _clamp_max_bound},
    inplace=True, out=True, exact=True, aliases=("clip",), samples=domains.ordered(special=(0.0,)),
)  # fmt: skip

declare(
    "clamp(Tensor self, Scalar? min=None, Scalar? max=None) -> Tensor",
    node="ClampBackward1", forward=_clamped_by_numbers, vjp={"self": _clamp_self},
    inplace=True, out=True, exact=True, aliases=("clip",),
    samples=domains.ordered(special=(0.0, 1.0), arguments={"min": (None, -1, 0, 1), "max": (1, 2, 0.5)}),
)  # fmt: skip


def _one_bound(name: str, fn: Any, kernel: str, other_kernel: str) -> None:
    """``clamp_min`` and ``clamp_max``: one bound, a number or a tensor."""
    bound = name.removeprefix("clamp_")

    def check(promoted: dtype, self: Tensor, limit: Any) -> None:
        if promoted.is_complex:
            raise refusal("ops.clamp.complex")
        _refuse_narrow(promoted)
        if promoted.category == 0 or (promoted.name == "float16" and not switch("pointwise.float16")):
            raise refusal("ops.not_implemented_for", op=_bound_kernel(kernel), dtype=promoted.scalar_name)

    of_self: Any
    of_bound: Any
    if bound == "min":
        of_self = lambda grad, self, min: _clamp_self(grad, self, min, None)  # noqa: E731
        of_bound = lambda grad, self, min: _clamp_min_bound(grad, self, min, None)  # noqa: E731
    else:
        of_self = lambda grad, self, max: _clamp_self(grad, self, None, max)  # noqa: E731
        of_bound = lambda grad, self, max: _clamp_max_bound(grad, self, None, max)  # noqa: E731
    camel = "".join(part.capitalize() for part in name.split("_"))
    declare(
        f"{name}(Tensor self, Tensor {bound}) -> Tensor",
        node=f"{camel}Backward1", vjp={"self": of_self, bound: of_bound},
        forward=elementwise(fn, exact=True, name=other_kernel, not_for="complex"),
        inplace=True, out=True, exact=True, samples=domains.ordered(special=(0.0,)),
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, Scalar {bound}) -> Tensor",
        forward=elementwise(fn, exact=True, check=check, number_is_operand=False, keeps_dtype=True),
        vjp={"self": of_self},
        inplace=True, out=True, exact=True,
        samples=domains.ordered(special=(0.0, 1.0), arguments={bound: (0, 1, -0.5)}),
    )  # fmt: skip


_one_bound("clamp_min", _at_least, "clamp_min_scalar_cpu", "maximum_cpu")
_one_bound("clamp_max", _at_most, "clamp_max_scalar_cpu", "minimum_cpu")


def _relu(x: Array) -> Array:
    return np.where(x < 0, x.dtype.type(0), x)


def _check_relu(promoted: dtype, self: Tensor) -> None:
    if promoted.category == 0:
        raise refusal("ops.relu.bool")
    if promoted.is_complex:
        raise refusal("ops.clamp.complex")
    if promoted.name == "float16" and not switch("pointwise.float16"):
        raise refusal("ops.not_implemented_for", op=_bound_kernel("clamp_min_scalar_cpu"), dtype=promoted.scalar_name)


declare(
    "relu(Tensor self) -> Tensor",
    forward=elementwise(_relu, dtype=same, exact=True, first=_check_relu),
    # zero at zero: the gradient passes where the output is above zero (or nan)
    vjp={"self": lambda grad, result: grad._threshold_backward(decided("convention.relu.zero", result), 0)},
    inplace=True, exact=True, samples=domains.ordered(special=(0.0,)),
)  # fmt: skip

_threshold_gradient = elementwise(
    lambda x, grad, threshold: np.where(x <= threshold, grad.dtype.type(0), grad), params=(2,), exact=True
)

declare(
    "_threshold_backward(Tensor grad_output, Tensor self, Scalar threshold) -> Tensor",
    # the layout is that of the value that is compared
    forward=lambda grad_output, self, threshold: _threshold_gradient(self, grad_output, threshold),
    node="ThresholdBackwardBackward0", function=False, exact=True,
    vjp={
        "grad_output": lambda grad, self, threshold: grad._threshold_backward(self, threshold),
        "self": lambda grad, self: grad.new_zeros(grad.shape),
    },
)  # fmt: skip

# -- the step function ---------------------------------------------------------------------------------------------


def _heaviside(x: Array, at_zero: Array) -> Array:
    return np.where(np.isnan(x), x.dtype.type(0), np.where(x == 0, at_zero, (x > 0).astype(x.dtype))).astype(x.dtype)


_step = elementwise(_heaviside, exact=True)


def _checked_heaviside(self: Tensor, values: Tensor) -> Tensor:
    """The dtypes of all three tensors are asked about before their shapes."""
    written = kernels.written_dtype or self._dtype
    if self._dtype.is_complex or values._dtype.is_complex or written.is_complex:
        raise refusal("pointwise.heaviside.complex")
    if self._dtype is not values._dtype or self._dtype is not written:
        raise refusal("ops.heaviside.dtype")
    return _step(self, values)


declare(
    "heaviside(Tensor self, Tensor values) -> Tensor",
    forward=_checked_heaviside, underived=True, inplace=True, out=True,
    exact=True,
    samples=domains.ordered(special=(0.0,)),
)  # fmt: skip
