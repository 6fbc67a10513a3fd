"""What a Program holds, and which names its steps read and make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from conformance.program import steps as s


def children(value: object) -> Iterator[object]:
    """The parts of a step, argument or Program, one level down."""
    if isinstance(value, msgspec.Struct):
        for field in value.__struct_fields__:
            yield getattr(value, field)
    elif isinstance(value, tuple):
        yield from value


def walk(value: object) -> Iterator[object]:
    """A value and all its parts, outermost first."""
    pending = [value]
    while pending:
        item = pending.pop()
        yield item
        pending.extend(reversed(list(children(item))))


def bodies(value: object) -> Iterator[s.FunctionLit]:
    """The functions written inside a step or an argument."""
    return (part for part in walk(value) if isinstance(part, s.FunctionLit))


_NAME_FIELDS: dict[type[msgspec.Struct], tuple[str, ...]] = {
    s.GetItem: ("source",),
    s.SetItem: ("target",),
    s.SetAttr: ("target",),
    s.AddHook: ("targets",),
    s.RemoveHook: ("handle",),
    s.Read: ("target",),
    s.Delete: ("names",),
    s.Ref: ("name",),
    s.Edge: ("name",),
    s.NodeOf: ("name",),
}


_MAKING = ("out", "outs")


def _names_in(struct: msgspec.Struct, fields: tuple[str, ...]) -> Iterator[str]:
    for field in fields:
        held = getattr(struct, field)
        if held is not None:
            yield from (held,) if isinstance(held, str) else held


def mentioned(part: object) -> set[str]:
    """The names that a step or argument itself reads, leaving aside its parts."""
    return set(_names_in(part, _NAME_FIELDS.get(type(part), ()))) if isinstance(part, msgspec.Struct) else set()


def used(step: object) -> set[str]:
    """The names that a step reads, with those that the functions inside it read from outside."""
    if isinstance(step, s.FunctionLit):
        names: set[str] = set()
        local = set(step.params)
        for inner in step.steps:
            names |= used(inner) - local
            local |= defined(inner)
        names |= used(step.result) - local
        for mode in step.decorators:
            names |= used(mode)
        return names
    names = mentioned(step)
    for part in children(step):
        if isinstance(part, (msgspec.Struct, tuple)):
            names |= used(part)
    return names


def defined(step: object) -> set[str]:
    """The names that a step binds when it succeeds."""
    fields = tuple(field for field in _MAKING if field in getattr(step, "__struct_fields__", ()))
    return set(_names_in(step, fields)) if isinstance(step, msgspec.Struct) else set()


def rebuilt(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same value with every struct in it replaced by what `change` makes of it, innermost first."""
    if isinstance(value, tuple):
        return tuple([rebuilt(item, change) for item in value])
    if not isinstance(value, msgspec.Struct):
        return value
    fields = {name: getattr(value, name) for name in value.__struct_fields__}
    changed = {name: rebuilt(field, change) for name, field in fields.items() if isinstance(field, _COMPOUND)}
    return change(msgspec.structs.replace(value, **changed) if changed else value)


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The same value reading other names; what it makes keeps its name."""

    def change(part: Any) -> Any:
        fields = {}
        for field in _NAME_FIELDS.get(type(part), ()):
            held = getattr(part, field)
            fields[field] = names.get(held, held) if isinstance(held, str) else tuple(names.get(n, n) for n in held)
        return msgspec.structs.replace(part, **fields) if fields else part

    return rebuilt(value, change)


def relabelled(program: s.Program, names: dict[str, str]) -> s.Program:
    """The same Program with other names for its values. Names of functions' parameters and locals stay."""

    def change(part: Any) -> Any:
        fields = {}
        for field in (*_NAME_FIELDS.get(type(part), ()), *(f for f in _MAKING if f in part.__struct_fields__)):
            held = getattr(part, field)
            if held is not None:
                fields[field] = names.get(held, held) if isinstance(held, str) else tuple(names.get(n, n) for n in held)
        return msgspec.structs.replace(part, **fields) if fields else part

    changed: s.Program = rebuilt(program, change)
    return changed


_COMPOUND = (msgspec.Struct, tuple)
