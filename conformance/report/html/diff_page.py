"""The page of a diff: changes by clause, each with one smallest program."""

from __future__ import annotations

from conformance.report.diff import RunDiff, place, summary
from conformance.report.html.page import render_page, render_part
from specs.load import Specs
from specs.schema import area_of

UNSPOKEN = "no clause"


def diff_page(diff: RunDiff, specs: Specs) -> str:
    """The diff as one self-contained page."""
    entries = [
        (group, entry, f"{index}-{number}")
        for index, group in enumerate(diff.groups)
        for number, entry in enumerate(group.entries)
    ]
    return render_page(
        "diff.html.j2",
        diff=diff,
        specs=specs,
        summary=summary(diff),
        place=place,
        area=lambda clause: area_of(clause) if clause else UNSPOKEN,
        areas=sorted({area_of(group.clause) if group.clause else UNSPOKEN for group in diff.groups}),
        ops=sorted({op for _, entry, _ in entries for op in entry.ops}),
        details={key: render_part("change.html.j2", entry=entry) for _, entry, key in entries},
    )
