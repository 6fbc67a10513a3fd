"""Finds an example for each clause that has none: ``python -m conformance.mine``.

Programs are drawn from every profile; the first that exercises a clause is shrunk to the shortest that still does, and
kept under ``programs/<area>.json``. With ``0`` draws nothing is looked for, and the examples that are there are run
again, to note what they exercise by now. A known deviation's example, named like it, is a program on which the
installed torch shows it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from conformance.campaign import CampaignSettings
from conformance.examples import EXAMPLES, Example
from conformance.execute.machine import execute
from conformance.generate.builder import draw
from conformance.generate.prng import PRNGChoices
from conformance.generate.profiles import PROFILES
from conformance.judge.shrink import shrink
from conformance.program.script import to_script
from conformance.program.steps import Program
from conformance.subjects.base import SubjectUnavailable
from conformance.subjects.reference import Reference
from conformance.trial import Trial

FOLDER = Path(__file__).parent / "examples" / "programs"


def _draws(reference: Reference, count: int) -> Iterator[tuple[Program, Any]]:
    profiles = list(PROFILES.values())
    for index in range(count):
        yield draw(PRNGChoices(7, index), profiles[index % len(profiles)], reference)


def cited(program: Program, reference: Reference) -> set[str]:
    """The clauses that a Program exercises."""
    return {clause for step in execute(program, reference).steps for clause in step.clauses}


def _shrunk(program: Program, holds: Callable[[Program], bool]) -> Program:
    try:
        return shrink(program, holds)
    except ValueError:  # it does not hold when the program is run again: nothing to keep
        return program


def mine_clauses(count: int) -> dict[str, Example]:
    """An example for each clause that some drawn program exercises and no example is about yet."""
    reference = Reference()
    known = {e.clauses[0] for e in EXAMPLES.values()}
    wanted = {c for c in reference.semantics.specs.clauses if c not in known}
    found: dict[str, Program] = {}
    for program, trace in _draws(reference, count):
        for clause in {c for step in trace.steps for c in step.clauses} & wanted:
            if clause not in found or len(program.steps) < len(found[clause].steps):
                found[clause] = program
    trial = _trial()
    examples: dict[str, Example] = {}
    for clause, program in sorted(found.items()):

        def cites(candidate: Program, clause: str = clause) -> bool:
            return clause in cited(candidate, reference)

        small = _shrunk(program, cites) if cites(program) else program
        if _conforms(clause, small, trial):
            examples[clause] = _about(clause, clause, small, reference)
        if len(examples) % 50 == 0:
            print(f"{len(examples)} of {len(found)} examples")
            save(examples)
    return examples


def _about(name: str, clause: str, program: Program, reference: Reference) -> Example:
    return Example(name, (clause, *sorted(cited(program, reference) - {clause})), program)


def _conforms(name: str, program: Program, trial: Trial | None) -> bool:
    """Whether the installed torch does what the reference does; where it does not, that is a finding, no example."""
    judgement = trial.rerun(program)[0] if trial is not None else None
    if judgement is not None and judgement.deviation is None:
        print(f"no example of {name}, but a finding:\n{to_script(program)}\n{judgement.divergence}")
        return False
    return True


def noted_again() -> dict[str, Example]:
    """The examples found earlier, with what they exercise by now."""
    reference = Reference()
    stored = (e for path in FOLDER.glob("*.json") for e in msgspec.json.decode(path.read_bytes(), type=list[Example]))
    return {e.name: _about(e.name, e.clauses[0], e.program, reference) for e in stored}


def _trial() -> Trial | None:
    try:
        return Trial(CampaignSettings())
    except SubjectUnavailable:
        return None


def mine_deviations(count: int) -> dict[str, Example]:
    """An example for each known deviation that the installed torch shows on some drawn program."""
    trial = _trial()
    if trial is None:
        return {}
    wanted = {d for d in trial.specs.deviations if d not in EXAMPLES and not d.startswith("law.")}
    examples: dict[str, Example] = {}
    for program, baseline in _draws(trial.baseline, count):
        judgement = trial.judge(program, trial.expected(program, baseline), execute(program, trial.subject))
        if judgement is None or judgement.deviation is None or judgement.deviation.id not in wanted - set(examples):
            continue
        name = judgement.deviation.id

        def shows(candidate: Program, name: str = name) -> bool:
            again, _, _ = trial.rerun(candidate)
            return again is not None and again.deviation is not None and again.deviation.id == name

        if shows(program):
            clause = judgement.deviation.clause
            examples[name] = _about(name, clause, _shrunk(program, shows), trial.baseline)
    return examples


def save(examples: dict[str, Example]) -> None:
    """Write the examples, one file an area, merged with those that are there."""
    FOLDER.mkdir(exist_ok=True)
    areas: dict[str, dict[str, Example]] = {}
    for name, example in examples.items():
        areas.setdefault(name.split(".", 1)[0], {})[name] = example
    for area, new in areas.items():
        path = FOLDER / f"{area}.json"
        old = msgspec.json.decode(path.read_bytes(), type=list[Example]) if path.exists() else []
        merged = {e.name: e for e in old} | new
        text = msgspec.json.format(msgspec.json.encode([merged[n] for n in sorted(merged)], order="sorted"), indent=1)
        path.write_bytes(text + b"\n")


def main(count: int = 20000) -> None:
    save(noted_again())
    clauses = mine_clauses(count)
    print(f"{len(clauses)} clauses")
    save(clauses)
    deviations = mine_deviations(count)
    print(f"{len(deviations)} deviations")
    save(deviations)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
