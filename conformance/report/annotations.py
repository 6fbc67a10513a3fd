"""Findings as GitHub workflow commands: annotations on the page of a workflow run."""

from __future__ import annotations

from conformance.report.evidence import by_gravity
from conformance.report.headline import headline
from conformance.report.run import Finding, Run, subject_label

_MOST = 10
"""GitHub shows at most ten errors of one step; the last lines say what was left out."""


def github_annotations(run: Run) -> str:
    """One line for each unexplained finding and each deviation that is gone, and one for the verdict."""
    unexplained = [finding for finding in by_gravity(run.findings) if finding.deviation is None]
    lines = [_command("error", finding.title, _text(finding)) for finding in unexplained[:_MOST]]
    for known in run.gone[: _MOST - len(lines)]:
        text = f"{known.programs} programs looked for it (clause {known.clause}). Remove it, or end its version range."
        lines.append(_command("error", f"Known deviation {known.id} no longer happens", text))
    left_out = len(unexplained) + len(run.gone) - len(lines)
    more = f" {left_out} more are in the report." if left_out else ""
    level = "warning" if lines else "notice"
    summary = f"{headline(run)} in {run.totals.programs:,} programs.{more}"
    lines.append(_command(level, f"autograd-conformance: {subject_label(run)}", summary))
    return "".join(f"{line}\n" for line in lines)


def _text(finding: Finding) -> str:
    where = ", ".join(finding.clauses) or "no clause"
    return f"expected {finding.expected}\nobserved {finding.observed}\n({where})\n\n{finding.script}"


def _command(level: str, title: str, message: str) -> str:
    return f"::{level} title={_property(title)}::{_data(message)}"


def _data(text: str) -> str:
    """Escaped as GitHub's runner undoes it, so that no message can end its line and begin a command of its own."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
