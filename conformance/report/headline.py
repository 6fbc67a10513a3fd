"""A Run in one sentence: the same words on the page, in the terminal and in CI."""

from __future__ import annotations

from conformance.report.run import Run


def headline(run: Run) -> str:
    """What came of the run, the gravest first."""
    unexplained, gone = len(run.unexplained), len(run.gone)
    if unexplained:
        return plural(unexplained, "unexplained finding")
    if gone:
        return f"{plural(gone, 'known deviation')} no longer happen{'s' if gone == 1 else ''}"
    if not run.totals.programs:
        return "Nothing was run"
    if run.verdict == "divergence":
        return "Divergences without a finding"
    if run.findings:
        return f"Conforms, with {plural(len({f.deviation for f in run.findings}), 'known deviation')}"
    return "Conforms"


def plural(count: int, noun: str) -> str:
    """``1 finding``, ``2 findings``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
