"""The page of a matrix: a row opens to tell its clause's story."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.report.evidence import count_verdicts
from conformance.report.html.page import render_page, render_part
from conformance.report.matrix import NO_CLAUSE, Matrix, MatrixRow, change_title
from conformance.report.run import Verdict

CHANGES_SHOWN = 6
"""Of a clause under which many things changed, so many are told; `conformance diff` tells all."""


def matrix_page(matrix: Matrix) -> str:
    """The matrix as one self-contained page."""
    areas = matrix.by_area()
    labels = [column.label for column in matrix.columns]
    rows = [row for row in matrix.rows if row.area != NO_CLAUSE]
    return render_page(
        "matrix.html.j2",
        matrix=matrix,
        areas=areas,
        no_clause=NO_CLAUSE,
        summaries=[count_verdicts(row.cells[index].verdict for row in rows) for index in range(len(matrix.columns))],
        tallies={area: [_worst(of_area, index) for index in range(len(matrix.columns))] for area, of_area in areas},
        varying=sum(row.varies for row in matrix.rows),
        details={
            f"{number}-{area}": render_part(
                "story.html.j2", row=row, columns=labels, shown=CHANGES_SHOWN, change_title=change_title, spans=_spans
            )
            for area, of_area in areas
            for number, row in enumerate(of_area)
        },
    )


def _spans(labels: Sequence[str], columns: frozenset[int]) -> str:
    """``1.13.1 – 2.4.1, 2.13.0``: the columns of a change, neighbours as a range."""
    runs: list[list[str]] = []
    for index, label in enumerate(labels):
        if index not in columns:
            continue
        if runs and index - 1 in columns:
            runs[-1].append(label)
        else:
            runs.append([label])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} – {run[-1]}" for run in runs)


def _worst(rows: Sequence[MatrixRow], index: int) -> tuple[Verdict, int]:
    """The gravest verdict of an area in one column, and how many clauses have it."""
    counts = count_verdicts(row.cells[index].verdict for row in rows)
    return next((verdict, count) for verdict, count in counts.items() if count)
