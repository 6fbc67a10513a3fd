"""The named examples show what they are named for, on the reference alone."""

from __future__ import annotations

import pytest

from conformance.examples import EXAMPLES
from conformance.execute.machine import execute
from conformance.program import codec
from conformance.subjects.reference import Reference
from specs import load


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_exercises_its_clause(name: str, reference: Reference) -> None:
    example = EXAMPLES[name]
    cited = {clause for step in execute(example.program, reference).steps for clause in step.clauses}
    assert example.clauses[0] in cited


def test_an_example_is_a_program_that_a_file_may_hold() -> None:
    for example in EXAMPLES.values():
        assert codec.decode(codec.encode(example.program)) == example.program


def test_an_example_is_about_clauses_that_exist() -> None:
    clauses = load().clauses
    unknown = {c for example in EXAMPLES.values() for c in example.clauses if c not in clauses}
    assert not unknown
