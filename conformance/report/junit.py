"""JUnit XML, as CI systems read it: a case for each clause, law, and finding that no clause covers.

A known deviation is a skipped case with its reason, as pytest writes an expected failure; a divergence is a failure
with its script; a crash or a hang of the subject is an error. A clause that was not exercised is skipped, never passed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from xml.etree import ElementTree

from conformance.report.evidence import by_gravity, findings_by_clause
from conformance.report.files import write_atomically
from conformance.report.run import ClauseEvidence, Finding, Run, subject_label
from specs.schema import area_of

# XML 1.0 has no way to write these characters, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(run: Run, path: str | os.PathLike[str]) -> None:
    """Write ``run`` as JUnit XML."""
    write_atomically(path, junit_xml(run))


def junit_xml(run: Run) -> str:
    """The Run as JUnit XML."""
    root = ElementTree.Element("testsuites", name="autograd-conformance")
    findings = findings_by_clause(run.findings)
    areas: dict[str, list[ElementTree.Element]] = {}
    for clause in sorted(run.clauses, key=lambda clause: clause.id):
        case = _clause_case(clause, by_gravity(findings.get(clause.id, ())))
        areas.setdefault(area_of(clause.id), []).append(case)
    for area, cases in areas.items():
        _suite(root, run, f"clauses.{area}", cases)
    _suite(root, run, "laws", (_law_cases(run)))
    listed = {clause.id for clause in run.clauses}
    _suite(root, run, "findings", [_finding_case(f) for f in by_gravity(run.findings) if not listed & {*f.clauses}])
    _suite(root, run, "deviations", _gone_cases(run))
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{run.times.wall:.3f}")
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(root: ElementTree.Element, run: Run, name: str, cases: list[ElementTree.Element]) -> None:
    if not cases:
        return
    suite = ElementTree.SubElement(root, "testsuite", name=_clean(f"{subject_label(run)}: {name}"))
    if run.times.started:
        suite.set("timestamp", _clean(run.times.started))
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(sum(case.find(tag) is not None for case in cases)))


def _case(classname: str, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", classname=_clean(classname), name=_clean(name), time="0")


def _outcome(case: ElementTree.Element, tag: str, kind: str, message: str, text: str = "") -> None:
    element = ElementTree.SubElement(case, tag, type=kind, message=_clean(message))
    element.text = _clean(text) or None


def _clause_case(clause: ClauseEvidence, findings: list[Finding]) -> ElementTree.Element:
    case = _case(f"clauses.{area_of(clause.id)}", clause.id)
    unexplained = [finding for finding in findings if finding.deviation is None]
    if unexplained:
        _failure(case, unexplained)
    elif clause.verdict == "divergence":
        _outcome(case, "failure", "divergence", "the subject diverges; the run kept no finding for this clause")
    elif clause.verdict == "known_deviation":
        known = ", ".join(sorted({finding.deviation for finding in findings if finding.deviation})) or "see the report"
        _outcome(case, "skipped", "known_deviation", f"known deviation: {known}")
    elif clause.verdict == "not_exercised":
        _outcome(case, "skipped", "not_exercised", "no program of this run exercised the clause")
    elif clause.verdict == "not_applicable":
        _outcome(case, "skipped", "not_applicable", "the clause does not hold for this version")
    ElementTree.SubElement(case, "system-out").text = f"{clause.programs} programs"
    return case


def _law_cases(run: Run) -> list[ElementTree.Element]:
    cases = []
    for law in sorted(run.laws, key=lambda law: law.id):
        case = _case("laws", law.id)
        broken = [finding for finding in by_gravity(run.findings) if finding.law == law.id and not finding.deviation]
        if broken:
            _failure(case, broken)
        elif law.verdict == "divergence":
            _outcome(case, "failure", "law", f"broken {law.violations} times in {law.checks} checks")
        elif law.verdict == "known_deviation":
            _outcome(case, "skipped", "known_deviation", "known deviation: see the report")
        elif not law.checks:
            _outcome(case, "skipped", "not_exercised", "the law was not checked")
        ElementTree.SubElement(case, "system-out").text = f"{law.checks} checks"
        cases.append(case)
    return cases


def _finding_case(finding: Finding) -> ElementTree.Element:
    case = _case("findings", f"{finding.id}: {finding.title}")
    if finding.deviation:
        _outcome(case, "skipped", "known_deviation", f"known deviation: {finding.deviation}")
    else:
        _failure(case, [finding])
    return case


def _gone_cases(run: Run) -> list[ElementTree.Element]:
    """As strict as pytest's xfail: what was expected to fail and does not, fails."""
    cases = []
    for known in run.deviations:
        case = _case("deviations", known.id)
        if known.state == "gone":
            message = f"the known deviation no longer happens, though {known.programs} programs looked for it"
            _outcome(case, "failure", "deviation_gone", message)
        elif known.state == "not_exercised":
            _outcome(case, "skipped", "not_exercised", "no program of this run could show it")
        cases.append(case)
    return cases


def _failure(case: ElementTree.Element, findings: list[Finding]) -> None:
    first = findings[0]
    crashed = first.kind in ("crash", "timeout")
    _outcome(
        case, "error" if crashed else "failure", first.kind, first.title, "\n\n".join(finding_text(f) for f in findings)
    )


def finding_text(finding: Finding) -> str:
    """A finding as plain text: expected and observed, who is right, and the script."""
    lines: Iterable[str] = (
        finding.title,
        f"expected {finding.expected}",
        f"observed {finding.observed}",
        f"clauses  {', '.join(finding.clauses) or 'none'}",
        f"verdict  {finding.arbitration.verdict}, by {finding.arbitration.method}: {finding.arbitration.detail}".rstrip(
            ": "
        ),
        "",
        finding.script,
    )
    return "\n".join(lines)


def _clean(text: str) -> str:
    """The text with what XML can't hold as escapes."""
    return _FORBIDDEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
