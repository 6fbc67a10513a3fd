"""Leaves with the path of keys that leads to each."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from reference_engine.utils.trees import nodes
from reference_engine.utils.trees.nodes import SUPPORTED_NODES, KeyPath
from reference_engine.utils.trees.spec import IsLeaf, TreeSpec, tree_structure


def _with_paths(path: KeyPath, tree: Any, is_leaf: IsLeaf | None) -> Iterable[tuple[KeyPath, Any]]:
    kind = nodes.node_type(tree)
    if (is_leaf is not None and is_leaf(tree)) or kind not in SUPPORTED_NODES:
        yield path, tree
        return
    flatten = SUPPORTED_NODES[kind].flatten_with_keys_fn
    if flatten is None:
        raise ValueError(
            f"Did not find a flatten_with_keys_fn for type: {kind}. "
            "Please pass a flatten_with_keys_fn argument to register_pytree_node."
        )
    for key, child in flatten(tree)[0]:
        yield from _with_paths((*path, key), child, is_leaf)


def tree_flatten_with_path(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[tuple[KeyPath, Any]], TreeSpec]:
    """The leaves with their paths, and the shape that they were in.

    Raises:
        ValueError: a container that was registered without keys.
    """
    spec = tree_structure(tree, is_leaf)
    return tree_leaves_with_path(tree, is_leaf), spec


def tree_leaves_with_path(tree: Any, is_leaf: IsLeaf | None = None) -> list[tuple[KeyPath, Any]]:
    return list(_with_paths((), tree, is_leaf))


def tree_map_with_path(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: IsLeaf | None = None) -> Any:
    """``tree_map`` with a function that is given the path first."""
    found, spec = tree_flatten_with_path(tree, is_leaf)
    others = [spec.flatten_up_to(rest) for rest in rests]
    return spec.unflatten(func(*pair, *parts) for pair, *parts in zip(found, *others, strict=True))


def keystr(kp: KeyPath) -> str:
    """A path as an expression: ``['a'][0].b``."""
    return "".join(map(str, kp))


def key_get(obj: Any, kp: KeyPath) -> Any:
    """What is at the end of a path."""
    for key in kp:
        obj = key.get(obj)
    return obj
