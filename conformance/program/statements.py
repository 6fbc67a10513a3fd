"""The steps of a Program as Python statements."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from conformance.program import steps as s
from conformance.program import words
from conformance.program.expressions import INDENT, complex_text, float_text, node_text

if TYPE_CHECKING:
    from conformance.program.script import Writer


def indented(lines: Sequence[str]) -> list[str]:
    """The lines of a block."""
    return [INDENT + line if line else line for line in lines]


def _assign(outs: Sequence[str], expression: str, unpack: bool) -> str:
    if not outs:
        return expression
    if len(outs) == 1:
        return f"({outs[0]},) = {expression}" if unpack else f"{outs[0]} = {expression}"
    return f"{', '.join(outs)} = {expression}"


def _number(value: Any, dtype: str) -> str:
    if isinstance(value, s.Complex):
        return complex_text(value)
    floating = dtype.startswith(("float", "bfloat", "complex"))
    if isinstance(value, str) or (floating and type(value) is int and abs(value) < 1 << 53):
        return float_text(float(value))
    return float_text(value) if isinstance(value, float) else repr(value)


def _nested(items: Sequence[str], shape: Sequence[int]) -> str:
    rows = list(items)
    for size in reversed(shape):
        rows = [f"[{', '.join(rows[i : i + size])}]" for i in range(0, len(rows), size)]
    return rows[0]


def _make(writer: Writer, step: s.Make) -> str:
    items = [_number(value, step.dtype) for value in step.values]
    options = []
    if step.dtype != _inferred(items, step):
        options.append(f"dtype=torch.{step.dtype}")
    window = step.strides is not None
    if step.requires_grad and not window:
        options.append("requires_grad=True")
    if window:
        made = f"torch.tensor([{', '.join(items)}]{_more(options)}).as_strided{(step.shape, step.strides, step.offset)}"
        return f"{step.out} = {made}{'.requires_grad_()' if step.requires_grad else ''}"
    if 0 in step.shape:
        return f"{step.out} = torch.zeros({step.shape}{_more(options)})"
    if len(items) == 1 and step.shape and math.prod(step.shape) != 1:
        return f"{step.out} = torch.full({step.shape}, {items[0]}{_more(options)})"
    return f"{step.out} = torch.tensor({_nested(items, step.shape)}{_more(options)})"


def _inferred(items: Sequence[str], step: s.Make) -> str:
    """The dtype that torch gives to these literals by itself."""
    if 0 in step.shape and step.strides is None:
        return "float32"
    kinds = {
        "complex64" if "complex" in item else "bool" if item in ("True", "False") else _kind(item) for item in items
    }
    return max(kinds, key=("bool", "int64", "float32", "complex64").index, default="float32")


def _kind(item: str) -> str:
    return "int64" if item.lstrip("-").isdigit() else "float32"


def _more(options: Sequence[str]) -> str:
    return "".join(f", {option}" for option in options)


def _apply(writer: Writer, step: s.Apply) -> str:
    outs = step.outs
    if step.form == "augmented":
        left = step.args[0]
        if isinstance(left, s.Ref) and outs in ((), (left.name,)):
            return f"{left.name} {words.AUGMENTED[step.op]} {writer.value(step.args[1])}"
        writer.modules.add("operator")
        return _assign(outs, writer.call(f"operator.i{step.op}", step.args), step.unpack)
    return _assign(outs, FORMS[step.form](writer, step), step.unpack)


def _operator(writer: Writer, step: s.Apply) -> str:
    operands = [writer.value(arg) for arg in step.args]
    if len(operands) == 2 and step.op in words.INFIX:
        left = f"({operands[0]})" if operands[0].startswith("-") else operands[0]
        return f"{left} {words.INFIX[step.op]} {operands[1]}"
    if len(operands) == 1 and step.op in words.PREFIX:
        return words.PREFIX[step.op] + operands[0]
    writer.modules.add("operator")
    name = f"{step.op}_" if step.op in ("and", "or") else step.op
    return writer.call(f"operator.{name}", step.args)


def _function(writer: Writer, step: s.Apply) -> str:
    return writer.call(writer.dotted(step.op), step.args, step.kwargs)


def _method(suffix: str) -> Callable[[Writer, s.Apply], str]:
    def write(writer: Writer, step: s.Apply) -> str:
        return writer.call(f"{writer.owner(step.args[0])}.{step.op}{suffix}", step.args[1:], step.kwargs)

    return write


FORMS: dict[str, Callable[[Writer, s.Apply], str]] = {
    "function": _function,
    "out": _function,
    "method": _method(""),
    "inplace": _method("_"),
    "operator": _operator,
    "property": lambda writer, step: f"{writer.owner(step.args[0])}.{step.op}",
    "call": lambda writer, step: writer.call(writer.owner(step.args[0]), step.args[1:], step.kwargs),
}


def _index(writer: Writer, arg: Any) -> str:
    """An index as it stands between brackets."""
    if isinstance(arg, s.Slice):
        parts = ["" if part is None else str(part) for part in (arg.start, arg.stop, arg.step)]
        return ":".join(parts if parts[2] else parts[:2])
    if isinstance(arg, s.Seq) and arg.type == "tuple" and arg.items:
        items = [_index(writer, item) if isinstance(item, s.Slice) else writer.value(item) for item in arg.items]
        return ", ".join(items) + ("," if len(items) == 1 else "")
    return writer.value(arg)


def _setitem(writer: Writer, step: s.SetItem) -> str:
    return f"{step.target}[{_index(writer, step.index)}] = {writer.value(step.value)}"


_HOOK_CALLS = {
    "tensor": ("register_hook", ("grad",)),
    "post_accumulate": ("register_post_accumulate_grad_hook", ("param",)),
    "node_pre": ("register_prehook", ("grad_outputs",)),
    "node_post": ("register_hook", ("grad_inputs", "grad_outputs")),
    "multi_all": ("register_multi_grad_hook", ("grads",)),
    "multi_any": ("register_multi_grad_hook", ("grad",)),
}


def _add_hook(writer: Writer, step: s.AddHook) -> str:
    if step.on == "retain_grad":
        return f"{step.targets[0]}.retain_grad()"
    register, params = _HOOK_CALLS[step.on]
    if isinstance(step.callback, s.Callback):
        function = writer.callback(step.callback, step.out, params)
    else:
        function = writer.named_function(step.callback, f"{step.out}_hook")
    if step.on.startswith("multi"):
        mode = ', mode="any"' if step.on == "multi_any" else ""
        targets = ", ".join(step.targets)
        return f"{step.out} = torch.autograd.graph.{register}([{targets}], {function}{mode})"
    owner = step.targets[0]
    if step.on.startswith("node"):
        owner = node_text(s.NodeOf(owner, step.path))
    return f"{step.out} = {owner}.{register}({function})"


_METHODS = ("forward", "setup_context", "backward", "vjp", "jvp", "vmap")


def _custom_function(writer: Writer, step: s.CustomFunction) -> str:
    definition = step.function
    if writer.classes.get(definition.name) != definition:
        writer.classes[definition.name] = definition
        body: list[str] = []
        if definition.generate_vmap_rule is not None:
            body += [f"generate_vmap_rule = {definition.generate_vmap_rule}", ""]
        for attribute, value in definition.attributes:
            body += [f"{attribute} = {writer.value(value)}", ""]
        for name in _METHODS:
            lit: s.FunctionLit | None = getattr(definition, name)
            if lit is None:
                continue
            body.append("@staticmethod")
            if definition.once_differentiable and name in ("backward", "vjp"):
                body.append("@torch.autograd.function.once_differentiable")
            body += [*writer.function(lit, name), ""]
        writer.before += [f"class {definition.name}(torch.autograd.Function):", *indented(body or ["pass", ""])]
    return _assign(step.outs, writer.call(f"{definition.name}.apply", step.args, step.kwargs), step.unpack)


def _given(step: Any, skip: Sequence[str]) -> list[tuple[str, Any]]:
    fields = [(name, getattr(step, name)) for name in step.__struct_fields__ if name not in skip]
    return [(name, value) for name, value in fields if value is not s.UNSET]


def _backward(writer: Writer, step: s.Backward) -> str:
    kwargs = _given(step, ("tensors", "grad_tensors", "form"))
    gradient = [] if step.grad_tensors is s.UNSET else [step.grad_tensors]
    if step.form == "method":
        return writer.call(f"{writer.owner(step.tensors)}.backward", gradient, kwargs)
    return writer.call("torch.autograd.backward", [step.tensors, *gradient], kwargs)


def _grad(writer: Writer, step: s.Grad) -> str:
    kwargs = _given(step, ("outs", "outputs", "inputs"))
    return _assign(step.outs, writer.call("torch.autograd.grad", [step.outputs, step.inputs], kwargs), True)


def _read(writer: Writer, step: s.Read) -> str:
    if step.what in words.READ_FUNCTIONS:
        if step.what == "index":
            writer.modules.add("operator")
        seen = f"{'operator.index' if step.what == 'index' else step.what}({step.target})"
    else:
        seen = f"{step.target}.{step.what}{'()' if step.what in words.READ_METHODS else ''}"
    return f"print({seen})" if step.out is None else f"{step.out} = {seen}"


STATEMENTS: dict[type, Callable[[Writer, Any], str]] = {
    s.Make: _make,
    s.Apply: _apply,
    s.GetItem: lambda writer, step: f"{step.out} = {step.source}[{_index(writer, step.index)}]",
    s.SetItem: _setitem,
    s.SetAttr: lambda writer, step: f"{step.target}.{step.name} = {writer.value(step.value)}",
    s.AddHook: _add_hook,
    s.RemoveHook: lambda writer, step: f"{step.handle}.remove()",
    s.CustomFunction: _custom_function,
    s.Backward: _backward,
    s.Grad: _grad,
    s.Read: _read,
    s.Delete: lambda writer, step: f"del {', '.join(step.names)}",
}
