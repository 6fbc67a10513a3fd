"""Judging one Program: the differences that stand after rounding is excused, and what explains them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from conformance.execute.machine import execute
from conformance.execute.trace import Trace
from conformance.judge import choices
from conformance.judge.compare import Divergence, differences
from conformance.judge.deviations import known
from conformance.judge.shadow import ShadowRuns
from conformance.program.steps import Program
from conformance.subjects.base import Subject
from specs import Version
from specs.schema import Deviation


class Judgement(msgspec.Struct, frozen=True):
    """The first difference that stands, and the known deviation that explains it, if one does."""

    divergence: Divergence
    deviation: Deviation | None


def judge(
    program: Program,
    expected: Trace,
    observed: Trace,
    reference: Subject,
    deviations: Sequence[Deviation],
    version: Version,
) -> Judgement | None:
    """None if the subject conforms on this Program."""
    found = _judge(program, expected, observed, reference, deviations, version)
    if found is None or found.deviation:
        return found
    for way in choices.ways(expected, observed):
        with way:
            again = _judge(program, execute(program, reference), observed, reference, deviations, version)
        if again is None or again.deviation:
            return again
        if again.divergence.step > found.divergence.step:
            found = again
    return found


def _judge(
    program: Program,
    expected: Trace,
    observed: Trace,
    reference: Subject,
    deviations: Sequence[Deviation],
    version: Version,
) -> Judgement | None:
    """The first difference that stands.

    Only the first difference is judged: what follows it may be its consequence.
    """
    runs: ShadowRuns | None = None
    for divergence in differences(program, expected, observed):
        if divergence.mismatch is not None:
            runs = runs or ShadowRuns(program, reference)
            if runs.excuses(divergence):
                continue
        return Judgement(divergence, known(divergence, deviations, version))
    return None
