"""TreeSpec: the shape of a tree without its leaves; taking trees apart, and putting them together."""

from __future__ import annotations

import dataclasses
import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from typing_extensions import deprecated

from reference_engine.utils.trees import nodes
from reference_engine.utils.trees.nodes import BUILTIN_TYPES, STANDARD_DICT_TYPES, SUPPORTED_NODES, ConstantNode

IsLeaf = Callable[[Any], bool]


@dataclasses.dataclass(init=False, frozen=True, eq=True, repr=False, slots=True)
class TreeSpec:
    """The shape of a tree: a type, what it needs besides children, and their shapes. A leaf has no type."""

    type: Any
    _context: Any
    _children: list[TreeSpec]
    num_nodes: int = dataclasses.field(init=False)
    num_leaves: int = dataclasses.field(init=False)
    num_children: int = dataclasses.field(init=False)

    def __init__(self, type: Any, context: Any, children_specs: list[TreeSpec]) -> None:
        if type is None and context is not None:
            raise AssertionError("leaf node should not have a context")
        if type is None and children_specs:
            raise AssertionError("leaf node should not have children")
        values = {
            "type": type, "_context": context, "_children": children_specs,
            "num_nodes": 1 + sum(child.num_nodes for child in children_specs),
            "num_leaves": 1 if type is None else sum(child.num_leaves for child in children_specs),
            "num_children": len(children_specs),
        }  # fmt: skip
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __repr__(self, indent: int = 0) -> str:
        indent += 2
        shown = (",\n" + " " * indent).join(child.__repr__(indent) for child in self._children)
        return f"TreeSpec({self.type.__name__}, {self._context}, [{shown}])"

    def __eq__(self, other: Any) -> bool:
        if self is other:
            return True
        if other.__class__ is not self.__class__:
            return NotImplemented
        mine, its = ((str(spec.type), spec._context, spec._children) for spec in (self, other))
        return bool(mine == its)

    def __hash__(self) -> int:
        context = self._context
        if self.type is defaultdict:
            context = (context[0], tuple(context[1]))
        elif self.type in (dict, OrderedDict):
            context = tuple(context)
        elif isinstance(context, ConstantNode):
            context = context.value
        elif self.type is not None and self.type not in BUILTIN_TYPES:
            context = None  # that of a user's type may have no hash
        return hash((self.type, context, tuple(self._children)))

    @property
    def context(self) -> Any:
        return self._context

    @property
    @deprecated(
        "`treespec.children_specs` is deprecated. Use `treespec.child(index)` to access a single child, or "
        "`treespec.children()` to get all children.",
        category=FutureWarning,
    )
    def children_specs(self) -> list[TreeSpec]:
        return self._children

    def is_leaf(self) -> bool:
        return self.num_nodes == 1 and self.num_leaves == 1

    def children(self) -> list[TreeSpec]:
        return self._children.copy()

    def child(self, index: int) -> TreeSpec:
        return self._children[index]

    def flatten_up_to(self, tree: Any) -> list[Any]:
        """The parts of a tree at the places of the leaves of this shape.

        Raises:
            ValueError: the tree does not have this shape as a prefix.
        """
        if self.is_leaf():
            return [tree]
        parts: list[Any] = []
        for child, part in zip(self._children, self._children_of(tree), strict=True):
            parts += child.flatten_up_to(part)
        return parts

    def _children_of(self, tree: Any) -> list[Any]:
        """The children of a value that has to be a container of this kind."""
        kind = nodes.node_type(tree)
        builtin = self.type in BUILTIN_TYPES
        dicts = self.type in STANDARD_DICT_TYPES and kind in STANDARD_DICT_TYPES
        if kind != self.type and not dicts:
            raise ValueError(
                f"{'Node type' if builtin else 'Type'} mismatch; expected {self.type!r}, but got {kind!r}."
            )
        if builtin and len(tree) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(tree)}.")
        if dicts:  # any kind of dict does
            keys = self._context[1] if self.type is defaultdict else self._context
            _refuse_other_keys(set(keys), set(tree))
            return [tree[key] for key in keys]
        children, context = SUPPORTED_NODES[kind].flatten_fn(tree)
        if len(children) != self.num_children:
            raise ValueError(f"Node arity mismatch; expected {self.num_children}, but got {len(children)}.")
        if context != self._context and kind is not deque:
            if builtin:
                raise ValueError(
                    f"Node context mismatch for node type {self.type!r}; "
                    f"expected {self._context!r}, but got {context!r}."
                )
            raise ValueError(f"Node context mismatch for custom node type {self.type!r}.")
        return children

    def unflatten(self, leaves: Iterable[Any]) -> Any:
        """The tree of this shape with these leaves.

        Raises:
            ValueError: another number of leaves than the shape has.
        """
        leaves = list(leaves)
        if len(leaves) != self.num_leaves:
            raise ValueError(
                f"treespec.unflatten(leaves): `leaves` has length {len(leaves)} but the spec refers to a pytree that "
                f"holds {self.num_leaves} items ({self})."
            )
        if self.is_leaf():
            return leaves[0]
        made, start = [], 0
        for child in self._children:
            made.append(child.unflatten(leaves[start : start + child.num_leaves]))
            start += child.num_leaves
        return SUPPORTED_NODES[self.type].unflatten_fn(made, self._context)


PyTreeSpec = TreeSpec


def _refuse_other_keys(expected: set[Any], got: set[Any]) -> None:
    if expected == got:
        return
    words = f"; missing key(s): {expected - got}" if expected - got else ""
    words += f"; extra key(s): {got - expected}" if got - expected else ""
    raise ValueError(f"Node keys mismatch{words}.")


@deprecated(
    "`isinstance(treespec, LeafSpec)` is deprecated, use `isinstance(treespec, TreeSpec) and treespec.is_leaf()` "
    "instead.",
    category=FutureWarning,
)
class LeafSpec(TreeSpec):
    """The shape of a leaf."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(None, None, [])

    def __repr__(self, indent: int = 0) -> str:
        return "*"


with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)
    LEAF: TreeSpec = LeafSpec()


def treespec_leaf() -> TreeSpec:
    return LEAF


def treespec_tuple(iterable: Iterable[TreeSpec] = (), /) -> TreeSpec:
    """The shape of a tuple, from those of its entries.

    Raises:
        ValueError: something else than shapes.
    """
    children = list(iterable)
    if not all(isinstance(child, TreeSpec) for child in children):
        raise ValueError(f"Expected a tuple of TreeSpec values, got: {children!r}.")
    return TreeSpec(tuple, None, children)


def treespec_dict(
    mapping: Mapping[Any, TreeSpec] | Iterable[tuple[Any, TreeSpec]] = (), /, **kwargs: TreeSpec
) -> TreeSpec:
    """The shape of a dict, from those of its values.

    Raises:
        ValueError: something else than shapes.
    """
    found: dict[Any, TreeSpec] = dict(mapping, **kwargs)
    if not all(isinstance(child, TreeSpec) for child in found.values()):
        raise ValueError(f"Expected a dictionary of TreeSpec values, got: {found!r}.")
    return TreeSpec(dict, list(found), list(found.values()))


def tree_is_leaf(tree: Any, is_leaf: IsLeaf | None = None) -> bool:
    """Whether a value is a leaf: no known container, or one that `is_leaf` calls a leaf."""
    return bool(is_leaf is not None and is_leaf(tree)) or nodes.node_type(tree) not in SUPPORTED_NODES


def tree_flatten(tree: Any, is_leaf: IsLeaf | None = None) -> tuple[list[Any], TreeSpec]:
    """The leaves in order, and the shape that they were in."""
    leaves: list[Any] = []

    def shape(part: Any) -> TreeSpec:
        if tree_is_leaf(part, is_leaf):
            leaves.append(part)
            return LEAF
        kind = nodes.node_type(part)
        children, context = SUPPORTED_NODES[kind].flatten_fn(part)
        return TreeSpec(kind, context, [shape(child) for child in children])

    return leaves, shape(tree)


def tree_unflatten(leaves: Iterable[Any], treespec: TreeSpec) -> Any:
    """The tree of a shape with these leaves; the two arguments may come in either order.

    Raises:
        TypeError: neither is a shape. ValueError: another number of leaves than the shape has.
    """
    given: tuple[Any, Any] = (leaves, treespec)
    for values, spec in (given, given[::-1]):
        if isinstance(spec, TreeSpec):
            return spec.unflatten(values)
    raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}.")


def tree_iter(tree: Any, is_leaf: IsLeaf | None = None) -> Iterable[Any]:
    """The leaves, one by one."""
    if tree_is_leaf(tree, is_leaf):
        yield tree
    else:
        for child in SUPPORTED_NODES[nodes.node_type(tree)].flatten_fn(tree)[0]:
            yield from tree_iter(child, is_leaf)


def tree_leaves(tree: Any, is_leaf: IsLeaf | None = None) -> list[Any]:
    return list(tree_iter(tree, is_leaf))


def tree_structure(tree: Any, is_leaf: IsLeaf | None = None) -> TreeSpec:
    return tree_flatten(tree, is_leaf)[1]


def arg_tree_leaves(*args: Any, **kwargs: Any) -> list[Any]:
    """The leaves of all arguments."""
    return [leaf for arg in (*args, *kwargs.values()) for leaf in tree_iter(arg)]
