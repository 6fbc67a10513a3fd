"""``torch.utils._pytree``: functions over nested tuples, lists and dicts."""

from __future__ import annotations

from collections import OrderedDict, defaultdict, namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

Flatten = Callable[[Any], tuple[Sequence[Any], Any]]
Unflatten = Callable[[Sequence[Any], Any], Any]


def _of_dict(kind: Any) -> tuple[Flatten, Unflatten]:
    return lambda d: (list(d.values()), list(d)), lambda values, keys: kind(zip(keys, values, strict=True))


#: How containers are taken apart and put together.
SUPPORTED_NODES: dict[Any, tuple[Flatten, Unflatten]] = {
    tuple: (lambda t: (t, None), lambda values, _: tuple(values)),
    list: (lambda t: (t, None), lambda values, _: list(values)),
    dict: _of_dict(dict),
    OrderedDict: _of_dict(OrderedDict),
    namedtuple: (lambda t: (t, type(t)), lambda values, kind: kind(*values)),
    defaultdict: (
        lambda d: (list(d.values()), (d.default_factory, list(d))),
        lambda values, context: defaultdict(context[0], zip(context[1], values, strict=True)),
    ),
}


@dataclass
class TreeSpec:
    """The shape of a tree without its leaves; without a type it is a leaf itself."""

    type: Any
    context: Any
    children_specs: list[TreeSpec] = field(default_factory=list)

    @property
    def num_leaves(self) -> int:
        return 1 if self.type is None else sum(child.num_leaves for child in self.children_specs)

    def is_leaf(self) -> bool:
        return self.type is None


def LeafSpec() -> TreeSpec:
    """The spec of a leaf."""
    return TreeSpec(None, None)


def register_pytree_node(cls: Any, flatten_fn: Flatten, unflatten_fn: Unflatten, **names: Any) -> None:
    """Make a type known as a container."""
    SUPPORTED_NODES[cls] = flatten_fn, unflatten_fn


def _kind(tree: Any) -> Any:
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return namedtuple
    return type(tree) if type(tree) in SUPPORTED_NODES else None


def tree_flatten(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves in order, and the shape that they were in."""
    kind = None if is_leaf is not None and is_leaf(tree) else _kind(tree)
    if kind is None:
        return [tree], LeafSpec()
    children, context = SUPPORTED_NODES[kind][0](tree)
    leaves: list[Any] = []
    specs: list[TreeSpec] = []
    for child in children:
        below, spec = tree_flatten(child, is_leaf)
        leaves += below
        specs.append(spec)
    return leaves, TreeSpec(kind, context, specs)


def tree_unflatten(leaves: Sequence[Any], treespec: TreeSpec) -> Any:
    """The tree of that shape with these leaves.

    Raises:
        ValueError: another number of leaves than the shape has.
    """
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten(leaves, treespec): `leaves` has length {len(leaves)} but the spec refers to a pytree that "
            f"holds {treespec.num_leaves} items ({treespec})."
        )
    if treespec.is_leaf():
        return leaves[0]
    children, start = [], 0
    for spec in treespec.children_specs:
        children.append(tree_unflatten(leaves[start : start + spec.num_leaves], spec))
        start += spec.num_leaves
    return SUPPORTED_NODES[treespec.type][1](children, treespec.context)


def tree_leaves(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> list[Any]:
    return tree_flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: Callable[[Any], bool] | None = None) -> TreeSpec:
    return tree_flatten(tree, is_leaf)[1]


def tree_map(func: Callable[..., Any], tree: Any, *rests: Any, is_leaf: Callable[[Any], bool] | None = None) -> Any:
    """The function of each leaf, and of the leaves at its place in the other trees."""
    leaves, spec = tree_flatten(tree, is_leaf)
    others = [tree_leaves(rest, is_leaf) for rest in rests]
    return tree_unflatten([func(*args) for args in zip(leaves, *others, strict=True)], spec)


def tree_map_only(kind: Any, func: Callable[[Any], Any], tree: Any) -> Any:
    """The function of each leaf of a type, or of those for which a condition holds; the others as they are."""
    chosen = kind if callable(kind) and not isinstance(kind, type) else lambda leaf: isinstance(leaf, kind)
    return tree_map(lambda leaf: func(leaf) if chosen(leaf) else leaf, tree)


def tree_all(condition: Callable[[Any], bool], tree: Any) -> bool:
    return all(map(condition, tree_leaves(tree)))


def tree_any(condition: Callable[[Any], bool], tree: Any) -> bool:
    return any(map(condition, tree_leaves(tree)))
