"""Forms of call from before there were keyword arguments, and from before numbers were kept from tensors' places.

torch still takes ``torch.mul(2, x)``, and, with a warning, ``torch.add(x, 2, y)`` for ``x + 2 y``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_engine import dtypes
from reference_engine.ops import binding
from reference_engine.ops.declare import Op, Param
from reference_engine.ops.kernels import promote
from reference_engine.ops.refused_arguments import shown
from reference_engine.semantics import cite, warn
from reference_engine.tensor import Tensor

_NUMBERS_FIRST = frozenset({
    "add", "div", "divide", "floor_divide", "mul", "multiply", "sub", "subtract", "true_divide",
})  # fmt: skip
NAMES = _NUMBERS_FIRST | binding.FACTORS_BETWEEN


def today(
    name: str, ops: Sequence[Op], spoken: str, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments as they would be given today; as they are where they are in no older form."""
    if name in _NUMBERS_FIRST and not is_method and args and _is_number(args[0]):
        cite("ops.arguments.number_first")
        return (_as_tensor(args[0], args[1] if len(args) > 1 else kwargs.get("other")), *args[1:]), kwargs
    if name in _NUMBERS_FIRST and not args and _is_number(kwargs.get("input")):
        cite("ops.arguments.number_first")
        return args, {**kwargs, "input": _as_tensor(kwargs["input"], kwargs.get("other"))}
    if name.removesuffix("_") in binding.FACTORS_BETWEEN:
        return _factors_behind(ops[0], spoken, args, kwargs, is_method)
    return args, kwargs


def _is_number(v: Any) -> bool:
    return isinstance(v, (bool, int, float, complex))


def _as_tensor(number: Any, beside: Any) -> Tensor:
    """A tensor without dimensions, of a dtype that leaves the result what it is with a number."""
    import reference_engine as engine

    d = dtypes.of_scalar(number)
    if isinstance(beside, Tensor):
        common = promote([beside, number])
        if common.category == d.category and not (d is dtypes.int64 and beside._shape):
            d = common  # a number has no precision of its own
    return engine.scalar_tensor(number, dtype=d)


def _factors_behind(
    op: Op, spoken: str, args: tuple[Any, ...], kwargs: dict[str, Any], is_method: bool
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """``(self, alpha, other)`` as ``(self, other, alpha=alpha)``; ``(beta, self, alpha, a, b)`` likewise."""
    factors = [p for p in op.params if p.keyword_only and p.type == "Scalar"]
    tensors = [p for p in op.params if not p.keyword_only]
    extra = len(args) - len(tensors)
    if not 1 <= extra <= len(factors) or any(p.name in kwargs for p in factors):
        return args, kwargs
    order = _order(tensors, factors[:extra], len(factors), is_method)
    if not all(binding.fits(p.type, v) for p, v in zip(order, args, strict=True)):
        return args, kwargs
    older = [binding.parameter_text(p) for p in order[1 if is_method else 0 :]]
    if op.out and not is_method:
        older += ["*", binding.OUT_TEXT]
    warn(
        "ops.arguments.factors_between", op=spoken, older=shown(", ".join(older)),
        today=f"\n\t{spoken}({shown(binding.signature_text(op, is_method))})",
    )  # fmt: skip
    found = dict(zip([p.name for p in order], args, strict=True))
    moved = {p.name: found[p.name] for p in factors[:extra]}
    return tuple(found[p.name] for p in tensors), {**kwargs, **moved}


def _order(tensors: list[Param], given: list[Param], factors: int, is_method: bool) -> list[Param]:
    """One factor stands behind the first tensor; of two, the first stands before it, or first in a method."""
    first, *rest = tensors
    if factors == 1 or is_method:
        return [first, *given, *rest]
    return [given[0], first, *given[1:], *rest]


__all__ = ["NAMES", "today"]
