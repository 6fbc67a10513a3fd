"""The Builder: draws a Program step by step, running the reference as it goes.

Running while drawing is what makes the generator state-aware: it knows the shapes, leaves, views and versions that
the next step will meet, so it can aim at what is allowed and at each thing that is refused; and the reference's own
Trace falls out of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from conformance.execute.machine import Machine
from conformance.execute.trace import StepTrace, Trace
from conformance.generate.choices import Choices
from conformance.generate.profiles import Profile
from conformance.program import steps as s
from conformance.program.steps import Program
from conformance.subjects.base import Subject

MAX_NUMEL = 64
MAX_TENSORS = 12


def made(t: Any) -> bool:
    """Whether an operation made this tensor.

    Asking for ``grad_fn`` would give a stale view its new history, and a program that nobody looks at until its end
    would be looked at while it is drawn.
    """
    return t._node is not None


class Builder:
    """A Program in the making.

    Attributes:
        choose: where choices come from.
        profile: how often what is drawn.
        look: whether the tensors are looked at after each step, or only in the end.
        tensors: the live strided tensors of the reference by name; read their metadata, never change them.
        specified: there may be sparse tensors among those that are alive.
        handles: names of hook handles that can be removed.
        open_modes: how many modes are open.
        reserved: names that ``fresh`` does not give.
    """

    def __init__(self, choose: Choices, profile: Profile, machine: Machine, observe: str) -> None:
        self.choose, self.profile, self.machine = choose, profile, machine
        self.look = observe == "each"
        self.steps: list[s.Step] = []
        self.traced: list[StepTrace] = []
        self.handles: list[str] = []
        self.open_modes = 0
        self.specified = False
        self.reserved: frozenset[str] = frozenset()
        self._names = 0

    @property
    def tensors(self) -> dict[str, Any]:
        live = self.machine.scope.tensors
        if not self.specified:
            return live
        return {name: t for name, t in live.items() if t._sparse is None}

    @property
    def sparse(self) -> dict[str, Any]:
        """The live tensors of other layouts than strided."""
        return {name: t for name, t in self.machine.scope.tensors.items() if t._sparse is not None}

    def fresh(self, prefix: str = "t") -> str:
        """A name that is not in use."""
        while True:
            name = f"{prefix}{self._names}"
            self._names += 1
            if name not in self.reserved:
                return name

    def emit(self, step: s.Step, last: bool = False) -> StepTrace:
        """Append a step and run it on the reference."""
        self.steps.append(step)
        trace = self.machine.step(step, self.look or last)
        self.traced.append(trace)
        return trace

    def call(self, op: str, *args: Any, form: Any = "method", prefix: str = "t") -> str | None:
        """Emit a call with one result. A name or a literal may stand for an argument; the name of the result."""
        live = self.machine.scope.tensors
        given = tuple(s.Ref(arg) if isinstance(arg, str) and arg in live else arg for arg in args)
        outs = () if form == "inplace" else (self.fresh(prefix),)
        self.emit(s.Apply(op, given, (), outs, form))
        return outs[0] if outs and outs[0] in live else None

    # -- choosing among what is alive --------------------------------------------------------------------------

    def pick(self, wanted: Callable[[Any], bool] | None = None) -> str | None:
        """The name of a live tensor; newer ones are likelier. None if no tensor is wanted."""
        names = [n for n, t in self.tensors.items() if wanted is None or wanted(t)]
        if not names:
            return None
        if len(names) > 2 and self.choose.coin(0.5):
            names = names[-3:]
        return self.choose.one_of(names)

    def pick_differentiable(self) -> str | None:
        return self.pick(lambda t: t.requires_grad)

    def spoil(self) -> bool:
        """Whether to make the next argument wrong on purpose."""
        return self.choose.coin(self.profile.invalid)

    def shuffled(self, items: Sequence[Any]) -> list[Any]:
        rest, out = list(items), []
        while rest:
            out.append(rest.pop(self.choose.integer(0, len(rest) - 1)))
        return out


class Drawn(msgspec.Struct, frozen=True):
    """A Program, the reference's Trace of it, and the families that its steps were drawn from."""

    program: Program
    trace: Trace
    families: frozenset[str]


def draw(choose: Choices, profile: Profile, reference: Subject) -> tuple[Program, Trace]:
    """Draw one Program together with the reference's Trace of it."""
    drawn = draw_noting(choose, profile, reference)
    return drawn.program, drawn.trace


def draw_noting(choose: Choices, profile: Profile, reference: Subject) -> Drawn:
    """Draw one Program, and note from which families."""
    from conformance.generate.beginnings import example
    from conformance.generate.families import FAMILIES, calls, making

    # a tensor that is looked at has its grad_fn made: now and then nobody looks until the end
    observe = "end" if choose.coin(0.25) else "each"
    families = set()
    with Machine(reference) as machine:
        b = Builder(choose, profile, machine, observe)
        if choose.coin(profile.examples):
            example(b)
        for _ in range(choose.integer(0 if b.tensors else 1, 3)):
            making.tensor(b)
        names, cumulative = profile.table()
        wanted = max(choose.integer(*profile.steps), len(b.steps) + 2)
        attempts = 0
        while len(b.steps) < wanted and attempts < 3 * wanted:
            attempts += 1
            family = choose.weighted(names, cumulative)
            families.add(family)
            FAMILIES[family](b)
        calls.closing(b)
    program = Program(tuple(b.steps), observe="each" if b.look else "end")
    return Drawn(program, Trace(reference.name, tuple(b.traced)), frozenset(families))
