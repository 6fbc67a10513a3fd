"""The matrix runner: which torch with which Python, resuming, removing, and what is refused."""

from __future__ import annotations

import configparser
import re
import sys
from itertools import product
from pathlib import Path

import pytest

import conformance
from conformance import matrix_runner
from conformance.cli.refusals import run_command
from conformance.matrix_runner import (
    DEFAULT_VERSIONS,
    NUMPY_1_ONLY,
    TORCH_PYTHONS,
    Interpreter,
    MatrixError,
    Plan,
    interpreter_for,
    requirements,
    run_matrix,
)
from conformance.report.run import Run, Settings, SubjectInfo, Totals, save_run
from specs.load import NEWEST, OLDEST
from specs.versions import Version

CHECKOUT = Path(conformance.__file__).parents[1]


def run_of(version: str, **changes: object) -> Run:
    settings = {"seed": 1, "programs": 10, "profile": "default"} | changes
    return Run(
        suite=conformance.__version__,
        subject=SubjectInfo("torch", "torch", version),
        settings=Settings(**settings),
        totals=Totals(programs=10),
    )


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(tmp_path, suite="unused", seed=1, programs=10, profile="default", jobs=1, remove=False, fresh=False)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The versions that were run, instead of running them."""
    done: list[str] = []

    def measure(plan: Plan, version: str, interpreter: Interpreter) -> Run:
        done.append(version)
        save_run(run_of(f"{version}+cpu"), plan.run_file(version))
        return run_of(version)

    monkeypatch.setattr(matrix_runner, "measure", measure)
    everywhere = {minor: Interpreter(minor, "python") for minor in (10, 11, 12, 13)}
    monkeypatch.setattr(matrix_runner, "installed_interpreters", lambda: everywhere)
    return done


# -- one fact in one place ---------------------------------------------------------------------------------------------


def test_tox_has_exactly_the_pairs_of_torch_and_python_that_exist() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(CHECKOUT / "tox.ini")
    listed = set()
    for line in tox["tox"]["env_list"].split():
        if match := re.fullmatch(r"py\{(.*)\}-torch\{(.*)\}", line):
            pythons, releases = match[1].split(","), match[2].split(",")
            listed |= set(product(releases, pythons))
    assert listed == {(release, f"3{minor}") for release, minors in TORCH_PYTHONS.items() for minor in minors}


def test_tox_installs_the_torch_and_numpy_that_an_environment_is_named_for() -> None:
    tox = configparser.ConfigParser(interpolation=None)
    tox.read(CHECKOUT / "tox.ini")
    deps = tox["testenv"]["deps"]
    assert set(re.findall(r"torch([\d.]+): torch==([\d.]+)\.\*", deps)) == {
        (release, release) for release in TORCH_PYTHONS
    }
    assert f"torch{{{','.join(NUMPY_1_ONLY)}}}: numpy<2" in deps


def test_the_table_reaches_from_the_oldest_to_the_newest_torch_of_the_specification() -> None:
    releases = [Version.parse(release) for release in TORCH_PYTHONS]
    assert releases == sorted(releases)
    assert (releases[0].release, releases[-1].release) == (OLDEST.release, NEWEST.release)


def test_the_workflow_measures_every_release() -> None:
    workflow = (CHECKOUT / ".github/workflows/matrix.yml").read_text()
    (listed,) = re.findall(r"torch: \[(.*)\]", workflow)
    measured = [re.sub(r"^(\d+\.\d+).*", r"\1", version) for version in re.findall(r'"([\d.]+)"', listed)]
    assert measured == list(TORCH_PYTHONS)


# -- which Python ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", DEFAULT_VERSIONS)
def test_the_running_python_is_taken_where_the_torch_supports_it(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_runner, "running_minor", lambda: 11)
    everywhere = {minor: Interpreter(minor, f"python3.{minor}") for minor in (10, 11, 12, 13)}
    assert interpreter_for(version, everywhere).minor == 11


def test_the_newest_supported_python_is_taken_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matrix_runner, "running_minor", lambda: 13)
    everywhere = {minor: Interpreter(minor, f"python3.{minor}") for minor in (10, 11, 12, 13)}
    assert interpreter_for("2.4.1", everywhere).minor == 12


def test_a_torch_without_a_python_names_those_that_would_do() -> None:
    with pytest.raises(MatrixError, match=r"torch 1\.13\.1 needs Python 3\.10 or 3\.11; on PATH: 3\.13"):
        interpreter_for("1.13.1", {13: Interpreter(13, "python3.13")})


def test_an_old_torch_gets_an_old_numpy() -> None:
    assert requirements("2.0.1") == ["torch==2.0.1", "numpy<2"]
    assert requirements("2.3") == ["torch==2.3.*"]


# -- resuming and removing ---------------------------------------------------------------------------------------------


def test_a_second_matrix_runs_only_what_is_not_measured_yet(plan: Plan, measured: list[str]) -> None:
    run_matrix(plan, ["2.4.1"])
    runs, failures = run_matrix(plan, ["2.4.1", "2.13.0"])
    assert measured == ["2.4.1", "2.13.0"]
    assert [run.subject.version.split("+")[0] for run in runs] == ["2.4.1", "2.13.0"]
    assert not failures


@pytest.mark.parametrize(
    "left",
    [run_of("2.4.1", programs=4), run_of("2.4.1", seed=2), run_of("2.4.1", profile="views"), run_of("2.4.0")],
    ids=["interrupted", "other seed", "other profile", "other torch"],
)
def test_a_run_of_other_settings_is_run_again(left: Run, plan: Plan, measured: list[str]) -> None:
    save_run(left, plan.run_file("2.4.1"))
    run_matrix(plan, ["2.4.1"])
    assert measured == ["2.4.1"]


def test_a_damaged_run_file_is_run_again(plan: Plan, measured: list[str]) -> None:
    plan.run_file("2.4.1").write_text('{"schema": "autograd-con')
    run_matrix(plan, ["2.4.1"])
    assert measured == ["2.4.1"]


def test_one_version_that_fails_does_not_stop_the_others(
    plan: Plan, measured: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    succeed = matrix_runner.measure

    def measure(plan: Plan, version: str, interpreter: Interpreter) -> Run:
        if version == "2.0.1":
            raise MatrixError("cannot install torch==2.0.1: no network")
        return succeed(plan, version, interpreter)

    monkeypatch.setattr(matrix_runner, "measure", measure)
    runs, failures = run_matrix(plan, ["2.0.1", "2.4.1"])
    assert (len(runs), failures) == (1, ["2.0.1"])
    assert "torch 2.0.1: cannot install torch==2.0.1: no network" in capsys.readouterr().err


def test_nothing_runs_when_one_version_has_no_python(
    plan: Plan, measured: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matrix_runner, "installed_interpreters", lambda: {13: Interpreter(13, "python3.13")})
    with pytest.raises(MatrixError, match="needs Python"):
        run_matrix(plan, ["2.13.0", "1.13.1"])
    assert measured == []


def test_an_environment_is_removed_when_asked_even_after_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(tmp_path, "suite", seed=1, programs=10, profile="default", jobs=1, remove=True, fresh=False)

    def make_environment(environment: Path, *_: object) -> Path:
        environment.mkdir(parents=True)
        raise MatrixError("cannot install")

    monkeypatch.setattr(matrix_runner, "make_environment", make_environment)
    with pytest.raises(MatrixError):
        matrix_runner.measure(plan, "2.4.1", Interpreter(11, sys.executable))
    assert not plan.environment("2.4.1").exists()


def test_a_failed_install_says_what_pip_said(tmp_path: Path) -> None:
    with pytest.raises(MatrixError, match=r"cannot install /no/such/suite: ERROR: .*no/such/suite"):
        matrix_runner.make_environment(
            tmp_path / "env", Interpreter(sys.version_info.minor, sys.executable), ["/no/such/suite"]
        )


# -- the command line --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["2.99"], "torch 2.99 is not supported: the suite knows 1.13 to 2.15"),
        (["newest"], "'newest' is no torch version"),
        (["2.4", "--html", "/no/such/folder/m.html"], "cannot write /no/such/folder/m.html: No such file or directory"),
        (["2.4", "--max-programs", "0"], "0 is not in the range x>=1"),
    ],
)
def test_bad_input_gets_one_line_and_exit_code_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], measured: list[str], tmp_path: Path
) -> None:
    assert run_command(matrix_runner.main, "matrix", [*arguments, "--folder", str(tmp_path / "runs")]) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert measured == []
    assert not (tmp_path / "runs").exists()
