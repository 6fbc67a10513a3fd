"""Which types are containers, and how each is taken apart and put together."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import threading
import warnings
from collections import OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

PyTree = Any
Context = Any
DumpableContext = Any
FlattenFn = Callable[[PyTree], tuple[list[Any], Context]]
UnflattenFn = Callable[[Iterable[Any], Context], PyTree]
ToDumpableContextFn = Callable[[Context], DumpableContext]
FromDumpableContextFn = Callable[[DumpableContext], Context]


# -- keys: how a child is reached from its parent ----------------------------------------------------------------------


class KeyEntry(Protocol):
    """One step from a container to a child."""

    def __hash__(self) -> int: ...

    def __eq__(self, other: object) -> bool: ...

    def __str__(self) -> str: ...

    def get(self, parent: Any) -> Any: ...


KeyPath = tuple[KeyEntry, ...]
FlattenWithKeysFn = Callable[[PyTree], tuple[list[tuple[KeyEntry, Any]], Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class SequenceKey(Generic[T]):
    """A child by position."""

    idx: int

    def __str__(self) -> str:
        return f"[{self.idx!r}]"

    def get(self, sequence: Sequence[T]) -> T:
        return sequence[self.idx]


@dataclasses.dataclass(frozen=True, slots=True)
class MappingKey(Generic[K, T]):
    """A child by key."""

    key: K

    def __str__(self) -> str:
        return f"[{self.key!r}]"

    def get(self, mapping: Mapping[K, T]) -> T:
        return mapping[self.key]


@dataclasses.dataclass(frozen=True, slots=True)
class GetAttrKey:
    """A child by attribute."""

    name: str

    def __str__(self) -> str:
        return f".{self.name}"

    def get(self, obj: Any) -> Any:
        return getattr(obj, self.name)


@dataclasses.dataclass(frozen=True, slots=True)
class ConstantNode(Generic[T]):
    """The context of a value without leaves: the value itself."""

    value: T


# -- kinds of tuples ---------------------------------------------------------------------------------------------------

Py_TPFLAGS_BASETYPE: int = 1 << 10


def is_namedtuple_class(cls: Any) -> bool:
    """Whether a class was made by ``namedtuple``, or derives from one."""
    if not (isinstance(cls, type) and issubclass(cls, tuple)):
        return False
    fields = getattr(cls, "_fields", None)
    named = isinstance(fields, tuple) and all(type(field) is str for field in fields)
    return named and callable(getattr(cls, "_make", None)) and callable(getattr(cls, "_asdict", None))


def is_namedtuple_instance(obj: object) -> bool:
    return is_namedtuple_class(type(obj))


def is_namedtuple(obj: object) -> bool:
    return is_namedtuple_class(obj if isinstance(obj, type) else type(obj))


def is_structseq_class(cls: Any) -> bool:
    """Whether a class is a tuple with named fields that C code made (``time.struct_time``)."""
    if not isinstance(cls, type) or cls.__bases__ != (tuple,) or cls.__flags__ & Py_TPFLAGS_BASETYPE:
        return False
    return all(isinstance(getattr(cls, f"n_{what}fields", None), int) for what in ("", "sequence_", "unnamed_"))


def is_structseq_instance(obj: object) -> bool:
    return is_structseq_class(type(obj))


def is_structseq(obj: object) -> bool:
    return is_structseq_class(obj if isinstance(obj, type) else type(obj))


# -- the registry ------------------------------------------------------------------------------------------------------

NO_SERIALIZED_TYPE_NAME_FOUND = "NO_SERIALIZED_TYPE_NAME_FOUND"


class NodeDef(NamedTuple):
    """How one type of container is flattened."""

    type: type[Any]
    flatten_fn: FlattenFn
    unflatten_fn: UnflattenFn
    flatten_with_keys_fn: FlattenWithKeysFn | None


class SerializeNodeDef(NamedTuple):
    """How one type of container is named in a file."""

    typ: type[Any]
    serialized_type_name: str
    to_dumpable_context: ToDumpableContextFn | None
    from_dumpable_context: FromDumpableContextFn | None


SUPPORTED_NODES: dict[Any, NodeDef] = {}
SUPPORTED_SERIALIZED_TYPES: dict[Any, SerializeNodeDef] = {}
SERIALIZED_TYPE_TO_PYTHON_TYPE: dict[str, Any] = {}
CONSTANT_NODES: set[type] = set()
_lock = threading.RLock()


def overwrite_pytree_node(
    cls: Any, flatten_fn: FlattenFn, unflatten_fn: UnflattenFn, *, serialized_type_name: str | None = None,
    to_dumpable_context: ToDumpableContextFn | None = None,
    from_dumpable_context: FromDumpableContextFn | None = None, flatten_with_keys_fn: FlattenWithKeysFn | None = None,
) -> None:  # fmt: skip
    """``register_pytree_node`` for a type that may be known already.

    Warns:
        UserWarning: it is.

    Raises:
        ValueError: a context can be written but not read, or the other way round.
    """
    with _lock:
        if cls in SUPPORTED_NODES:
            warnings.warn(
                f"{cls} is already registered as pytree node. Overwriting the previous registration.", stacklevel=2
            )
        SUPPORTED_NODES[cls] = NodeDef(cls, flatten_fn, unflatten_fn, flatten_with_keys_fn)
        if (to_dumpable_context is None) != (from_dumpable_context is None):
            raise ValueError(
                f"Both to_dumpable_context and from_dumpable_context for {cls} must be None or registered."
            )
        name = NO_SERIALIZED_TYPE_NAME_FOUND if serialized_type_name is None else serialized_type_name
        SUPPORTED_SERIALIZED_TYPES[cls] = SerializeNodeDef(cls, name, to_dumpable_context, from_dumpable_context)
        SERIALIZED_TYPE_TO_PYTHON_TYPE[name] = cls


def register_pytree_node(
    cls: type[Any], flatten_fn: FlattenFn, unflatten_fn: UnflattenFn, *, serialized_type_name: str | None = None,
    to_dumpable_context: ToDumpableContextFn | None = None,
    from_dumpable_context: FromDumpableContextFn | None = None, flatten_with_keys_fn: FlattenWithKeysFn | None = None,
) -> None:  # fmt: skip
    """Make a type known as a container.

    Args:
        flatten_fn: gives its children, and what else is needed to make it again (the context).
        unflatten_fn: makes it of children and context.
        serialized_type_name: its name in what ``treespec_dumps`` writes.
        to_dumpable_context, from_dumpable_context: the context as something that JSON can hold, and back.
        flatten_with_keys_fn: like `flatten_fn`, with the key of each child.

    Raises:
        ValueError: it is known already.
    """
    with _lock:
        if cls in SUPPORTED_NODES:
            raise ValueError(f"{cls} is already registered as pytree node.")
    overwrite_pytree_node(
        cls, flatten_fn, unflatten_fn, serialized_type_name=serialized_type_name,
        to_dumpable_context=to_dumpable_context, from_dumpable_context=from_dumpable_context,
        flatten_with_keys_fn=flatten_with_keys_fn,
    )  # fmt: skip


def deregister_pytree_node(cls: type[Any]) -> None:
    """Forget a container."""
    with _lock:
        del SUPPORTED_NODES[cls]
        del SERIALIZED_TYPE_TO_PYTHON_TYPE[SUPPORTED_SERIALIZED_TYPES.pop(cls).serialized_type_name]
        CONSTANT_NODES.discard(cls)


def register_dataclass(
    cls: type[Any], *, field_names: list[str] | None = None, drop_field_names: list[str] | None = None,
    serialized_type_name: str | None = None,
) -> None:  # fmt: skip
    """Make a dataclass, or a class that is made from its fields like one, known as a container of them.

    Raises:
        ValueError: the fields of what is no dataclass are not named, or other fields than a dataclass has.
    """
    if not dataclasses.is_dataclass(cls):
        if field_names is None:
            raise ValueError(
                f"field_names must be specified with a list of all fields used to initialize {cls}, "
                "as it is not a dataclass."
            )
    else:
        declared = [field.name for field in dataclasses.fields(cls) if field.init]
        if field_names is None:
            field_names = declared
        _refuse_other_fields(set(declared) - set(drop_field_names or ()), set(field_names), given=field_names)
    names = list(field_names)

    def flatten(obj: Any) -> tuple[list[Any], Context]:
        found = {name: getattr(obj, name) for name in names}
        present = [name for name in names if found[name] is not None]
        return [found[name] for name in present], [present, [name for name in names if found[name] is None]]

    def unflatten(values: Iterable[Any], context: Context) -> Any:
        present, absent = context
        return cls(**dict(zip(present, values, strict=True)), **dict.fromkeys(absent))

    def flatten_with_keys(obj: Any) -> tuple[list[Any], Context]:
        values, (present, _) = flatten(obj)
        return [(GetAttrKey(name), value) for name, value in zip(present, values, strict=True)], present

    overwrite_pytree_node(
        cls, flatten, unflatten, serialized_type_name=serialized_type_name, flatten_with_keys_fn=flatten_with_keys
    )


def _refuse_other_fields(declared: set[str], named: set[str], given: list[str]) -> None:
    """Raise a ValueError unless the fields that are named are those that a dataclass has."""
    missing, unexpected = declared - named, named - declared
    if not (missing or unexpected):
        return
    words = "field_names does not include all dataclass fields.\n"
    if missing:
        words += (
            f"Missing fields in `field_names`: {missing}. If you want to include these fields in the pytree, please "
            "add them to `field_names`, otherwise please add them to `drop_field_names`.\n"
        )
    if unexpected:
        words += (
            f"Unexpected fields in `field_names`: {unexpected}. Please remove these fields, or add them to "
            "`drop_field_names`.\n"
        )
    raise ValueError(words)


def register_constant(cls: type[Any]) -> None:
    """Make a type known as a container without leaves: its values belong to the shape of a tree.

    Raises:
        TypeError: values of the type cannot be compared or hashed.
    """
    needs = "register_constant(cls) expects `cls` to have a non-default `{}` implementation."
    if inspect.getattr_static(cls, "__eq__") is object.__eq__:
        raise TypeError(needs.format("__eq__"))
    if inspect.getattr_static(cls, "__hash__") is None:
        raise TypeError(needs.format("__hash__"))
    with _lock:
        overwrite_pytree_node(
            cls,
            lambda value: ([], ConstantNode(value)),
            lambda _, context: context.value,
            flatten_with_keys_fn=lambda value: ([], ConstantNode(value)),
        )
        CONSTANT_NODES.add(cls)


def is_constant_class(cls: type[Any]) -> bool:
    return isinstance(cls, type) and cls in CONSTANT_NODES


def node_type(tree: Any) -> Any:
    """The entry of the registry for a value; every named tuple goes by the name of ``namedtuple``."""
    kind = type(tree)
    return namedtuple if is_namedtuple_class(kind) else kind


# -- the containers of Python ------------------------------------------------------------------------------------------


def _serialized_name(cls: Any) -> str:
    if cls not in SUPPORTED_SERIALIZED_TYPES:
        raise NotImplementedError(
            f"Can't serialize TreeSpec of namedtuple class {cls} because we didn't register a "
            "serializated_type_name. Please register using `_register_namedtuple`."
        )
    name = SUPPORTED_SERIALIZED_TYPES[cls].serialized_type_name
    if name == NO_SERIALIZED_TYPE_NAME_FOUND:
        raise NotImplementedError(
            f"Can't serialize TreeSpec of namedtuple class {cls} because we couldn't find a serializated_type_name. "
            "Please register using `_register_namedtuple`."
        )
    return name


def _by_serialized_name(name: str) -> Any:
    if name not in SERIALIZED_TYPE_TO_PYTHON_TYPE:
        raise NotImplementedError(
            f"Can't deserialize TreeSpec of namedtuple class {name} because we couldn't find a serializated name."
        )
    return SERIALIZED_TYPE_TO_PYTHON_TYPE[name]


def _defaultdict_as_json(context: Context) -> DumpableContext:
    factory, keys = context
    return {
        "default_factory_module": factory.__module__,
        "default_factory_name": factory.__qualname__,
        "dict_context": keys,
    }


def _defaultdict_from_json(read: DumpableContext) -> Context:
    factory = getattr(importlib.import_module(read["default_factory_module"]), read["default_factory_name"])
    return [factory, read["dict_context"]]


def register_sequence(cls: Any, name: str, context: Callable[[Any], Any], make: UnflattenFn) -> None:
    """A container whose children go by position."""
    overwrite_pytree_node(
        cls, lambda s: (list(s), context(s)), make, serialized_type_name=name,
        flatten_with_keys_fn=lambda s: ([(SequenceKey(i), value) for i, value in enumerate(s)], context(s)),
    )  # fmt: skip


def _register_mapping(cls: Any, name: str, context: Callable[[Any], Any], make: UnflattenFn, **json: Any) -> None:
    overwrite_pytree_node(
        cls, lambda d: (list(d.values()), context(d)), make, serialized_type_name=name,
        flatten_with_keys_fn=lambda d: ([(MappingKey(key), value) for key, value in d.items()], context(d)), **json,
    )  # fmt: skip


def register_namedtuple(cls: type[Any], *, serialized_type_name: str) -> None:
    """Give a class of named tuples, which needs no registration otherwise, a name in files."""
    overwrite_pytree_node(
        cls, lambda t: (list(t), type(t)), lambda values, kind: kind(*values),
        serialized_type_name=serialized_type_name,
        to_dumpable_context=_serialized_name, from_dumpable_context=_by_serialized_name,
        flatten_with_keys_fn=lambda t: (
            [(GetAttrKey(field), value) for field, value in zip(t._fields, t, strict=True)], type(t),
        ),
    )  # fmt: skip


def register_structseq(cls: Any) -> None:
    """A class of tuples that is made from one sequence: ``torch.return_types.max``."""
    overwrite_pytree_node(
        cls, lambda t: (list(t), None), lambda values, _: cls(values),
        flatten_with_keys_fn=lambda t: ([(SequenceKey(i), value) for i, value in enumerate(t)], None),
    )  # fmt: skip


def _nothing(_: Any) -> None:
    return None


register_sequence(tuple, "builtins.tuple", _nothing, lambda values, _: tuple(values))
register_sequence(list, "builtins.list", _nothing, lambda values, _: list(values))
_register_mapping(dict, "builtins.dict", list, lambda values, keys: dict(zip(keys, values, strict=True)))
register_namedtuple(namedtuple, serialized_type_name="collections.namedtuple")  # type: ignore[arg-type]
_register_mapping(
    OrderedDict, "collections.OrderedDict", list, lambda values, keys: OrderedDict(zip(keys, values, strict=True))
)
_register_mapping(
    defaultdict, "collections.defaultdict", lambda d: [d.default_factory, list(d)],
    lambda values, context: defaultdict(context[0], zip(context[1], values, strict=True)),
    to_dumpable_context=_defaultdict_as_json, from_dumpable_context=_defaultdict_from_json,
)  # fmt: skip
register_sequence(deque, "collections.deque", lambda d: d.maxlen, lambda values, maxlen: deque(values, maxlen=maxlen))

STANDARD_DICT_TYPES: frozenset[Any] = frozenset({dict, OrderedDict, defaultdict})
BUILTIN_TYPES: frozenset[Any] = frozenset({tuple, list, dict, namedtuple, OrderedDict, defaultdict, deque})
