"""A Program as a plain torch script, that does what the Machine does when it is pasted into a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from conformance.program import names as n
from conformance.program import steps as s
from conformance.program.expressions import BODIES, EXPRESSIONS, INDENT, LAMBDAS, Written, quoted
from conformance.program.statements import STATEMENTS, indented


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
    writer = Writer(_taken(program))
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


class Writer:
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
        return [*prelude, *decorators, f"def {name}({', '.join(lit.params)}):", *indented(_body(body))]

    def named_function(self, lit: s.FunctionLit, wish: str) -> str:
        name = self.fresh(wish)
        self.before += self.function(lit, name)
        return name

    def callback(self, lit: s.Callback, label: str, params: Sequence[str]) -> str:
        """A callback as a lambda, or as the name of a `def` where it takes a statement."""
        value = self.value(lit.value)
        first = params[0]
        if lit.do in BODIES:
            name = self.fresh(f"{label}_hook")
            self.before += [
                f"def {name}({', '.join(params)}):",
                INDENT + BODIES[lit.do].format(arg=first, value=value),
            ]
            return name
        shown = ", ".join(param.lstrip("*") if not param.startswith("*_") else "*_" for param in params)
        text = LAMBDAS[lit.do].format(arg=first, value=value, label=quoted(label), args=shown)
        return f"lambda {', '.join(params)}: {text}"


class _Block:
    """One run of steps: their modes become nested `with` blocks."""

    def __init__(
        self, writer: Writer, steps: Sequence[s.Step], trace: Sequence[Traced] | None, notes: Mapping[int, Note]
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
            Written(writer.callback(arg, arg.do, ("tensor",))) if isinstance(arg, s.Callback) else arg
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
        lines = [*prelude, head, *indented(_body([*note, *self.lines(index + 1, end)]))]
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


def _body(lines: list[str]) -> list[str]:
    """Lines that may stand in a block: Python wants a statement there."""
    return lines if any(line and not line.startswith("#") for line in lines) else [*lines, "pass"]


def _try(lines: Sequence[str]) -> list[str]:
    return [
        "try:",
        *indented(lines),
        "except Exception as error:",
        INDENT + 'print(f"{type(error).__name__}: {error}")',
    ]
