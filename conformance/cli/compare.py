"""``matrix`` and ``diff``: several Runs side by side, from their files alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli.options import INPUT_FILE, OUTPUT_FILE, json_flag
from conformance.cli.refusals import CONFORMS, FINDINGS, SetupError, check_writable

if TYPE_CHECKING:
    from conformance.report.run import Run

MATRIX_EXAMPLES = """\b
Examples:
  conformance matrix matrix-runs/*.json
  conformance matrix torch-2.4.json torch-2.13.json --html matrix.html

To make the Run files of several torch versions in one go: python -m conformance.matrix_runner --help
"""

DIFF_EXAMPLES = """\b
Examples:
  conformance diff torch-2.0.1.json torch-2.13.0.json
  conformance diff cpu.json mybackend.json --html diff.html
"""


def load_runs(paths: tuple[Path, ...]) -> list[Run]:
    """The Runs in these files; a file that holds none is refused."""
    from conformance.report.run import RunFileError, load_run

    try:
        return [load_run(path) for path in paths]
    except RunFileError as error:
        raise SetupError(str(error)) from None


@click.command(epilog=MATRIX_EXAMPLES, short_help="Show clauses by torch version, from several Run files.")
@click.argument("runs", nargs=-1, required=True, type=INPUT_FILE, metavar="RUN.json...")
@click.option("--html", type=OUTPUT_FILE, help="Write the matrix as a page.")
def matrix(runs: tuple[Path, ...], html: Path | None) -> int:
    """Show clauses by torch version, from several Run files.

    Exit code 1 if any of the Runs holds something unexplained.
    """
    check_writable(html)
    loaded = load_runs(runs)
    from conformance.report.files import write_atomically
    from conformance.report.matrix import print_matrix, render_matrix
    from specs.load import load

    specs = load()
    if html is not None:
        write_atomically(html, render_matrix(loaded, specs))
    print_matrix(loaded, specs)
    return FINDINGS if any(run.verdict == "divergence" for run in loaded) else CONFORMS


@click.command(epilog=DIFF_EXAMPLES, short_help="Show what changed between two Runs of the same programs.")
@click.argument("before", type=INPUT_FILE, metavar="A.json")
@click.argument("after", type=INPUT_FILE, metavar="B.json")
@json_flag
@click.option("--html", type=OUTPUT_FILE, help="Write the changes as a page.")
def diff(before: Path, after: Path, as_json: bool, html: Path | None) -> int:
    """Show what changed between two Runs of the same programs.

    The Runs may be of two torch versions or of two subjects. Changes are grouped, each with one smallest program. Exit
    code 1 if anything changed.
    """
    check_writable(html)
    first, second = load_runs((before, after))
    from conformance.report.diff import RunDiffError, diff_runs, encode_diff, print_diff, render_diff
    from conformance.report.files import write_atomically
    from specs.load import load

    try:
        changes = diff_runs(first, second)
    except RunDiffError as error:
        raise SetupError(str(error)) from None
    if html is not None:
        write_atomically(html, render_diff(changes, load()))
    if as_json:
        sys.stdout.buffer.write(encode_diff(changes))
    else:
        print_diff(changes)
    return FINDINGS if changes else CONFORMS
