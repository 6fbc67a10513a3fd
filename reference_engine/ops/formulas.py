"""What gradient formulas are written with.

A formula multiplies by a plain number where user code would multiply by a tensor made of it; the two are different
overloads, which a graph made with ``create_graph`` shows (``MulBackward1``), and the former saves no tensor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine import levels
from reference_engine.dtypes import dtype
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import elementwise, to_floating
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor


def conj(value: Any) -> Any:
    """The conjugate of a tensor or a number."""
    if isinstance(value, Tensor):
        return value.conj() if value._dtype.is_complex else value
    return value.conjugate() if isinstance(value, complex) else value


def moving_nothing(formula: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The formula of an argument that the result is constant in: it gives zeros, and its tangent no tangent."""
    formula.moves_nothing = True  # type: ignore[attr-defined]
    return formula


@moving_nothing
def zeros_for_other(grad: Tensor, other_shape: tuple[int, ...], other_dtype: dtype) -> Tensor:
    """The gradient of an ``other`` that is only compared with, or only gives its sign."""
    zeros: Tensor = grad.new_zeros(other_shape, dtype=other_dtype)
    return zeros


def not_derived(name: str) -> Callable[[Tensor], Tensor]:
    """The formula of an argument for which no derivative is known."""

    def refuse(grad: Tensor) -> Tensor:
        raise refusal("engine.not_implemented_node", name=name)

    refuse.asks_no_gradient = True  # type: ignore[attr-defined]
    refuse.not_derived = name  # type: ignore[attr-defined]
    return refuse


def not_derived_in_any_result(name: str) -> Callable[[Any], Tensor]:
    """The formula of an op of several results for which no derivative is known, whichever is differentiated."""

    def refuse(grads: Any) -> Tensor:
        raise refusal("engine.not_implemented_node", name=name)

    refuse.asks_no_gradient = True  # type: ignore[attr-defined]
    refuse.not_derived = name  # type: ignore[attr-defined]
    return refuse


def ones_like(t: Tensor, dtype: dtype | None = None) -> Tensor:
    """Of the tensor's layout, and on request of another dtype."""
    import reference_engine as engine

    return engine.ones_like(t, dtype=dtype)


def zeros_like(t: Tensor) -> Tensor:
    """The gradient of what is piecewise constant."""
    import reference_engine as engine

    return engine.zeros_like(t)


def flat(grad: Tensor) -> Tensor:
    """The gradient of what rounds, or only tells the sign."""
    cite("convention.rounding.zero")
    return zeros_like(grad)


def decided(clause: str, t: Tensor, there: Callable[[Any], Any] = lambda values: values == 0) -> Tensor:
    """The same tensor, once the convention is cited by which the derivative is decided where these numbers are."""
    if t._sparse is None and not t._storage.meta and there(levels.values(t)).any():
        cite(clause)
    return t


def decided_together(clause: str, a: Tensor, b: Any) -> None:
    """Cite a convention about places where two tensors, or a tensor and a number, are the same."""
    others = (b,) if isinstance(b, Tensor) else ()
    if not any(t._sparse is not None or t._storage.meta or levels.is_mapped(t) for t in (a, *others)):
        if (levels.values(a) == (levels.values(b) if others else b)).any():
            cite(clause)


def some(mask: Tensor) -> bool:
    """Whether it holds for any element, in any slice of a batch."""
    return bool(levels.values(mask).any())


def where(condition: Tensor, a: Any, b: Any) -> Tensor:
    """``a`` where the condition holds, else ``b``; a number stands for a tensor of the other's dtype."""
    import reference_engine as engine

    if not isinstance(a, Tensor):
        a = engine.scalar_tensor(a, dtype=b._dtype)
    if not isinstance(b, Tensor):
        b = engine.scalar_tensor(b, dtype=a._dtype)
    return engine.where(condition, a, b)


def plus(t: Tensor, number: Any) -> Tensor:
    """``t + number``"""
    return run(_PLUS, [t, number])


def less(t: Tensor, number: Any) -> Tensor:
    """``t - number``"""
    return run(_LESS, [t, number])


def times(t: Tensor, number: Any) -> Tensor:
    """``t * number``"""
    return run(_TIMES, [t, number])


def multiply(t: Tensor, number: Any) -> None:
    """``t *= number``"""
    run(_TIMES, [t, number], inplace=True)


def back_times(grad: Tensor, number: Any) -> Tensor:
    """The gradient of ``t * number``: again a product with a number, or with a tensor made of it in older versions."""
    return times(grad, number) if switch("pointwise.number_gradient") else grad * number


def _back_over(grad: Tensor, number: Any) -> Tensor:
    return over(grad, number) if switch("pointwise.number_gradient") else grad / number


def over(t: Tensor, number: Any) -> Tensor:
    """``t / number``"""
    return run(_OVER, [t, number])


def minus(number: Any, t: Tensor) -> Tensor:
    """``number - t``"""
    return run(_MINUS, [t, number])


def scaled(t: Tensor, alpha: Any) -> Tensor:
    """``t * alpha``; multiplying by one is not recorded."""
    return t if alpha == 1 else times(t, alpha)


def _refuse_bool(promoted: dtype, t: Tensor, number: Any) -> None:
    if t._dtype.category == 0:
        raise refusal("ops.sub.one_bool")


_HIDDEN: dict[str, Any] = {"function": False, "method": False}

_PLUS = declare(
    "_add_scalar(Tensor self, Scalar other) -> Tensor",
    node="AddBackward1", forward=elementwise(np.add), vjp={"self": lambda grad: grad}, **_HIDDEN,
)  # fmt: skip
_LESS = declare(
    "_sub_scalar(Tensor self, Scalar other) -> Tensor",
    node="SubBackward1", forward=elementwise(np.subtract, first=_refuse_bool), vjp={"self": lambda grad: grad},
    **_HIDDEN,
)  # fmt: skip
_TIMES = declare(
    "_mul_scalar(Tensor self, Scalar other) -> Tensor",
    node="MulBackward1", forward=elementwise(np.multiply),
    vjp={"self": lambda grad, other: back_times(grad, conj(other))}, **_HIDDEN,
)  # fmt: skip
_OVER = declare(
    "_div_scalar(Tensor self, Scalar other) -> Tensor",
    node="DivBackward1", forward=elementwise(np.divide, dtype=to_floating),
    vjp={"self": lambda grad, other: _back_over(grad, conj(other))}, **_HIDDEN,
)  # fmt: skip
_MINUS = declare(
    "_rsub_scalar(Tensor self, Scalar other) -> Tensor",
    node="RsubBackward1", forward=elementwise(lambda t, number: number - t, first=_refuse_bool),
    vjp={"self": lambda grad: -grad}, **_HIDDEN,
)  # fmt: skip
