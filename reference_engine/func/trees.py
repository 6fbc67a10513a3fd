"""Nested containers of tensors: taken apart into a flat list, and put together again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Structure:
    """How values are nested; a leaf has no kind.

    Attributes:
        kind: the type of the container.
        keys: those of a mapping.
        parts: the structures of what it contains.
    """

    kind: type | None
    keys: tuple[Any, ...] | None = None
    parts: tuple[Structure, ...] = ()

    @property
    def count(self) -> int:
        """The number of leaves."""
        return 1 if self.kind is None else sum(part.count for part in self.parts)

    def drawn(self) -> str:
        """The containers as Python writes them, with a star for each leaf."""
        return repr(unflatten([_Star()] * self.count, self))

    def __repr__(self) -> str:
        return self._indented(0)

    def _indented(self, depth: int) -> str:
        if self.kind is None:
            return "*"
        context: Any = list(self.keys) if self.keys is not None else None
        name = self.kind.__name__
        if _is_named(self.kind):
            name, context = "namedtuple", self.kind
        inner = ",\n".join(
            (" " * (depth + 2) if i else "") + part._indented(depth + 2) for i, part in enumerate(self.parts)
        )
        return f"TreeSpec({name}, {context}, [{inner}])"


class _Star:
    def __repr__(self) -> str:
        return "*"


LEAF = Structure(None)


def _is_named(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


def flatten(value: Any) -> tuple[list[Any], Structure]:
    """The leaves in order, and their structure. Everything but lists, tuples and dicts is a leaf, None too."""
    kind = type(value)
    if kind in (dict, OrderedDict):
        keys, items = tuple(value), list(value.values())
    elif kind in (list, tuple) or _is_named(kind):
        keys, items = None, list(value)
    else:
        return [value], LEAF
    leaves: list[Any] = []
    parts = []
    for item in items:
        inner, part = flatten(item)
        leaves += inner
        parts.append(part)
    return leaves, Structure(kind, keys, tuple(parts))


def unflatten(leaves: Sequence[Any], structure: Structure) -> Any:
    """The leaves in the nesting of ``structure``."""
    if structure.kind is None:
        return leaves[0]
    at, items = 0, []
    for part in structure.parts:
        items.append(unflatten(leaves[at : at + part.count], part))
        at += part.count
    if structure.keys is not None:
        return structure.kind(zip(structure.keys, items, strict=True))
    if structure.kind in (list, tuple):
        return structure.kind(items)
    return structure.kind(items) if hasattr(structure.kind, "n_fields") else structure.kind(*items)


def mapped(change: Callable[[Any], Any], value: Any) -> Any:
    """The same containers with changed leaves."""
    leaves, structure = flatten(value)
    return unflatten([change(leaf) for leaf in leaves], structure)


def spread(value: Any, structure: Structure) -> list[Any] | None:
    """One value a leaf: a value that stands where ``structure`` has a container is that of all in it.

    Returns:
        None if ``value`` has another nesting.
    """
    _, own = flatten(value)
    if own.kind is None:
        return [value] * structure.count
    if (own.kind, own.keys, len(own.parts)) != (structure.kind, structure.keys, len(structure.parts)):
        return None
    spread_out: list[Any] = []
    for item, part in zip(value.values() if own.keys is not None else value, structure.parts, strict=True):
        inner = spread(item, part)
        if inner is None:
            return None
        spread_out += inner
    return spread_out
