"""``hunt``: hours of steered search, and a page for each defect that it met."""

from __future__ import annotations

from pathlib import Path

import click

from conformance.cli.options import Duration, refusing_names, subject_option
from conformance.cli.refusals import CONFORMS, FINDINGS, INTERRUPTED, SetupError

EXAMPLES = """\b
Examples:
  conformance hunt --time 2h --jobs 2                        two hours, what is found goes to ./hunt
  conformance hunt --time 2h --profile views,default,hooks   these kinds of programs in turn
  conformance hunt --time 1h --state nightly                 goes on with the hunt in ./nightly, if it is one
  conformance hunt --time 2h --python ../old/bin/python --python ../new/bin/python
                                                             checks each finding on those torch versions too

\b
The folder holds index.md (everything by gravity and version), pages/ (a page and a Program file for each cause) and
state.json (with which a later call goes on). Ctrl-C ends the search; what was found until then is shrunk and written,
and a second Ctrl-C leaves it as it was drawn.

\b
Exit codes: 0 nothing unexplained, 1 something is, 2 could not hunt (one line says why), 130 interrupted.
"""


@click.command(short_help="Search for defects for hours; write a page for each.", epilog=EXAMPLES)
@subject_option
@click.option("--time", "seconds", type=Duration(), metavar="TIME", help="How long to search: 30m, 2h.")
@click.option("--max-programs", type=click.IntRange(1), metavar="N", help="Stop after N more programs.")
@click.option(
    "--profile", default="views,default,hooks", show_default=True, metavar="NAME,...", help="What to draw, in turn."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the same programs again.")
@click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Worker processes.")
@click.option(
    "--state", "folder", type=click.Path(file_okay=False, path_type=Path), default=Path("hunt"), show_default=True,
    metavar="FOLDER", help="Where the hunt is kept.",
)  # fmt: skip
@click.option(
    "--python", "pythons", type=click.Path(dir_okay=False, exists=True, path_type=Path), multiple=True,
    metavar="PATH", help="An interpreter with another torch, to check findings on.",
)  # fmt: skip
@click.option(
    "--shrink", type=click.IntRange(0), default=40, show_default=True, metavar="N", help="Findings to shrink."
)
def hunt(
    subject: str,
    seconds: float | None,
    max_programs: int | None,
    profile: str,
    seed: int,
    jobs: int,
    folder: Path,
    pythons: tuple[Path, ...],
    shrink: int,
) -> int:
    """Search a torch for defects, steered by what was seen, and write a page for each."""
    if seconds is None and max_programs is None:
        raise SetupError("say how long: --time 2h, or --max-programs N")
    from conformance.campaign import CampaignSettings
    from conformance.generate.profiles import find_profile
    from conformance.hunt import pages, search, versions
    from conformance.hunt.causes import gravity, rank
    from conformance.hunt.state import HuntError, Plan, begin, save
    from conformance.report.terminal import Progress
    from conformance.subjects.registry import find_subject

    settings = CampaignSettings(subject=subject, seed=seed, jobs=jobs)
    names = tuple(profile.split(","))
    with refusing_names():
        for name in names:
            find_profile(name)
        version = find_subject(subject).version()
    try:
        state = begin(folder, Plan(subject, version, seed, names, max(500, 200 * jobs)))
    except (HuntError, OSError) as error:
        raise SetupError(str(error)) from None
    interrupted = False
    with Progress(max_programs, seconds) as progress:
        try:
            search.hunt(state, folder, settings, progress, max_programs, seconds)
        except KeyboardInterrupt:
            interrupted = True
    try:
        search.complete(state, folder, settings, shrink)
        for cause in sorted(state.causes.values(), key=lambda c: rank(c.finding)):
            if cause.complete and pythons and not cause.versions:
                cause.versions = versions.check(cause, pythons, subject)
    except KeyboardInterrupt:
        interrupted = True
    save(folder, state)
    written = pages.write(folder, state)
    causes = sorted(state.causes.values(), key=lambda c: rank(c.finding))
    click.echo(f"{state.drawn:,} programs in all, {len(causes)} causes unexplained; {folder / 'index.md'}")
    for cause, path in list(zip(causes, written, strict=True))[:15]:
        click.echo(f"  {gravity(cause.finding):<22} {cause.programs:>6,}  {path.name}")
    if interrupted:
        click.echo("interrupted; the same command goes on from here", err=True)
        return INTERRUPTED
    return FINDINGS if causes else CONFORMS
