"""``torch._foreach_add`` and its kin: one operation on each tensor of a list, as optimizers call them.

Each is the operation of one tensor, over and over; only the nodes have names of their own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import reference_engine as engine
from reference_engine.ops.declare import declare
from reference_engine.tensor import Tensor

Tensors = tuple[Tensor, ...]

_UNARY = (
    "abs", "acos", "asin", "atan", "ceil", "cos", "cosh", "erf", "erfc", "exp", "expm1", "floor", "frac", "lgamma",
    "log", "log10", "log1p", "log2", "neg", "reciprocal", "round", "rsqrt", "sigmoid", "sign", "sin", "sinh", "sqrt",
    "tan", "tanh", "trunc",
)  # fmt: skip

#: What follows the name of a node for a number, for a list of them, and for a list of tensors.
_FACTOR_NODES = ("1Scalar", "1ScalarList", "0List")
_BINARY: dict[str, tuple[str, str, str]] = {
    "add": _FACTOR_NODES,
    "sub": _FACTOR_NODES,
    "mul": _FACTOR_NODES,
    "div": ("1Scalar", "1ScalarList", "0"),
    "clamp_max": ("0Scalar", "0ScalarList", "1List"),
    "clamp_min": ("0Scalar", "0ScalarList", "1List"),
    "maximum": ("0", "1", "0List"),
    "minimum": ("0", "1", "0List"),
    "pow": ("0Scalar", "1", "0"),
}
_BY_ONE_TENSOR = {"add": "1Scalar", "mul": "0Tensor", "div": "0Tensor"}


#: Nodes of forms in place that are called otherwise than those of the operation of one tensor.
_IN_PLACE = {
    **{(name, f"1Scalar{many}"): f"{name.capitalize()}Backward1" for name in ("add", "sub", "mul", "div")
       for many in ("", "List")},
    ("maximum", "0List"): "MaximumBackward0",
    ("minimum", "0List"): "MinimumBackward0",
}  # fmt: skip


def _node(name: str, suffix: str) -> str:
    words = "".join(word.capitalize() for word in name.split("_"))
    return f"Foreach{words.replace('Log1p', 'Log1P')}Backward{suffix}"


def _check(self: Sequence[Tensor], *others: Any) -> None:
    """Refuse no tensors, and lists of different lengths."""
    if not self:
        raise RuntimeError("Tensor list must have at least one tensor.")
    for other in others:
        if isinstance(other, (list, tuple)) and len(other) != len(self):
            if other and not isinstance(other[0], Tensor):
                raise RuntimeError("Tensor list must have same number of elements as scalar list.")
            raise RuntimeError(f"Tensor lists must have the same number of tensors, got {len(self)} and {len(other)}")


@functools.cache
def _renamed(kind: Any, name: str) -> Any:
    return type(name, (kind,), {"__module__": kind.__module__})


def _named(made: Sequence[Tensor], node: str) -> Tensors:
    """The results, whose nodes are called otherwise than those of the operation of one tensor."""
    for tensor in made:
        if tensor.grad_fn is not None and node:
            kind: Any = type(tensor.grad_fn)
            tensor.grad_fn.__class__ = _renamed(kind, node)
    return tuple(made)


def _each(function: Callable[..., Tensor], self: Sequence[Tensor], *others: Any) -> list[Tensor]:
    """The function of each tensor, and of the element of each list that belongs to it."""
    _check(self, *others)
    columns = [other if isinstance(other, (list, tuple)) else [other] * len(self) for other in others]
    return [function(*row) for row in zip(self, *columns, strict=True)]


def _declare(name: str, parameters: str, function: Callable[..., Tensor], suffix: str, **forms: Any) -> None:
    """Both forms of one overload: a tuple of results, or the list that was changed."""

    def forward(self: Any, *others: Any) -> Tensors:
        return _named(_each(function, self, *others), _node(name, suffix))

    declare(
        f"_foreach_{name}(Tensor[] self{parameters}) -> Tensor[]", forward=forward, composite=True, method=False
    )  # fmt: skip
    change = forms.get("change", getattr(Tensor, f"{name}_", None))
    if change is None:
        return

    changed = _IN_PLACE.get((name, suffix), "")

    def change_each(self: Any, *others: Any) -> Any:
        _named(_each(change, self, *others), changed)
        return self

    declare(
        f"_foreach_{name}_(Tensor[] self{parameters}) -> Tensor[]", forward=change_each, composite=True, method=False
    )  # fmt: skip


def _method(name: str) -> Callable[..., Tensor]:
    return lambda tensor, *others: getattr(tensor, name)(*others)


def _declare_unary() -> None:
    for name in _UNARY:
        _declare(name, "", _method(name), "0", change=_method(f"{name}_"))


def _scaled(name: str) -> Callable[..., Tensor]:
    return lambda tensor, other, alpha: getattr(tensor, name)(other, alpha=alpha)


def _bounded(name: str, inplace: bool) -> Callable[..., Tensor]:
    """The larger or the smaller of an element and a number; where they are equal, each has half the gradient."""

    def bound(tensor: Tensor, number: Any) -> Any:
        made = getattr(engine, name)(tensor, engine.tensor(number, dtype=None))
        return tensor.copy_(made) if inplace else made

    return bound


def _declare_binary() -> None:
    for name, (scalar, scalars, tensors) in _BINARY.items():
        plain, change = _method(name), _method(f"{name}_")
        if name in ("maximum", "minimum"):
            numbers: dict[str, Any] = {"change": _bounded(name, True)}
            by_number, by_tensor = _bounded(name, False), plain
            change = lambda tensor, other, name=name: tensor.copy_(getattr(tensor, name)(other))  # noqa: E731
        else:
            numbers, by_number, by_tensor = {"change": change}, plain, plain
        if name in _BY_ONE_TENSOR:  # first, since a number may be such a tensor
            factor = ", *, Scalar alpha=1" if name == "add" else ""
            of, of_ = (_scaled("add"), _scaled("add_")) if factor else (plain, change)
            _declare(name, f", Tensor other{factor}", _by_one(of), _BY_ONE_TENSOR[name], change=_by_one(of_))
        word, words = ("exponent", "exponent") if name == "pow" else ("scalar", "scalars")
        _declare(name, f", Scalar {word}", by_number, scalar, **numbers)
        _declare(name, f", Scalar[] {words}", by_number, scalars, **numbers)
        if name in ("add", "sub"):
            _declare(
                name, ", Tensor[] other, *, Scalar alpha=1", _scaled(name), tensors, change=_scaled(f"{name}_")
            )  # fmt: skip
        else:
            other = "exponent" if name == "pow" else "other"
            _declare(name, f", Tensor[] {other}", by_tensor, tensors, change=change)


def _by_one(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def apply(tensor: Tensor, other: Tensor, *rest: Any) -> Tensor:
        if other._shape:
            raise RuntimeError(
                f"scalar tensor expected to be 0 dim but it has {len(other._shape)} dimensions and {other.numel()} "
                "elements."
            )
        return function(tensor, other, *rest)

    return apply


def _declare_pointwise() -> None:
    for name in ("addcmul", "addcdiv"):

        def plain(tensor: Tensor, a: Tensor, b: Tensor, value: Any, name: str = name) -> Any:
            return getattr(tensor, name)(a, b, value=value)

        def change(tensor: Tensor, a: Tensor, b: Tensor, value: Any, name: str = name) -> Any:
            return getattr(tensor, f"{name}_")(a, b, value=value)

        both = ", Tensor[] tensor1, Tensor[] tensor2, "
        _declare(name, f"{both}Scalar value=1", plain, "0Scalar", change=change)
        _declare(name, f"{both}Scalar[] scalars", plain, "0ScalarList", change=change)
        for form, function in (("", plain), ("_", change)):

            def by_tensor(self: Any, tensor1: Any, tensor2: Any, scalars: Tensor, f: Any = function) -> Any:
                values = scalars.tolist()
                return tuple(_each(f, self, tensor1, tensor2, values if scalars._shape else [values] * len(self)))

            declare(
                f"_foreach_{name}{form}(Tensor[] self{both}Tensor scalars) -> Tensor[]", forward=by_tensor,
                composite=True, method=False,
            )  # fmt: skip
    lerp, lerp_ = _method("lerp"), _method("lerp_")
    _declare("lerp", ", Tensor[] tensors1, Tensor[] weights", lerp, "1List", change=lerp_)
    _declare("lerp", ", Tensor[] tensors1, Scalar weight", lerp, "0Scalar", change=lerp_)
    _declare("lerp", ", Tensor[] tensors1, Scalar[] weight", lerp, "0ScalarList", change=lerp_)


def _only(name: str, signature: str, function: Callable[..., Tensor]) -> None:
    """An operation that has no form in place."""
    suffix = "1" if name == "max" else "0"
    declare(
        f"_foreach_{name}(Tensor[] self{signature}) -> Tensor[]",
        forward=lambda self, *others: _named(_each(function, self, *others), _node(name, suffix)),
        composite=True, method=False,
    )  # fmt: skip


_declare_unary()
_declare_binary()
_declare_pointwise()
_only("norm", ", Scalar ord=2, dtype? dtype=None", lambda x, ord, d: engine.linalg.vector_norm(x, ord, dtype=d))
_only("powsum", ", Scalar ord=2, dtype? dtype=None", lambda x, ord, d: x.abs().pow(ord).sum(dtype=d))
_only("max", "", _method("max"))
_only("mm", ", Tensor[] mat2", _method("mm"))
_only(
    "clone", ", *, any memory_format=None", lambda x, kept: x.clone() if kept is None else x.clone(memory_format=kept)
)


def _power(self: Any, exponent: Any) -> Tensors:
    _check(exponent)
    return _named([engine.pow(self, each) for each in exponent], "ForeachPowBackward2")


declare(
    "_foreach_pow(Scalar self, Tensor[] exponent) -> Tensor[]", forward=_power, composite=True, method=False
)  # fmt: skip


def _copy(self: Any, src: Any, non_blocking: bool) -> Any:
    _each(lambda target, source: target.copy_(source), self, src)
    return self


def _zero(self: Any) -> Any:
    _each(lambda tensor: tensor.zero_(), self)
    return self


declare(
    "_foreach_copy_(Tensor[] self, Tensor[] src, bool non_blocking=False) -> Tensor[]", forward=_copy, composite=True,
    method=False,
)  # fmt: skip
declare("_foreach_zero_(Tensor[] self) -> Tensor[]", forward=_zero, composite=True, method=False)
