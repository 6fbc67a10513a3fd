"""JUnit XML, SARIF and GitHub annotations: what CI systems read of a Run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import msgspec
from synthetic_run import GONE_DEVIATION, INDEX_DEVIATION, hostile_run, make_run, make_specs

from conformance.report.annotations import github_annotations
from conformance.report.junit import junit_xml, write_junit
from conformance.report.run import Finding, LawEvidence, Run
from conformance.report.sarif import sarif_json, write_sarif

SPECS = make_specs()

# -- JUnit -------------------------------------------------------------------------------------------------------------


def cases(run: Run) -> dict[str, ElementTree.Element]:
    return {str(case.get("name")): case for case in ElementTree.fromstring(junit_xml(run)).iter("testcase")}


def outcome(case: ElementTree.Element) -> str:
    return next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")


def test_every_clause_and_law_is_a_case() -> None:
    run = make_run()
    assert {clause.id for clause in run.clauses} | {law.id for law in run.laws} <= set(cases(run))


def test_each_verdict_is_the_outcome_that_ci_knows() -> None:
    run = make_run()
    expected = {
        "conforms": "passed",
        "known_deviation": "skipped",
        "divergence": "failure",
        "not_exercised": "skipped",
        "not_applicable": "skipped",
    }
    found = cases(run)
    assert {clause.verdict for clause in run.clauses} == set(expected)
    for clause in run.clauses:
        assert outcome(found[clause.id]) == expected[clause.verdict], clause


def test_a_failure_holds_the_script_and_both_sides() -> None:
    failure = cases(make_run())["backward.implicit_grad.case_0"].find("failure")
    assert failure is not None
    assert failure.get("message") == "mul: the gradient of the first element has the wrong sign (0)"
    text = str(failure.text)
    assert "expected [2.0, 4.0, 7.0]\nobserved [-2.0, 4.0, 7.0]" in text
    assert "import torch\n" in text


def test_a_known_deviation_is_skipped_by_name() -> None:
    skipped = cases(make_run())["backward.shape.case_0"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == f"known deviation: {INDEX_DEVIATION}"


def test_a_known_deviation_that_is_gone_fails() -> None:
    found = cases(make_run())
    assert outcome(found[GONE_DEVIATION]) == "failure"
    assert outcome(found[INDEX_DEVIATION]) == "passed"


def test_a_crash_is_an_error_and_a_finding_without_clause_has_a_case_of_its_own() -> None:
    finding = make_run().findings[0]
    crash = msgspec.structs.replace(finding, id="crash-1", clauses=(), kind="crash", title="the worker died")
    found = cases(msgspec.structs.replace(make_run(findings=0), findings=(crash,)))
    assert outcome(found["crash-1: the worker died"]) == "error"


def test_a_broken_law_fails_with_its_finding() -> None:
    finding = msgspec.structs.replace(make_run().findings[0], clauses=(), law="laws.linearity", kind="law")
    laws = (LawEvidence("laws.linearity", 10, 1, "divergence"), LawEvidence("laws.other", 0))
    found = cases(msgspec.structs.replace(make_run(findings=0), findings=(finding,), laws=laws))
    assert outcome(found["laws.linearity"]) == "failure"
    assert outcome(found["laws.other"]) == "skipped"


def test_the_counts_of_the_suites_add_up() -> None:
    root = ElementTree.fromstring(junit_xml(make_run(findings=12)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(str(root.get(count))) == len(list(root.iter(tag)))
        assert int(str(root.get(count))) == sum(int(str(suite.get(count))) for suite in root)
    assert int(str(root.get("tests"))) == len(list(root.iter("testcase")))


def test_hostile_text_is_still_xml(tmp_path: Path) -> None:
    write_junit(hostile_run(), tmp_path / "junit.xml")
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert any("\\x1b[31m" in str(case.get("name")) for case in root.iter("testcase"))


# -- SARIF -------------------------------------------------------------------------------------------------------------
# The part of SARIF 2.1.0 that is used, as strict as the standard: unknown properties are refused there too.


class _Strict(msgspec.Struct, forbid_unknown_fields=True, rename="camel", kw_only=True):
    pass


class Message(_Strict):
    text: str


class Rule(_Strict):
    id: str
    short_description: Message
    help_uri: str | None = None


class Driver(_Strict):
    name: str
    version: str
    information_uri: str
    rules: list[Rule]


class Tool(_Strict):
    driver: Driver


class Artifact(_Strict):
    uri: str


class Region(_Strict):
    start_line: int


class Physical(_Strict):
    artifact_location: Artifact
    region: Region


class Logical(_Strict):
    fully_qualified_name: str
    kind: str


class Location(_Strict):
    physical_location: Physical
    logical_locations: list[Logical]


class Suppression(_Strict):
    kind: Literal["inSource", "external"]
    status: Literal["accepted", "underReview", "rejected"]
    justification: str


class Result(_Strict):
    rule_id: str
    rule_index: int
    level: Literal["none", "note", "warning", "error"]
    message: Message
    locations: list[Location]
    partial_fingerprints: dict[str, str]
    occurrence_count: int
    suppressions: list[Suppression] = []


class Automation(_Strict):
    id: str


class SarifRun(_Strict):
    tool: Tool
    automation_details: Automation
    column_kind: Literal["utf16CodeUnits", "unicodeCodePoints"]
    results: list[Result]


class Log(_Strict):
    schema: str = msgspec.field(name="$schema")
    version: Literal["2.1.0"]
    runs: list[SarifRun]


def log_of(run: Run) -> SarifRun:
    (only,) = msgspec.json.decode(sarif_json(run, SPECS), type=Log).runs
    return only


def test_every_finding_is_a_result_of_the_rule_that_is_its_clause() -> None:
    run = make_run(findings=9)
    log = log_of(run)
    assert {result.partial_fingerprints["finding/v1"] for result in log.results} == {f.id for f in run.findings}
    for result in log.results:
        assert log.tool.driver.rules[result.rule_index].id == result.rule_id
        assert result.occurrence_count >= 1
        assert result.locations[0].physical_location.region.start_line >= 1
    assert len({rule.id for rule in log.tool.driver.rules}) == len(log.tool.driver.rules)


def test_an_unexplained_finding_is_an_error_and_a_known_one_is_suppressed() -> None:
    run = make_run(findings=9)
    known = {finding.id for finding in run.findings if finding.deviation}
    for result in log_of(run).results:
        if result.partial_fingerprints["finding/v1"] in known:
            assert result.level == "note"
            assert "list.index" in result.suppressions[0].justification
        else:
            assert (result.level, result.suppressions) == ("error", [])


def test_a_finding_of_no_clause_still_has_a_rule_and_a_place(tmp_path: Path) -> None:
    finding = msgspec.structs.replace(make_run().findings[0], clauses=())
    (result,) = log_of(msgspec.structs.replace(make_run(), findings=(finding,))).results
    assert result.rule_id == "no_clause"
    write_sarif(hostile_run(), tmp_path / "out.sarif", SPECS)
    (hostile,) = json.loads((tmp_path / "out.sarif").read_text())["runs"][0]["results"]
    assert hostile["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "specs/clauses/backward.toml"


# -- GitHub annotations ------------------------------------------------------------------------------------------------


def with_findings(*findings: Finding) -> Run:
    return msgspec.structs.replace(make_run(findings=0), findings=findings)


def test_each_unexplained_finding_and_gone_deviation_is_one_line() -> None:
    run = make_run()
    lines = github_annotations(run).splitlines()
    assert sum(line.startswith("::error ") for line in lines) == len(run.unexplained) + len(run.gone)
    assert lines[-1].startswith("::warning title=autograd-conformance%3A torch 2.13.0::4 unexplained findings")


def test_known_deviations_alone_annotate_nothing_but_the_verdict() -> None:
    known = tuple(finding for finding in make_run().findings if finding.deviation)
    (line,) = github_annotations(with_findings(*known)).splitlines()
    assert line.startswith("::notice ")
    assert "Conforms, with 1 known deviation" in line


def test_what_github_would_not_show_is_counted() -> None:
    lines = github_annotations(make_run(findings=30)).splitlines()
    assert sum(line.startswith("::error ") for line in lines) == 10
    assert "11 more are in the report" in lines[-1]


def test_no_message_can_begin_a_command_of_its_own() -> None:
    finding = msgspec.structs.replace(
        make_run().findings[0], title="a,title=b::c\r\n::set-env name=X::1", observed="50%0A\n::error::fake"
    )
    text = github_annotations(with_findings(finding))
    assert len(text.splitlines()) == 2
    assert "\n::error::fake" not in text
    assert "50%250A%0A" in text
    assert text.startswith("::error title=a%2Ctitle=b%3A%3Ac%0D%0A%3A%3Aset-env name=X%3A%3A1::")
