"""Engines of other packages: what CONTRIBUTING says of adding one, done in a package of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.report.run import Run, load_run

pytest.importorskip("torch", reason="the engines are made of torch")

ROOT = Path(__file__).parents[2]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def package(tmp_path: Path) -> Callable[[str, str], Command]:
    """Installs a module with a subject, as pip would, and gives the command that sees it."""

    def install(module: str, factory: str) -> Command:
        (tmp_path / "mybackend_conformance.py").write_text(textwrap.dedent(module))
        info = tmp_path / "mybackend_conformance-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mybackend-conformance\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[autograd_conformance.subjects]\nmybackend = mybackend_conformance:{factory}\n"
        )
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}

        def command(*arguments: str) -> subprocess.CompletedProcess[str]:
            line = [sys.executable, "-W", "ignore", "-m", "conformance", *arguments]
            return subprocess.run(line, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=300)

        return command

    return install


def run_of(command: Command, folder: Path, *more: str) -> Run:
    line = ["run", "--subject", "mybackend", "--laws", "none", "--shrink", "0", "--json", "run.json", *more]
    result = command(*line)
    assert result.returncode in (0, 1), result.stderr
    return load_run(folder / "run.json")


def as_documented() -> str:
    """The class that CONTRIBUTING shows."""
    diff = (ROOT / "CONTRIBUTING.md").read_text().split("## Add a subject", 1)[1]
    code = re.search(r"mybackend_conformance\.py\n((?:\+.*\n)+)", diff)
    assert code is not None
    return "".join(line[1:] + "\n" for line in code[1].partition("+++")[0].splitlines())


def test_a_device_as_documented_is_listed_and_runs(package: Callable[[str, str], Command], tmp_path: Path) -> None:
    # The one device besides cpu that every torch has stands in for a backend's own.
    module = as_documented().replace("import torch_mybackend", "import types as torch_mybackend")
    command = package(module.replace('"mybackend"', '"meta"'), "MyBackend")
    assert re.search(r"^mybackend +torch \d", command("subjects").stdout, re.MULTILINE)
    run = run_of(command, tmp_path, "--max-programs", "60")
    assert (run.subject.name, run.subject.device, run.totals.programs) == ("mybackend", "meta", 60)
    # It has metadata and no values: these are compared, those are not.
    assert not any(finding.field in ("crash", "timeout") for finding in run.unexplained)  # torch's own are known
    assert not any(finding.field.endswith("value") for finding in run.findings)


def test_a_device_that_torch_does_not_have_is_refused_in_one_line(package: Callable[[str, str], Command]) -> None:
    module = as_documented().replace(
        "import torch_mybackend  # registers the device",
        "import torch; torch.utils.rename_privateuse1_backend('mybackend')  # a name, and no kernels",
    )
    result = package(module, "MyBackend")("run", "--subject", "mybackend", "--max-programs", "5")
    assert result.returncode == 2
    assert result.stderr.startswith("conformance: this torch has no device 'mybackend' here")
    assert result.stderr.count("\n") == 1


# Many and common: among some hundreds of programs each is drawn rarely, and one must be.
CHANGED = (
    *("exp", "log", "sqrt", "sin", "cos", "tanh", "sigmoid", "neg", "abs", "add", "sub", "mul", "div", "clone"),
    *("sum", "mean", "mm", "matmul", "cumsum", "where"),
)
WRAPPED = f"""
import functools
from conformance.subjects.torch_eager import TorchEager

class Wrapped(TorchEager):
    def __init__(self):
        super().__init__()
        self.name = "mybackend"

    def resolve(self, dotted):
        found = super().resolve(dotted)
        if dotted not in {CHANGED}:
            return found
        return functools.wraps(found)(lambda *args, **kwargs: RESULT)
"""


@pytest.mark.parametrize("right", [True, False], ids=["faithful", "off by one"])
def test_an_engine_that_changes_how_functions_run_is_held_to_the_same_traces(
    right: bool, package: Callable[[str, str], Command], tmp_path: Path
) -> None:
    """In the manner of a compiler: functions of torch go through something else first."""
    module = WRAPPED.replace("RESULT", "found(*args, **kwargs)" + ("" if right else " + 1"))
    run = run_of(package(module, "Wrapped"), tmp_path, "--profile", "ops", "--max-programs", "300")
    assert not any(finding.field in ("crash", "timeout") for finding in run.unexplained)  # torch's own are known
    found = {finding.op for finding in run.unexplained} & set(CHANGED)
    assert not found if right else len(found) >= 3


def test_a_package_that_is_broken_is_told_in_one_line(package: Callable[[str, str], Command]) -> None:
    command = package("def (:", "MyBackend")
    assert "mybackend       not here: its package can't be imported: SyntaxError" in command("subjects").stdout
    refused = command("run", "--subject", "mybackend")
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
