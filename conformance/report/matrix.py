"""Clauses by version and subject, in the manner of the browser-compatibility tables that web developers know.

One row a clause, one column a Run. A cell says what the Run showed for the clause, and, where the subject does
something else than the newest version, both what it does and what the newest does. A row tells the clause's story over
the versions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.report.evidence import (
    VERDICT_GLYPHS,
    VERDICT_LABELS,
    ClauseView,
    clause_views,
    count_verdicts,
    version_of,
)
from conformance.report.run import Change, Finding, Run, Verdict, subject_label
from conformance.report.terminal import VERDICT_STYLES, default_console, printable
from specs.load import Specs
from specs.schema import Clause, Deviation, Message
from specs.versions import Version

NO_CLAUSE = "no clause"
"""The group of changes that no clause speaks of yet."""


@dataclass(frozen=True)
class MatrixCell:
    """What one Run shows for one clause."""

    verdict: Verdict
    programs: int = 0
    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def sameness(self) -> object:
        """What two versions must share to be told of in one breath."""
        said = {change.signature for change in self.changes}
        return (self.verdict, frozenset(said), frozenset(finding.id for finding in self.findings))


@dataclass(frozen=True)
class Chapter:
    """Adjacent columns in which a clause fares alike."""

    columns: tuple[str, ...]
    cell: MatrixCell

    @property
    def span(self) -> str:
        """The versions as a range."""
        return self.columns[0] if len(self.columns) == 1 else f"{self.columns[0]} – {self.columns[-1]}"


@dataclass(frozen=True)
class ChangeOverColumns:
    """One thing that is done unlike in the newest version, and the columns that do it."""

    change: Change
    columns: frozenset[int]
    programs: int
    """In how many programs of the column that shows it most."""


@dataclass(frozen=True)
class MatrixRow:
    """A clause, or a change without one, over all columns."""

    id: str
    area: str
    cells: tuple[MatrixCell, ...]
    story: tuple[Chapter, ...]
    clause: Clause | None = None
    message: Message | None = None
    deviations: tuple[Deviation, ...] = ()

    @property
    def told(self) -> tuple[ChangeOverColumns, ...]:
        """Each thing that some column does unlike the newest version, once, the most frequent first."""
        seen: dict[object, list[tuple[int, Change]]] = {}
        for index, cell in enumerate(self.cells):
            for change in cell.changes:
                seen.setdefault(change.signature, []).append((index, change))
        told = [
            ChangeOverColumns(
                min((change for _, change in made), key=lambda change: len(change.script)),
                frozenset(index for index, _ in made),
                max(change.programs for _, change in made),
            )
            for made in seen.values()
        ]
        return tuple(sorted(told, key=lambda change: (-change.programs, change.change.signature)))

    @property
    def varies(self) -> bool:
        """Whether the columns to which the clause applies differ."""
        applicable = [cell for cell in self.cells if cell.verdict != "not_applicable"]
        return len({cell.sameness for cell in applicable}) > 1 or any(cell.changes for cell in applicable)

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """The verdicts that occur in the row, each once."""
        return tuple(dict.fromkeys(cell.verdict for cell in self.cells))


@dataclass(frozen=True)
class Column:
    """A Run as the head of its column."""

    label: str
    subject: str
    version: str
    run: Run

    @property
    def counts(self) -> dict[Verdict, int]:
        """Clauses by verdict."""
        return count_verdicts(clause.verdict for clause in self.run.clauses)


@dataclass(frozen=True)
class Matrix:
    """The whole table."""

    columns: tuple[Column, ...]
    rows: tuple[MatrixRow, ...]

    def by_area(self) -> list[tuple[str, tuple[MatrixRow, ...]]]:
        """The rows by area; changes without a clause last, since they are the news."""
        return [(area, tuple(rows)) for area, rows in groupby(self.rows, key=lambda row: row.area)]

    @property
    def mixed(self) -> str | None:
        """A warning where the Runs did not run the same programs, so that counts can't be compared."""
        settings = {(c.run.settings.seed, c.run.settings.driver, c.run.settings.profile) for c in self.columns}
        programs = {(c.run.settings.first, c.run.settings.programs, c.run.settings.corpus) for c in self.columns}
        if len(settings) == 1 and len(programs) == 1:
            return None
        return "The Runs did not run the same programs: compare their verdicts, but not their counts or changes."


def build_matrix(runs: Sequence[Run], specs: Specs) -> Matrix:
    """The table of these Runs, columns by subject and then by version."""
    columns = [_column(run) for run in sorted(runs, key=_column_order)]
    views = [{view.id: view for view in clause_views(column.run, specs)} for column in columns]
    changes = [_changes_by_row(column.run) for column in columns]
    rows = []
    for clause_id in sorted({clause_id for known in views for clause_id in known}):
        cells = tuple(
            _cell(known.get(clause_id), changed.get(clause_id, ()))
            for known, changed in zip(views, changes, strict=True)
        )
        view = next(known[clause_id] for known in views if clause_id in known)
        rows.append(
            MatrixRow(clause_id, view.area, cells, _story(columns, cells), view.clause, view.message, view.deviations)
        )
    known_rows = {row.id for row in rows}
    for title in sorted({row for changed in changes for row in changed} - known_rows):
        # A Run that ran these programs and reports no change does there what the newest version does.
        here = [changed.get(title, ()) for changed in changes]
        cells = tuple(MatrixCell("conforms", sum(change.programs for change in made), made) for made in here)
        rows.append(MatrixRow(title, NO_CLAUSE, cells, _story(columns, cells)))
    return Matrix(tuple(columns), tuple(rows))


def render_matrix(runs: Sequence[Run], specs: Specs) -> str:
    """The matrix as one self-contained page."""
    # Jinja takes a while to import, and the terminal's matrix does without.
    from conformance.report.html.matrix_page import matrix_page

    return matrix_page(build_matrix(runs, specs))


def print_matrix(runs: Sequence[Run], specs: Specs, console: Console | None = None) -> None:
    """The matrix in the terminal: areas in numbers, and each clause that fares differently somewhere."""
    console = console or default_console()
    matrix = build_matrix(runs, specs)
    table = Table(box=None, padding=(0, 1), show_edge=False, header_style="bold")
    table.add_column("clause", overflow="fold")
    for column in matrix.columns:
        table.add_column(Text(printable(column.label)), justify="right", no_wrap=True)
    for area, rows in matrix.by_area():
        if area != NO_CLAUSE:
            table.add_row(
                Text(printable(area), style="bold"), *(_area_cell(rows, i) for i in range(len(matrix.columns)))
            )
        else:
            table.add_row(Text("changes that no clause speaks of", style="bold"))
        for row in rows:
            if row.varies or "divergence" in row.verdicts:
                table.add_row(Text(f"  {printable(row.id)}"), *map(_terminal_cell, row.cells))
    console.print(table)
    legend = Text()
    for verdict, label in VERDICT_LABELS.items():
        legend.append(f"{VERDICT_GLYPHS[verdict]} {label}   ", style=VERDICT_STYLES[verdict])
    legend.append("Δ does something else than the newest version")
    console.print(legend)
    if matrix.mixed:
        console.print(Text(matrix.mixed, style="yellow"))


def _area_cell(rows: Sequence[MatrixRow], index: int) -> Text:
    counts = count_verdicts(row.cells[index].verdict for row in rows)
    text = Text()
    for verdict in ("divergence", "known_deviation", "conforms"):
        if counts[verdict]:
            text.append(
                f"{' ' if text else ''}{counts[verdict]}{VERDICT_GLYPHS[verdict]}", style=VERDICT_STYLES[verdict]
            )
    return text or Text("–", style="dim")


def _terminal_cell(cell: MatrixCell) -> Text:
    text = Text("Δ " if cell.changes else "", style="cyan")
    return text.append(VERDICT_GLYPHS[cell.verdict], style=VERDICT_STYLES[cell.verdict])


def _column(run: Run) -> Column:
    label = run.subject.version.split("+")[0]
    device = "" if run.subject.device in ("", "cpu") else f" {run.subject.device}"
    subject = run.subject.name + device
    return Column(label if subject == "torch" else subject_label(run), subject, run.subject.version, run)


def _column_order(run: Run) -> tuple[str, str, Version, str]:
    return (run.subject.name, run.subject.device, version_of(run) or Version((0, 0, 0)), run.subject.version)


def _changes_by_row(run: Run) -> dict[str, tuple[Change, ...]]:
    grouped: dict[str, list[Change]] = {}
    for change in run.changes:
        grouped.setdefault(change.clause or change_title(change), []).append(change)
    return {row: tuple(sorted(changes, key=lambda c: (-c.programs, c.signature))) for row, changes in grouped.items()}


def change_title(change: Change) -> str:
    """A name for what changed where no clause has one."""
    return f"{change.op or change.step_kind}: {change.field}"


def _cell(view: ClauseView | None, changes: tuple[Change, ...]) -> MatrixCell:
    if view is None:
        return MatrixCell("not_exercised", 0, changes)
    return MatrixCell(view.verdict, view.programs, changes, view.findings)


def _story(columns: Sequence[Column], cells: Sequence[MatrixCell]) -> tuple[Chapter, ...]:
    """Adjacent versions of one subject that fare alike, told together."""
    told = groupby(zip(columns, cells, strict=True), key=lambda pair: (pair[0].subject, pair[1].sameness))
    chapters = []
    for _, group in told:
        pairs = list(group)
        chapters.append(Chapter(tuple(column.label for column, _ in pairs), pairs[0][1]))
    return tuple(chapters)
