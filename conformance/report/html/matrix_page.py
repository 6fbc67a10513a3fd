"""The page of a matrix: a row opens to tell its clause's story."""

from __future__ import annotations

from collections.abc import Sequence

from conformance.report.evidence import count_verdicts
from conformance.report.html.page import render_page, render_part
from conformance.report.matrix import NO_CLAUSE, Matrix, MatrixRow, change_title
from conformance.report.run import Verdict


def matrix_page(matrix: Matrix) -> str:
    """The matrix as one self-contained page."""
    areas = matrix.by_area()
    rows = [row for row in matrix.rows if row.area != NO_CLAUSE]
    return render_page(
        "matrix.html.j2",
        matrix=matrix,
        areas=areas,
        no_clause=NO_CLAUSE,
        summaries=[count_verdicts(row.cells[index].verdict for row in rows) for index in range(len(matrix.columns))],
        tallies={area: [_worst(of_area, index) for index in range(len(matrix.columns))] for area, of_area in areas},
        varying=sum(row.varies for row in matrix.rows),
        details={row.id: render_part("story.html.j2", row=row, change_title=change_title) for row in matrix.rows},
    )


def _worst(rows: Sequence[MatrixRow], index: int) -> tuple[Verdict, int]:
    """The gravest verdict of an area in one column, and how many clauses have it."""
    counts = count_verdicts(row.cells[index].verdict for row in rows)
    return next((verdict, count) for verdict, count in counts.items() if count)
