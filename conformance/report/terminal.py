"""What a run says in the terminal: progress while it goes, and a summary that fits one screen.

A pipe gets plain lines, and ``NO_COLOR`` is respected: both are Rich's own doing, given the right console.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar
from rich.table import Table
from rich.text import Text

from conformance.report.evidence import VERDICT_GLYPHS, VERDICT_LABELS, by_gravity, count_verdicts
from conformance.report.headline import headline
from conformance.report.run import Finding, Run, Verdict, subject_label

VERDICT_STYLES: dict[Verdict, str] = {
    "divergence": "bold red",
    "known_deviation": "yellow",
    "conforms": "green",
    "not_exercised": "dim",
    "not_applicable": "dim",
}

_FINDINGS_SHOWN = 8
_SECONDS_BETWEEN_LINES = 10.0


def default_console(*, stderr: bool = False) -> Console:
    """The terminal, or a pipe that gets plain text of a width that does not depend on the machine."""
    console = Console(stderr=stderr, highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=120, color_system=None)


def printable(text: str) -> str:
    """The text on one line, whatever it holds: a message must not be able to steer the terminal."""
    return "".join(c if c.isprintable() else " " if c.isspace() else c.encode("unicode_escape").decode() for c in text)


class Progress:
    """Progress of a run: rate, remaining time and findings so far.

    Both bounds may be given, either, or neither; whichever is nearer fills the bar. On standard error, so that what a
    command prints can still be piped.
    """

    def __init__(self, total: int | None = None, seconds: float | None = None, console: Console | None = None) -> None:
        self.total = total
        self.seconds = seconds
        self.done = 0
        self.findings = 0
        self.known = 0
        self.stopped = False
        """Whether the run was interrupted."""
        self._seen: set[str] = set()
        self._console = console or default_console(stderr=True)
        self._live: Bar | None = None
        self._task = TaskID(0)
        self._started = self._last_line = time.monotonic()

    def __enter__(self) -> Progress:
        self._started = self._last_line = time.monotonic()
        if self._console.is_terminal:
            self._live = Bar(
                SpinnerColumn(),
                TextColumn("{task.description}"),
                BarColumn(bar_width=28),
                MofNCompleteColumn() if self.total is not None else TextColumn("{task.fields[done]:,}"),
                _Rate(),
                TimeElapsedColumn(),
                TextColumn("left"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[found]}"),
                console=self._console,
                transient=True,
                refresh_per_second=5,
            )
            self._task = self._live.add_task("programs", total=self._bar_total(), done=0, found=self._found())
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def advance(self, programs: int = 1) -> None:
        """So many programs more are done."""
        self.done += programs
        self._show()

    def found(self, finding: Finding) -> None:
        """A finding; one that no known deviation explains is told at once, and once however many chunks meet it."""
        if finding.id in self._seen:
            return
        self._seen.add(finding.id)
        if finding.deviation is not None:
            self.known += 1
        else:
            self.findings += 1
            where = finding.law or (finding.clauses[0] if finding.clauses else "no clause")
            line = Text.assemble(
                (f"{VERDICT_GLYPHS['divergence']} ", "bold red"),
                printable(finding.title),
                (f"  {printable(where)}", "dim"),
            )
            (self._live.console if self._live else self._console).print(line, overflow="ellipsis", no_wrap=True)
        self._show()

    def shrinking(self, done: int, total: int) -> None:
        """Programs are done; of so many findings that are shrunk, so many are."""
        if self._live is not None:
            self._live.update(self._task, description=f"shrinking finding {min(done + 1, total)} of {total}")
        elif time.monotonic() - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = time.monotonic()
            self._console.print(f"shrunk {done} of {total} findings")

    def interrupted(self, what: str) -> None:
        """The user wants an end; what is done about it."""
        self.stopped = True
        (self._live.console if self._live else self._console).print(Text(f"interrupted: {what}", style="yellow"))

    def _show(self) -> None:
        now = time.monotonic()
        if self._live is not None:
            total, completed = self._bar_total(), self._bar_completed(now)
            self._live.update(self._task, total=total, completed=completed, done=self.done, found=self._found())
        elif now - self._last_line >= _SECONDS_BETWEEN_LINES:
            self._last_line = now
            self._console.print(self._line(now))

    def _line(self, now: float) -> str:
        elapsed = now - self._started
        of = f" of {self.total:,}" if self.total is not None else ""
        left = self._seconds_left(elapsed)
        remaining = f", {_duration(left)} left" if left is not None else ""
        rate = self.done / elapsed if elapsed else 0.0
        return f"{self.done:,}{of} programs, {rate:,.0f}/s, {_duration(elapsed)}{remaining}; {self._found()}"

    def _seconds_left(self, elapsed: float) -> float | None:
        ends = []
        if self.total is not None and self.done:
            ends.append(elapsed * (self.total - self.done) / self.done)
        if self.seconds is not None:
            ends.append(self.seconds - elapsed)
        return max(min(ends), 0.0) if ends else None

    def _bar_total(self) -> float | None:
        return self.total if self.total is not None else self.seconds

    def _bar_completed(self, now: float) -> float:
        if self.total is not None:
            return self.done
        return min(now - self._started, self.seconds) if self.seconds is not None else 0.0

    def _found(self) -> str:
        known = f", {self.known} known" if self.known else ""
        return f"{self.findings} finding{'' if self.findings == 1 else 's'}{known}"


class _Rate(ProgressColumn):
    """Programs a second, over the whole run: a rate that jumps tells nothing."""

    def render(self, task: Task) -> Text:
        done, elapsed = task.fields.get("done", 0), task.elapsed
        return Text(f"{done / elapsed:,.0f}/s" if elapsed else "", style="cyan")


def print_summary(run: Run, console: Console | None = None) -> None:
    """The Run on one screen of 24 lines: the verdict, the numbers, the gravest findings."""
    console = console or default_console()
    totals = run.totals
    verdict = run.verdict
    console.print(
        Text.assemble(
            (f"{VERDICT_GLYPHS[verdict]} {headline(run)}", VERDICT_STYLES[verdict]),
            f"  {printable(subject_label(run))}",
        )
    )
    took = f" in {_duration(run.times.wall)} ({totals.programs / run.times.wall:,.0f}/s)" if run.times.wall else ""
    drawn = (
        f"seed {run.settings.seed}, {run.settings.corpus or f'{run.settings.driver}, profile {run.settings.profile}'}"
    )
    drawn = printable(drawn)
    console.print(Text(f"{totals.programs:,} programs{took}, {totals.steps:,} steps; {drawn}"))
    console.print(
        Text(
            f"{totals.comparisons:,} fields compared, {totals.refusals:,} refusals alike, "
            f"{totals.law_checks:,} law checks"
        )
    )
    if totals.crashes or totals.timeouts:
        console.print(Text(f"{totals.crashes:,} crashes, {totals.timeouts:,} timeouts", style="bold red"))
    clauses = Text("clauses: ")
    for kind, count in count_verdicts(clause.verdict for clause in run.clauses).items():
        if count:
            clauses.append(f"{VERDICT_GLYPHS[kind]} {count:,} {VERDICT_LABELS[kind]}  ", style=VERDICT_STYLES[kind])
    if run.clauses:
        console.print(clauses)
    _print_findings(run, console)
    for known in run.gone[:3]:
        console.print(
            Text(f"! known deviation {printable(known.id)} no longer happens", style="bold red"), overflow="ellipsis"
        )


def _print_findings(run: Run, console: Console) -> None:
    findings = by_gravity(run.findings)
    if not findings:
        return
    table = Table(box=None, padding=(0, 1), show_header=False, show_edge=False, expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=36, style="dim")
    table.add_column(no_wrap=True, justify="right", style="dim")
    console.print()
    for finding in findings[:_FINDINGS_SHOWN]:
        verdict: Verdict = "known_deviation" if finding.deviation else "divergence"
        where = finding.deviation or finding.law or (finding.clauses[0] if finding.clauses else "no clause")
        mark = Text(VERDICT_GLYPHS[verdict], style=VERDICT_STYLES[verdict])
        table.add_row(mark, Text(printable(finding.title)), Text(printable(where)), f"{finding.programs:,}×")
    console.print(table)
    more = len(findings) - _FINDINGS_SHOWN
    if more > 0:
        console.print(Text(f"  … and {more:,} more", style="dim"))


def _duration(seconds: float) -> str:
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{whole}s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{whole % 60:02}s"
