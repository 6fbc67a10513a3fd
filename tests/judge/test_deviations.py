"""A deviation explains exactly what it describes."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from conformance.execute.trace import StepTrace, Trace
from conformance.judge.compare import Divergence
from conformance.judge.deviations import explains, known, known_loss
from specs import Version
from specs.schema import Deviation

SEEN = Divergence(
    step=3,
    step_kind="backward",
    op=None,
    tensor=None,
    field="exception",
    expected="RuntimeError: Mismatch in shape: grad_output[1] has a shape of torch.Size([2])",
    observed="RuntimeError: Boolean value of Tensor with more than one value is ambiguous",
    clauses=("backward.grad_tensors.shape", "leaf.factory"),
)
KNOWN = Deviation(
    id="backward.index",
    clause="backward.grad_tensors.shape",
    title="the wrong entry is named",
    promised="its index",
    torch_does="compares tensors",
    why="list.index",
    severity="wrong_message",
    since="1.11",
    match={"step_kind": "backward|grad", "expected": r".*grad_output\[[1-9]\].*", "observed": ".*ambiguous"},
)


def test_what_it_describes_is_explained() -> None:
    assert explains(KNOWN, SEEN, Version.parse("2.13.0"))


@pytest.mark.parametrize(
    "change",
    [
        {"step_kind": "apply"},
        {"expected": "RuntimeError: Mismatch in shape: grad_output[0] has"},
        {"observed": "RuntimeError: ambiguous, but not at the end"},
        {"clauses": ("leaf.factory",)},
    ],
)
def test_a_neighbour_is_not(change: dict[str, Any]) -> None:
    assert not explains(KNOWN, msgspec.structs.replace(SEEN, **change), Version.parse("2.13.0"))


def test_a_version_outside_its_range_is_not() -> None:
    assert not explains(KNOWN, SEEN, Version.parse("1.10"))


def test_the_narrowest_of_several_is_named() -> None:
    wide = msgspec.structs.replace(KNOWN, id="backward.all", match={})
    assert known(SEEN, [wide, KNOWN], Version.parse("2.4")) is KNOWN
    assert known(SEEN, [wide], Version.parse("2.4")) is wide
    assert known(SEEN, [], Version.parse("2.4")) is None


def test_a_lost_process_is_explained_by_a_clause_that_the_reference_came_to() -> None:
    crash = msgspec.structs.replace(KNOWN, id="hooks.crash", severity="crash", match={"field": "crash"})
    reached = Trace("any", (StepTrace("ok", clauses=("leaf.factory",)), StepTrace("ok", clauses=(KNOWN.clause,))))
    elsewhere = Trace("any", (StepTrace("ok", clauses=("leaf.factory",)),))
    version = Version.parse("2.13.0")
    assert known_loss("crash", reached, [KNOWN, crash], version) is crash
    assert known_loss("crash", reached, [KNOWN], version) is None
    assert known_loss("timeout", reached, [crash], version) is None
    assert known_loss("crash", elsewhere, [crash], version) is None
    assert known_loss("crash", reached, [crash], Version.parse("1.10")) is None
