"""``run --samples opinfo``: torch's own sample inputs as programs, and one clear line where they can't be had."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec
import pytest

from conformance.cli import main
from conformance.program import codec
from conformance.program import steps as s
from conformance.program.limits import validate
from conformance.report.run import load_run
from conformance.subjects.opinfo import OpInfoPrograms

OPINFO = "torch.testing._internal.common_methods_invocations"
RUN = ["run", "--samples", "opinfo", "--subject", "reference", "--laws", "none"]


def programs(*ops: str) -> OpInfoPrograms:
    pytest.importorskip("torch", reason="the samples are torch's")
    pytest.importorskip("expecttest", reason="torch's op table needs it")
    return OpInfoPrograms(0, lambda name, form: name in ops and form == "function")


def test_without_the_testing_extras_one_line_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, OPINFO, None)
    assert main([*RUN, "--json", str(tmp_path / "run.json")]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "torch's own op table needs" in said.err
    assert not (tmp_path / "run.json").exists()


def test_other_samples_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--samples", "mine"]) == 2
    assert "'mine' is not 'opinfo'" in capsys.readouterr().err


def test_each_sample_is_a_program_with_a_first_and_a_second_gradient() -> None:
    found = programs("addmm", "linalg.det")
    assert len(found) > 20
    for index in (0, 1, 2, 3, len(found) - 1):
        program = found[index]
        validate(program)
        assert codec.decode(codec.encode(program)) == program
    apply = next(step for step in found[0].steps if isinstance(step, s.Apply))
    grads = [step for step in found[0].steps if isinstance(step, s.Grad)]
    assert apply.op == "addmm"
    assert grads[0].create_graph is True
    assert len(grads) > 1


def test_the_first_sample_of_each_op_comes_first_and_the_rest_is_named() -> None:
    found = programs("mm", "linalg.det")
    first = [step.op for index in range(4) for step in found[index].steps if isinstance(step, s.Apply)]
    assert first == ["mm", "mm", "linalg.det", "linalg.det"]  # real, complex
    assert "exp" in found.left_out["not in the reference"]
    assert found.name.endswith(", 2 of " + found.name.rsplit(" ", 2)[1] + " ops")


def test_a_window_on_a_buffer_stays_one() -> None:
    found = programs("addmm")
    strided = [x for i in range(len(found)) for x in found[i].steps if isinstance(x, s.Make) and x.strides is not None]
    assert strided, "OpInfo tries addmm on transposed matrices"
    assert all(max(x.strides) > 0 for x in strided)


def test_the_samples_run_through_both_engines(tmp_path: Path) -> None:
    pytest.importorskip("expecttest", reason="torch's op table needs it")
    path = tmp_path / "run.json"
    assert main([*RUN, "--max-programs", "12", "--json", str(path)]) == 0
    run = load_run(path)
    assert run.settings.corpus.startswith("opinfo of torch ")
    assert run.totals.programs == 12
    assert msgspec.json.encode(run)
