"""The named examples show what they are named for, on the reference alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.examples import EXAMPLES, Example, study
from conformance.mine import cited
from conformance.program import codec
from conformance.subjects.reference import Reference
from specs import load


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_exercises_what_it_says_and_no_more(name: str, reference: Reference) -> None:
    """``python -m conformance.mine 0`` notes them again after a change of what the engine cites."""
    example = EXAMPLES[name]
    if name in {e.name for e in study.EXAMPLES}:  # written by hand: about the clauses that it names
        assert set(example.clauses) <= cited(example.program, reference)
    else:
        assert set(example.clauses) == cited(example.program, reference) | _of_its_time(example)


def _of_its_time(example: Example) -> set[str]:
    """The clause that an example is about, if it holds no more and the semantics of a version where it did cite it."""
    clause = load().clauses[example.clauses[0]]
    if clause.until is None or load().newest in clause.versions:
        return set()
    then = Reference(clause.since or "1.13")
    return {clause.id} & cited(example.program, then)


def test_an_example_is_a_program_that_a_file_may_hold() -> None:
    for example in EXAMPLES.values():
        assert codec.decode(codec.encode(example.program)) == example.program


CORE = {
    "accumulate", "anomaly", "backward", "convention", "engine", "function", "grad", "graph", "hooks", "inference",
    "inplace", "leaf", "mode", "saved", "version", "view",
}  # fmt: skip


def test_a_clause_of_the_core_has_an_example_or_a_reason_why_not() -> None:
    shown = {clause for example in EXAMPLES.values() for clause in example.clauses}
    page = (Path(__file__).parents[2] / "docs" / "out_of_reach.md").read_text(encoding="utf-8")
    lacking = {c for c, clause in load().clauses.items() if clause.area in CORE and c not in shown}
    assert {c for c in lacking if f"`{c}`" not in page} == set()


def test_an_example_is_about_clauses_that_exist() -> None:
    clauses = load().clauses
    unknown = {c for example in EXAMPLES.values() for c in example.clauses if c not in clauses}
    assert not unknown
