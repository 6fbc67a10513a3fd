"""The command ``conformance``.

    run.py         run: draw programs, run them, judge them, report
    hunt.py        hunt: hours of steered search, a page for each defect
    replay.py      replay: one stored program again
    catalogue.py   show, clauses, subjects: what the specification says, and what can be put under test
    ops.py         ops: the table of ops
    compare.py     matrix, diff: several Runs side by side
    options.py     options that commands share
    refusals.py    what is refused: one line, exit code 2

Commands import what they need when they run, so that ``--help`` and ``clauses`` answer at once and without torch.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from conformance import __version__
from conformance.cli.catalogue import clauses, show, subjects
from conformance.cli.compare import diff, matrix
from conformance.cli.hunt import hunt
from conformance.cli.ops import ops
from conformance.cli.refusals import run_command
from conformance.cli.replay import replay
from conformance.cli.run import run

GUIDE = """\b
First steps:
  conformance run --time 60s --html report.html   check the installed torch
  conformance show backward.implicit_grad         read what a rule says
  conformance replay finding.json                 run one program again

\b
Exit codes:
  0  everything conforms, or differs only as already known
  1  findings: a difference that nothing explains, or a known one that is gone
  2  the command could not do what was asked; nothing was written
"""


@click.group(epilog=GUIDE, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="autograd-conformance")
def app() -> None:
    """Check a torch against the executable specification of autograd.

    Programs are drawn at random but reproducibly, run on the reference engine and on the subject, and compared step by
    step; each difference is shrunk to the smallest script that shows it.
    """


for command in (run, hunt, replay, show, clauses, ops, subjects, matrix, diff):
    app.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    return run_command(app, "conformance", arguments)
