"""From the arguments in a Program to the values that a call is given."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from conformance.execute import callables
from conformance.execute.scope import Scope
from conformance.program import steps as s


def evaluate(scope: Scope, arg: Any) -> Any:
    """The value of an argument; a literal is its own value."""
    make = ARGUMENTS.get(type(arg))
    return arg if make is None else make(scope, arg)


def evaluate_all(scope: Scope, args: tuple[Any, ...]) -> list[Any]:
    """The values of several arguments."""
    return [evaluate(scope, arg) for arg in args]


def keywords(scope: Scope, pairs: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """The values of keyword arguments."""
    return {name: evaluate(scope, arg) for name, arg in pairs}


def number(value: Any) -> Any:
    """The Python number that a literal of `Make` stands for."""
    if type(value) is s.Complex:
        return complex(float(value.re), float(value.im))
    return float(value) if type(value) is str else value


def node(scope: Scope, name: str, path: tuple[int, ...]) -> Any:
    """A node of the graph, from a tensor's grad_fn on."""
    found = scope.lookup(name).grad_fn
    for index in path:
        found = found.next_functions[index][0]
    return found


def _sequence(scope: Scope, arg: s.Seq) -> Any:
    items = evaluate_all(scope, arg.items)
    if arg.type == "size":
        return scope.session.api.Size(items)
    return {"list": list, "tuple": tuple, "set": set}[arg.type](items)


def _mapping(scope: Scope, arg: s.Mapping) -> Any:
    made = {evaluate(scope, key): evaluate(scope, value) for key, value in arg.items}
    return made if arg.type == "dict" else MappingProxyType(made)


def _generator(scope: Scope, arg: s.Generator) -> Any:
    items = evaluate_all(scope, arg.items)
    return (item for item in items)


def _overriding(scope: Scope, arg: s.Overriding) -> Any:
    session, returns = scope.session, evaluate(scope, arg.returns)

    class Overriding:
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            session.log("__torch_function__", (func.__name__,))
            return returns

    return Overriding()


def _edge(scope: Scope, arg: s.Edge) -> Any:
    tensor = scope.lookup(arg.name)  # before the name that older versions lack
    return scope.session.api.autograd.graph.get_gradient_edge(tensor)


ARGUMENTS: dict[type, Callable[[Scope, Any], Any]] = {
    s.Ref: lambda scope, arg: scope.lookup(arg.name),
    s.Seq: _sequence,
    s.Mapping: _mapping,
    s.Generator: _generator,
    s.Special: lambda _, arg: float(arg.value),
    s.Complex: lambda _, arg: number(arg),
    s.Dtype: lambda scope, arg: scope.session.subject.resolve(arg.name),
    s.Device: lambda scope, arg: scope.session.api.device(arg.name),
    s.TorchAttr: lambda scope, arg: scope.session.subject.resolve(arg.name),
    s.Slice: lambda _, arg: slice(arg.start, arg.stop, arg.step),
    s.Ellipsis_: lambda _scope, _arg: ...,
    s.Edge: _edge,
    s.NodeOf: lambda scope, arg: node(scope, arg.name, arg.path),
    s.Opaque: lambda _scope, _arg: object(),
    s.Overriding: _overriding,
    s.Callback: lambda scope, arg: callables.callback(scope, arg, arg.do, evaluate),
    s.FunctionLit: lambda scope, arg: callables.function(scope, arg, None, evaluate),
}
