"""A hunt finds a fault that was put into an engine, goes on where it was stopped, and writes what it found."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from conformance.campaign import CampaignSettings
from conformance.cli import main
from conformance.generate.profiles import PROFILES
from conformance.hunt import pages, search
from conformance.hunt.causes import cause, gravity
from conformance.hunt.state import Cause, HuntError, Plan, begin, save
from conformance.hunt.steering import Seen, Steering
from conformance.report.run import Arbitration, Finding, Origin

PLAN = Plan("reference", "2.15.0", 3, ("default",), 500)
PROGRAM = {"steps": [{"step": "make", "out": "x", "values": [1.0]}, {"step": "apply", "op": "exp", "outs": ["y"]}]}


def a_finding(**more: object) -> Finding:
    finding = Finding(
        id="abc", title="exp: value differs", clauses=("law.layout",), op="exp", field="value", step=1,
        expected="1.", observed="2.", program=PROGRAM, script="import torch\n", reference_trace=None,
        subject_trace=None, graph=None, arbitration=Arbitration("reference", "law"), origin=Origin(0, 0),
    )  # fmt: skip
    return msgspec.structs.replace(finding, **more)


class Silent:
    def advance(self, programs: int = 1) -> None: ...
    def found(self, finding: Finding) -> None: ...


def test_a_family_that_leads_to_new_clauses_is_drawn_more_often() -> None:
    steering = Steering()
    new = steering.learn([Seen(("hook",), (f"c.{i}",)) for i in range(20)] + [Seen(("op",), ("c.1",))] * 20)
    assert new == 20
    weights, usual = steering.weights(PROFILES["default"]), PROFILES["default"].weights
    assert weights["hook"] > usual["hook"]
    assert weights["op"] < usual["op"]
    assert set(weights) == set(usual)


def test_pairs_of_clauses_count_too() -> None:
    steering = Steering()
    steering.learn([Seen(("op",), ("a.x",)), Seen(("op",), ("a.y",))])
    assert 0 < steering.learn([Seen(("op",), ("a.x", "a.y"))]) < 1
    assert steering.learn([Seen(("op",), ("a.x", "a.y"))]) == 0


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "silently wrong number"),
        ({"field": "outcome", "expected": "raised RuntimeError: no", "observed": "ok"}, "missing refusal"),
        ({"field": "outcome", "expected": "ok", "observed": "raised RuntimeError: no"}, "wrong refusal"),
        ({"field": "message"}, "wrong word"),
        ({"field": "version"}, "wrong state"),
        ({"field": "calls", "expected": "h1[0]: [1., 2.]", "observed": "h1[0]: [-1., nan]"}, "silently wrong number"),
        ({"field": "calls", "expected": "h1, h2", "observed": "no call"}, "wrong state"),
        ({"kind": "crash", "field": "crash"}, "crash"),
    ],
)
def test_gravity_is_told_by_what_differs(fields: dict[str, object], expected: str) -> None:
    assert gravity(a_finding(**fields)) == expected


def test_findings_that_differ_in_names_and_values_only_have_one_cause() -> None:
    renamed = {"steps": [{"step": "make", "out": "w", "values": [7.0]}, {"step": "apply", "op": "exp", "outs": ["q"]}]}
    assert cause(a_finding(program=renamed)) == cause(a_finding())
    other = {"steps": [{"step": "apply", "op": "sin", "outs": ["y"]}]}
    assert cause(a_finding(program=other)) != cause(a_finding())


def test_a_hunt_goes_on_where_it_was(tmp_path: Path) -> None:
    settings = CampaignSettings(subject="reference", seed=3, laws_share=0.02)
    at_once = begin(tmp_path / "one", PLAN)
    search.hunt(at_once, tmp_path / "one", settings, Silent(), 200, None)
    in_two = begin(tmp_path / "two", PLAN)
    search.hunt(in_two, tmp_path / "two", settings, Silent(), 100, None)
    in_two = begin(tmp_path / "two", PLAN)
    assert in_two.drawn == 100
    search.hunt(in_two, tmp_path / "two", settings, Silent(), 100, None)
    assert in_two.drawn == at_once.drawn == 200
    assert in_two.steering.clauses == at_once.steering.clauses
    assert in_two.steering.pairs == at_once.steering.pairs


def test_another_hunt_is_not_continued(tmp_path: Path) -> None:
    save(tmp_path, begin(tmp_path, PLAN))
    with pytest.raises(HuntError, match="seed 3"):
        begin(tmp_path, msgspec.structs.replace(PLAN, seed=4))
    (tmp_path / "state.json").write_text("{")
    with pytest.raises(HuntError, match="can't be read"):
        begin(tmp_path, PLAN)


def test_a_page_says_what_a_report_upstream_needs(tmp_path: Path) -> None:
    state = begin(tmp_path, PLAN)
    state.causes["abc"] = Cause(a_finding(title="a | b"), 3, 10, True, {"2.4.1": "not affected", "2.13.0": "affected"})
    (path,) = pages.write(tmp_path, state)
    text = path.read_text()
    for wanted in ("silently wrong number", "expected  1.", "observed  2.", "| 2.4.1 | not affected |", "law.layout"):
        assert wanted in text
    assert "Seen on torch 2.13.0, 2.15.0 (CPU)." in text
    assert path.with_suffix(".json").exists()
    table = (tmp_path / "index.md").read_text()
    assert "a \\| b" in table
    assert "## Silently wrong number (1)" in table


def test_the_command_refuses_to_hunt_without_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hunt", "--subject", "reference"]) == 2
    assert "--time" in capsys.readouterr().err


def test_the_reference_has_no_defects_that_it_finds_itself(tmp_path: Path) -> None:
    asked = ["hunt", "--subject", "reference", "--max-programs", "150", "--state", str(tmp_path / "h")]
    assert main(asked) == 0
    assert (tmp_path / "h" / "index.md").exists()
