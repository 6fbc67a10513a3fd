"""Circular and hyperbolic functions, their inverses, and angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine import strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import back_times, conj, decided, less, minus, not_derived, plus, some, times
from reference_engine.ops.kernels import HALF, elementwise, to_floating
from reference_engine.ops.not_finite import annex_g
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any

# -- circular ------------------------------------------------------------------------------------------------------

declare(
    "sin(Tensor self) -> Tensor",
    forward=elementwise(np.sin, dtype=to_floating, name="sin_vml_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad * conj(self.cos())},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

declare(
    "cos(Tensor self) -> Tensor",
    forward=elementwise(np.cos, dtype=to_floating, name="cos_vml_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad * -conj(self.sin())},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

declare(
    "tan(Tensor self) -> Tensor",
    forward=elementwise(np.tan, dtype=to_floating, name="tan_vml_cpu", since=HALF),
    vjp={"self": lambda grad, result: grad * conj(plus(result.pow(2), 1))},
    inplace=True, out=True, samples=domains.field(-1.3, 1.3),
)  # fmt: skip

declare(
    "asin(Tensor self) -> Tensor",
    forward=elementwise(annex_g(np.arcsin), dtype=to_floating, name="asin_vml_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad * conj(plus(-self * self, 1).rsqrt())},
    inplace=True, out=True, aliases=("arcsin",), samples=domains.field(-0.9, 0.9, special=(1.0, -1.0, 1.5)),
)  # fmt: skip

declare(
    "acos(Tensor self) -> Tensor",
    forward=elementwise(annex_g(np.arccos), dtype=to_floating, name="acos_vml_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad * -conj(plus(-self * self, 1).rsqrt())},
    inplace=True, out=True, aliases=("arccos",), samples=domains.field(-0.9, 0.9, special=(1.0, -1.0, 1.5)),
)  # fmt: skip

declare(
    "atan(Tensor self) -> Tensor",
    forward=elementwise(annex_g(np.arctan), dtype=to_floating, name="atan_vml_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad / conj(plus(self * self, 1))},
    inplace=True, out=True, aliases=("arctan",), samples=domains.field(),
)  # fmt: skip


def _atan2_vjp(grad: Tensor, self: Tensor, other: Tensor, needs: set[str]) -> dict[str, Tensor]:
    """Over r², and zero at the origin, which has no angle."""
    squared = decided("convention.atan2.origin", self * self + other * other)
    inverse = squared.reciprocal()
    if some(inverse.isinf().logical_and(squared != 0)):  # though the gradient itself is an ordinary number
        cite("pointwise.atan2.near_origin")
        squared = squared.masked_fill(squared == 0, math.inf)
        return {
            name: t
            for name, t in (("self", grad * other / squared), ("other", grad * -self / squared))
            if name in needs
        }
    if switch("convention.atan2.origin_zero"):
        inverse = inverse.masked_fill(squared == 0, 0)
    made = {}
    if "self" in needs:
        made["self"] = grad * other * inverse
    if "other" in needs:
        made["other"] = grad * -self * inverse
    return made


declare(
    "atan2(Tensor self, Tensor other) -> Tensor",
    forward=elementwise(np.arctan2, dtype=to_floating, name="atan2_cpu", not_for="complex", since=HALF),
    vjp={"self, other": _atan2_vjp},
    inplace=True, out=True, aliases=("arctan2",), samples=domains.real(special=(0.0,)),
)  # fmt: skip

# -- hyperbolic ----------------------------------------------------------------------------------------------------

declare(
    "sinh(Tensor self) -> Tensor",
    forward=elementwise(np.sinh, dtype=to_floating, name="sinh_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad * conj(self.cosh())},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

declare(
    "cosh(Tensor self) -> Tensor",
    forward=elementwise(np.cosh, dtype=to_floating, name="cosh_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad * conj(self.sinh())},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

declare(
    "tanh(Tensor self) -> Tensor",
    forward=elementwise(np.tanh, dtype=to_floating, name="tanh_vml_cpu", since=HALF),
    vjp={"self": lambda grad, result: grad._tanh_backward(result)},
    inplace=True, out=True, samples=domains.field(),
)  # fmt: skip

declare(
    "_tanh_backward(Tensor grad_output, Tensor output) -> Tensor",
    forward=elementwise(lambda grad, y: grad * np.conj(1 - y * y)), node="TanhBackwardBackward0", function=False,
    vjp={
        "grad_output": lambda grad, output: grad._tanh_backward(conj(output)),
        "output": lambda grad, grad_output, output: conj(grad) * (times(conj(output), -2) * grad_output),
    },
)  # fmt: skip

declare(
    "asinh(Tensor self) -> Tensor",
    forward=elementwise(np.arcsinh, dtype=to_floating, name="asinh_cpu", since=HALF),
    vjp={"self": lambda grad, self: grad * conj(plus(self.pow(2), 1).rsqrt())},
    out=True, aliases=("arcsinh",), samples=domains.field(),
)  # fmt: skip


def _acosh_vjp(grad: Tensor, self: Tensor) -> Tensor:
    """Of complex numbers as a product of two roots, which has the branch cut of acosh."""
    if self.is_complex():
        return grad * conj(plus(self, 1).rsqrt() * less(self, 1).rsqrt())
    return grad * less(self * self, 1).rsqrt()


declare(
    "acosh(Tensor self) -> Tensor",
    forward=elementwise(np.arccosh, dtype=to_floating, name="acosh_cpu", since=HALF),
    vjp={"self": _acosh_vjp},
    out=True, aliases=("arccosh",), samples=domains.field(1.2, 4, special=(1.0, 0.5)),
)  # fmt: skip

declare(
    "atanh(Tensor self) -> Tensor",
    forward=elementwise(np.arctanh, dtype=to_floating, name="atanh_cpu", since=HALF),
    vjp={"self": lambda grad, self: times(grad, 1) / conj(minus(1, self.pow(2)))},
    out=True, aliases=("arctanh",), samples=domains.field(-0.8, 0.8, special=(1.0, -1.0)),
)  # fmt: skip

# In place they cannot be differentiated: it is not implemented, which the graph says under another number.
for _name, _fn in (("asinh", np.arcsinh), ("acosh", np.arccosh), ("atanh", np.arctanh)):
    declare(
        f"{_name}(Tensor self) -> Tensor",
        forward=elementwise(_fn, dtype=to_floating, name=f"{_name}_cpu", since=HALF),
        node=f"{_name.capitalize()}Backward1",
        vjp={"self": not_derived(f"inplace version of {_name}")},
        inplace=True, method=False, function=False, aliases=(f"arc{_name[1:]}",),
    )  # fmt: skip

# -- units of angle ------------------------------------------------------------------------------------------------


def _factor(name: str, factor: float) -> None:
    """A conversion of units is a product with a constant tensor."""

    def convert(self: Tensor) -> Tensor:
        if self._dtype.is_complex:
            raise refusal("pointwise.angle_unit.complex", op=name)
        made = elementwise(np.multiply, dtype=to_floating)(self, factor)
        return made._copy(strides.like(self._shape, self._strides))

    declare(
        f"{name}(Tensor self) -> Tensor",
        forward=convert, vjp={"self": lambda grad: back_times(grad, factor)},
        inplace=True, out=True, samples=domains.real(),
    )  # fmt: skip


_factor("deg2rad", math.pi / 180)
_factor("rad2deg", 180 / math.pi)
