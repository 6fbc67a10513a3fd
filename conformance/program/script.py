"""A Program as a plain torch script, that does what the Machine does when it is pasted into a file."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from conformance.program import names as n
from conformance.program import steps as s
from conformance.program import words

INDENT = "    "


class Traced(Protocol):
    """What a script wants to know of a step that has run."""

    @property
    def outcome(self) -> str:
        """ok, raised or skipped."""


class Note(msgspec.Struct, frozen=True):
    """Something to say after a step: an expression to print, and comment lines."""

    show: str | None = None
    comments: tuple[str, ...] = ()


def to_script(
    program: s.Program, trace: Sequence[Traced] | None = None, notes: Mapping[int, Note] | None = None
) -> str:
    """The Program as Python.

    Args:
        trace: the steps of a Trace; a step that raised is written so that the script goes on, one that was skipped is
            left out.
        notes: what to say after which step.
    """
    writer = _Writer(_taken(program))
    lines = writer.block(program.steps, trace, notes or {})
    return "\n".join(_spaced([*writer.imports(), "", *lines])) + "\n"


def _spaced(lines: Sequence[str]) -> list[str]:
    """No blank line after the head of a block, and never two."""
    kept: list[str] = []
    for line in lines:
        if line or (kept and kept[-1] and not kept[-1].endswith(":")):
            kept.append(line)
    return kept


def _taken(program: s.Program) -> set[str]:
    """Every name in a Program, so that the script invents others."""
    taken = set()
    for part in n.walk(program):
        taken |= n.mentioned(part) | n.defined(part)
        if isinstance(part, s.FunctionLit):
            taken |= set(part.params)
    return taken


class _Writer:
    """Writes statements; what an expression needs first (a function, a class) goes into `before`."""

    def __init__(self, taken: set[str]) -> None:
        self.taken = taken
        self.before: list[str] = []
        self.modules = {"torch"}
        self.classes: dict[str, s.FunctionDef] = {}

    def imports(self) -> list[str]:
        return [f"import {module}" for module in sorted(self.modules, key=lambda m: (m.startswith("torch"), m))]

    def fresh(self, wish: str) -> str:
        """A name that nothing has, near to what is wished for."""
        name, count = wish, 1
        while name in self.taken:
            count += 1
            name = f"{wish}_{count}"
        self.taken.add(name)
        return name

    # -- blocks of steps -----------------------------------------------------------------------------------------------

    def block(
        self, steps: Sequence[s.Step], trace: Sequence[Traced] | None = None, notes: Mapping[int, Note] | None = None
    ) -> list[str]:
        """Statements for steps; a mode is a `with` over the steps up to its exit."""
        return _Block(self, steps, trace, notes or {}).write()

    def statement(self, step: s.Step) -> list[str]:
        """The lines of one step, with what they need first."""
        outer, self.before = self.before, []
        line = STATEMENTS[type(step)](self, step)
        before, self.before = self.before, outer
        return ["", *before, "", line] if before else [line]

    # -- expressions ---------------------------------------------------------------------------------------------------

    def value(self, arg: Any) -> str:
        """An argument as an expression."""
        return EXPRESSIONS[type(arg)](self, arg)

    def values(self, args: Sequence[Any]) -> str:
        return ", ".join(self.value(arg) for arg in args)

    def call(self, function: str, args: Sequence[Any], kwargs: Sequence[tuple[str, Any]] = ()) -> str:
        given = [self.value(arg) for arg in args] + [f"{key}={self.value(arg)}" for key, arg in kwargs]
        return f"{function}({', '.join(given)})"

    def dotted(self, op: str) -> str:
        """A function by its dotted name, importing what `import torch` leaves out."""
        module, _, _ = op.rpartition(".")
        if module == "copy" or op == "len":
            self.modules |= {"copy"} if module else set()
            return op
        if module.startswith("utils."):
            self.modules.add(f"torch.{module}")
        return f"torch.{op}"

    def owner(self, arg: Any) -> str:
        """An expression that can take a dot."""
        text = self.value(arg)
        return text if isinstance(arg, (s.Ref, s.NodeOf, s.Seq, str)) else f"({text})"

    # -- functions -----------------------------------------------------------------------------------------------------

    def function(self, lit: s.FunctionLit, name: str) -> list[str]:
        """A `def`; its lines."""
        outer, self.before = self.before, []
        decorators = [f"@{self.call(self.dotted(m.mode), m.args, m.kwargs)}" for m in lit.decorators]
        prelude = self.before
        self.before = []
        body = self.block(lit.steps)
        result = self.value(lit.result)
        body += self.before
        self.before = outer
        if lit.generator:
            body.append(f"yield {result}")
        elif lit.result is not None:
            body.append(f"return {result}")
        return [*prelude, *decorators, f"def {name}({', '.join(lit.params)}):", *_indent(_body(body))]

    def named_function(self, lit: s.FunctionLit, wish: str) -> str:
        name = self.fresh(wish)
        self.before += self.function(lit, name)
        return name

    def callback(self, lit: s.Callback, label: str, params: Sequence[str]) -> str:
        """A callback as a lambda, or as the name of a `def` where it takes a statement."""
        value = self.value(lit.value)
        first = params[0]
        if lit.do in _BODIES:
            name = self.fresh(f"{label}_hook")
            self.before += [
                f"def {name}({', '.join(params)}):",
                INDENT + _BODIES[lit.do].format(arg=first, value=value),
            ]
            return name
        shown = ", ".join(param.lstrip("*") if not param.startswith("*_") else "*_" for param in params)
        text = _LAMBDAS[lit.do].format(arg=first, value=value, label=_text(label), args=shown)
        return f"lambda {', '.join(params)}: {text}"


class _Written(str):
    """An expression that is already written."""

    __slots__ = ()


class _Block:
    """One run of steps: their modes become nested `with` blocks."""

    def __init__(
        self, writer: _Writer, steps: Sequence[s.Step], trace: Sequence[Traced] | None, notes: Mapping[int, Note]
    ) -> None:
        self.writer, self.steps, self.trace, self.notes = writer, steps, trace, notes
        self.exits = _exits(steps)

    def write(self) -> list[str]:
        return self.lines(0, len(self.steps))

    def outcome(self, index: int) -> str:
        return "ok" if self.trace is None or index >= len(self.trace) else self.trace[index].outcome

    def lines(self, start: int, stop: int) -> list[str]:
        written: list[str] = []
        index = start
        while index < stop:
            step = self.steps[index]
            if isinstance(step, s.EnterMode):
                end = self.exits.get(index, stop)
                written += self.mode(step, index, end)
                index = end
                continue
            if not isinstance(step, s.ExitMode):
                written += self.guarded(self.writer.statement(step), index)
            written += self.note(index)
            index += 1
        return written

    def guarded(self, lines: list[str], index: int) -> list[str]:
        outcome = self.outcome(index)
        if outcome == "skipped":
            return []
        if outcome == "raised":
            return _try(lines)
        return lines

    def mode(self, step: s.EnterMode, index: int, end: int) -> list[str]:
        """A mode and the steps in it; one that was refused has no steps in it."""
        writer = self.writer
        outer, writer.before = writer.before, []
        # Callbacks of a mode pack or unpack a saved tensor.
        args = [
            _Written(writer.callback(arg, arg.do, ("tensor",))) if isinstance(arg, s.Callback) else arg
            for arg in step.args
        ]
        manager = writer.call(writer.dotted(step.mode), args, step.kwargs)
        prelude, writer.before = writer.before, outer
        head = f"with {manager}{f' as {step.out}' if step.out else ''}:"
        note = self.note(index)
        outcome = self.outcome(index)
        if outcome != "ok":
            refused = [] if outcome == "skipped" else _try([*prelude, head, INDENT + "pass"])
            return [*refused, *note, *self.lines(index + 1, end)]
        lines = [*prelude, head, *_indent(_body([*note, *self.lines(index + 1, end)]))]
        closed = end < len(self.steps) and self.outcome(end) == "raised"
        return _try(lines) if closed else lines

    def note(self, index: int) -> list[str]:
        note = self.notes.get(index)
        if note is None:
            return []
        shown = [] if note.show is None else [f"print({note.show})"]
        return [*shown, *[f"# {line}" for comment in note.comments for line in comment.splitlines()]]


def _exits(steps: Sequence[s.Step]) -> dict[int, int]:
    """For each step that enters a mode, the step that leaves it."""
    open_, exits = [], {}
    for index, step in enumerate(steps):
        if isinstance(step, s.EnterMode):
            open_.append(index)
        elif isinstance(step, s.ExitMode) and open_:
            exits[open_.pop()] = index
    return exits


def _indent(lines: Sequence[str]) -> list[str]:
    return [INDENT + line if line else line for line in lines]


def _body(lines: list[str]) -> list[str]:
    """Lines that may stand in a block: Python wants a statement there."""
    return lines if any(line and not line.startswith("#") for line in lines) else [*lines, "pass"]


def _try(lines: Sequence[str]) -> list[str]:
    return [
        "try:",
        *_indent(lines),
        "except Exception as error:",
        INDENT + 'print(f"{type(error).__name__}: {error}")',
    ]


# -- literals ----------------------------------------------------------------------------------------------------------


def _text(value: str) -> str:
    text = repr(value)
    return text if '"' in text else f'"{text[1:-1]}"'


def _float(value: float) -> str:
    return repr(value) if math.isfinite(value) else f'float("{value}")'


def _complex(writer: _Writer, arg: s.Complex) -> str:
    return f"complex({_float(float(arg.re))}, {_float(float(arg.im))})"


def _sequence(writer: _Writer, arg: s.Seq) -> str:
    items = writer.values(arg.items)
    if arg.type == "tuple":
        return f"({items},)" if len(arg.items) == 1 else f"({items})"
    if arg.type == "set":
        return f"{{{items}}}" if items else "set()"
    return f"[{items}]" if arg.type == "list" else f"torch.Size([{items}])"


def _mapping(writer: _Writer, arg: s.Mapping) -> str:
    return "{" + ", ".join(f"{writer.value(key)}: {writer.value(value)}" for key, value in arg.items) + "}"


def _slice(writer: _Writer, arg: s.Slice) -> str:
    return f"slice({arg.start}, {arg.stop}, {arg.step})"


def _node(writer: _Writer, arg: s.NodeOf) -> str:
    return f"{arg.name}.grad_fn" + "".join(f".next_functions[{index}][0]" for index in arg.path)


def _overriding(writer: _Writer, arg: s.Overriding) -> str:
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


EXPRESSIONS: dict[type, Callable[[_Writer, Any], str]] = {
    type(None): lambda writer, arg: "None",
    bool: lambda writer, arg: repr(arg),
    int: lambda writer, arg: repr(arg),
    float: lambda writer, arg: _float(arg),
    str: lambda writer, arg: _text(arg),
    _Written: lambda writer, arg: arg,
    s.Ref: lambda writer, arg: arg.name,
    s.Seq: _sequence,
    s.Mapping: _mapping,
    s.Generator: lambda writer, arg: f"(item for item in [{writer.values(arg.items)}])",
    s.Special: lambda writer, arg: _float(float(arg.value)),
    s.Complex: _complex,
    s.Dtype: lambda writer, arg: f"torch.{arg.name}",
    s.Device: lambda writer, arg: f'torch.device("{arg.name}")',
    s.TorchAttr: lambda writer, arg: writer.dotted(arg.name),
    s.Slice: _slice,
    s.Ellipsis_: lambda writer, arg: "...",
    s.Edge: lambda writer, arg: f"torch.autograd.graph.get_gradient_edge({arg.name})",
    s.NodeOf: _node,
    s.Opaque: lambda writer, arg: "object()",
    s.Overriding: _overriding,
    s.Callback: lambda writer, arg: writer.callback(arg, arg.do, ("arg", "*_")),
    s.FunctionLit: lambda writer, arg: writer.named_function(arg, "function"),
}

_LAMBDAS = {
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
_BODIES = {
    "raise": "raise ValueError({value})",
    "inplace_scale": "{arg}.mul_({value})",
    "inplace_zero": "{arg}.zero_()",
    "clear_grad": "{arg}.grad = None",
}

# -- statements --------------------------------------------------------------------------------------------------------


def _assign(outs: Sequence[str], expression: str, unpack: bool) -> str:
    if not outs:
        return expression
    if len(outs) == 1:
        return f"({outs[0]},) = {expression}" if unpack else f"{outs[0]} = {expression}"
    return f"{', '.join(outs)} = {expression}"


_INFERRED: dict[type, str] = {bool: "bool", int: "int64", float: "float32", s.Complex: "complex64"}


def _number(value: Any, dtype: str) -> str:
    if isinstance(value, s.Complex):
        return f"complex({_float(float(value.re))}, {_float(float(value.im))})"
    floating = dtype.startswith(("float", "bfloat", "complex"))
    if isinstance(value, str) or (floating and type(value) is int and abs(value) < 1 << 53):
        return _float(float(value))
    return _float(value) if isinstance(value, float) else repr(value)


def _nested(items: Sequence[str], shape: Sequence[int]) -> str:
    rows = list(items)
    for size in reversed(shape):
        rows = [f"[{', '.join(rows[i : i + size])}]" for i in range(0, len(rows), size)]
    return rows[0]


def _make(writer: _Writer, step: s.Make) -> str:
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


def _apply(writer: _Writer, step: s.Apply) -> str:
    outs = step.outs
    if step.form == "augmented":
        left = step.args[0]
        if isinstance(left, s.Ref) and outs in ((), (left.name,)):
            return f"{left.name} {words.AUGMENTED[step.op]} {writer.value(step.args[1])}"
        writer.modules.add("operator")
        return _assign(outs, writer.call(f"operator.i{step.op}", step.args), step.unpack)
    return _assign(outs, FORMS[step.form](writer, step), step.unpack)


def _operator(writer: _Writer, step: s.Apply) -> str:
    operands = [writer.value(arg) for arg in step.args]
    if len(operands) == 2 and step.op in words.INFIX:
        left = f"({operands[0]})" if operands[0].startswith("-") else operands[0]
        return f"{left} {words.INFIX[step.op]} {operands[1]}"
    if len(operands) == 1 and step.op in words.PREFIX:
        return words.PREFIX[step.op] + operands[0]
    writer.modules.add("operator")
    name = f"{step.op}_" if step.op in ("and", "or") else step.op
    return writer.call(f"operator.{name}", step.args)


def _function(writer: _Writer, step: s.Apply) -> str:
    return writer.call(writer.dotted(step.op), step.args, step.kwargs)


def _method(suffix: str) -> Callable[[_Writer, s.Apply], str]:
    def write(writer: _Writer, step: s.Apply) -> str:
        return writer.call(f"{writer.owner(step.args[0])}.{step.op}{suffix}", step.args[1:], step.kwargs)

    return write


FORMS: dict[str, Callable[[_Writer, s.Apply], str]] = {
    "function": _function,
    "out": _function,
    "method": _method(""),
    "inplace": _method("_"),
    "operator": _operator,
    "property": lambda writer, step: f"{writer.owner(step.args[0])}.{step.op}",
    "call": lambda writer, step: writer.call(writer.owner(step.args[0]), step.args[1:], step.kwargs),
}


def _index(writer: _Writer, arg: Any) -> str:
    """An index as it stands between brackets."""
    if isinstance(arg, s.Slice):
        parts = ["" if part is None else str(part) for part in (arg.start, arg.stop, arg.step)]
        return ":".join(parts if parts[2] else parts[:2])
    if isinstance(arg, s.Seq) and arg.type == "tuple" and arg.items:
        items = [_index(writer, item) if isinstance(item, s.Slice) else writer.value(item) for item in arg.items]
        return ", ".join(items) + ("," if len(items) == 1 else "")
    return writer.value(arg)


def _setitem(writer: _Writer, step: s.SetItem) -> str:
    return f"{step.target}[{_index(writer, step.index)}] = {writer.value(step.value)}"


_HOOK_CALLS = {
    "tensor": ("register_hook", ("grad",)),
    "post_accumulate": ("register_post_accumulate_grad_hook", ("param",)),
    "node_pre": ("register_prehook", ("grad_outputs",)),
    "node_post": ("register_hook", ("grad_inputs", "grad_outputs")),
    "multi_all": ("register_multi_grad_hook", ("grads",)),
    "multi_any": ("register_multi_grad_hook", ("grad",)),
}


def _add_hook(writer: _Writer, step: s.AddHook) -> str:
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
        owner = _node(writer, s.NodeOf(owner, step.path))
    return f"{step.out} = {owner}.{register}({function})"


_METHODS = ("forward", "setup_context", "backward", "vjp", "jvp", "vmap")


def _custom_function(writer: _Writer, step: s.CustomFunction) -> str:
    definition = step.function
    if writer.classes.get(definition.name) != definition:
        writer.classes[definition.name] = definition
        body: list[str] = []
        if definition.generate_vmap_rule is not None:
            body += [f"generate_vmap_rule = {definition.generate_vmap_rule}", ""]
        for name in _METHODS:
            lit: s.FunctionLit | None = getattr(definition, name)
            if lit is None:
                continue
            body.append("@staticmethod")
            if definition.once_differentiable and name in ("backward", "vjp"):
                body.append("@torch.autograd.function.once_differentiable")
            body += [*writer.function(lit, name), ""]
        writer.before += [f"class {definition.name}(torch.autograd.Function):", *_indent(body or ["pass", ""])]
    return _assign(step.outs, writer.call(f"{definition.name}.apply", step.args), step.unpack)


def _given(step: Any, skip: Sequence[str]) -> list[tuple[str, Any]]:
    fields = [(name, getattr(step, name)) for name in step.__struct_fields__ if name not in skip]
    return [(name, value) for name, value in fields if value is not s.UNSET]


def _backward(writer: _Writer, step: s.Backward) -> str:
    kwargs = _given(step, ("tensors", "grad_tensors", "form"))
    gradient = [] if step.grad_tensors is s.UNSET else [step.grad_tensors]
    if step.form == "method":
        return writer.call(f"{writer.owner(step.tensors)}.backward", gradient, kwargs)
    return writer.call("torch.autograd.backward", [step.tensors, *gradient], kwargs)


def _grad(writer: _Writer, step: s.Grad) -> str:
    kwargs = _given(step, ("outs", "outputs", "inputs"))
    return _assign(step.outs, writer.call("torch.autograd.grad", [step.outputs, step.inputs], kwargs), True)


def _read(writer: _Writer, step: s.Read) -> str:
    if step.what in words.READ_FUNCTIONS:
        if step.what == "index":
            writer.modules.add("operator")
        seen = f"{'operator.index' if step.what == 'index' else step.what}({step.target})"
    else:
        seen = f"{step.target}.{step.what}{'()' if step.what in words.READ_METHODS else ''}"
    return f"print({seen})" if step.out is None else f"{step.out} = {seen}"


STATEMENTS: dict[type, Callable[[_Writer, Any], str]] = {
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
