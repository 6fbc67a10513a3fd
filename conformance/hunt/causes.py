"""Findings of one cause as one entry, and which are graver."""

from __future__ import annotations

import hashlib
import math
import re
from typing import Any

from conformance.report.run import Finding

GRAVITY = (
    "silently wrong number",
    "crash",
    "missing refusal",
    "wrong refusal",
    "wrong state",
    "wrong word",
)
_NUMBERS = frozenset({"value", "grad.value"})
_A_NUMBER = re.compile(
    r"[^:]*: ?[\[(]*\s*-?(\d|nan|inf)"
)  # what a hook was given, or a step returned: "h1[0]: [[1., 2."
_FLOAT = re.compile(r"-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)")
_WORDS = frozenset({"message", "exception", "warnings"})


def gravity(finding: Finding) -> str:
    """How bad a finding is, by what differs."""
    if finding.kind in ("crash", "timeout"):
        return "crash"
    raised = [text.startswith("raised") for text in (finding.expected, finding.observed)]
    if finding.field == "outcome" or any(raised):
        return "missing refusal" if raised[0] and not raised[1] else "wrong refusal"
    if finding.law is not None:
        return "wrong state" if finding.law.startswith(("law.refusal", "law.accumulate.own")) else GRAVITY[0]
    if finding.field in _WORDS:
        return "wrong word"
    given = finding.field in ("result", "calls")
    if finding.field in _NUMBERS or (given and all(map(_A_NUMBER.match, (finding.expected, finding.observed)))):
        return GRAVITY[0]
    return "wrong state"


def rank(finding: Finding) -> tuple[int, bool, int]:
    """Graver first; a number that is wrong in its last digits after one that is wrong altogether; then shorter."""
    return GRAVITY.index(gravity(finding)), _nearly(finding), len(finding.program["steps"])


def _nearly(finding: Finding) -> bool:
    """Whether the numbers told are the same but for the last digits."""
    one, other = ([float(x) for x in _FLOAT.findall(text)] for text in (finding.expected, finding.observed))
    if not one or len(one) != len(other):
        return False
    return all(math.isclose(a, b, rel_tol=1e-3, abs_tol=1e-6) for a, b in zip(one, other, strict=True))


def cause(finding: Finding) -> str:
    """The same for findings that are the same thing: clause or law, op, field, and the shape of the shrunk program."""
    clause = finding.law or (finding.clauses[-1] if finding.clauses else "")
    parts = [clause, finding.op or "", finding.field, gravity(finding), *structure(finding.program)]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:12]


def structure(program: Any) -> list[str]:
    """The steps of a program by kind, op and form, without names, shapes and values; makers left out."""
    return [
        "{}:{}:{}".format(step["step"], step.get("op", step.get("mode", step.get("on", ""))), step.get("form", ""))
        for step in program["steps"]
        if step["step"] not in ("make", "delete")
    ]
