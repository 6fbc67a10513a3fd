"""Programs that begin with the example of a clause and go on as chance wills.

A rule that few draws meet is met in this way by every run, and each time in other company than in its example.
"""

from __future__ import annotations

from functools import cache

from conformance.examples import EXAMPLES, Example
from conformance.generate.builder import Builder
from conformance.program import steps as s
from conformance.program.names import defined, walk
from specs import load


@cache
def _by_clause() -> tuple[tuple[Example, ...], ...]:
    """The examples of each clause.

    Those of deviations are left out: engines that have parted are not compared any further, and each run executes
    these examples by themselves.
    """
    deviations = load().deviations
    found: dict[str, list[Example]] = {}
    for name in sorted(EXAMPLES):
        if name not in deviations:
            for clause in EXAMPLES[name].clauses:
                found.setdefault(clause, []).append(EXAMPLES[name])
    return tuple(tuple(found[clause]) for clause in sorted(found))


@cache
def _names(example: Example) -> frozenset[str]:
    """All names that an example gives, those inside its functions too."""
    return frozenset(name for part in walk(example.program) for name in defined(part))


def example(b: Builder) -> None:
    """Emit the steps of an example: each clause is as likely as any other."""
    chosen = b.choose.one_of(b.choose.one_of(_by_clause()))
    b.reserved = _names(chosen)
    b.look = b.look and chosen.program.observe == "each"
    for step in chosen.program.steps:
        b.emit(step)
        if isinstance(step, s.EnterMode):
            b.open_modes += 1
        elif isinstance(step, s.ExitMode):
            b.open_modes = max(0, b.open_modes - 1)
        elif isinstance(step, s.AddHook) and step.out in b.machine.scope.names:
            b.handles.append(step.out)
    b.specified = any(t._sparse is not None for t in b.machine.scope.tensors.values())
