"""The page of one Run: the verdict, then clauses by area, the op matrix, laws, and findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from conformance.report.evidence import (
    ClauseView,
    by_gravity,
    clause_views,
    count_verdicts,
    finding_verdict,
)
from conformance.report.headline import headline
from conformance.report.html.graph import draw_graph
from conformance.report.html.page import render_page, render_part
from conformance.report.html.traces import side_by_side
from conformance.report.run import Cell, Finding, OpEvidence, Run, Verdict, graver, subject_label
from specs.load import Specs
from specs.schema import area_of

_ATTENTION = 8
"""Findings that the verdict names itself; the section of findings has them all."""


@dataclass(frozen=True)
class Area:
    """The clauses whose ids begin with the same word."""

    name: str
    clauses: tuple[ClauseView, ...]

    @property
    def counts(self) -> dict[Verdict, int]:
        """Clauses by verdict."""
        return count_verdicts(clause.verdict for clause in self.clauses)

    @property
    def verdict(self) -> Verdict:
        """The gravest verdict of the area."""
        return gravest(clause.verdict for clause in self.clauses)

    @property
    def programs(self) -> int:
        """Exercises of all its clauses."""
        return sum(clause.programs for clause in self.clauses)


@dataclass(frozen=True)
class OpRow:
    """An op's row of the matrix, with a cell for every column of the Run."""

    name: str
    cells: tuple[Cell | None, ...]
    verdict: Verdict
    findings: tuple[Finding, ...]


def render_report(run: Run, specs: Specs) -> str:
    """The HTML report of ``run``: one self-contained page that opens offline."""
    areas = _areas(clause_views(run, specs))
    columns = op_columns(run.ops)
    findings = by_gravity(run.findings)
    gone = [(known, specs.deviations.get(known.id)) for known in run.gone]
    return render_page(
        "report.html.j2",
        run=run,
        specs=specs,
        subject=subject_label(run),
        headline=headline(run),
        counts=count_verdicts(clause.verdict for area in areas for clause in area.clauses),
        areas=areas,
        area_names=sorted({area.name for area in areas} | {area_of(c) for f in findings for c in f.clauses}),
        columns=columns,
        ops=_op_rows(run, columns),
        findings=findings,
        finding_verdict=finding_verdict,
        attention=[finding for finding in findings if finding.deviation is None][:_ATTENTION],
        gone=gone,
        details={finding.id: _detail(finding, specs) for finding in findings},
    )


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The gravest of several verdicts; ``not_applicable`` for none."""
    worst: Verdict = "not_applicable"
    for verdict in verdicts:
        worst = graver(worst, verdict)
    return worst


def op_columns(ops: Iterable[OpEvidence]) -> list[str]:
    """The columns that occur, dtypes and forms in their customary order, anything else after them."""
    known = {name: index for index, name in enumerate(_COLUMNS)}
    return sorted({column for op in ops for column in op.cells}, key=lambda name: (known.get(name, len(known)), name))


_COLUMNS = (
    *(
        "forward",
        "function",
        "method",
        "operator",
        "in-place",
        "inplace",
        "out=",
        "out",
        "property",
        "augmented",
        "call",
    ),
    *("backward", "double backward", "triple backward", "forward AD", "refusals"),
    *("view", "non-contiguous", "zero-size"),
    *("bool", "uint8", "int8", "int16", "int32", "int64", "float16", "bfloat16", "float32", "float64"),
    *("complex64", "complex128"),
)


def _areas(clauses: Sequence[ClauseView]) -> list[Area]:
    return [Area(name, tuple(of_area)) for name, of_area in groupby(clauses, key=lambda clause: clause.area)]


def _op_rows(run: Run, columns: Sequence[str]) -> list[OpRow]:
    by_op: dict[str, list[Finding]] = {}
    for finding in run.findings:
        by_op.setdefault(finding.op or "", []).append(finding)
    return [
        OpRow(
            name=op.name,
            cells=tuple(op.cells.get(column) for column in columns),
            verdict=gravest(cell.verdict for cell in op.cells.values()),
            findings=tuple(by_op.get(op.name, ())),
        )
        for op in sorted(run.ops, key=lambda op: op.name)
    ]


def _detail(finding: Finding, specs: Specs) -> str:
    """A finding's evidence; the page keeps it as text and builds it when it is opened."""
    return render_part(
        "finding.html.j2",
        finding=finding,
        clauses=[(clause_id, specs.clauses.get(clause_id)) for clause_id in finding.clauses],
        deviation=specs.deviations.get(finding.deviation) if finding.deviation else None,
        steps=side_by_side(finding),
        graph=draw_graph(finding.graph, f"Autograd graph of: {finding.title}"),
    )
