"""Comparisons, tests, and the logic of bits and truth values. None of them has a gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, levels
from reference_engine.dtypes import dtype
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import ones_like, zeros_for_other, zeros_like
from reference_engine.ops.kernels import elementwise, to_bool
from reference_engine.semantics import cite, refusal
from reference_engine.tensor import Tensor

Array = Any

# -- comparisons ---------------------------------------------------------------------------------------------------


def _comparison(name: str, ufunc: Any, *aliases: str) -> None:
    unordered = "complex" if name not in ("eq", "ne") else ""
    forward = elementwise(ufunc, dtype=to_bool, exact=True, name=f"{name}_cpu", not_for=unordered)
    samples = domains.ordered() if unordered else domains.numbers()
    declare(
        f"{name}(Tensor self, Tensor|Scalar other) -> Tensor",
        forward=forward, out=True, aliases=aliases, exact=True, samples=samples,
    )  # fmt: skip
    # in place the truth value becomes a number of self's dtype, which has a history: a constant
    in_place: dict[str, Any] = {"method": False, "function": False, "inplace": True, "aliases": aliases, "exact": True}
    declare(
        f"{name}(Tensor self, Tensor other) -> Tensor",
        forward=forward, node=f"{name.capitalize()}Backward1", **in_place,
        vjp={
            "self": lambda grad: zeros_like(grad),
            "other": zeros_for_other,
        },
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, Scalar other) -> Tensor",
        forward=forward, vjp={"self": lambda grad: zeros_like(grad)}, **in_place,
    )  # fmt: skip


_comparison("eq", np.equal)
_comparison("ne", np.not_equal, "not_equal")
_comparison("lt", np.less, "less")
_comparison("le", np.less_equal, "less_equal")
_comparison("gt", np.greater, "greater")
_comparison("ge", np.greater_equal, "greater_equal")


def _isclose(self: Tensor, other: Tensor, rtol: float, atol: float, equal_nan: bool) -> Tensor:
    if self._dtype is not other._dtype:
        raise refusal("pointwise.isclose.dtype", first=self._dtype.scalar_name, second=other._dtype.scalar_name)
    if rtol < 0:
        raise refusal("pointwise.isclose.rtol", value=f"{rtol:g}")
    if atol < 0:
        raise refusal("pointwise.isclose.atol", value=f"{atol:g}")

    def close(a: Array, b: Array) -> Array:
        near = a == b
        if equal_nan:
            near = near | (np.isnan(a) & np.isnan(b))
        if rtol == 0 and atol == 0:
            return near
        if a.dtype.kind in "biu":
            a, b = a.astype(np.float32 if a.dtype.itemsize < 8 else np.float64), b.astype(np.float64)
        return near | (np.isfinite(a - b) & (np.abs(a - b) <= atol + np.abs(rtol * b)))

    return elementwise(close, dtype=to_bool, exact=True)(self, other)


declare(
    "isclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> Tensor",
    forward=_isclose, exact=True, samples=domains.numbers(),
)  # fmt: skip


def _allclose(self: Tensor, other: Tensor, rtol: float, atol: float, equal_nan: bool) -> bool:
    for t in (self, other):
        levels.refuse_mapped(t, "functorch.vmap.allclose")
    return bool(_isclose(self, other, rtol, atol, equal_nan)._read().all())


declare(
    "allclose(Tensor self, Tensor other, float rtol=1e-05, float atol=1e-08, bool equal_nan=False) -> bool",
    forward=_allclose, composite=True, exact=True,
)  # fmt: skip


def _equal(self: Tensor, other: Tensor) -> bool:
    for t in (self, other):
        levels.refuse_mapped(t, "functorch.vmap.equal")
    return self._shape == other._shape and bool((self._read() == other._read()).all())


declare("equal(Tensor self, Tensor other) -> bool", forward=_equal, composite=True, exact=True)

# -- tests of a value ----------------------------------------------------------------------------------------------


def _test(name: str, fn: Any, complex_too: bool = True, out: bool = False, **more: Any) -> None:
    def check(promoted: dtype, self: Tensor) -> None:
        if promoted.is_complex and not complex_too:
            raise refusal("pointwise.isinf.complex", op=name)
        kernels.refuse_unless_boolean(name)

    declare(
        f"{name}(Tensor self) -> Tensor",
        forward=elementwise(fn, dtype=to_bool, exact=True, check=check), out=out, exact=True,
        samples=domains.numbers(special=(float("nan"), float("inf"), -float("inf"))), **more,
    )  # fmt: skip


_test("isnan", np.isnan)
_test("isinf", np.isinf)
declare(
    "isreal(Tensor self) -> Tensor",
    forward=lambda self: self.imag == 0 if self._dtype.is_complex else ones_like(self, dtype=dtypes.bool_),
    composite=True, exact=True, samples=domains.numbers(special=(float("nan"), float("inf"))),
)  # fmt: skip
_test("isposinf", lambda x: x == np.inf, complex_too=False, out=True)
_test("isneginf", lambda x: x == -np.inf, complex_too=False, out=True)

_finite = elementwise(np.isfinite, dtype=to_bool, exact=True)


def _isfinite(self: Tensor) -> Tensor:
    """By way of the absolute value, which is recorded though nothing comes of it: saved-tensor hooks see it."""
    if self._dtype.is_complex:
        for part in (self.real, self.imag):
            part.abs()
    elif self._dtype.is_floating_point:
        self.abs()
    values = self.detach()
    if levels.is_mapped(values):
        return values.isinf().logical_or(values.isnan()).logical_not()
    return _finite(values)


declare(
    "isfinite(Tensor self) -> Tensor", forward=_isfinite, composite=True, exact=True,
    samples=domains.numbers(special=(float("nan"), float("inf"), -float("inf"))),
)  # fmt: skip

# -- truth values --------------------------------------------------------------------------------------------------


def _of_what_was_overwritten(grad: Tensor) -> Tensor:
    cite("pointwise.logical.in_place")
    return zeros_like(grad)


def _logical(name: str, ufunc: Any, unary: bool = False) -> None:
    """The result is a truth value; in place it becomes a 0 or 1 of self's dtype: a constant, without self's history."""
    operands = "Tensor self" if unary else "Tensor self, Tensor other"
    truth = elementwise(ufunc, dtype=to_bool, exact=True, name=f"{name}_cpu")
    declare(f"{name}({operands}) -> Tensor", forward=truth, out=True, exact=True, samples=domains.numbers())

    declare(
        f"{name}({operands}) -> Tensor",
        forward=truth, vjp={"self": _of_what_was_overwritten}, exact=True,
        function=False, method=False, inplace=True, in_place_clause="pointwise.logical.in_place",
        samples=domains.numbers(),
    )  # fmt: skip


_logical("logical_and", np.logical_and)
_logical("logical_or", np.logical_or)
_logical("logical_xor", np.logical_xor)
_logical("logical_not", np.logical_not, unary=True)

# -- bits ----------------------------------------------------------------------------------------------------------


def _bitwise(name: str, fn: Any, kernel: str, not_for: str = "float complex") -> None:
    forward = elementwise(fn, exact=True, name=kernel, not_for=not_for)
    samples = domains.Domain(dtypes=("int",))
    declare(
        f"{name}(Tensor self, Tensor|Scalar other) -> Tensor", forward=forward, underived=True, out=True, inplace=True,
        exact=True, samples=samples,
    )  # fmt: skip
    declare(f"{name}(Scalar self, Tensor other) -> Tensor", forward=forward, underived=True, method=False, exact=True)


_bitwise("bitwise_and", np.bitwise_and, "bitwise_and_cpu")
_bitwise("bitwise_or", np.bitwise_or, "bitwise_or_cpu")
_bitwise("bitwise_xor", np.bitwise_xor, "bitwise_xor_cpu")


def _beyond(b: Array, bits: int) -> Array:
    """Where a number is shifted by less than nothing, or by all of its bits."""
    beyond: Array = (b < 0) | (b >= bits)
    if beyond.any():
        cite("pointwise.shift.beyond")
    return beyond


def _shifted_left(a: Array, b: Array) -> Array:
    beyond = _beyond(b, 8 * a.dtype.itemsize)
    return np.where(beyond, 0, np.left_shift(a, np.where(beyond, 0, b))).astype(a.dtype)


def _shifted_right(a: Array, b: Array) -> Array:
    bits = 8 * a.dtype.itemsize
    return np.right_shift(a, np.where(_beyond(b, bits), bits - 1, b)).astype(a.dtype)


_bitwise("bitwise_left_shift", _shifted_left, "lshift_cpu", "bool float complex")
_bitwise("bitwise_right_shift", _shifted_right, "rshift_cpu", "bool float complex")

declare(
    "bitwise_not(Tensor self) -> Tensor",
    forward=elementwise(np.invert, exact=True, name="bitwise_not_cpu", not_for="float complex", keeps_dtype=True),
    underived=True, out=True, inplace=True, exact=True, samples=domains.Domain(dtypes=("int",)),
)  # fmt: skip
