"""The suite as pytest tests.

One campaign is run for the session; each clause and each law is a test that looks at what it found. Each named
example is a test of its own. The example of a known deviation is a strict expected failure: should it pass, that is
news, and the test fails.
"""

from __future__ import annotations

import pytest

from conformance.examples import EXAMPLES, Example
from conformance.findings import full_finding
from conformance.judge.laws import LAWS
from conformance.report.run import Finding, Run
from conformance.trial import Trial
from specs import load


def explained(finding: Finding) -> str:
    """What a failing test prints: the shortest script, what was expected and observed, and who is right."""
    return (
        f"{finding.title}\n\n{finding.script}\n"
        f"expected {finding.expected}\nobserved {finding.observed}\n"
        f"clauses: {', '.join(finding.clauses) or 'none'}\n"
        f"right is: {finding.arbitration.verdict} ({finding.arbitration.method}: {finding.arbitration.detail})\n"
        f"drawn from seed {finding.origin.seed}, index {finding.origin.index}"
    )


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_example(name: str, conformance_trial: Trial) -> None:
    """A named example gives the same Trace on the subject as on the reference of its version."""
    example: Example = EXAMPLES[name]
    judgement, _, _ = conformance_trial.rerun(example.program)
    if judgement is not None:
        from conformance.report.run import Origin

        raw = conformance_trial.raw_finding(example.program, judgement, Origin(example=name))
        pytest.fail(explained(full_finding(conformance_trial, raw)), pytrace=False)


@pytest.mark.parametrize("clause", sorted(c for c in load().clauses if load().clauses[c].kind != "law"))
def test_clause(clause: str, conformance_run: Run) -> None:
    """No drawn program shows the subject to break the clause in a way that no known deviation explains."""
    findings = [f for f in conformance_run.unexplained if clause in f.clauses]
    if findings:
        pytest.fail("\n\n".join(explained(f) for f in findings[:3]), pytrace=False)
    evidence = {c.id: c for c in conformance_run.clauses}.get(clause)
    if evidence is None or not (evidence.programs or evidence.examples):
        pytest.skip(f"not exercised by {conformance_run.totals.programs} programs: draw more with --max-programs")


@pytest.mark.parametrize("law", sorted(LAWS))
def test_law(law: str, conformance_run: Run) -> None:
    """No drawn program shows the subject to break the law in a way that no known deviation explains."""
    findings = [f for f in conformance_run.unexplained if f.law == law]
    if findings:
        pytest.fail("\n\n".join(explained(f) for f in findings[:3]), pytrace=False)
    evidence = {entry.id: entry for entry in conformance_run.laws}.get(law)
    if evidence is None or not evidence.checks:
        pytest.skip(f"its conditions held of none of {conformance_run.totals.programs} programs")


def test_nothing_unexplained(conformance_run: Run) -> None:
    """Differences that no clause speaks of are findings too."""
    findings = [f for f in conformance_run.unexplained if not f.clauses]
    if findings:
        pytest.fail("\n\n".join(explained(f) for f in findings[:5]), pytrace=False)
