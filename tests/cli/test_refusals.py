"""Bad input: one clear line on standard error, exit code 2, nothing half-written."""

from __future__ import annotations

import os
from pathlib import Path

import click
import pytest

from conformance.cli import main
from conformance.cli.options import Duration
from conformance.cli.refusals import SetupError, check_writable, unknown

RUN = ["run", "--max-programs", "1"]


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a refused command says."""
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1, captured.err
    return captured.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rum"], "No such command 'rum'. Did you mean 'run'?"),
        (["run", "--sed", "1"], "No such option '--sed'. Did you mean '--seed'?"),
        (["run", "--seed", "-1"], "'--seed': -1 is not in the range x>=0"),
        (["run", "--time", "soon"], "'soon' is no duration (write 90s, 5m or 1h30m)"),
        (["run", "--max-programs", "many"], "'many' is not a valid integer range"),
        (["show"], "Missing argument 'CLAUSE'"),
        (["matrix"], "Missing argument 'RUN.json...'"),
        (["show", "backward.tensors.iterabel"], "did you mean 'backward.tensors.iterable'?"),
        (["clauses", "--area", "bakward"], "unknown area 'bakward'; did you mean 'backward'?"),
        (["matrix", "/no/such/run.json"], "cannot read Run file /no/such/run.json: No such file or directory"),
        (["diff", "/no/a.json", "/no/b.json"], "cannot read Run file /no/a.json"),
        (["clauses", "--run", "/no/run.json"], "cannot read Run file /no/run.json"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refused(arguments, capsys)


def test_a_run_file_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, content in enumerate((b"", b"[]", b"\xff", b'{"schema": "else"}', b"[" * 100_000)):
        path = tmp_path / f"{number}.json"
        path.write_bytes(content)
        assert "is no Run file" in refused(["matrix", str(path)], capsys)


# -- outputs -----------------------------------------------------------------------------------------------------------


def test_a_folder_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="it is a folder"):
        check_writable(tmp_path)


def test_an_output_in_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="No such file or directory"):
        check_writable(tmp_path / "missing" / "run.json")


def test_two_outputs_of_the_same_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="two outputs"):
        check_writable(tmp_path / "out", tmp_path / "." / "out")


def test_looking_whether_an_output_can_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("before")
    check_writable(kept, tmp_path / "new", None)
    assert os.listdir(tmp_path) == ["kept"]
    assert kept.read_text() == "before"


def test_a_device_is_an_output() -> None:
    check_writable(Path("/dev/null"))


def test_unwritable_outputs_are_refused_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    line = refused([*RUN, "--json", "good.json", "--html", "missing/report.html"], capsys)
    assert "cannot write missing/report.html: No such file or directory" in line
    assert os.listdir(tmp_path) == []


# -- names and values --------------------------------------------------------------------------------------------------


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(SetupError, match="unknown profile 'veiws'; did you mean 'views'"):
        unknown("profile", "veiws", ["default", "views"])


def test_an_unknown_name_far_from_all_is_answered_with_the_list() -> None:
    with pytest.raises(SetupError, match="unknown profile 'zzz'; known: default, views"):
        unknown("profile", "zzz", ["views", "default"])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("5m", 300), ("5min", 300), ("1h30m", 5400), ("0.5s", 0.5), ("2h", 7200)],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


@pytest.mark.parametrize("text", ["", "0", "-5s", "1h 30m", "5x", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is no duration"):
        Duration().convert(text, None, None)
