"""``replay``: one stored program again, on the reference and on a subject."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conformance.cli.compare import load_runs
from conformance.cli.options import INPUT_FILE, refusing_names, subject_option
from conformance.cli.refusals import CONFORMS, FINDINGS, SetupError

if TYPE_CHECKING:
    from conformance.execute.trace import Trace
    from conformance.program.steps import Program
    from conformance.trial import Trial

EXAMPLES = """\b
Examples:
  conformance replay program.json                  a Program file
  conformance replay run.json --finding a1b2c3     the program of a finding in a Run file
  conformance replay program.json --subject reference
  conformance replay program.json --script         only print it as a torch script

\b
Exit codes: 0 both engines agree or differ as already known, 1 they differ, 2 the file holds no program. Reading a
program never runs code.
"""

TIMEOUT = 60.0


@click.command(short_help="Run one stored program again.", epilog=EXAMPLES)
@click.argument("program_file", type=INPUT_FILE, metavar="PROGRAM.json")
@subject_option
@click.option("--finding", metavar="ID", help="Which finding of a Run file; the beginning of its id will do.")
@click.option("--script", "only_script", is_flag=True, help="Print the program as a torch script and run nothing.")
def replay(program_file: Path, subject: str, finding: str | None, only_script: bool) -> int:
    """Run the program in PROGRAM.json again and show where the engines differ."""
    program = read_program(program_file, finding)
    if only_script:
        from conformance.program.script import to_script

        click.echo(to_script(program).rstrip("\n"))
        return CONFORMS
    from conformance.campaign import CampaignSettings
    from conformance.trial import Trial

    with refusing_names():
        trial = Trial(CampaignSettings(subject=subject))
    return _report(program, trial, _observe(program, subject))


def read_program(path: Path, finding: str | None) -> Program:
    """The program in a Program file, or that of a finding in a Run file."""
    from conformance.program.codec import ProgramError, decode, load

    try:
        if finding is None:
            return load(path)
        import msgspec

        (run,) = load_runs((path,))
        chosen = [found for found in run.findings if found.id.startswith(finding)]
        if len(chosen) != 1:
            ids = ", ".join(found.id for found in (chosen or run.findings)[:8]) or "none"
            raise SetupError(f"{path}: {len(chosen) or 'no'} findings begin with {finding!r}; there are {ids}")
        return decode(msgspec.json.encode(chosen[0].program))
    except ProgramError as error:
        raise SetupError(str(error)) from None


def _trace_of(subject_name: str, program: Program, _indices: tuple[int, ...]) -> Trace:
    """The subject's Trace; runs in a worker."""
    from conformance.execute.machine import execute
    from conformance.subjects.registry import find_subject

    return execute(program, find_subject(subject_name))


def _observe(program: Program, subject: str) -> Trace | str:
    """The subject's Trace, or how the process that ran it ended: the program may be stored because it crashes."""
    from conformance.execute.workers import run_chunks

    (outcome,) = run_chunks(partial(_trace_of, subject, program), [(0,)], timeout=TIMEOUT)
    return outcome.result if outcome.result is not None else f"{outcome.fate}: {outcome.detail}"


def _report(program: Program, trial: Trial, observed: Trace | str) -> int:
    from conformance.execute.machine import execute
    from conformance.judge.compare import note
    from conformance.program.script import to_script

    expected = execute(program, trial.reference)
    who = f"{trial.subject.name} ({trial.subject.library} {trial.subject.version()})"
    if isinstance(observed, str):
        click.echo(to_script(program, expected.steps))
        click.echo(f"{who} {observed}")
        return FINDINGS
    judgement = trial.judge(program, expected, observed)
    if judgement is None:
        click.echo(to_script(program, observed.steps))
        click.echo(f"{who} does what the reference does in all {len(program.steps)} steps")
        return CONFORMS
    divergence = judgement.divergence
    click.echo(to_script(program, observed.steps, {divergence.step: note(divergence)}))
    click.echo(f"{who} differs at step {divergence.step} ({divergence.step_kind}), in {divergence.field}:")
    click.echo(f"  expected  {divergence.expected}")
    click.echo(f"  observed  {divergence.observed}")
    for clause in divergence.clauses:
        click.echo(f"  clause    {clause}: {trial.specs.clause(clause).text}")
    if judgement.deviation is not None:
        click.echo(f"  known     {judgement.deviation.id}: {judgement.deviation.title}")
        return CONFORMS
    from conformance.judge.arbitrate import arbitrate

    opinion = arbitrate(program, divergence, trial.reference, expected, observed)
    click.echo(f"  right     {opinion.verdict} ({opinion.method}{': ' + opinion.detail if opinion.detail else ''})")
    return FINDINGS
