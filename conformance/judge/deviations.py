"""Telling a known deviation of torch from a new divergence."""

from __future__ import annotations

import re
from collections.abc import Iterable

from conformance.execute.trace import Trace
from conformance.judge.compare import Divergence
from specs import Version
from specs.schema import Deviation

# What a deviation's `match` may ask about.
MATCHED = ("step_kind", "op", "tensor", "field", "kind", "expected", "observed")


def explains(deviation: Deviation, divergence: Divergence, version: Version) -> bool:
    """Whether this deviation is what was seen: its version, its clause, and all that its `match` says."""
    if version not in deviation.versions or deviation.clause not in divergence.clauses:
        return False
    return all(
        re.fullmatch(pattern, getattr(divergence, field) or "", re.DOTALL) for field, pattern in deviation.match.items()
    )


def known_loss(what: str, expected: Trace, deviations: Iterable[Deviation], version: Version) -> Deviation | None:
    """The deviation that explains why a program took its process along ("crash") or never ended ("timeout").

    Such a program leaves no Trace of the subject, so what counts is that the reference came to the clause.
    """
    reached = {clause for step in expected.steps for clause in step.clauses}
    explaining = [
        deviation
        for deviation in deviations
        if deviation.match.get("field") == what and version in deviation.versions and deviation.clause in reached
    ]
    return min(explaining, key=lambda deviation: deviation.id, default=None)


def known(divergence: Divergence, deviations: Iterable[Deviation], version: Version) -> Deviation | None:
    """The deviation that explains a divergence; the narrowest, where there are several."""
    explaining = [deviation for deviation in deviations if explains(deviation, divergence, version)]
    return min(explaining, key=lambda deviation: (-len(deviation.match), deviation.id), default=None)
