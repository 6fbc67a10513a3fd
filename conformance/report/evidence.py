"""A Run beside the specification: every clause with its text and what the Run shows for it.

A Run file holds ids and counts; words, sources and deviations stand in ``specs`` alone. All reports join the two here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conformance.report.run import VERDICTS, ClauseEvidence, Finding, Run, Verdict
from specs.load import Specs
from specs.schema import Clause, Deviation, Message, area_of
from specs.versions import Version

VERDICT_LABELS: dict[Verdict, str] = {
    "divergence": "divergence",
    "known_deviation": "known deviation",
    "conforms": "conforms",
    "not_exercised": "not exercised",
    "not_applicable": "not applicable",
}
"""In words, the gravest first: the order in which every report lists them."""

VERDICT_GLYPHS: dict[Verdict, str] = {
    "divergence": "✕",
    "known_deviation": "≈",
    "conforms": "✓",
    "not_exercised": "○",
    "not_applicable": "–",
}
"""A shape for each verdict, since colour alone tells nothing to some readers and to paper."""


@dataclass(frozen=True)
class ClauseView:
    """A clause as a report shows it."""

    id: str
    area: str
    verdict: Verdict
    programs: int
    examples: tuple[str, ...]
    clause: Clause | None
    """None where the Run speaks of a clause that this specification does not know."""
    message: Message | None
    findings: tuple[Finding, ...]
    deviations: tuple[Deviation, ...]

    @property
    def text(self) -> str:
        """The normative sentence."""
        return self.clause.text if self.clause else ""

    @property
    def source(self) -> str:
        """Where torch's documentation says so."""
        return self.clause.source if self.clause else ""


def clause_views(run: Run, specs: Specs) -> list[ClauseView]:
    """Every clause of the specification and of the Run, by id."""
    evidence = {clause.id: clause for clause in run.clauses}
    findings = findings_by_clause(run.findings)
    return [
        ClauseView(
            id=clause_id,
            area=area_of(clause_id),
            verdict=known.verdict,
            programs=known.programs,
            examples=known.examples,
            clause=specs.clauses.get(clause_id),
            message=specs.messages.get(clause_id),
            findings=findings.get(clause_id, ()),
            deviations=tuple(d for d in specs.deviations.values() if d.clause == clause_id),
        )
        for clause_id in sorted({*evidence, *specs.clauses})
        for known in [evidence.get(clause_id) or _unseen(clause_id, run, specs)]
    ]


def findings_by_clause(findings: Iterable[Finding]) -> dict[str, tuple[Finding, ...]]:
    """The findings that bear on each clause."""
    found: dict[str, list[Finding]] = {}
    for finding in findings:
        for clause_id in dict.fromkeys(finding.clauses):
            found.setdefault(clause_id, []).append(finding)
    return {clause_id: tuple(of_clause) for clause_id, of_clause in found.items()}


def finding_verdict(finding: Finding) -> Verdict:
    """A finding is known, or it is a divergence."""
    return "known_deviation" if finding.deviation else "divergence"


def by_gravity(findings: Iterable[Finding]) -> list[Finding]:
    """Unexplained findings first, crashes and hangs before differences, then those that many programs met."""
    kinds = ("crash", "timeout", "law", "divergence")
    return sorted(findings, key=lambda f: (f.deviation is not None, kinds.index(f.kind), -f.programs, f.id))


def count_verdicts(verdicts: Iterable[Verdict]) -> dict[Verdict, int]:
    """How many of each, the gravest first, zeros included."""
    counts = dict.fromkeys(reversed(VERDICTS), 0)
    for verdict in verdicts:
        counts[verdict] += 1
    return counts


def version_of(run: Run) -> Version | None:
    """The subject's version where it is one of torch's; other libraries count as they like."""
    try:
        return Version.parse(run.subject.version)
    except ValueError:
        return None


def _unseen(clause_id: str, run: Run, specs: Specs) -> ClauseEvidence:
    version = version_of(run)
    applies = version is None or version in specs.clauses[clause_id].versions
    return ClauseEvidence(clause_id, verdict="not_exercised" if applies else "not_applicable")
