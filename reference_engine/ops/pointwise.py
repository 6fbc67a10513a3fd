"""Pointwise arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import elementwise, promote, to_floating, to_real
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Array = Any

# -- arithmetic --------------------------------------------------------------------------------------------------


def _check_alpha(alpha: Any, *operands: Any) -> None:
    d = promote(operands)
    if d.category == 1 and isinstance(alpha, float):
        raise refusal("ops.alpha.integral")
    if isinstance(alpha, bool) and d.category:
        raise refusal("ops.alpha.bool")


def _scaled(grad: Tensor, alpha: Any) -> Tensor:
    """Multiplying by one is not recorded."""
    if alpha == 1:
        return grad
    return grad * (alpha.conjugate() if isinstance(alpha, complex) else alpha)


def _add(a: Array, b: Array, alpha: Any) -> Array:
    if a.dtype == np.bool_:
        return a | (b & bool(alpha))
    return a + b if alpha == 1 else a + a.dtype.type(alpha) * b


declare(
    "add(Tensor self, Tensor|Scalar other, *, Scalar alpha=1) -> Tensor",
    forward=lambda self, other, alpha: (_check_alpha(alpha, self, other), elementwise(_add, params=(2,))(self, other, alpha))[1],
    vjp={"self": lambda grad: grad, "other": lambda grad, alpha: _scaled(grad, alpha)},
    inplace=True, out=True, samples=domains.numbers(arguments={"alpha": (1, 2, -1, 0.5)}),
)  # fmt: skip


def _sub_check(self: Any, other: Any, alpha: Any) -> None:
    kinds = [v._dtype.category == 0 if isinstance(v, Tensor) else isinstance(v, bool) for v in (self, other)]
    if all(kinds):
        raise refusal("ops.sub.two_bools")
    if any(kinds):
        raise refusal("ops.sub.one_bool")
    _check_alpha(alpha, self, other)


def _sub(a: Array, b: Array, alpha: Any) -> Array:
    return a - b if alpha == 1 else a - a.dtype.type(alpha) * b


declare(
    "sub(Tensor self, Tensor|Scalar other, *, Scalar alpha=1) -> Tensor",
    forward=lambda self, other, alpha: (_sub_check(self, other, alpha), elementwise(_sub, params=(2,))(self, other, alpha))[1],
    vjp={"self": lambda grad: grad, "other": lambda grad, alpha: _scaled(-grad, alpha)},
    inplace=True, out=True, aliases=("subtract",), samples=domains.numbers(arguments={"alpha": (1, 2, -1, 0.5)}),
)  # fmt: skip

declare(
    "rsub(Tensor self, Tensor|Scalar other, *, Scalar alpha=1) -> Tensor",
    forward=lambda self, other, alpha: (_sub_check(self, other, alpha), elementwise(lambda a, b, al: _sub(b, a, al), params=(2,))(self, other, alpha))[1],
    vjp={"self": lambda grad, alpha: _scaled(-grad, alpha), "other": lambda grad: grad},
    method=False, samples=domains.numbers(),
)  # fmt: skip

declare(
    "mul(Tensor self, Tensor|Scalar other) -> Tensor",
    forward=elementwise(np.multiply),
    vjp={
        "self": lambda grad, other: grad * _conj(other),
        "other": lambda grad, self: grad * self.conj(),
    },
    inplace=True, out=True, aliases=("multiply",), samples=domains.numbers(),
)  # fmt: skip


def _conj(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.conj()
    return value.conjugate() if isinstance(value, complex) else value


def _div_dtype(promoted: Any) -> Any:
    return to_floating(promoted)


def _rounded_div(a: Array, b: Array, mode: str) -> Array:
    if a.dtype.kind in "iu":
        if (b == 0).any():
            raise refusal("ops.div.integer_zero")
        return np.floor_divide(a, b) if mode == "floor" else (a - np.fmod(a, b)) // b
    q = np.divide(a, b)
    if mode == "trunc":
        return np.trunc(q)
    # floor of the exact quotient, not of the rounded one; a zero keeps the sign of the quotient
    floored = np.floor_divide(a, b)
    return np.where(b == 0, q, np.where(floored == 0, np.copysign(np.zeros_like(q), q), floored)).astype(a.dtype)


def _div_forward(self: Any, other: Any, rounding_mode: Any) -> Tensor:
    if rounding_mode is None:
        return elementwise(np.divide, dtype=to_floating)(self, other)
    if rounding_mode not in ("trunc", "floor"):
        raise refusal("ops.div.rounding_mode", mode=rounding_mode)
    if promote([self, other]).is_complex:
        raise refusal("ops.div.complex_rounding")
    return elementwise(_rounded_div, params=(2,))(self, other, rounding_mode)


declare(
    "div(Tensor self, Tensor|Scalar other, *, str? rounding_mode=None) -> Tensor",
    forward=_div_forward,
    vjp={
        "self": lambda grad, other, rounding_mode: grad / _conj(other) if rounding_mode is None else grad.new_zeros(grad.shape),
        "other": lambda grad, self, other, rounding_mode: (
            -grad * ((self / other) / other).conj() if rounding_mode is None else grad.new_zeros(grad.shape)
        ),
    },
    inplace=True, out=True, aliases=("divide",), samples=domains.field(special=(0.0,), arguments={"rounding_mode": (None,)}),
)  # fmt: skip

declare(
    "neg(Tensor self) -> Tensor",
    forward=lambda self: _neg(self),
    vjp={"self": lambda grad: -grad},
    inplace=True, out=True, aliases=("negative",), samples=domains.numbers(), exact=True,
)  # fmt: skip


def _neg(self: Tensor) -> Tensor:
    if self._dtype.category == 0:
        raise refusal("ops.neg.bool")
    return elementwise(np.negative, exact=True)(self)


declare(
    "reciprocal(Tensor self) -> Tensor",
    forward=elementwise(lambda x: np.divide(x.dtype.type(1), x), dtype=to_floating),
    vjp={"self": lambda grad, result: -grad * (result * result).conj()},
    inplace=True, out=True, samples=domains.field(0.3, 3, special=(0.0,)),
)  # fmt: skip

declare(
    "square(Tensor self) -> Tensor",
    forward=lambda self: self.pow(2),
    inplace=False, composite=True, samples=domains.field(),
)  # fmt: skip

# -- exponentials and powers -------------------------------------------------------------------------------------

declare(
    "exp(Tensor self) -> Tensor",
    forward=elementwise(np.exp, dtype=to_floating),
    vjp={"self": lambda grad, result: grad * result.conj()},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

declare(
    "log(Tensor self) -> Tensor",
    forward=elementwise(np.log, dtype=to_floating),
    vjp={"self": lambda grad, self: grad.div(self.conj())},
    inplace=True, out=True, samples=domains.field(0.2, 4, special=(0.0, -1.0)),
)  # fmt: skip

declare(
    "sqrt(Tensor self) -> Tensor",
    forward=elementwise(np.sqrt, dtype=to_floating),
    vjp={"self": lambda grad, result: grad / (2 * result.conj())},
    inplace=True, out=True, samples=domains.field(0.2, 4, special=(0.0, -1.0)),
)  # fmt: skip


def _pow_check(self: Any, exponent: Any) -> None:
    d = promote([self, exponent])
    if d.category <= 1 and isinstance(exponent, int) and exponent < 0:
        raise refusal("ops.pow.negative_integer")


def _pow(a: Array, b: Array) -> Array:
    if a.dtype == np.bool_:
        return a | ~b
    with np.errstate(all="ignore"):
        return np.power(a, b)


def _pow_scalar_vjp(grad: Tensor, self: Tensor, exponent: Any) -> Tensor:
    """d x**n = n x**(n-1), and exactly zero for n = 0, also at x = 0."""
    if exponent == 0:
        return grad.new_zeros(grad.shape) if False else grad.mul(0).new_zeros(self.shape)
    conj = exponent.conjugate() if isinstance(exponent, complex) else exponent
    inner = self.conj() if isinstance(conj, complex) or self.is_complex() else self
    return grad * (conj * inner.pow(conj - 1))


declare(
    "pow(Tensor self, Scalar exponent) -> Tensor",
    forward=lambda self, exponent: (_pow_check(self, exponent), elementwise(_pow)(self, exponent))[1],
    vjp={"self": _pow_scalar_vjp},
    inplace=True, out=True, samples=domains.field(0.2, 2, special=(0.0,), arguments={"exponent": (2, 3, 0.5, -1, 0, 1)}),
)  # fmt: skip


def _pow_base_vjp(grad: Tensor, self: Any, exponent: Tensor) -> Tensor:
    import reference_engine as engine

    zero = exponent == 0
    return grad * engine.where(zero, 0.0, exponent * self ** (exponent - 1)).conj()


def _pow_exponent_vjp(grad: Tensor, self: Any, exponent: Tensor, result: Tensor) -> Tensor:
    """d a**b = a**b log a, with 0 where the base is 0 and the exponent is not negative."""
    import reference_engine as engine

    base = self if isinstance(self, Tensor) else engine.tensor(self, dtype=exponent.dtype if not isinstance(self, complex) else None)
    if exponent.is_complex() or base.is_complex():
        zero = (base == 0) & (exponent.real >= 0 if exponent.is_complex() else exponent >= 0)
    else:
        zero = (base == 0) & (exponent >= 0)
    return grad * (result * engine.where(zero, 0.0, base.log())).conj()


declare(
    "pow(Tensor self, Tensor exponent) -> Tensor",
    node="PowBackward1",
    forward=elementwise(_pow),
    vjp={"self": _pow_base_vjp, "exponent": _pow_exponent_vjp},
    inplace=True, out=True, samples=domains.field(0.2, 2, special=(0.0,)),
)  # fmt: skip

declare(
    "pow(Scalar self, Tensor exponent) -> Tensor",
    node="PowBackward2",
    forward=elementwise(_pow),
    vjp={"exponent": _pow_exponent_vjp},
    method=False, out=True, samples=domains.field(0.2, 2),
)  # fmt: skip

# -- trigonometric and hyperbolic --------------------------------------------------------------------------------

declare(
    "sin(Tensor self) -> Tensor",
    forward=elementwise(np.sin, dtype=to_floating),
    vjp={"self": lambda grad, self: grad * self.cos().conj()},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

declare(
    "cos(Tensor self) -> Tensor",
    forward=elementwise(np.cos, dtype=to_floating),
    vjp={"self": lambda grad, self: grad * -self.sin().conj()},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip


def _tanh_vjp(grad: Tensor, result: Tensor) -> Tensor:
    return tanh_backward(grad, result)


declare(
    "tanh(Tensor self) -> Tensor",
    forward=elementwise(np.tanh, dtype=to_floating),
    vjp={"self": _tanh_vjp},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip


def tanh_backward(grad: Tensor, output: Tensor) -> Tensor:
    return grad * (1 - output * output).conj()


def _sigmoid(x: Array) -> Array:
    return (1 / (1 + np.exp(-x))).astype(x.dtype)


declare(
    "sigmoid(Tensor self) -> Tensor",
    forward=elementwise(_sigmoid, dtype=to_floating),
    vjp={"self": lambda grad, result: grad * ((1 - result) * result).conj()},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

# -- kinks -------------------------------------------------------------------------------------------------------

declare(
    "relu(Tensor self) -> Tensor",
    forward=elementwise(lambda x: np.where(np.isnan(x), x, np.maximum(x, x.dtype.type(0))), exact=True),
    # zero at zero: the subgradient is that of the output being positive
    vjp={"self": lambda grad, result: threshold_backward(grad, result)},
    inplace=True, smooth=False, exact=True, samples=domains.ordered(special=(0.0,)),
)  # fmt: skip


def threshold_backward(grad: Tensor, output: Tensor, threshold: float = 0.0) -> Tensor:
    """The gradient where the output is above the threshold, zero elsewhere (a nan output passes it on)."""
    import reference_engine as engine

    return engine.where(output <= threshold, engine.zeros((), dtype=grad.dtype), grad)


declare(
    "abs(Tensor self) -> Tensor",
    forward=elementwise(np.abs, dtype=to_real),
    vjp={"self": lambda grad, self: grad * self.sgn()},
    out=True, inplace=True, smooth=False, aliases=("absolute",), samples=domains.numbers(special=(0.0,)),
)  # fmt: skip


def _sgn(x: Array) -> Array:
    if x.dtype.kind != "c":
        return np.sign(x) if x.dtype != np.bool_ else x
    size = np.abs(x)
    return np.where(size == 0, x.dtype.type(0), x / np.where(size == 0, 1, size)).astype(x.dtype)


declare(
    "sgn(Tensor self) -> Tensor",
    forward=elementwise(_sgn),
    vjp={"self": lambda grad, self, result: _sgn_vjp(grad, self, result)},
    inplace=True, out=True, smooth=False, samples=domains.numbers(special=(0.0,)),
)  # fmt: skip


def _sgn_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    """Zero for real arguments; for complex z/|z| the part of the cotangent that is not along z, over |z|."""
    import reference_engine as engine

    if not self.is_complex():
        return grad.new_zeros(grad.shape)
    size = self.abs()
    along = (grad.conj() * result).real if grad.is_complex() else grad * result.real
    return engine.where(size == 0, 0.0, (grad - along * result) / size)


# -- comparisons -------------------------------------------------------------------------------------------------


def _comparison(name: str, ufunc: Any, *aliases: str) -> None:
    from reference_engine.ops.kernels import to_bool

    forward = elementwise(ufunc, dtype=to_bool, exact=True)

    def compare(self: Any, other: Any) -> Tensor:
        if name not in ("eq", "ne") and promote([self, other]).is_complex:
            raise refusal("ops.not_implemented_for", op=f"{name}_cpu", dtype=promote([self, other]).scalar_name)
        return forward(self, other)

    declare(
        f"{name}(Tensor self, Tensor|Scalar other) -> Tensor",
        forward=compare, out=True, inplace=True, aliases=aliases, exact=True, samples=domains.ordered(),
    )  # fmt: skip


for _name, _ufunc, _alias in (
    ("eq", np.equal, ()), ("ne", np.not_equal, ("not_equal",)), ("lt", np.less, ("less",)),
    ("le", np.less_equal, ("less_equal",)), ("gt", np.greater, ("greater",)), ("ge", np.greater_equal, ("greater_equal",)),
):  # fmt: skip
    _comparison(_name, _ufunc, *_alias)


def _logic(name: str, fn: Any) -> None:
    forward = elementwise(fn, exact=True)

    def apply(self: Any, other: Any) -> Tensor:
        d = promote([self, other])
        if d.category > 1:
            raise refusal("ops.not_implemented_for", op=f"{name}_cpu", dtype=d.scalar_name)
        return forward(self, other)

    declare(f"{name}(Tensor self, Tensor|Scalar other) -> Tensor", forward=apply, out=True, inplace=True, exact=True)


for _name, _ufunc in (("bitwise_and", np.bitwise_and), ("bitwise_or", np.bitwise_or), ("bitwise_xor", np.bitwise_xor)):
    _logic(_name, _ufunc)

declare(
    "bitwise_not(Tensor self) -> Tensor", forward=elementwise(np.invert, exact=True), out=True, inplace=True, exact=True
)  # fmt: skip
declare(
    "logical_not(Tensor self) -> Tensor",
    forward=elementwise(np.logical_not, dtype=lambda d: (d, __import__("reference_engine").bool), exact=True),
    out=True, exact=True,
)  # fmt: skip

# -- selection ---------------------------------------------------------------------------------------------------


def _where(condition: Tensor, self: Any, other: Any) -> Tensor:
    from reference_engine import dtypes

    if condition._dtype not in (dtypes.bool_, dtypes.uint8):
        raise refusal("ops.where.condition", dtype=condition.dtype.scalar_name.lower())
    from reference_engine.ops.kernels import broadcast_shapes, from_array
    from reference_engine import strides

    d = promote([self, other])
    tensors = [v for v in (condition, self, other) if isinstance(v, Tensor)]
    shape = broadcast_shapes([t._shape for t in tensors])
    a, b = ((v._read() if isinstance(v, Tensor) else np.asarray(v)).astype(d.np) for v in (self, other))
    wanted = strides.of_pointwise_result(shape, [(t._shape, t._strides) for t in tensors])
    return from_array(np.broadcast_to(np.where(condition._read(), a, b), shape), d, wanted)


declare(
    "where(Tensor condition, Tensor|Scalar self, Tensor|Scalar other) -> Tensor",
    forward=_where,
    vjp={
        "self": lambda grad, condition: _where_op(condition, grad, 0),
        "other": lambda grad, condition: _where_op(condition, 0, grad),
    },
    method=False, exact=True, samples=domains.numbers(shapes="where"),
)  # fmt: skip


def _where_op(condition: Tensor, a: Any, b: Any) -> Tensor:
    import reference_engine as engine

    return engine.where(condition, a, b)  # type: ignore[no-any-return]
