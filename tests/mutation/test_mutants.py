"""The mutants are what they say: they change one place, and a changed engine is what is checked."""

from __future__ import annotations

import pytest

pytest.importorskip("cosmic_ray")

from mutation import mutants, runs, survivors
from mutation.groups import GROUPS, ROOT

GROUP = GROUPS["backward"]


def test_the_groups_name_what_is_there() -> None:
    for group in GROUPS.values():
        for path in (*group.modules, *group.tests, *(f"tests/surface/scripts/{name}.py" for name in group.scripts)):
            assert (ROOT / path).exists(), path
        for area in group.areas:
            assert (ROOT / "specs" / "messages" / f"{area}.toml").exists(), area


@pytest.mark.parametrize("operator", mutants.OWN.values(), ids=lambda operator: operator.__name__)
def test_an_operator_of_ours_does_what_its_example_says(operator: type) -> None:
    for example in operator.examples():
        assert mutants.mutate_code(example.pre_mutation_code, operator(), 0) == example.post_mutation_code


def test_a_sample_is_the_same_again_and_changes_one_place_each() -> None:
    chosen = list(mutants.sample(GROUP, 12, seed=3))
    assert chosen == list(mutants.sample(GROUP, 12, seed=3))
    assert len({(m.where, m.start) for m in chosen}) == 12
    for mutant in chosen:
        assert mutant.before != mutant.after
        assert " ".join(mutant.before.split()) in " ".join(mutants.source(mutant.where).split())


def test_nothing_is_changed_that_is_never_run() -> None:
    lines = mutants.source("reference_engine/autograd/engine.py").split("\n")
    for mutant in mutants.of_module("reference_engine/autograd/engine.py"):
        line = lines[mutant.line - 1]
        assert "import" not in line
        assert "|" not in line[mutant.start[1] : mutant.end[1]]  # the only ones here are in annotations


def test_a_function_gets_the_code_of_the_mutant() -> None:
    import reference_engine.strides as strides

    (mutant,) = [
        m
        for m in mutants.of_module("reference_engine/strides.py")
        if m.operator == "core/ReplaceComparisonOperator_Gt_LtE" and "len(shape) > len(target)" in line_of(m)
    ][:1]
    live = runs.live_functions()
    before = strides.is_expandable_to.__code__
    try:
        assert not strides.is_expandable_to((2, 3), (3,))
        assert runs.exchange(mutant, live)
        assert strides.is_expandable_to((2, 3), (3,))
    finally:
        strides.is_expandable_to.__code__ = before


def line_of(mutant: mutants.Mutant) -> str:
    return mutants.source(mutant.where).split("\n")[mutant.line - 1]


def test_a_survivor_that_is_explained_can_still_be_made() -> None:
    """An explanation of code that is gone explains nothing."""
    made = {(m.where, m.before, m.after) for group in GROUPS.values() for m in mutants.messages(group.areas, "2.13")}
    for where, before, after in survivors.explained():
        text = mutants.source(where) if where.endswith(".py") else ""
        there = all(part.strip() in text for part in before.split("\n")) if text else (where, before, after) in made
        assert there, (where, before)
