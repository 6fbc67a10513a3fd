"""``run``: what it writes, what it answers, and what it refuses before anything is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from conformance import campaign
from conformance.campaign import CampaignSettings
from conformance.cli import main
from conformance.report.run import LawEvidence, Run, Settings, SubjectInfo, Totals, load_run

ITSELF = ["run", "--subject", "reference", "--seed", "3", "--max-programs", "5"]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


def answer(monkeypatch: pytest.MonkeyPatch, run: Run, interrupted: bool = False) -> list[CampaignSettings]:
    """Let the campaign end in this Run; what it is asked for is noted."""
    asked: list[CampaignSettings] = []

    def run_campaign(settings: CampaignSettings, progress: campaign.Watcher) -> Run:
        asked.append(settings)
        if interrupted:
            progress.interrupted("by a test")
        return run

    monkeypatch.setattr(campaign, "run_campaign", run_campaign)
    return asked


def a_run(programs: int = 10, **more: object) -> Run:
    subject = SubjectInfo("torch", "torch", "2.13.0")
    return Run("autograd-conformance 0", subject, Settings(0, programs), Totals(programs=programs), **more)


# -- what it writes ----------------------------------------------------------------------------------------------------


def test_the_reference_conforms_to_itself_and_every_report_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    outputs = ["--json", "run.json", "--html", "report.html", "--junit", "junit.xml", "--sarif", "findings.sarif"]
    assert main([*ITSELF, *outputs]) == 0
    assert sorted(os.listdir()) == ["findings.sarif", "junit.xml", "report.html", "run.json"]
    assert load_run("run.json").totals.programs == 5
    assert Path("report.html").read_text().startswith("<!doctype html>")
    assert ElementTree.parse("junit.xml").getroot().tag == "testsuites"
    assert msgspec.json.decode(Path("findings.sarif").read_bytes())["version"] == "2.1.0"
    assert "5 programs" in capsys.readouterr().out


@pytest.mark.parametrize("other", [["--jobs", "2"], []], ids=["on two workers", "again"])
def test_the_same_seed_gives_the_same_run_file_but_for_its_times(other: list[str]) -> None:
    many = ["run", "--subject", "reference", "--seed", "3", "--max-programs", "120"]
    assert main([*many, "--json", "one.json"]) == 0
    assert main([*many, *other, "--json", "two.json"]) == 0
    one, two = (msgspec.json.decode(Path(name).read_bytes()) for name in ("one.json", "two.json"))
    assert one.pop("times") != {}
    assert two.pop("times") != {}
    assert one == two


def test_the_hypothesis_driver_draws_the_same_programs_again() -> None:
    many = ["run", "--subject", "reference", "--driver", "hypothesis", "--seed", "3", "--max-programs", "130"]
    assert main([*many, "--json", "one.json"]) == 0
    assert main([*many, "--jobs", "2", "--json", "two.json"]) == 0
    one, two = (load_run(name) for name in ("one.json", "two.json"))
    assert one.settings.driver == "hypothesis"
    assert one.totals.programs == 130
    assert msgspec.structs.replace(one, times=two.times) == two


def test_a_run_file_can_go_to_standard_output() -> None:
    command = [sys.executable, "-m", "conformance", *ITSELF, "--json", "/dev/stdout"]
    result = subprocess.run(command, capture_output=True, check=True)
    first, _, _ = result.stdout.partition(b"\n")
    assert msgspec.json.decode(first, type=Run).totals.programs == 5


def test_in_github_actions_findings_become_annotations(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, a_run(laws=(LawEvidence("law.x", checks=3, violations=1, verdict="divergence"),)))
    monkeypatch.setattr("conformance.report.annotations.github_annotations", lambda run: f"::error::{run.verdict}\n")
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["run", "--max-programs", "10"]) == 1
    assert "::error::divergence" in capsys.readouterr().out


# -- what it answers ---------------------------------------------------------------------------------------------------


def test_something_unexplained_is_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, a_run(laws=(LawEvidence("law.x", checks=3, violations=1, verdict="divergence"),)))
    assert main(["run", "--max-programs", "10"]) == 1


def test_an_interrupted_run_is_written_and_said_to_be_interrupted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked_for_less = answer(monkeypatch, a_run(programs=4), interrupted=True)
    assert main(["run", "--max-programs", "10", "--json", "run.json"]) == 130
    assert asked_for_less[0].max_programs == 10
    assert load_run("run.json").settings.programs == 4
    assert "interrupted after 4 programs" in capsys.readouterr().err


def test_a_time_alone_sets_no_bound_on_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, a_run())
    assert main(["run", "--time", "90s"]) == 0
    assert main(["run", "--time", "1h", "--max-programs", "50"]) == 0
    assert [(settings.seconds, settings.max_programs) for settings in asked] == [(90, None), (3600, 50)]


def test_laws_are_chosen_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, a_run())
    assert main(["run", "--max-programs", "10", "--laws", "grad.repeats,program.repeats", "--laws-share", "0.5"]) == 0
    assert main(["run", "--max-programs", "10"]) == 0
    assert (asked[0].laws, asked[0].laws_share) == (("grad.repeats", "program.repeats"), 0.5)
    assert (asked[1].laws, asked[1].laws_share) == (("all",), CampaignSettings().laws_share)


def test_without_options_the_installed_torch_is_checked_with_2000_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer(monkeypatch, a_run(programs=2000))
    assert main(["run"]) == 0
    assert (asked[0].subject, asked[0].max_programs, asked[0].seconds) == ("torch", 2000, None)


def test_a_report_that_cannot_be_written_in_the_end_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer(monkeypatch, a_run())
    full = "/dev/full"
    assert main(["run", "--max-programs", "10", "--json", full]) == 2
    assert "its reports could not be written: cannot write Run file /dev/full: No space left" in capsys.readouterr().err


# -- what it refuses ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--subject", "torhc"], "no subject is called 'torhc'; the nearest is 'torch'"),
        (["--profile", "veiws"], "unknown profile 'veiws'; did you mean 'views'?"),
        (["--driver", "hypotesis"], "unknown driver 'hypotesis'; did you mean 'hypothesis'?"),
        (["--laws", "grad.repeat"], "unknown law 'grad.repeat'; did you mean 'law.grad.repeats'?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--max-programs", "5", *arguments, "--json", "run.json"]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert os.listdir() == []


def test_a_missing_torch_is_said_in_one_line_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["run", "--html", "report.html"]) == 2
    captured = capsys.readouterr()
    assert re.fullmatch(r"conformance: no torch is installed here; .*pip install torch.*\n", captured.err)
    assert os.listdir() == []
