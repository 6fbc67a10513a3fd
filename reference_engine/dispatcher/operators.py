"""``torch.ops``: operators as objects that can be called, looked at, and handed to ``__torch_dispatch__``."""

from __future__ import annotations

import enum
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from reference_engine.dispatcher import watching
from reference_engine.dispatcher.schema import Argument, FunctionSchema
from reference_engine.tensor import Tensor
from specs import aten as recorded

Tag = enum.Enum(  # type: ignore[misc]
    "Tag",
    {
        name: number
        for number, name in enumerate((
            "core", "cudagraph_unsafe", "data_dependent_output", "dynamic_output_shape", "flexible_layout",
            "generated", "inplace", "inplace_view", "maybe_aliasing_or_mutating", "needs_contiguous_strides",
            "needs_exact_strides", "needs_fixed_stride_order", "nondeterministic_bitwise", "nondeterministic_seeded",
            "out", "out_variant", "pointwise", "pt2_compliant_tag", "reduction", "view_copy",
        ))
    },
)  # fmt: skip


class OpOverload:
    """One overload of an operator.

    Args:
        kernel: what runs it, given all arguments of the schema in order; by default what is found by its name.
    """

    __module__ = "torch._ops"

    def __init__(
        self, packet: OpOverloadPacket, schema: FunctionSchema, *, composite: bool = False, tags: Sequence[str] = (),
        kernel: Callable[..., Any] | None = None,
    ) -> None:  # fmt: skip
        self._overloadpacket, self._schema = packet, schema
        self._overloadname = schema.overload_name or "default"
        self._opname, self._namespace = packet.__name__, packet._namespace
        self._name = f"{packet._qualified_op_name}" + (f".{schema.overload_name}" if schema.overload_name else "")
        self.__name__ = f"{packet.__name__}.{self._overloadname}"
        self.__module__ = packet.__module__
        self.__qualname__ = self._name
        self._composite, self._tag_names, self._kernel = composite, tuple(tags), kernel

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        return self._run(bind(self._schema, args, kwargs))

    def _run(self, values: list[Any]) -> Any:
        if self._kernel is not None:
            return self._kernel(*values)
        from reference_engine.dispatcher import kernels

        return kernels.run(self, values)

    def redispatch(self, /, keys: Any, *args: Any, **kwargs: Any) -> Any:
        return self(*args, **kwargs)

    def decompose(self, *args: Any, **kwargs: Any) -> Any:
        """What the operator is composed of, run; NotImplemented if it isn't."""
        return self(*args, **kwargs) if self._composite else NotImplemented

    def _can_decompose(self) -> bool:
        return self._composite

    def name(self) -> str:
        return self._name

    @property
    def namespace(self) -> str:
        return self._namespace

    @property
    def overloadpacket(self) -> OpOverloadPacket:
        return self._overloadpacket

    @property
    def op(self) -> Any:
        return self._overloadpacket.op

    @property
    def tags(self) -> list[Any]:
        return [Tag[name] for name in self._tag_names]

    @property
    def is_view(self) -> bool:
        return self._schema._is_view_op

    def __str__(self) -> str:
        return f"{self._overloadpacket}.{self._overloadname}"

    def __repr__(self) -> str:
        namespace, _, _ = self._name.partition("::")
        return f"<OpOverload(op='{namespace}.{self._opname}', overload='{self._overloadname}')>"

    def __hash__(self) -> int:
        return hash(self._name)

    def __deepcopy__(self, memo: Any) -> OpOverload:
        return self

    def __copy__(self) -> OpOverload:
        return self


class OpOverloadPacket:
    """All overloads of an operator."""

    __module__ = "torch._ops"

    def __init__(self, namespace: str, name: str) -> None:
        self._namespace, self.__name__ = namespace, name
        self.__module__ = f"torch._ops.{namespace}"
        self._qualified_op_name = f"{namespace}::{name}"
        self._found: dict[str, OpOverload] = {}

    def _add(self, overload: OpOverload) -> OpOverload:
        self._found[overload._overloadname] = overload
        return overload

    @property
    def op(self) -> Any:
        return self

    def overloads(self) -> list[str]:
        return list(self._found)

    @property
    def _schemas(self) -> dict[str, FunctionSchema]:
        return {"" if name == "default" else name: found._schema for name, found in self._found.items()}

    def __call__(self, /, *args: Any, **kwargs: Any) -> Any:
        overloads = list(self._found.values())
        if len(overloads) == 1:
            return overloads[0](*args, **kwargs)
        failures = []
        for overload in overloads:
            try:
                values = bind(overload._schema, args, kwargs)
            except RuntimeError as failure:
                failures.append(str(failure))
                continue
            return overload._run(values)
        raise RuntimeError(
            "Overloaded torch operator invoked from Python failed to match any schema:\n" + "\n\n".join(failures)
        )

    def __getattr__(self, overload: str) -> OpOverload:
        found = self.__dict__.get("_found", {})
        if overload.startswith("__"):
            raise AttributeError(f"'{self}' can't have an overload name beginning with '__'")
        if overload not in found:
            raise AttributeError(f"The underlying op of '{self}' has no overload name '{overload}'")
        made: OpOverload = found[overload]
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._found})

    def __deepcopy__(self, memo: Any) -> OpOverloadPacket:
        return self

    def __str__(self) -> str:
        namespace, _, name = self._qualified_op_name.partition("::")
        return f"{namespace}.{name}"

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"


class OpNamespace(types.ModuleType):
    """``torch.ops.<namespace>``: operators by name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"torch.ops.{name}")
        self.name, self._packets = name, dict[str, OpOverloadPacket]()
        self.__file__ = "torch.ops"

    def _packet(self, name: str) -> OpOverloadPacket:
        """The packet of a name, made if there is none yet."""
        if name not in self._packets:
            self._packets[name] = OpOverloadPacket(self.name, name)
        return self._packets[name]

    def _forget(self, name: str) -> None:
        self._packets.pop(name, None)
        self.__dict__.pop(name, None)

    def __getattr__(self, name: str) -> OpOverloadPacket:
        if name.startswith("__") or name in ("_packets", "name"):
            raise AttributeError(name)
        if name not in self._packets and self.name == "aten":
            for line in recorded.overloads().get(name, ()):
                packet = self._packet(name)
                schema = FunctionSchema(line.schema)
                packet._add(OpOverload(packet, schema, composite=line.composite, tags=line.tags))
        if name not in self._packets:
            raise AttributeError(f"'_OpNamespace' '{self.name}' object has no attribute '{name}'")
        setattr(self, name, self._packets[name])
        return self._packets[name]

    def __dir__(self) -> list[str]:
        return sorted({*self._packets, *(recorded.overloads() if self.name == "aten" else ())})

    def __iter__(self) -> Iterator[str]:
        return iter(self._packets)


OpNamespace.__name__ = OpNamespace.__qualname__ = "_OpNamespace"
LIBRARIES: dict[str, OpNamespace] = {}
"""The namespaces that there are."""


def namespace(name: str) -> OpNamespace:
    return LIBRARIES.setdefault(name, OpNamespace(name))


aten = namespace("aten")


def named(name: str) -> OpOverload:
    """The overload of a full name: ``aten::add.Tensor``."""
    space, _, rest = name.partition("::")
    packet, _, overload = rest.partition(".")
    found: OpOverload = getattr(getattr(namespace(space), packet), overload or "default")
    return found


def of_schema(schema: FunctionSchema) -> OpOverload:
    return named(f"{schema.name}.{schema.overload_name}" if schema.overload_name else schema.name)


# -- arguments ---------------------------------------------------------------------------------------------------------


def bind(schema: FunctionSchema, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """The arguments of a schema in order, defaults filled in.

    Raises:
        RuntimeError: one is missing, unknown or too many, or does not fit.
    """
    positional = [argument for argument in schema.arguments if not argument.kwarg_only]
    if len(args) > len(positional) and len(positional) < len(schema.arguments):
        raise RuntimeError(
            f"{schema.name}() takes {len(positional)} positional argument(s) but {len(args)} was/were given.  "
            f"Declaration: {schema}"
        )
    if len(args) > len(positional):
        raise RuntimeError(
            f"{schema.name}() expected at most {len(positional)} argument(s) but received {len(args)} argument(s). "
            f"Declaration: {schema}"
        )
    values, left = list[Any](), dict(kwargs)
    for place, argument in enumerate(schema.arguments):
        if place < len(args) and not argument.kwarg_only:
            value = args[place]
        elif argument.name in left:
            value = left.pop(argument.name)
        elif argument.has_default_value():
            values.append(argument.default_value)
            continue
        else:
            raise RuntimeError(
                f"{schema.name}() is missing value for argument '{argument.name}'. Declaration: {schema}"
            )
        if not accepts(argument, value):
            shown = repr(value) if isinstance(value, str) else value
            raise RuntimeError(
                f"{schema.name}() Expected a value of type '{argument.type}' for argument '{argument.name}' but "
                f"instead found type '{type(value).__name__}'.\nPosition: {place}\nValue: {shown}\n"
                f"Declaration: {schema}\nCast error details: {_uncast(argument, value)}"
            )
        values.append(_converted(argument, value))
    for unknown in left:
        raise RuntimeError(f"Unknown keyword argument '{unknown}' for operator '{schema.name}'. Schema: {schema}")
    return values


def _uncast(argument: Argument, value: Any) -> str:
    if argument.kind == "Tensor":
        return f"Unable to cast {value} to {argument.type}"
    return (
        f"Unable to cast Python instance of type {type(value)} to C++ type '?' (#define "
        "PYBIND11_DETAILED_ERROR_MESSAGES or compile in debug mode for details)"
    )


def accepts(argument: Argument, value: Any) -> bool:
    """Whether a Python value can become an argument."""
    kind = argument.kind
    if kind.endswith("?"):
        if value is None:
            return True
        kind = kind[:-1]
    if kind.endswith("[]"):
        if argument.N and isinstance(value, (int, float)) and not kind.startswith("Tensor"):
            return True
        inner = Argument(kind[:-2])
        return isinstance(value, (list, tuple)) and all(accepts(inner, each) for each in value)
    if kind == "Tensor":
        return isinstance(value, (Tensor, bool, int, float, complex))
    if kind == "Scalar":
        return isinstance(value, (bool, int, float, complex)) or (isinstance(value, Tensor) and not value._shape)
    if kind in ("int", "SymInt"):
        return isinstance(value, int) or (isinstance(value, Tensor) and not value._shape)
    if kind == "float":
        return isinstance(value, (int, float)) or (isinstance(value, Tensor) and not value._shape)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "str":
        return isinstance(value, str)
    return True


def _converted(argument: Argument, value: Any) -> Any:
    kind = argument.kind.removesuffix("?")
    if value is None or kind.startswith("Tensor"):
        return value
    if kind.endswith("[]"):
        return list(value) if isinstance(value, (list, tuple)) else [value] * (argument.N or 1)
    if kind in ("int", "SymInt", "float", "Scalar") and isinstance(value, Tensor):
        return value.item()
    return float(value) if kind == "float" else value


__all__ = ["LIBRARIES", "OpNamespace", "OpOverload", "OpOverloadPacket", "Tag", "aten", "bind", "watching"]
