"""Findings as SARIF 2.1.0, which code-scanning dashboards read.

A rule is a clause (or a law); a result is a finding, located at its clause. A known deviation is a suppressed
result: shown where one asks for it, never counted as news.
"""

from __future__ import annotations

import json
import os
from typing import Any

from conformance.report.evidence import by_gravity
from conformance.report.files import write_atomically
from conformance.report.junit import finding_text
from conformance.report.run import Finding, Run, subject_label
from specs.load import Specs
from specs.schema import area_of

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_HOME = "https://pypi.org/project/autograd-conformance/"
_UNSPOKEN = "no_clause"


def write_sarif(run: Run, path: str | os.PathLike[str], specs: Specs) -> None:
    """Write the Run's findings as SARIF 2.1.0."""
    write_atomically(path, sarif_json(run, specs))


def sarif_json(run: Run, specs: Specs) -> str:
    """The Run's findings as SARIF 2.1.0."""
    findings = by_gravity(run.findings)
    rules = sorted({_rule_id(finding) for finding in findings})
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "autograd-conformance",
                        "version": run.suite.split()[-1] if run.suite.split() else "0",
                        "informationUri": _HOME,
                        "rules": [_rule(rule, specs) for rule in rules],
                    }
                },
                "automationDetails": {"id": f"autograd-conformance/{subject_label(run)}/"},
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, rules.index(_rule_id(finding)), specs) for finding in findings],
            }
        ],
    }
    return json.dumps(log, indent=2) + "\n"


def _rule_id(finding: Finding) -> str:
    return finding.clauses[0] if finding.clauses else finding.law or _UNSPOKEN


def _rule(rule_id: str, specs: Specs) -> dict[str, Any]:
    clause = specs.clauses.get(rule_id)
    text = (
        clause.text
        if clause
        else "The subject differs from the reference where no clause of this specification speaks."
    )
    rule: dict[str, Any] = {"id": rule_id, "shortDescription": {"text": text}}
    if clause and clause.source.startswith("https://"):
        rule["helpUri"] = clause.source
    return rule


def _result(finding: Finding, rule_index: int, specs: Specs) -> dict[str, Any]:
    rule_id = _rule_id(finding)
    result: dict[str, Any] = {
        "ruleId": rule_id,
        "ruleIndex": rule_index,
        "level": "note" if finding.deviation else "error",
        "message": {"text": finding_text(finding)},
        "locations": [
            {
                # A finding is about an engine, not about a line of one's code; dashboards demand a file all the same.
                "physicalLocation": {
                    "artifactLocation": {"uri": f"specs/clauses/{_file_of(rule_id)}.toml"},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": rule_id, "kind": "clause"}],
            }
        ],
        "partialFingerprints": {"finding/v1": finding.id},
        "occurrenceCount": max(finding.programs, 1),
    }
    if finding.deviation:
        known = specs.deviations.get(finding.deviation)
        why = f"Known deviation {finding.deviation}" + (f": {known.why}" if known else "")
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": why}]
    return result


def _file_of(rule_id: str) -> str:
    """The area as a file name; an id from a hostile file makes none."""
    area = area_of(rule_id)
    return area if area.isascii() and area.replace("_", "").isalnum() else "unknown"
