"""Runs the same programs on many torch versions: ``python -m conformance.matrix_runner 1.13.1 2.4 2.15.0``.

For each version it makes a virtual environment with that torch and a Python that this torch was built for, runs the
suite in it as ``conformance run`` would, and keeps the Run file. At the end stands the matrix of all of them. An
interrupted matrix is resumed by the same command: a version whose Run file answers the same settings is not run again.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click

import conformance
from conformance.cli.refusals import CONFORMS, FINDINGS, SetupError, check_writable, run_command
from conformance.report.run import Run, RunFileError, load_run

#: torch release -> the Pythons (3.x) that have wheels of it; measured on the package index.
TORCH_PYTHONS: dict[str, tuple[int, ...]] = {
    "1.13": (10, 11),
    "2.0": (10, 11),
    "2.1": (10, 11),
    "2.2": (10, 11, 12),
    "2.3": (10, 11, 12),
    "2.4": (10, 11, 12),
    "2.5": (10, 11, 12, 13),
    "2.6": (10, 11, 12, 13),
    "2.7": (10, 11, 12, 13),
    "2.8": (10, 11, 12, 13),
    "2.9": (10, 11, 12, 13),
    "2.10": (10, 11, 12, 13),
    "2.11": (10, 11, 12, 13),
    "2.12": (10, 11, 12, 13),
    "2.13": (10, 11, 12, 13),
    "2.14": (10, 11, 12, 13),
    "2.15": (11, 12, 13),
}

#: Built against NumPy 1: with NumPy 2 these import with a warning and can't exchange arrays.
NUMPY_1_ONLY = ("1.13", "2.0", "2.1", "2.2")

DEFAULT_VERSIONS = ("1.13.1", "2.0.1", "2.4.1", "2.8.0", "2.13.0", "2.15.0")


class MatrixError(SetupError):
    """Why a version could not be measured, in one line."""


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine."""

    minor: int
    path: str


@dataclass(frozen=True)
class Plan:
    """What every version of the matrix is asked to do."""

    folder: Path
    suite: str
    """What pip installs as the suite: a checkout, or a requirement."""
    seed: int
    programs: int
    profile: str
    jobs: int
    remove: bool
    fresh: bool

    def run_file(self, version: str) -> Path:
        """Where the Run of a version is kept."""
        return self.folder / f"torch-{version}.json"

    def environment(self, version: str) -> Path:
        """Where the virtual environment of a version is made."""
        return self.folder / "environments" / f"torch-{version}"


# -- which torch, which Python -----------------------------------------------------------------------------------------


def release_of(version: str) -> str:
    """``"2.4.1"`` is of release ``"2.4"``; anything the table doesn't know is refused."""
    match = re.fullmatch(r"(\d+\.\d+)(\.\d+)?", version)
    if match is None:
        raise MatrixError(f"{version!r} is no torch version (write 2.4.1, or 2.4 for the newest 2.4)")
    if match[1] not in TORCH_PYTHONS:
        known = list(TORCH_PYTHONS)
        raise MatrixError(f"torch {version} is not supported: the suite knows {known[0]} to {known[-1]}")
    return match[1]


def requirements(version: str) -> list[str]:
    """What pip is asked for, beside the suite itself."""
    release = release_of(version)
    # "==2.4.1" is met by 2.4.1+cpu too, which pip prefers where an index offers it.
    torch = f"torch=={version}" if version != release else f"torch=={release}.*"
    return [torch, "numpy<2"] if release in NUMPY_1_ONLY else [torch]


def running_minor() -> int:
    """The Python that runs this: 11 for 3.11."""
    return sys.version_info.minor


def installed_interpreters() -> dict[int, Interpreter]:
    """The Pythons that the table speaks of and this machine can start: the running one, and those on ``PATH``."""
    found = {running_minor(): Interpreter(running_minor(), sys.executable)}
    for minor in sorted({minor for minors in TORCH_PYTHONS.values() for minor in minors}):
        path = shutil.which(f"python3.{minor}")
        # A version manager's shim may be on PATH and still refuse to start.
        if minor not in found and path is not None and _minor_of(path) == minor:
            found[minor] = Interpreter(minor, path)
    return found


def _minor_of(path: str) -> int | None:
    answer = subprocess.run([path, "-c", "import sys; print(sys.version_info.minor)"], capture_output=True, text=True)
    return int(answer.stdout) if answer.returncode == 0 else None


def interpreter_for(version: str, interpreters: dict[int, Interpreter]) -> Interpreter:
    """The Python to measure a version with: the running one where it will do, else the newest that will."""
    supported = TORCH_PYTHONS[release_of(version)]
    for minor in sorted(supported, key=lambda minor: (minor != running_minor(), -minor)):
        if minor in interpreters:
            return interpreters[minor]
    wanted = " or ".join(f"3.{minor}" for minor in supported)
    present = ", ".join(f"3.{minor}" for minor in sorted(interpreters)) or "none"
    raise MatrixError(f"torch {version} needs Python {wanted}; on PATH: {present}")


# -- one version -------------------------------------------------------------------------------------------------------


def finished_run(plan: Plan, version: str) -> Run | None:
    """The Run that an earlier matrix left for this version, if it answers the same settings in full."""
    path = plan.run_file(version)
    if plan.fresh or not path.exists():
        return None
    try:
        run = load_run(path)
    except RunFileError:
        return None
    asked = run.settings
    same = (asked.seed, asked.programs, asked.profile) == (plan.seed, plan.programs, plan.profile)
    measured = run.subject.version.split("+")[0]
    right_torch = measured == version or measured.startswith(f"{version}.")
    return run if same and right_torch and run.suite.split()[-1] == conformance.__version__ else None


def measure(plan: Plan, version: str, interpreter: Interpreter) -> Run:
    """Make the environment of a version, run the suite in it, and read its Run back."""
    environment = plan.environment(version)
    try:
        python = make_environment(environment, interpreter, [*requirements(version), plan.suite])
        command = [str(python), "-m", "conformance", "run", "--subject", "torch", "--seed", str(plan.seed)]
        command += ["--max-programs", str(plan.programs), "--profile", plan.profile, "--jobs", str(plan.jobs)]
        command += ["--json", str(plan.run_file(version))]
        # From the folder, and without PYTHONPATH: the installed suite runs, not a checkout that happens to be here.
        result = subprocess.run(command, cwd=plan.folder, env=_clean_environ())
        if result.returncode not in (0, 1):
            raise MatrixError(f"the run on torch {version} ended with exit code {result.returncode}")
        return load_run(plan.run_file(version))
    except RunFileError as error:
        raise MatrixError(str(error)) from None
    finally:
        if plan.remove:
            shutil.rmtree(environment, ignore_errors=True)


def make_environment(environment: Path, interpreter: Interpreter, wanted: Sequence[str]) -> Path:
    """A virtual environment that holds ``wanted``; one that an earlier matrix left is brought up to date instead."""
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists() or _minor_of(str(python)) != interpreter.minor:
        _quietly([interpreter.path, "-m", "venv", "--clear", str(environment)], "cannot make a virtual environment")
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--quiet", *wanted]
    _quietly(install, f"cannot install {' '.join(wanted)}")
    return python


def _quietly(command: list[str], failure: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, env=_clean_environ())
    if result.returncode != 0:
        said = [line for line in (result.stderr or result.stdout).splitlines() if line.strip()]
        errors = [line for line in said if line.startswith("ERROR")] or said or ["no output"]
        raise MatrixError(f"{failure}: {errors[-1].strip()}")


def _clean_environ() -> dict[str, str]:
    dropped = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    return {name: value for name, value in os.environ.items() if name not in dropped}


# -- the matrix --------------------------------------------------------------------------------------------------------


def run_matrix(plan: Plan, versions: Sequence[str]) -> tuple[list[Run], list[str]]:
    """Measure every version that is not measured yet; the Runs in the order asked for, and what went wrong."""
    interpreters = installed_interpreters()
    # All are looked at before the first is run: a version that can't work is known after a second, not after an hour.
    chosen = {version: interpreter_for(version, interpreters) for version in versions}
    plan.folder.mkdir(parents=True, exist_ok=True)
    runs: list[Run] = []
    failures: list[str] = []
    for version, interpreter in chosen.items():
        run = finished_run(plan, version)
        if run is not None:
            click.echo(f"torch {version}: already measured, {plan.run_file(version)}")
        else:
            click.echo(f"torch {version}: Python 3.{interpreter.minor}, {plan.environment(version)}")
            try:
                run = measure(plan, version, interpreter)
            except MatrixError as error:
                click.echo(f"torch {version}: {error}", err=True)
                failures.append(version)
                continue
        runs.append(run)
    return runs, failures


def default_suite() -> str:
    """The checkout that this module belongs to, or else the released distribution of the same version."""
    checkout = Path(conformance.__file__).resolve().parents[1]
    if (checkout / "pyproject.toml").is_file():
        return str(checkout)
    return f"autograd-conformance=={conformance.__version__}"


def check_versions(_context: click.Context, _parameter: click.Parameter, versions: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse a version that the table doesn't know."""
    for version in versions:
        try:
            release_of(version)
        except MatrixError as error:
            raise click.BadParameter(error.message) from None
    return versions or DEFAULT_VERSIONS


@click.command(epilog=f"Without VERSIONS: {' '.join(DEFAULT_VERSIONS)}.")
@click.argument("versions", nargs=-1, callback=check_versions)
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Seed of the programs: the same for every version.",
)
@click.option(
    "--max-programs",
    "programs",
    type=click.IntRange(1),
    default=20_000,
    show_default=True,
    help="Programs to run on each version.",
)
@click.option("--profile", default="default", show_default=True, help="What kind of programs to draw.")
@click.option(
    "--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, show_default="one a core", help="Worker processes."
)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("matrix-runs"),
    show_default=True,
    help="Where Run files and environments are kept, and found again by the next matrix.",
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), help="The matrix [default: FOLDER/matrix.html]."
)
@click.option("--suite", default=default_suite, help="What pip installs as the suite [default: this one].")
@click.option("--remove", is_flag=True, help="Remove each environment after its run (each is several GB).")
@click.option("--fresh", is_flag=True, help="Run again what is already measured.")
@click.option("--no-matrix", is_flag=True, help="Only make the Run files.")
def main(
    versions: tuple[str, ...],
    seed: int,
    programs: int,
    profile: str,
    jobs: int,
    folder: Path,
    html: Path | None,
    suite: str,
    remove: bool,
    fresh: bool,
    no_matrix: bool,
) -> int:
    """Run the same programs on many torch VERSIONS and show them side by side.

    Makes a virtual environment for each version, with an installed Python that this torch supports. Interrupt it when
    you like: the same command goes on where it stopped.
    """
    plan = Plan(folder.resolve(), suite, seed, programs, profile, jobs, remove, fresh)
    check_writable(html)
    runs, failures = run_matrix(plan, versions)
    if runs and not no_matrix:
        _show(runs, html or plan.folder / "matrix.html")
    if failures:
        raise SetupError(f"not measured: {', '.join(failures)}")
    return FINDINGS if any(run.verdict == "divergence" for run in runs) else CONFORMS


def _show(runs: list[Run], html: Path) -> None:
    from conformance.report.files import write_atomically
    from conformance.report.matrix import print_matrix, render_matrix
    from specs.load import load

    specs = load()
    write_atomically(html, render_matrix(runs, specs))
    print_matrix(runs, specs)
    click.echo(f"matrix: {html}")


if __name__ == "__main__":
    sys.exit(run_command(main, "python -m conformance.matrix_runner"))
