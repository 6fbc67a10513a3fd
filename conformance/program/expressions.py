"""The arguments of a Program as Python expressions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from conformance.program import steps as s

if TYPE_CHECKING:
    from conformance.program.script import Writer

INDENT = "    "


class Written(str):
    """An expression that is already written."""

    __slots__ = ()


def quoted(value: str) -> str:
    """A text as a person would write it."""
    text = repr(value)
    return text if '"' in text else f'"{text[1:-1]}"'


def float_text(value: float) -> str:
    """A float, also one that has no literal."""
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def complex_text(arg: s.Complex) -> str:
    """A complex number."""
    return f"complex({float_text(float(arg.re))}, {float_text(float(arg.im))})"


def _sequence(writer: Writer, arg: s.Seq) -> str:
    items = writer.values(arg.items)
    if arg.type == "tuple":
        return f"({items},)" if len(arg.items) == 1 else f"({items})"
    if arg.type == "set":
        return f"{{{items}}}" if items else "set()"
    return f"[{items}]" if arg.type == "list" else f"torch.Size([{items}])"


def _mapping(writer: Writer, arg: s.Mapping) -> str:
    text = "{" + ", ".join(f"{writer.value(key)}: {writer.value(value)}" for key, value in arg.items) + "}"
    if arg.type == "dict":
        return text
    writer.modules.add("types")
    return f"types.MappingProxyType({text})"


def _slice(writer: Writer, arg: s.Slice) -> str:
    return f"slice({arg.start}, {arg.stop}, {arg.step})"


def node_text(arg: s.NodeOf) -> str:
    """A node of the graph."""
    return f"{arg.name}.grad_fn" + "".join(f".next_functions[{index}][0]" for index in arg.path)


def _overriding(writer: Writer, arg: s.Overriding) -> str:
    returns = writer.value(arg.returns)
    name = writer.fresh("Overriding")
    writer.before += [
        f"class {name}:",
        INDENT + "@classmethod",
        INDENT + "def __torch_function__(cls, func, types, args=(), kwargs=None):",
        2 * INDENT + "print(func.__name__)",
        2 * INDENT + f"return {returns}",
        "",
    ]
    return f"{name}()"


EXPRESSIONS: dict[type, Callable[[Writer, Any], str]] = {
    type(None): lambda writer, arg: "None",
    bool: lambda writer, arg: repr(arg),
    int: lambda writer, arg: repr(arg),
    float: lambda writer, arg: float_text(arg),
    str: lambda writer, arg: quoted(arg),
    Written: lambda writer, arg: arg,
    s.Ref: lambda writer, arg: arg.name,
    s.Seq: _sequence,
    s.Mapping: _mapping,
    s.Generator: lambda writer, arg: f"(item for item in [{writer.values(arg.items)}])",
    s.Special: lambda writer, arg: float_text(float(arg.value)),
    s.Complex: lambda writer, arg: complex_text(arg),
    s.Dtype: lambda writer, arg: f"torch.{arg.name}",
    s.Device: lambda writer, arg: f'torch.device("{arg.name}")',
    s.TorchAttr: lambda writer, arg: writer.dotted(arg.name),
    s.Slice: _slice,
    s.Ellipsis_: lambda writer, arg: "...",
    s.Edge: lambda writer, arg: f"torch.autograd.graph.get_gradient_edge({arg.name})",
    s.NodeOf: lambda writer, arg: node_text(arg),
    s.Opaque: lambda writer, arg: "object()",
    s.Overriding: _overriding,
    s.Callback: lambda writer, arg: writer.callback(arg, arg.do, ("arg", "*_")),
    s.FunctionLit: lambda writer, arg: writer.named_function(arg, "function"),
}

LAMBDAS = {
    "observe": "print({label}, {args})",
    "identity": "{arg}",
    "clone": "{arg}.clone()",
    "scale": "{arg} * {value}",
    "add": "{arg} + {value}",
    "replace": "{value}",
    "detach": "{arg}.detach()",
    "zeros": "torch.zeros_like({arg})",
    "wrong_shape": "torch.stack([{arg}, {arg}])",
    "wrong_dtype": "{arg}.to(torch.float64 if {arg}.dtype != torch.float64 else torch.float32)",
    "wrong_type": '"not a tensor"',
    "none_tuple": "(None,) * len({arg})",
    "short_tuple": "()",
    "scale_first": "({arg}[0] * {value}, *{arg}[1:])",
}
BODIES = {
    "raise": "raise ValueError({value})",
    "inplace_scale": "{arg}.mul_({value})",
    "inplace_zero": "{arg}.zero_()",
    "clear_grad": "{arg}.grad = None",
    "keep": "globals()[{value}] = {arg}",
    "keep_detached": "globals()[{value}] = {arg}.detach()",
}
