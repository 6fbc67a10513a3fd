"""Which arguments a transform differentiates in, and what functions may take and return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_engine import levels
from reference_engine.func import trees
from reference_engine.levels import Level
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Argnums = Any  # int | tuple[int, ...]


def chosen(args: Sequence[Any], argnums: Argnums, as_tuple: bool = True) -> Any:
    """The arguments that ``argnums`` names.

    Raises:
        RuntimeError: ``argnums`` is not an int or a non-empty tuple of different ones, or there are not as many
            arguments.
    """
    if not isinstance(argnums, (int, tuple)):
        raise refusal("functorch.argnums.type", type=type(argnums))
    if isinstance(argnums, int):
        found = args[_place(argnums, len(args))]
        return (found,) if as_tuple else found
    places = [_place(n, len(args)) for n in argnums]
    if not places:
        raise refusal("functorch.argnums.empty")
    if len(set(places)) != len(places):
        raise refusal("functorch.argnums.unique", argnums=tuple(places))
    return tuple(args[i] for i in places)


def replaced(args: Sequence[Any], new: Sequence[Any], argnums: Argnums) -> tuple[Any, ...]:
    """The arguments with those that ``argnums`` names replaced."""
    made = list(args)
    for n, value in zip((argnums,) if isinstance(argnums, int) else argnums, new, strict=True):
        made[n] = value
    return tuple(made)


def _place(argnum: Any, count: int) -> int:
    if not isinstance(argnum, int):
        raise refusal("functorch.argnums.element", type=type(argnum))
    if not -count <= argnum < count:
        raise refusal("functorch.argnums.range", argnum=argnum, count=count)
    return argnum % count


def wrapped(value: Any, level: Level) -> Any:
    """The arguments inside of a transform."""
    return trees.mapped(lambda x: levels.wrap(levels.awake(x), level) if isinstance(x, Tensor) else x, value)


def unwrapped(value: Any, level: Level) -> Any:
    """The results outside of a transform again.

    Raises:
        RuntimeError: something in them is not a tensor.
    """

    def unwrap(x: Any) -> Any:
        if not isinstance(x, Tensor):
            raise refusal("functorch.results.tensors", type=type(x))
        return levels.unwrap(x, level)

    return trees.mapped(unwrap, value)


def made_differentiable(value: Any) -> None:
    """Inside of a transform, these arguments require grad.

    Raises:
        ValueError: one is not a tensor.
    """
    for x in trees.flatten(value)[0]:
        if not isinstance(x, Tensor):
            raise refusal("functorch.arguments.tensors", type=type(x))
        if not x._dtype.is_differentiable:
            raise refusal("leaf.requires_grad_.dtype")
        x._leaf_requires_grad = True


def with_aux(output: Any, clause: str) -> tuple[Any, Any]:
    """The two results of a function that returns something else beside what is differentiated.

    Raises:
        RuntimeError: there are not two.
    """
    if not (isinstance(output, tuple) and len(output) == 2):
        raise refusal(clause)
    return output


def check_output(flat: list[Any], api: str) -> None:
    """A function must return tensors, at least one.

    Raises:
        RuntimeError: it does not.
    """
    if not flat or (len(flat) == 1 and flat[0] is None):
        raise refusal("functorch.output.empty", api=api, output=flat)
    for value in flat:
        if not isinstance(value, Tensor):
            raise refusal("functorch.output.tensors", api=api, type=type(value))


def check_real(api: str, value: Any, which: str) -> None:
    """Jacobians are of real functions.

    Raises:
        RuntimeError: a tensor is complex.
    """
    for i, x in enumerate(trees.flatten(value)[0]):
        if isinstance(x, Tensor) and x.is_complex():
            raise refusal("functorch.jacobian.complex", function=api, which=which, index=i)
