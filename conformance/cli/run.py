"""``run``: draw programs, run them on the reference and on a subject, judge, report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from conformance.cli.options import OUTPUT_FILE, Duration, options, refusing_names, subject_option
from conformance.cli.refusals import CONFORMS, FINDINGS, INTERRUPTED, SetupError, check_writable
from conformance.generate.profiles import PROFILES

if TYPE_CHECKING:
    from conformance.report.run import Run

EXAMPLES = """\b
Examples:
  conformance run                                   check the installed torch with 2,000 programs
  conformance run --time 10m --jobs 4 --html r.html as many as fit into ten minutes, on four cores, as a page
  conformance run --seed 7 --max-programs 20000 --json run.json
                                                    a reproducible run, kept as a Run file
  conformance run --profile views                   search views and in-place changes harder
  conformance run --driver hypothesis --time 10m    let Hypothesis draw: fewer programs, more repetition in them
  conformance run --laws grad.repeats --laws-share 1
                                                    check a single law besides, on every program
  conformance run --laws none                       compare traces only
  conformance run --samples opinfo                  torch's own sample inputs, not drawn programs
  conformance run --subject reference               the reference against itself: must always conform
  conformance run --junit tests.xml --sarif f.sarif for continuous integration

\b
Profiles:
@PROFILES@

\b
The same seed, versions and number of programs give the same Run file but for its times. With --time alone the number
of programs is whatever fits.

\b
With --samples opinfo, the programs are the sample inputs of torch's own table of ops (OpInfo): each call, its gradients
and the gradients of these, the first sample of each op first. Ops that the reference lacks are left out;
`conformance ops --coverage` lists them. Torch's testing extras have to be installed (pip install expecttest).

\b
Exit codes: 0 conforms, 1 findings, 2 could not run (one line says why, nothing is written), 130 interrupted (what was
done so far is written).
""".replace("@PROFILES@", "\n".join(f"  {profile.name:<10}{profile.about}" for profile in PROFILES.values()))

DEFAULT_PROGRAMS = 2_000

search_options = options(
    subject_option,
    click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Draws the same programs again."),
    click.option(
        "--max-programs",
        type=click.IntRange(1),
        metavar="N",
        help=f"Stop after N drawn programs.  [default: {DEFAULT_PROGRAMS:,}, or no bound with --time]",
    ),
    click.option("--time", "seconds", type=Duration(), metavar="TIME", help="Stop after this time: 60s, 5m, 1h30m."),
    click.option("--jobs", type=click.IntRange(1), default=1, show_default=True, metavar="N", help="Worker processes."),
    click.option(
        "--profile", default="default", show_default=True, metavar="NAME", help="What kind of programs to draw."
    ),
    click.option(
        "--driver",
        default="prng",
        show_default=True,
        metavar="prng|hypothesis",
        help="What draws them: a fast generator, or Hypothesis, which repeats and varies what it drew.",
    ),
)


@click.command(epilog=EXAMPLES, short_help="Draw programs, run them, show every difference.")
@search_options
@click.option(
    "--samples",
    type=click.Choice(["opinfo"]),
    help="Run torch's own sample inputs instead of drawing programs; all of them, unless bounded.",
)
@click.option(
    "--laws",
    default="all",
    show_default=True,
    metavar="all|none|NAME,...",
    help="Laws to check on the subject alone; `clauses --area law` lists them.",
)
@click.option(
    "--laws-share",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Share of the programs to check each law on.  [default: 0.05]",
)
@click.option(
    "--shrink",
    type=click.IntRange(0),
    default=40,
    show_default=True,
    metavar="N",
    help="Shrink at most N findings; the others stay as they were drawn.",
)
@click.option("--json", "json_file", type=OUTPUT_FILE, metavar="FILE", help="Write the Run file.")
@click.option("--html", "html_file", type=OUTPUT_FILE, metavar="FILE", help="Write the report as one page.")
@click.option("--junit", "junit_file", type=OUTPUT_FILE, metavar="FILE", help="Write JUnit XML.")
@click.option("--sarif", "sarif_file", type=OUTPUT_FILE, metavar="FILE", help="Write the findings as SARIF.")
def run(
    subject: str,
    seed: int,
    max_programs: int | None,
    seconds: float | None,
    jobs: int,
    profile: str,
    driver: str,
    samples: str | None,
    laws: str,
    laws_share: float | None,
    shrink: int,
    json_file: Path | None,
    html_file: Path | None,
    junit_file: Path | None,
    sarif_file: Path | None,
) -> int:
    """Draw programs, run them on the reference and on a subject, and show every difference.

    Without options: 2,000 programs on the installed torch, and a summary on the terminal.
    """
    outputs = (json_file, html_file, junit_file, sarif_file)
    check_writable(*outputs)
    from conformance.campaign import CampaignSettings, run_campaign
    from conformance.report.run import RunFileError
    from conformance.report.terminal import Progress, print_summary

    settings = CampaignSettings(
        subject=subject,
        seed=seed,
        max_programs=max_programs if max_programs or seconds or samples else DEFAULT_PROGRAMS,
        seconds=seconds,
        jobs=jobs,
        profile=profile,
        driver=driver,
        shrink=shrink,
        samples=samples,
        laws=tuple(laws.split(",")),
    )
    if laws_share is not None:
        settings = msgspec.structs.replace(settings, laws_share=laws_share)
    with refusing_names(), Progress(settings.max_programs, settings.seconds) as progress:
        result = run_campaign(settings, progress)
    try:
        write_reports(result, *outputs)
    except (RunFileError, OSError) as error:
        raise SetupError(f"the run is done but its reports could not be written: {error}") from None
    print_summary(result)
    for path in outputs:
        if path is not None:
            click.echo(f"wrote {path}", err=True)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        from conformance.report.annotations import github_annotations

        click.echo(github_annotations(result), nl=False)
    if progress.stopped:
        click.echo(f"interrupted after {result.settings.programs:,} programs", err=True)
        return INTERRUPTED
    return FINDINGS if result.verdict == "divergence" else CONFORMS


def write_reports(
    result: Run, json_file: Path | None, html_file: Path | None, junit_file: Path | None, sarif_file: Path | None
) -> None:
    """Write the Run in every form that was asked for."""
    from conformance.report.files import write_atomically
    from conformance.report.run import save_run
    from specs.load import load

    if json_file is not None:
        save_run(result, json_file)
    if html_file is not None:
        from conformance.report.html import render_report

        write_atomically(html_file, render_report(result, load()))
    if junit_file is not None:
        from conformance.report.junit import write_junit

        write_junit(result, junit_file)
    if sarif_file is not None:
        from conformance.report.sarif import write_sarif

        write_sarif(result, sarif_file, load())
