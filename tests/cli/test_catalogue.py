"""``show``, ``clauses`` and ``subjects``, and a help that teaches."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from conformance import __version__
from conformance.cli import app, main
from conformance.report.run import ClauseEvidence, Run, Settings, SubjectInfo, save_run
from specs.load import load

CLAUSE = "backward.tensors.iterable"


def output(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a command that succeeds prints."""
    assert main(arguments) == 0
    return capsys.readouterr().out


@pytest.fixture
def run_file(tmp_path: Path) -> str:
    run = Run(
        suite=__version__,
        subject=SubjectInfo("torch", "torch", "2.13.0"),
        settings=Settings(seed=1, programs=10),
        clauses=(ClauseEvidence(CLAUSE, programs=7, verdict="conforms"),),
    )
    save_run(run, tmp_path / "run.json")
    return str(tmp_path / "run.json")


def test_clauses_lists_every_clause_with_area_versions_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(output(["clauses", "--json"], capsys))
    assert [row["id"] for row in rows] == list(load().clauses)
    assert all(row["area"] and row["versions"] and row["source"] and row["text"] for row in rows)


def test_clauses_can_be_told_by_area(capsys: pytest.CaptureFixture[str]) -> None:
    rows = json.loads(output(["clauses", "--area", "backward", "--json"], capsys))
    assert {row["area"] for row in rows} == {"backward"}


def test_clauses_adds_the_evidence_of_a_run(run_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["id"]: row for row in json.loads(output(["clauses", "--run", run_file, "--json"], capsys))}
    assert (rows[CLAUSE]["programs"], rows[CLAUSE]["verdict"]) == (7, "conforms")
    assert {row["verdict"] for name, row in rows.items() if name != CLAUSE} == {"not_exercised"}


def test_show_prints_text_source_and_words(run_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    clause = load().clauses[CLAUSE]
    printed = output(["show", CLAUSE, "--run", run_file], capsys)
    for expected in (CLAUSE, clause.text, clause.source, "exercised by 7 programs"):
        assert expected in printed


def test_show_of_the_beginning_of_an_id_shows_all_that_begin_so(capsys: pytest.CaptureFixture[str]) -> None:
    printed = output(["show", "backward.tensors"], capsys)
    assert all(name in printed for name in load().clauses if name.startswith("backward.tensors."))


def test_every_message_of_a_clause_is_shown_with_its_versions(capsys: pytest.CaptureFixture[str]) -> None:
    message = max(load().messages.values(), key=lambda message: len(message.template))
    (row,) = [json.loads(output(["show", message.id, "--json"], capsys))]
    assert [words["text"] for words in row["message"]] == [template.text for template in message.template]


def test_subjects_says_which_can_run_here(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {row["name"]: row for row in json.loads(output(["subjects", "--json"], capsys))}
    assert rows["reference"]["unavailable"] is None
    assert "torch" in rows


@pytest.mark.parametrize("name", sorted(app.commands))
def test_each_command_has_a_help_with_a_short_line_that_is_not_cut(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert app.commands[name].get_short_help_str() == app.commands[name].short_help
    assert "Usage: conformance" in output([name, "--help"], capsys)


def test_listing_does_not_import_torch() -> None:
    code = "import sys; from conformance.cli import main; main(['clauses']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_a_reader_that_stops_reading_is_no_error() -> None:
    command = f"'{sys.executable}' -m conformance clauses --json | head -n 1"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)
    assert result.stdout == "[\n"
    assert result.stderr == ""
