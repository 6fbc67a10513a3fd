"""Functions applied to the leaves of trees."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from reference_engine.utils.trees.spec import IsLeaf, TreeSpec, tree_flatten, tree_iter, tree_structure, tree_unflatten


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf | None = None) -> Any:
    """The tree of what a function makes of each leaf, and of the parts of the other trees at its place.

    Raises:
        ValueError: the first tree is no prefix of another.
    """
    leaves, spec = tree_flatten(tree, is_leaf)
    return spec.unflatten(map(func, leaves, *(spec.flatten_up_to(rest) for rest in rests)))


def tree_map_(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf | None = None) -> Any:
    """``tree_map`` for what the function does rather than returns; returns the tree itself."""
    leaves, spec = tree_flatten(tree, is_leaf)
    for args in zip(leaves, *(spec.flatten_up_to(rest) for rest in rests), strict=False):
        func(*args)
    return tree


def map_only(type_or_types_or_pred: Any, /) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Makes a function one that leaves alone what is not of a type, or does not meet a condition.

    Raises:
        TypeError: neither a type nor a condition.
    """
    chosen = type_or_types_or_pred
    if isinstance(chosen, (type, tuple, types.UnionType)):
        holds: Callable[[Any], bool] = lambda value: isinstance(value, chosen)  # noqa: E731
    elif callable(chosen):
        holds = chosen
    else:
        raise TypeError("Argument must be a type, a tuple of types, or a callable.")

    def restrict(func: Callable[[Any], Any]) -> Callable[[Any], Any]:
        @functools.wraps(func)
        def restricted(value: Any) -> Any:
            return func(value) if holds(value) else value

        return restricted

    return restrict


def tree_map_only(
    type_or_types_or_pred: Any, /, func: Callable[[Any], Any], tree: Any, is_leaf: IsLeaf | None = None
) -> Any:
    """``tree_map`` of the leaves of a type, or of those that meet a condition; the others stay."""
    return tree_map(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_map_only_(
    type_or_types_or_pred: Any, /, func: Callable[[Any], Any], tree: Any, is_leaf: IsLeaf | None = None
) -> Any:
    return tree_map_(map_only(type_or_types_or_pred)(func), tree, is_leaf=is_leaf)


def tree_all(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    return all(map(pred, tree_iter(tree, is_leaf)))


def tree_any(pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    return any(map(pred, tree_iter(tree, is_leaf)))


def tree_all_only(type_or_types: Any, /, pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    return all(pred(leaf) for leaf in tree_iter(tree, is_leaf) if isinstance(leaf, type_or_types))


def tree_any_only(type_or_types: Any, /, pred: Callable[[Any], bool], tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    return any(pred(leaf) for leaf in tree_iter(tree, is_leaf) if isinstance(leaf, type_or_types))


def broadcast_to_and_flatten(tree: Any, treespec: TreeSpec, is_leaf: IsLeaf | None = None) -> list[Any] | None:
    """The leaves of a tree, each as often as the shape has leaves at its place; None if it is no prefix of it."""
    found: list[Any] = []

    def repeat(leaf: Any, part: Any) -> None:
        found.extend([leaf] * tree_structure(part, is_leaf).num_leaves)

    try:
        tree_map_(repeat, tree, tree_unflatten([0] * treespec.num_leaves, treespec), is_leaf=is_leaf)
    except ValueError:
        return None
    return found
