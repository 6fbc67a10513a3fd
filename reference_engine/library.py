"""``torch.library``: operators of a program's own, with a derivative if they are given one; and ``torch.ops``.

Source: https://docs.pytorch.org/docs/stable/library.html
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from reference_engine.autograd.function import Function
from reference_engine.modes import is_grad_enabled, no_grad
from reference_engine.tensor import Tensor, tensors_in

__all__ = ["CustomOpDef", "custom_op", "register_autograd", "register_fake", "register_kernel", "register_vmap"]

_SCHEMA_TYPES = {int: "SymInt", float: "float", bool: "bool", str: "str", Tensor: "Tensor"}


class _NotGiven:
    pass


class CustomOpDef:
    """An operator: a function of tensors that nothing looks into."""

    def __init__(self, namespace: str, name: str, schema: str, fn: Callable[..., Any]) -> None:
        self._namespace, self._name, self._init_fn = namespace, name, fn
        self._qualname, self._schema = f"{namespace}::{name}", f"{namespace}::{name}{schema}"
        self._parameters = _parameters(schema)
        self._backward: Callable[..., Any] | None = None
        self._setup: Callable[..., Any] | None = None
        self._function = _derived(self)
        LIBRARIES.setdefault(namespace, OpNamespace(namespace)).define(name, self)

    def __repr__(self) -> str:
        return f"<CustomOpDef({self._qualname})>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        values = self._bound(args, kwargs)
        if is_grad_enabled() and any(tensor.requires_grad for tensor in tensors_in(values)):
            return self._function.apply(*values)
        return self._kernel(values)

    def _bound(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
        """All arguments in order.

        Raises:
            RuntimeError: one is missing.
        """
        values = list(args)
        for name, default in self._parameters[len(args) :]:
            value = kwargs.get(name, default)
            if value is _NotGiven:
                raise RuntimeError(
                    f"{self._qualname}() is missing value for argument '{name}'. Declaration: {self._schema}"
                )
            values.append(value)
        return values

    def _kernel(self, values: list[Any]) -> Any:
        """What the operator does, which may hand on none of its arguments."""
        result = self._init_fn(*values)
        given = {id(tensor._storage) for tensor in tensors_in(values)}
        for tensor in tensors_in(result if isinstance(result, (tuple, list)) else [result]):
            if id(tensor._storage) in given:
                raise RuntimeError(
                    f"{self._name} (with implementation in {inspect.getmodule(self._init_fn)}): The output of this "
                    "custom operator (1) must not also be an input to this custom operator and (2) may not alias any "
                    "inputs to this custom operator or other returns. The most common way to trigger this error is if "
                    "we have y = custom_op(x) and y and x are the same Tensor. Please instead return a clone of the "
                    "offending output tensor(s) (e.g. return x.clone()) or refactor the custom operator to not "
                    "return y."
                )
        return result

    def register_autograd(self, backward: Callable[..., Any], /, *, setup_context: Any = None) -> None:
        """The derivative: `setup_context(ctx, inputs, output)` keeps, `backward(ctx, *grads)` computes."""
        self._backward, self._setup = backward, setup_context

    def register_fake(self, fn: Callable[..., Any], /) -> Callable[..., Any]:
        """Shapes without values, which nothing here asks for."""
        return fn

    def register_kernel(self, device_types: Any, fn: Any = None, /) -> Any:
        """Another implementation; that for the CPU is the one used."""

        def take(fn: Callable[..., Any]) -> Callable[..., Any]:
            kinds = [device_types] if isinstance(device_types, str) else device_types
            if kinds is None or "cpu" in kinds:
                self._init_fn = fn
            return fn

        return take if fn is None else take(fn)

    def register_vmap(self, func: Any = None) -> Any:
        """How it is batched, which nothing here asks for."""
        return func if func is not None else lambda func: func


def _derived(op: CustomOpDef) -> Any:
    """The Function that records a call."""

    def forward(ctx: Any, *args: Any) -> Any:
        with no_grad():
            result = op._kernel(list(args))
        if op._setup is not None:
            op._setup(ctx=ctx, inputs=args, output=result)
        return result

    def backward(ctx: Any, *grads: Any) -> Any:
        if op._backward is None:
            raise RuntimeError(
                f"Trying to backward through {op._namespace}.{op._name}.default but no autograd formula was "
                "registered. Please use register_autograd to add one."
            )
        return op._backward(ctx, *grads)

    name = f"GeneratedBackwardFor_{op._namespace}_{op._name}_default"
    return type(name, (Function,), {"forward": staticmethod(forward), "backward": staticmethod(backward)})


def _parameters(schema: str) -> list[tuple[str, Any]]:
    """Names and defaults of a schema such as ``(Tensor x, float y=1.0) -> Tensor``."""
    inside = schema[schema.index("(") + 1 : schema.index(")", schema.index("("))]
    made: list[tuple[str, Any]] = []
    for part in filter(None, (part.strip() for part in inside.split(","))):
        declared, _, default = part.partition("=")
        if declared == "*":
            continue
        known = {"None": None, "True": True, "False": False}
        value = _NotGiven if not default else known[default] if default in known else _literal(default)
        made.append((declared.split()[-1], value))
    return made


def _literal(text: str) -> Any:
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    try:
        return float(text)
    except ValueError:
        return text.strip("\"'")


def infer_schema(fn: Callable[..., Any], /, *, mutates_args: Any = (), op_name: str | None = None) -> str:
    """The schema that the annotations of a function say.

    Raises:
        ValueError: a parameter without one.
    """
    signature = inspect.signature(fn, eval_str=True)
    declared = []
    for parameter in signature.parameters.values():
        kind = parameter.annotation
        if kind is inspect.Parameter.empty:
            raise ValueError(
                f"infer_schema(func): Parameter {parameter.name} must have a type annotation. "
                f"Got func with signature {signature})"
            )
        text = f"{_schema_type(kind)} {parameter.name}"
        declared.append(text if parameter.default is parameter.empty else f"{text}={parameter.default}")
    result = signature.return_annotation
    shown = "()" if result is None else _schema_type(result)
    return f"{op_name or ''}({', '.join(declared)}) -> {shown}"


def _schema_type(kind: Any) -> str:
    if kind in _SCHEMA_TYPES:
        return _SCHEMA_TYPES[kind]
    arguments = getattr(kind, "__args__", ())
    if type(None) in arguments:
        return _schema_type(next(each for each in arguments if each is not type(None))) + "?"
    if getattr(kind, "__origin__", None) is tuple:
        return "(" + ", ".join(_schema_type(each) for each in arguments) + ")"
    return _schema_type(arguments[0]) + "[]" if arguments else "Scalar"


def custom_op(
    name: str, fn: Any = None, /, *, mutates_args: str | Iterable[str], device_types: Any = None,
    schema: str | None = None, tags: Any = None,
) -> Any:  # fmt: skip
    """Make a function an operator, under the name ``namespace::name``; a decorator if it is not given."""

    def make(fn: Callable[..., Any]) -> CustomOpDef:
        namespace, short = name.split("::")
        return CustomOpDef(namespace, short, schema or infer_schema(fn, mutates_args=mutates_args), fn)

    return make if fn is None else make(fn)


def _found(op: Any) -> CustomOpDef:
    if isinstance(op, CustomOpDef):
        return op
    namespace, short = str(getattr(op, "_qualified_op_name", op)).split("::")
    found: CustomOpDef = LIBRARIES[namespace].defined[short]
    return found


def register_autograd(op: Any, backward: Callable[..., Any], /, *, setup_context: Any = None, lib: Any = None) -> None:
    """``CustomOpDef.register_autograd`` by name."""
    _found(op).register_autograd(backward, setup_context=setup_context)


def register_fake(op: Any, func: Any = None, /, *, lib: Any = None, allow_override: bool = False) -> Any:
    """``CustomOpDef.register_fake`` by name."""
    take = _found(op).register_fake
    return take if func is None else take(func)


def register_kernel(op: Any, device_types: Any, func: Any = None, /, *, lib: Any = None) -> Any:
    """``CustomOpDef.register_kernel`` by name."""
    return _found(op).register_kernel(device_types, func)


def register_vmap(op: Any, func: Any = None, /, *, lib: Any = None) -> Any:
    """``CustomOpDef.register_vmap`` by name."""
    return _found(op).register_vmap(func)


# -- torch.ops ---------------------------------------------------------------------------------------------------------


class OpOverload:
    """One overload of an operator, as it is named; which one runs is decided by the arguments."""

    def __init__(self, packet: OpOverloadPacket, overload: str) -> None:
        self._packet, self._overloadname = packet, overload

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._packet(*args, **kwargs)

    def name(self) -> str:
        tail = "" if self._overloadname == "default" else f".{self._overloadname}"
        return self._packet._qualified_op_name + tail

    @property
    def overloadpacket(self) -> OpOverloadPacket:
        return self._packet

    def __str__(self) -> str:
        return f"{self._packet}.{self._overloadname}"

    def __repr__(self) -> str:
        return f"<OpOverload(op='{self._packet}', overload='{self._overloadname}')>"


class OpOverloadPacket:
    """All overloads of an operator."""

    def __init__(self, namespace: str, name: str, function: Callable[..., Any]) -> None:
        self._namespace, self.__name__, self._function = namespace, name, function
        self._qualified_op_name = f"{namespace}::{name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(*args, **kwargs)

    def __getattr__(self, overload: str) -> OpOverload:
        if overload.startswith("__"):
            raise AttributeError(overload)
        made = OpOverload(self, overload)
        setattr(self, overload, made)
        return made

    def __str__(self) -> str:
        return f"{self._namespace}.{self.__name__}"

    def __repr__(self) -> str:
        return f"<OpOverloadPacket(op='{self}')>"


class OpNamespace:
    """``torch.ops.<namespace>``: operators by name. ``aten`` has those of this engine."""

    def __init__(self, name: str) -> None:
        self.name, self.defined = name, dict[str, Any]()

    def define(self, name: str, op: CustomOpDef) -> None:
        self.defined[name] = op
        self.__dict__.pop(name, None)

    def __getattr__(self, name: str) -> OpOverloadPacket:
        if name.startswith("__"):
            raise AttributeError(name)
        function = self.defined.get(name) or (_public_function(name) if self.name == "aten" else None)
        if function is None:
            raise AttributeError(f"'_OpNamespace' '{self.name}' object has no attribute '{name}'")
        made = OpOverloadPacket(self.name, name, function)
        setattr(self, name, made)
        return made


def _public_function(name: str) -> Any:
    import reference_engine as engine

    for place in (engine, engine.nn.functional, Tensor):
        if hasattr(place, name):
            return getattr(place, name)
    return None


LIBRARIES: dict[str, OpNamespace] = {"aten": OpNamespace("aten")}
"""The namespaces that there are."""
