"""``python -m mutation backward``: mutate a group of modules and see which changes nobody notices."""

from __future__ import annotations

import itertools
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
import msgspec

from mutation import mutants, runs
from mutation.groups import GROUPS, Group, together
from mutation.survivors import explanation

CPU = 90.0  # seconds of processor time; the whole check takes about fifteen


@click.command()
@click.argument("groups", nargs=-1, required=True, type=click.Choice(list(GROUPS)))
@click.option("--sample", default=300, show_default=True, help="How many mutants of code, in each group.")
@click.option("--seed", default=1, show_default=True, help="Which ones.")
@click.option("--messages/--no-messages", default=True, help="Whether each message is changed as well.")
@click.option("--torch", "others", multiple=True, help="The python of another torch, to ask that one too.")
@click.option("--only", default="", help="Only mutants whose file or clause contains this.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write what became of each.")
def main(
    groups: Sequence[str], sample: int, seed: int, messages: bool, others: Sequence[str], only: str, out: Path | None
) -> None:
    """Change the modules of GROUPS in one place at a time, and run the suite's quick check on each change.

    Shows the changes that nothing noticed and nothing explains; exits with 1 if more than one in twenty was not
    noticed.
    """
    chosen = [GROUPS[name] for name in groups]
    checks = runs.prepare(together(chosen), others)
    for corpus in checks.corpora:
        click.echo(f"torch {corpus.version}: {len(corpus.cases)} programs, {len(corpus.left_out)} left out")
    click.echo(f"{len(checks.ours.tests)} tests, {len(checks.ours.scripts)} scripts")
    reports: list[runs.Report] = []
    for group in chosen:
        results: list[runs.Result] = []
        work = mutants.sample(group, sample, seed)
        words = mutants.messages(group.areas, checks.corpora[0].version) if messages else ()
        wanted = (mutant for mutant in itertools.chain(work, words) if only in mutant.where)
        for result in runs.run(wanted, checks, CPU):
            results.append(result)
            _tell(result, len(results))
            if out is not None and len(results) % 20 == 0:
                _write(out, [*reports, _report(group, seed, checks, results)])
        reports.append(_report(group, seed, checks, results))
        if out is not None:
            _write(out, reports)
        alive = sum(result.outcome == "survived" for result in results)
        click.echo(f"{group.name}: {len(results) - alive} of {len(results)} noticed")
    sys.exit(any(report.noticed < 0.95 for report in reports))


def _tell(result: runs.Result, number: int) -> None:
    m = result.mutant
    if result.outcome == "survived" and explanation(m) is None:
        click.echo(f"{number} SURVIVED {m.where}:{m.line} {m.operator}\n  - {m.before}\n  + {m.after}")
    elif number % 50 == 0:
        click.echo(str(number))
    sys.stdout.flush()


def _report(group: Group, seed: int, checks: runs.Checks, results: Sequence[runs.Result]) -> runs.Report:
    names = ("cosmic-ray", "torch", "numpy")
    return runs.Report(
        group.name,
        seed,
        sum(1 for module in group.modules for _ in mutants.of_module(module)),
        {"python": platform.python_version(), **{name: version(name) for name in names}},
        {corpus.version: len(corpus.cases) for corpus in checks.corpora},
        {corpus.version: corpus.left_out for corpus in checks.corpora},
        tuple(results),
    )


def _write(out: Path, reports: Sequence[runs.Report]) -> None:
    out.write_bytes(msgspec.json.format(msgspec.json.encode(reports), indent=1) + b"\n")


if __name__ == "__main__":
    main()
