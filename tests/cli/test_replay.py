"""``replay``: a stored program again, and files that hold none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from conformance import __version__
from conformance.cli import main
from conformance.program.codec import decode, save
from conformance.program.steps import Program
from conformance.report.run import Arbitration, Finding, Run, Settings, SubjectInfo, save_run

PROGRAM = decode(
    """{"steps": [
    {"step": "make", "out": "x", "dtype": "float32", "shape": [2], "values": [1.0, 2.0], "requires_grad": true},
    {"step": "apply", "op": "exp", "form": "method", "args": [{"kind": "ref", "name": "x"}], "outs": ["y"]},
    {"step": "backward", "tensors": {"kind": "ref", "name": "y"}, "form": "method"}]}"""
)


@pytest.fixture
def program_file(tmp_path: Path) -> str:
    save(PROGRAM, tmp_path / "program.json")
    return str(tmp_path / "program.json")


def finding(identifier: str, program: Program) -> Finding:
    return Finding(
        id=identifier,
        title="a difference",
        clauses=(),
        op=None,
        field="value",
        step=0,
        expected="1",
        observed="2",
        program=msgspec.to_builtins(program),
        script="",
        reference_trace=None,
        subject_trace=None,
        graph=None,
        arbitration=Arbitration("not_needed", "clause"),
    )


@pytest.fixture
def run_file(tmp_path: Path) -> str:
    run = Run(
        suite=__version__,
        subject=SubjectInfo("torch", "torch", "2.13.0"),
        settings=Settings(seed=1, programs=1),
        findings=(finding("abc123", PROGRAM), finding("abd456", Program(PROGRAM.steps[:2]))),
    )
    save_run(run, tmp_path / "run.json")
    return str(tmp_path / "run.json")


@pytest.mark.parametrize("subject", ["reference", "torch"])
def test_engines_that_agree_are_said_to_agree(
    program_file: str, subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if subject == "torch":
        pytest.importorskip("torch", reason="torch is the subject")
    assert main(["replay", program_file, "--subject", subject]) == 0
    printed = capsys.readouterr().out
    assert "does what the reference does in all 3 steps" in printed
    assert "except Exception" in printed  # the refusal is part of the program, and the script survives it


def test_the_script_of_a_program_runs_as_it_is(program_file: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="the script is a torch script")
    assert main(["replay", program_file, "--script"]) == 0
    script = capsys.readouterr().out
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "grad can be implicitly created only for scalar outputs" in result.stderr


def test_the_program_of_a_finding_is_found_by_the_beginning_of_its_id(
    run_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", run_file, "--finding", "abd", "--subject", "reference"]) == 0
    assert "in all 2 steps" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("identifier", "said"),
    [
        ("ab", "2 findings begin with 'ab'; there are abc123, abd456"),
        ("x", "no findings begin with 'x'; there are abc123"),
    ],
)
def test_an_id_that_names_no_one_finding_is_refused(
    run_file: str, identifier: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", run_file, "--finding", identifier]) == 2
    assert said in capsys.readouterr().err


MAKE = '{"steps": [{"step": "make", "out": "%s", "dtype": "float32", "shape": %s, "values": [1]}]}'
HOSTILE = {
    "nothing": "",
    "no JSON": "cos\nsystem\n(S'rm -rf /'\ntR.",
    "nested without end": "[" * 100_000,
    "no program": '{"steps": 3}',
    "an unknown step": '{"steps": [{"step": "bakcward"}]}',
    "an op outside torch": '{"steps": [{"step": "apply", "op": "os.system", "form": "function", "args": ["id"]}]}',
    "a private attribute": '{"steps": [{"step": "read", "target": "x", "what": "__class__"}]}',
    "a name that is code": MAKE % ("x; import os", "[]"),
    "a huge tensor": MAKE % ("x", "[99999, 99999]"),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_file_that_holds_no_program_is_refused_in_one_line(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "program.json"
    path.write_text(content)
    assert main(["replay", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"conformance: {path}: ")
    assert captured.err.count("\n") == 1


def test_a_missing_program_file_and_an_unknown_subject_are_refused(
    program_file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", "/no/such/program.json"]) == 2
    assert "No such file" in capsys.readouterr().err
    assert main(["replay", program_file, "--subject", "torhc"]) == 2
    assert "the nearest is 'torch'" in capsys.readouterr().err
