"""Shapes of trees as text."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from typing_extensions import deprecated

from reference_engine.utils.trees.nodes import (
    NO_SERIALIZED_TYPE_NAME_FOUND,
    SERIALIZED_TYPE_TO_PYTHON_TYPE,
    SUPPORTED_SERIALIZED_TYPES,
)
from reference_engine.utils.trees.spec import LEAF, TreeSpec, tree_unflatten

DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL = 1


class EnumEncoder(json.JSONEncoder):
    """JSON in which members of enumerations are written by name."""

    def default(self, o: object) -> Any:
        if isinstance(o, Enum):
            kind = type(o)
            return {"__enum__": True, "fqn": f"{kind.__module__}:{kind.__qualname__}", "name": o.name}
        return super().default(o)


def enum_object_hook(obj: dict[str, Any]) -> Enum | dict[str, Any]:
    """A member of an enumeration that `EnumEncoder` wrote; any other object as it is."""
    if "__enum__" not in obj:
        return obj
    module, _, name = obj["fqn"].partition(":")
    found: Any = functools.reduce(getattr, name.split("."), importlib.import_module(module))
    member: Enum = found[obj["name"]]
    return member


def _as_json(spec: TreeSpec) -> dict[str, Any]:
    if spec.is_leaf():
        return {"type": None, "context": None, "children_spec": []}
    if spec.type not in SUPPORTED_SERIALIZED_TYPES:
        raise NotImplementedError(f"Serializing {spec.type} in pytree is not registered.")
    _, name, dump, _ = SUPPORTED_SERIALIZED_TYPES[spec.type]
    if name == NO_SERIALIZED_TYPE_NAME_FOUND:
        raise NotImplementedError(
            f"No registered serialization name for {spec.type} found. "
            "Please update your _register_pytree_node call with a `serialized_type_name` kwarg."
        )
    if dump is None:
        try:
            context = json.dumps(spec._context, cls=EnumEncoder)
        except TypeError as error:
            raise TypeError(
                "Unable to serialize context. Please make the context json dump-able, or register a custom "
                "serializer using _register_pytree_node."
            ) from error
    else:
        context = dump(spec._context)
    return {"type": name, "context": context, "children_spec": [_as_json(child) for child in spec._children]}


def _from_json(read: Any) -> TreeSpec:
    if read["type"] is None and read["context"] is None and not read["children_spec"]:
        return LEAF
    if read["type"] not in SERIALIZED_TYPE_TO_PYTHON_TYPE:
        raise NotImplementedError(f"Deserializing {read['type']} in pytree is not registered.")
    kind = SERIALIZED_TYPE_TO_PYTHON_TYPE[read["type"]]
    load = SUPPORTED_SERIALIZED_TYPES[kind].from_dumpable_context
    if load is None:
        try:
            context = json.loads(read["context"], object_hook=enum_object_hook)
        except TypeError as error:
            raise TypeError(
                "Unable to deserialize context. Please make the context json load-able, or register a custom "
                "serializer using _register_pytree_node."
            ) from error
    else:
        context = load(read["context"])
    return TreeSpec(kind, context, [_from_json(child) for child in read["children_spec"]])


class _Protocol(NamedTuple):
    treespec_to_json: Callable[[TreeSpec], Any]
    json_to_treespec: Callable[[Any], TreeSpec]


PROTOCOLS = {1: _Protocol(_as_json, _from_json)}


def _known(protocol: int) -> _Protocol:
    if protocol not in PROTOCOLS:
        raise ValueError(f"Unknown protocol {protocol}. Available protocols: {list(PROTOCOLS)}")
    return PROTOCOLS[protocol]


def treespec_dumps(treespec: TreeSpec, protocol: int | None = None) -> str:
    """A shape as text.

    Raises:
        TypeError: no shape, or a context that JSON cannot hold. NotImplementedError: a container without a name.
        ValueError: an unknown protocol.
    """
    if not isinstance(treespec, TreeSpec):
        raise TypeError(f"Expected `treespec` to be an instance of PyTreeSpec but got item of type {type(treespec)}.")
    protocol = DEFAULT_TREESPEC_SERIALIZATION_PROTOCOL if protocol is None else protocol
    return json.dumps((protocol, _known(protocol).treespec_to_json(treespec)), cls=EnumEncoder)


@functools.lru_cache
def treespec_loads(serialized: str) -> TreeSpec:
    """The shape that ``treespec_dumps`` wrote."""
    protocol, read = json.loads(serialized)
    return _known(protocol).json_to_treespec(read)


class _Asterisk(str):
    """Shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "*"


def treespec_pprint(treespec: TreeSpec) -> str:
    """A shape as the tree of it whose leaves are asterisks."""
    return repr(tree_unflatten([_Asterisk("*")] * treespec.num_leaves, treespec))


@deprecated("`pytree_to_str` is deprecated. Please use `treespec_dumps` instead.", category=FutureWarning)
def pytree_to_str(treespec: TreeSpec) -> str:
    return treespec_dumps(treespec)


@deprecated("`str_to_pytree` is deprecated. Please use `treespec_loads` instead.", category=FutureWarning)
def str_to_pytree(json: str) -> TreeSpec:
    return treespec_loads(json)
