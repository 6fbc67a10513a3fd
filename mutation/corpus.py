"""The suite's quick check, with torch's answers noted beforehand: named examples, and programs drawn from a seed.

What torch does does not depend on the mutant, so it is asked once. A program on which the unchanged reference differs
from torch in a way that nothing explains says nothing about a mutant: it is left out, and counted. Of another torch
that is asked as well only that is kept which its version makes different.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from conformance.execute.trace import Trace
from conformance.program.steps import Program
from mutation.coverage import Places, watched

SEED = 1
PROGRAMS = {"default": 400, "calls": 300, "views": 300, "hooks": 300, "ops": 50}
LAWFUL = 25  # so many programs are held to the laws, which know no torch


class Case(msgspec.Struct, frozen=True):
    """A program, and what is known of it without a mutant.

    Attributes:
        name: of the example, or profile/index.
        clauses: of an example: those that the newest reference cites.
        deviation: of an example: the deviation that it shows, if it is the example of one.
        laws: those to which the reference is held.
        places: what the reference comes to, of what will be mutated.
    """

    name: str
    program: Program
    observed: Trace
    clauses: frozenset[str] | None = None
    deviation: str | None = None
    laws: tuple[str, ...] = ()
    places: Places | None = None


class Corpus(msgspec.Struct, frozen=True):
    """All cases, and the torch that answered."""

    version: str
    cases: tuple[Case, ...]
    left_out: tuple[str, ...]


def record(modules: Sequence[str], main: str | None = None) -> Corpus:
    """Draw, ask torch, and leave out what the unchanged reference gets wrong. Imports both engines.

    Args:
        modules: those that will be mutated.
        main: the version of the torch that is asked first, if this is another one.
    """
    from conformance.campaign import CampaignSettings
    from conformance.examples import EXAMPLES
    from conformance.execute.machine import execute
    from conformance.generate.builder import draw
    from conformance.generate.prng import PRNGChoices
    from conformance.generate.profiles import PROFILES
    from conformance.judge.deviations import known_loss
    from conformance.judge.laws import LAWS
    from conformance.subjects.reference import Reference
    from conformance.trial import Trial
    from mutation.check import Check
    from specs import load

    trial = Trial(CampaignSettings(subject="torch"))
    version = trial.subject.version()
    deviations = load().deviations
    cases, left_out = [], []

    def ends(expected: Trace) -> bool:
        """Whether the program is known to take torch's process along."""
        return known_loss("crash", expected, trial.deviations, trial.version) is not None

    for name in sorted(EXAMPLES):
        program = EXAMPLES[name].program
        expected = execute(program, trial.baseline)
        if ends(expected):
            left_out.append(f"{name}: ends torch's process")
            continue
        cited = frozenset(c for step in expected.steps for c in step.clauses)
        shown = name if name in deviations and trial.version in deviations[name].versions else None
        cases.append(Case(name, program, execute(program, trial.subject), cited, shown))
    for profile, count in PROGRAMS.items():
        for index in range(count if main is None else count // 10):
            program, expected = draw(PRNGChoices(SEED, index), PROFILES[profile], trial.baseline)
            if ends(expected):
                left_out.append(f"{profile}/{index}: ends torch's process")
                continue
            laws = tuple(LAWS) if profile == "default" and index < LAWFUL and main is None else ()
            cases.append(Case(f"{profile}/{index}", program, execute(program, trial.subject), laws=laws))
    if main is not None:
        first = Reference(main)
        cases = [
            case for case in cases if execute(case.program, trial.reference).steps != execute(case.program, first).steps
        ]
    check = Check(version)
    kept = []
    for case in cases:
        trimmed = _trimmed(check, case)
        with watched(modules) as seen:
            found = check.differs(trimmed)
        if found is None:
            kept.append(msgspec.structs.replace(trimmed, places=frozenset(seen)))
        else:
            left_out.append(f"{case.name}: {found}")
    return Corpus(version, tuple(kept), tuple(left_out))


def _trimmed(check: object, case: Case) -> Case:
    """Without the laws that the reference itself breaks on the program."""
    from mutation.check import Check

    assert isinstance(check, Check)
    kept = tuple(law for law in case.laws if check.breaks(msgspec.structs.replace(case, laws=(law,))) is None)
    return msgspec.structs.replace(case, laws=kept)


if __name__ == "__main__":  # in the interpreter of another torch; read by the process that started this one
    from mutation import corpus

    Path(sys.argv[1]).write_bytes(pickle.dumps(corpus.record(sys.argv[3:], sys.argv[2])))
