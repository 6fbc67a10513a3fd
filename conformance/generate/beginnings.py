"""Programs that begin with the example of a clause and go on as chance wills.

A rule that few draws meet is met in this way by every run, and each time in other company than in its example.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable
from functools import cache

from conformance.examples import EXAMPLES
from conformance.generate.builder import Builder
from conformance.program import steps as s
from conformance.program.names import defined, walk
from specs import load

_TURN = 1 << 32
_POINTS = 16  # of each name on the circle: the more, the more alike are their shares


class _Circle:
    """Names on a circle, each at points that it alone determines; a number finds the next one.

    So a name that is added takes its share of the numbers, and all the others stay where they are: a new example
    changes no program but those that begin with it.
    """

    def __init__(self, names: Iterable[str]) -> None:
        points = sorted((self._at(f"{name}/{k}"), name) for name in names for k in range(_POINTS))
        self._places = [place for place, _ in points]
        self._names = [name for _, name in points]

    @staticmethod
    def _at(text: str) -> int:
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")

    def next(self, number: int) -> str:
        return self._names[bisect_left(self._places, number) % len(self._names)]


@cache
def _by_clause() -> tuple[_Circle, dict[str, _Circle]]:
    """The clauses that have examples, and the names of the examples of each.

    Those of deviations are left out: engines that have parted are not compared any further, and each run executes
    these examples by themselves.
    """
    deviations = load().deviations
    found: dict[str, list[str]] = {}
    for name, shown in EXAMPLES.items():
        if name not in deviations:
            for clause in shown.clauses:
                found.setdefault(clause, []).append(name)
    return _Circle(found), {clause: _Circle(names) for clause, names in found.items()}


@cache
def _given_names(example: str) -> frozenset[str]:
    """All names that the steps of an example give, those inside its functions too."""
    return frozenset(name for part in walk(EXAMPLES[example].program) for name in defined(part))


def example(b: Builder) -> None:
    """Emit the steps of an example: each clause is about as likely as any other."""
    clauses, examples = _by_clause()
    clause = clauses.next(b.choose.integer(0, _TURN - 1))
    chosen = EXAMPLES[examples[clause].next(b.choose.integer(0, _TURN - 1))]
    b.reserved = _given_names(chosen.name)
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
