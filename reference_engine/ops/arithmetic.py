"""Sums, products, quotients and remainders."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.dtypes import dtype
from reference_engine.ops import domains, kernels
from reference_engine.ops.complex_division import is_rounded, quotient
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import conj, minus, scaled, times, zeros_like
from reference_engine.ops.kernels import HALF, elementwise, factor, multiply_add, to_floating
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any

# -- sums ----------------------------------------------------------------------------------------------------------


def check_alpha(promoted: dtype, self: Any, other: Any, alpha: Any) -> None:
    """A factor must not need a higher category than the result has."""
    if isinstance(alpha, bool) and promoted.category:
        raise refusal("ops.alpha.bool")
    if promoted.category < 2 and isinstance(alpha, (float, complex)):
        raise refusal("ops.alpha.integral")
    if promoted.category < 3 and isinstance(alpha, complex):
        raise refusal("ops.alpha.complex")
    kernels.refuse_unrepresentable(alpha, promoted)


def _add(a: Array, b: Array, alpha: Any) -> Array:
    if a.dtype == np.bool_:
        return a | (b & bool(alpha))
    if a.dtype.kind == "c":
        return a + a.dtype.type(alpha) * b  # a complex product, which turns infinities to nan
    return a + b if alpha == 1 else multiply_add(b, alpha, a)


declare(
    "add(Tensor self, Tensor|Scalar other, *, Scalar alpha=1) -> Tensor",
    forward=elementwise(_add, params=(2,), check=check_alpha, name="add_stub"),
    vjp={"self": lambda grad: grad, "other": lambda grad, alpha: scaled(grad, conj(alpha))},
    inplace=True, out=True, samples=domains.numbers(arguments={"alpha": (1, 2, -1, 0.5)}),
)  # fmt: skip


def refuse_bools(promoted: dtype, self: Any, other: Any, alpha: Any) -> None:
    bools = [v._dtype.category == 0 if isinstance(v, Tensor) else isinstance(v, bool) for v in (self, other)]
    if any(bools):
        raise refusal("ops.sub.two_bools" if all(bools) else "ops.sub.one_bool")


def _sub(a: Array, b: Array, alpha: Any) -> Array:
    if a.dtype.kind == "c":
        return a + a.dtype.type(-alpha) * b  # a complex product, which turns infinities to nan
    return a - b if alpha == 1 else multiply_add(b, -alpha, a)


_difference = elementwise(_sub, params=(2,), first=refuse_bools, check=check_alpha, name="add_stub")

declare(
    "sub(Tensor self, Tensor|Scalar other, *, Scalar alpha=1) -> Tensor",
    forward=_difference,
    vjp={"self": lambda grad: grad, "other": lambda grad, alpha: scaled(-grad, conj(alpha))},
    inplace=True, out=True, aliases=("subtract",), samples=domains.numbers(arguments={"alpha": (1, 2, -1, 0.5)}),
)  # fmt: skip


def _rsub(self: Tensor, other: Any, alpha: Any) -> Tensor:
    return _difference(other, self, alpha)


declare(
    "rsub(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor",
    forward=_rsub,
    vjp={"self": lambda grad, alpha: scaled(-grad, conj(alpha)), "other": lambda grad: grad},
    method=False, samples=domains.numbers(arguments={"alpha": (1, 2, -1, 0.5)}),
)  # fmt: skip

declare(
    "rsub(Tensor self, Scalar other, Scalar alpha=1) -> Tensor",
    node="RsubBackward1", forward=_rsub,
    vjp={"self": lambda grad, alpha: scaled(-grad, conj(alpha))},
    method=False, samples=domains.numbers(arguments={"other": (1, 2, -0.5), "alpha": (1, 2)}),
)  # fmt: skip


def _refuse_bool(promoted: dtype, self: Tensor) -> None:
    if promoted.category == 0:
        raise refusal("ops.neg.bool")


declare(
    "neg(Tensor self) -> Tensor",
    forward=elementwise(np.negative, exact=True, first=_refuse_bool, keeps_dtype=True, name="neg_cpu"),
    vjp={"self": lambda grad: -grad},
    inplace=True, out=True, aliases=("negative",), samples=domains.numbers(), exact=True,
)  # fmt: skip


def _positive(self: Tensor) -> Tensor:
    if self._dtype.category == 0:
        raise refusal("pointwise.positive.bool")
    return self


declare("positive(Tensor self) -> Tensor", forward=_positive, composite=True, exact=True, samples=domains.numbers())

# -- products ------------------------------------------------------------------------------------------------------


def _mul(a: Array, b: Array) -> Array:
    return a * b


declare(
    "mul(Tensor self, Tensor|Scalar other) -> Tensor",
    forward=elementwise(_mul, name="mul_cpu_reduced_float"),
    vjp={"self": lambda grad, other: grad * conj(other), "other": lambda grad, self: grad * conj(self)},
    inplace=True, out=True, aliases=("multiply",), samples=domains.numbers(),
)  # fmt: skip


def _check_product(promoted: dtype, self: Any, tensor1: Any, tensor2: Any, value: Any) -> None:
    kernels.refuse_unrepresentable(value, promoted)


def _addcmul(a: Array, b: Array, c: Array, value: Any) -> Array:
    return multiply_add(factor(value, a) * b if value != 1 else b, c, a)


declare(
    "addcmul(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
    forward=elementwise(
        _addcmul, params=(3,), name="addcmul_cpu_out", not_for="bool", check=_check_product, since=HALF
    ),
    vjp={
        "self": lambda grad: grad,
        "tensor1": lambda grad, tensor2, value: grad * conj(times(tensor2, value)),
        "tensor2": lambda grad, tensor1, value: grad * conj(times(tensor1, value)),
    },
    inplace=True, out=True, samples=domains.numbers(arguments={"value": (1, 2, -1)}),
)  # fmt: skip

# -- quotients -----------------------------------------------------------------------------------------------------


def _div_other(grad: Tensor, self: Tensor, other: Any) -> Tensor:
    quotient = conj((self / other) / other)  # evaluated before the other factor, which shows
    return -grad * quotient


declare(
    "div(Tensor self, Tensor|Scalar other) -> Tensor",
    forward=elementwise(quotient, dtype=to_floating, name="div_cpu", rounded=is_rounded),
    vjp={"self": lambda grad, other: grad / conj(other), "other": _div_other},
    inplace=True, out=True, aliases=("divide", "true_divide"), samples=domains.field(special=(0.0,)),
)  # fmt: skip


def floored(a: Array, b: Array) -> Array:
    """The floor of the exact quotient, not of the rounded one; a zero keeps the quotient's sign."""
    if a.dtype.kind in "iu":
        _refuse_zero(b)
        return np.floor_divide(a, b)
    q = np.divide(a, b)
    whole = np.floor_divide(a, b)
    return np.where(b == 0, q, np.where(whole == 0, np.copysign(np.zeros_like(q), q), whole)).astype(a.dtype)


def truncated(a: Array, b: Array) -> Array:
    """The quotient without its fraction."""
    if a.dtype.kind in "iu":
        _refuse_zero(b)
        return (a - np.fmod(a, b)) // b
    return np.trunc(np.divide(a, b))


def _refuse_zero(divisor: Array) -> None:
    if (divisor == 0).any():
        raise refusal("ops.div.integer_zero")


_ROUNDED = {
    "floor": elementwise(floored, name="div_floor_cpu", not_for="bool complex"),
    "trunc": elementwise(truncated, name="div_trunc_cpu", not_for="bool complex", stepwise=True),
}


def _div_rounded(self: Tensor, other: Any, rounding_mode: Any) -> Tensor:
    if rounding_mode is None:
        return elementwise(np.divide, dtype=to_floating)(self, other)
    if rounding_mode not in _ROUNDED:
        raise refusal("ops.div.rounding_mode", mode=rounding_mode)
    return _ROUNDED[rounding_mode](self, other)


declare(
    "div(Tensor self, Tensor|Scalar other, *, str? rounding_mode) -> Tensor",
    forward=_div_rounded, node="DivBackward2",
    vjp={
        "self": lambda grad, other, rounding_mode: grad / conj(other) if rounding_mode is None else zeros_like(grad),
        "other": lambda grad, self, other, rounding_mode: (
            _div_other(grad, self, other) if rounding_mode is None else zeros_like(grad)
        ),
    },
    inplace=True, out=True, aliases=("divide",),
    samples=domains.ordered(special=(0.0,), arguments={"rounding_mode": ("floor", "trunc", None)}),
)  # fmt: skip

declare(
    "floor_divide(Tensor self, Tensor|Scalar other) -> Tensor",
    forward=_ROUNDED["floor"], underived=True, inplace=True, out=True, samples=domains.ordered(),
)  # fmt: skip


def _reciprocal_self(grad: Tensor, result: Tensor) -> Tensor:
    square = conj(result * result)
    return -grad * square


declare(
    "reciprocal(Tensor self) -> Tensor",
    forward=elementwise(lambda x: np.divide(x.dtype.type(1), x), dtype=to_floating, name="reciprocal_cpu"),
    vjp={"self": _reciprocal_self},
    inplace=True, out=True, samples=domains.field(0.3, 3, special=(0.0,)),
)  # fmt: skip


def _refuse_integers(promoted: dtype, self: Any, tensor1: Any, tensor2: Any, value: Any) -> None:
    if tensor1._dtype.category < 2 and tensor2._dtype.category < 2:
        raise refusal("pointwise.addcdiv.integer")


def _addcdiv(a: Array, b: Array, c: Array, value: Any) -> Array:
    return a + factor(value, a) * b / c


declare(
    "addcdiv(Tensor self, Tensor tensor1, Tensor tensor2, *, Scalar value=1) -> Tensor",
    forward=elementwise(
        _addcdiv, params=(3,), name="addcdiv_cpu_out", first=_refuse_integers, check=_check_product,
        since={"float16": "ops.half"},
    ),
    vjp={
        "self": lambda grad: grad,
        "tensor1": lambda grad, tensor2, value: grad * conj(times(tensor2.reciprocal(), value)),
        "tensor2": lambda grad, tensor1, tensor2, value: -grad * conj(times(tensor1, value) / (tensor2 * tensor2)),
    },
    inplace=True, out=True, samples=domains.field(0.3, 3, special=(0.0,), arguments={"value": (1, 2, -0.5)}),
)  # fmt: skip

# -- remainders ----------------------------------------------------------------------------------------------------


def _fmod(a: Array, b: Array) -> Array:
    """The remainder with the sign of the dividend."""
    if a.dtype.kind in "iu":
        _refuse_zero(b)
    return np.fmod(a, b)


def _remainder(a: Array, b: Array) -> Array:
    """The remainder with the sign of the divisor; an exact zero keeps the dividend's."""
    rest = _fmod(a, b)
    return np.where((rest != 0) & ((b < 0) != (rest < 0)), rest + b, rest)


def _divided(mode: str) -> Any:
    def of_divisor(grad: Tensor, self: Tensor, other: Tensor) -> Tensor:
        cite("pointwise.remainder.gradient")
        return -grad * self.div(other, rounding_mode=mode)

    return of_divisor


for _name, _fn, _mode in (("fmod", _fmod, "trunc"), ("remainder", _remainder, "floor")):
    _kernel = elementwise(_fn, name=f"{_name}_cpu", not_for="bool complex", exact=True)
    declare(
        f"{_name}(Tensor self, Tensor other) -> Tensor",
        forward=_kernel, node=f"{_name.capitalize()}Backward1",
        vjp={"self": lambda grad: grad, "other": _divided(_mode)},
        inplace=True, out=True, exact=True, samples=domains.ordered(0.3, 3, special=(0.0,)),
    )  # fmt: skip
    declare(
        f"{_name}(Tensor self, Scalar other) -> Tensor",
        forward=_kernel, vjp={"self": lambda grad: grad}, inplace=True, out=True, exact=True,
        samples=domains.ordered(arguments={"other": (2, 0.75, -1.5)}),
    )  # fmt: skip

declare(
    "remainder(Scalar self, Tensor other) -> Tensor",
    forward=elementwise(_remainder, name="remainder_cpu", not_for="bool complex", exact=True),
    underived=True, method=False, exact=True,
)  # fmt: skip

# -- between two values --------------------------------------------------------------------------------------------


def _check_lerp(self: Tensor, end: Tensor, weight: Any) -> None:
    others = {"end": end, "weight": weight} if isinstance(weight, Tensor) else {"end": end}
    for name, t in others.items():
        if name == "weight" and _passes_for_a_number(t):
            continue
        if t._dtype is not self._dtype:
            raise refusal("ops.lerp.dtype", expected=self._dtype.cpp_name, name=name, got=t._dtype.cpp_name)


def _passes_for_a_number(weight: Tensor) -> bool:
    return not weight._shape and switch("pointwise.lerp.number_like_weight")


def _lerp(start: Array, end: Array, weight: Array) -> Array:
    """Computed from the nearer end, so that a weight of one gives exactly ``end``."""
    gap = end - start
    near_start, near_end = multiply_add(gap, weight, start), multiply_add(-gap, 1 - weight, end)
    chosen: Array = np.where(np.abs(weight) < 0.5, near_start, near_end)
    return chosen.astype(start.dtype)


_by_number = elementwise(
    _lerp, params=(2,), name="lerp_kernel_scalar", not_for="bool int", keeps_dtype=True, since=HALF
)
_by_tensor = elementwise(_lerp, name="lerp_kernel_tensor", not_for="bool int", keeps_dtype=True, since=HALF)
_by_any_tensor = elementwise(_lerp, name="lerp_kernel_tensor", not_for="bool int", since=HALF)


def _lerp_of_number(self: Tensor, end: Tensor, weight: Any) -> Tensor:
    _check_lerp(self, end, weight)
    return _by_number(self, end, weight)


def _lerp_of_tensors(self: Tensor, end: Tensor, weight: Tensor) -> Tensor:
    _check_lerp(self, end, weight)
    return (_by_any_tensor if _passes_for_a_number(weight) else _by_tensor)(self, end, weight)


declare(
    "lerp(Tensor self, Tensor end, Tensor weight) -> Tensor",
    forward=_lerp_of_tensors, node="LerpBackward1",
    vjp={
        "self": lambda grad, weight: grad * conj(minus(1, weight)),
        "end": lambda grad, weight: grad * conj(weight),
        "weight": lambda grad, self, end: grad * conj(end - self),
    },
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

declare(
    "lerp(Tensor self, Tensor end, Scalar weight) -> Tensor",
    forward=_lerp_of_number,
    vjp={
        "self": lambda grad, weight: times(grad, 1 - conj(weight)),
        "end": lambda grad, weight: times(grad, conj(weight)),
    },
    inplace=True, out=True, samples=domains.field(arguments={"weight": (0.25, 0.5, 0.75, 0, 1, 1.5)}),
)  # fmt: skip
