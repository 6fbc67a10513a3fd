"""``python -m mutation backward``: mutate a group of modules and see which changes nobody notices."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import version
from pathlib import Path

import click
import msgspec

from mutation import mutants, runs
from mutation.groups import GROUPS
from mutation.survivors import explanation

CPU = 90.0  # seconds of processor time; the whole check takes about fifteen


@click.command()
@click.argument("group", type=click.Choice(list(GROUPS)))
@click.option("--sample", default=300, show_default=True, help="How many mutants of code.")
@click.option("--seed", default=1, show_default=True, help="Which ones.")
@click.option("--messages/--no-messages", default=True, help="Whether each message is changed as well.")
@click.option("--torch", "others", multiple=True, help="The python of another torch, to ask that one too.")
@click.option("--only", help="Only mutants whose file or clause contains this.")
@click.option("--json", "out", type=click.Path(path_type=Path), help="Where to write what became of each.")
def main(
    group: str, sample: int, seed: int, messages: bool, others: tuple[str, ...], only: str | None, out: Path | None
) -> None:
    """Change the modules of GROUP in one place at a time, and run the suite's quick check on each change.

    Shows the changes that nothing noticed and nothing explains; exits with 1 if more than one in twenty was not
    noticed.
    """
    chosen = GROUPS[group]
    checks = runs.prepare(chosen, others)
    for corpus in checks.corpora:
        click.echo(f"torch {corpus.version}: {len(corpus.cases)} programs, {len(corpus.left_out)} left out")
    click.echo(f"{len(checks.ours.tests)} tests, {len(checks.ours.scripts)} scripts")
    work = mutants.sample(chosen, sample, seed)
    possible = sum(1 for module in chosen.modules for _ in mutants.of_module(module))
    if messages:
        work += list(mutants.messages(chosen.areas, checks.corpora[0].version))
    if only:
        work = [mutant for mutant in work if only in mutant.where]
    results: list[runs.Result] = []
    for number, result in enumerate(runs.run(work, checks, CPU), 1):
        results.append(result)
        m = result.mutant
        if result.outcome == "survived" and explanation(m) is None:
            click.echo(f"{number}/{len(work)} SURVIVED {m.where}:{m.line} {m.operator}\n  - {m.before}\n  + {m.after}")
        elif number % 25 == 0:
            click.echo(f"{number}/{len(work)} {sum(r.outcome == 'survived' for r in results)} survived")
        sys.stdout.flush()
        if out is not None and (number % 10 == 0 or number == len(work)):
            names = ("cosmic-ray", "torch", "numpy")
            versions = {"python": platform.python_version(), **{name: version(name) for name in names}}
            report = runs.Report(
                group,
                seed,
                possible,
                versions,
                {corpus.version: len(corpus.cases) for corpus in checks.corpora},
                {corpus.version: corpus.left_out for corpus in checks.corpora},
                tuple(results),
            )
            out.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    alive = sum(result.outcome == "survived" for result in results)
    click.echo(f"{len(results) - alive} of {len(results)} noticed ({1 - alive / max(1, len(results)):.1%})")
    sys.exit(alive * 20 > len(results))


if __name__ == "__main__":
    main()
