"""Each fault in an engine is found by the comparison within 2,000 programs; most also by laws, without a reference."""

from __future__ import annotations

import pytest

from conformance.execute.machine import execute
from conformance.generate.builder import draw
from conformance.generate.prng import PRNGChoices
from conformance.generate.profiles import PROFILES
from conformance.judge.laws import LAWS, NotApplicable
from conformance.judge.verdict import judge
from conformance.subjects.reference import Reference

from .faults import FAULTS, Broken

SEED = 1


@pytest.fixture(scope="module")
def reference() -> Reference:
    return Reference()


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_within_2000_programs(name: str, reference: Reference) -> None:
    subject = Broken(FAULTS[name])
    for index in range(2000):
        program, expected = draw(PRNGChoices(SEED, index), PROFILES["default"], reference)
        observed = execute(program, subject)
        if judge(program, expected, observed, reference, (), reference.semantics.version) is not None:
            return
    pytest.fail(f"{name} was not found")


def _broken_law(name: str, reference: Reference) -> str | None:
    subject = Broken(FAULTS[name])
    profiles = [PROFILES["default"], PROFILES["views"]]
    for index in range(5000):
        program, _ = draw(PRNGChoices(SEED, index), profiles[index % 2], reference)
        observed = execute(program, subject)
        for law in LAWS.values():
            try:
                if law.check(program, observed, subject) is not None:
                    return law.id
            except NotApplicable:
                continue
    return None


def test_no_fault_no_finding(reference: Reference) -> None:
    """The engine against itself conforms, and keeps every law, on a sample."""
    for index in range(300):
        program, expected = draw(PRNGChoices(SEED, index), PROFILES["default"], reference)
        observed = execute(program, reference)
        assert judge(program, expected, observed, reference, (), reference.semantics.version) is None, index
        for law in LAWS.values():
            try:
                assert law.check(program, observed, reference) is None, (index, law.id)
            except NotApplicable:
                continue


BEYOND_LAWS = {
    "a_leaf_flag": "flags are promised by clauses, no mathematics knows them",
    "an_error_text": "words are promised by clauses",
    "a_stride_ignored": "the layout of a result changes no number",
    "nodes_run_in_another_order": "sums of gradients do not depend on the order",
    "a_gradient_keeps_the_wrong_dtype": "the number is right, its dtype is promised by a clause",
    "the_graph_is_never_freed": "memory is promised by a clause",
    "retain_graph_ignored": "a refusal too many is seen by the comparison",
    "hooks_change_nothing": "what a hook's answer does is promised by a clause",
}


@pytest.mark.parametrize("name", [name for name in FAULTS if name not in BEYOND_LAWS])
def test_a_fault_that_both_engines_share_breaks_a_law(name: str, reference: Reference) -> None:
    assert _broken_law(name, reference) is not None, f"{name} breaks no law"
