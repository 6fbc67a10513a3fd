"""``replay``: one stored program again, on the reference and on a subject."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.cli.options import INPUT_FILE, subject_option

EXAMPLES = """\b
Examples:
  conformance replay program.json                  a Program file
  conformance replay run.json --finding a1b2c3     the program of a finding in a Run file
  conformance replay program.json --subject reference
  conformance replay program.json --script         only print it as a torch script

\b
Exit codes: 0 both engines agree, 1 they differ, 2 the file holds no program. Reading a program never runs code.
"""


@click.command(epilog=EXAMPLES, short_help="Run one stored program again.")
@click.argument("program", type=INPUT_FILE, metavar="PROGRAM.json")
@subject_option
@click.option("--finding", metavar="ID", help="Which finding of a Run file; the beginning of its id will do.")
@click.option("--script", "only_script", is_flag=True, help="Print the program as a torch script and run nothing.")
def replay(program: Path, subject: str, finding: str | None, only_script: bool) -> int:
    """Run the program in PROGRAM.json again and show where the engines differ."""
    raise NotImplementedError
