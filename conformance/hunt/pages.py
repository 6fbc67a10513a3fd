"""What a hunt leaves: a page for each cause, with a text that can be filed upstream, and an index."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from conformance.hunt.causes import GRAVITY, gravity, rank
from conformance.hunt.state import Cause, State
from conformance.report.files import write_atomically
from conformance.report.run import Finding
from specs import load

_NEAREST = 3


def write(folder: Path, state: State) -> list[Path]:
    """Write the pages and the index; returns the pages, the gravest first."""
    pages = folder / "pages"
    pages.mkdir(exist_ok=True)
    causes = sorted(state.causes.items(), key=lambda item: (rank(item[1].finding), item[0]))
    written = []
    for key, cause in causes:
        path = pages / f"{_slug(cause.finding)}-{key}.md"
        write_atomically(path, page(key, cause, state))
        write_atomically(path.with_suffix(".json"), json.dumps(cause.finding.program, indent=1) + "\n")
        written.append(path)
    for old in set(pages.glob("*.md")) - set(written):
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)
    write_atomically(
        folder / "index.md", index(state, [(cause, path) for (_, cause), path in zip(causes, written, strict=True)])
    )
    return written


def page(key: str, cause: Cause, state: State) -> str:
    """One cause as Markdown."""
    f = cause.finding
    versions = {state.plan.version: "affected", **cause.versions}
    table = ["| torch | seen |", "|---|---|", *[f"| {v} | {_cell(seen)} |" for v, seen in sorted(versions.items())]]
    parts = [
        f"# {_line(f.title)}",
        f"**{gravity(f)}** · met by {cause.programs:,} programs, first after {cause.found_at:,} · finding `{key}`",
        "## Script",
        _fence(f.script or "(not shrunk yet)", "python"),
        "## Expected and observed",
        _fence(f"expected  {f.expected}\nobserved  {f.observed}"),
        "## Proof",
        _proof(f),
        "## Versions",
        "\n".join(table),
        "## Nearest known",
        _nearest(f),
        "## To be filed",
        _fence(_report(f, versions), "markdown"),
        f"Regression test: `{_slug(f)}-{key}.json` is the Program; `conformance replay` runs it again.",
    ]
    return "\n\n".join(parts) + "\n"


def index(state: State, causes: Iterable[tuple[Cause, Path]]) -> str:
    """All causes by gravity and version, and how the hunt went."""
    causes = list(causes)
    plan = state.plan
    quiet = 0.0 if not state.seconds else 100 * (1 - state.quiet / state.seconds)
    how = (
        f"{state.drawn:,} programs in {state.seconds / 60:.0f} minutes (profiles {', '.join(plan.profiles)}; "
        f"seed {plan.seed}). {len(state.steering.clauses):,} clauses and {len(state.steering.pairs):,} pairs of them "
        f"were exercised. Nothing new in the last {quiet:.0f} % of the time. "
        f"Known deviations were met {sum(state.deviations.values()):,} times ({len(state.deviations)} of them)."
    )
    lines = [f"# Hunt on {plan.subject} {plan.version}", "", how]
    for kind in GRAVITY:
        some = [(cause, path) for cause, path in causes if gravity(cause.finding) == kind]
        if not some:
            continue
        lines += ["", f"## {kind.capitalize()} ({len(some)})", "", "| cause | programs | versions |", "|---|---|---|"]
        for cause, path in some:
            affected = [plan.version, *[v for v, seen in cause.versions.items() if seen.startswith("affected")]]
            title = _cell(cause.finding.title) + ("" if cause.complete else " (not shrunk yet)")
            lines.append(f"| [{title}](pages/{path.name}) | {cause.programs:,} | {', '.join(sorted(set(affected)))} |")
    return "\n".join(lines) + "\n"


def _proof(f: Finding) -> str:
    clauses = load().clauses
    said = [f"- `{c}`: {clauses[c].text} ({clauses[c].source})" for c in f.clauses if c in clauses]
    ruling = f"{f.arbitration.verdict.replace('_', ' ')}, by {f.arbitration.method or 'nothing yet'}"
    detail = f": {_line(f.arbitration.detail)}" if f.arbitration.detail else ""
    about = "The law, and where it comes from:" if f.law else "What the specification applies in this step:"
    return f"Who is right: {ruling}{detail}.\n\n{about}\n\n" + ("\n".join(said) or "- nothing")


def _nearest(f: Finding) -> str:
    """Known deviations that speak of the same clause, op or words."""
    words = _words(f"{f.title} {f.op or ''} {' '.join(f.clauses)}")
    scored = []
    for deviation in load().deviations.values():
        theirs = _words(f"{deviation.title} {deviation.clause} {deviation.promised}")
        score = len(words & theirs) + 5 * (deviation.clause in f.clauses)
        scored.append((-score, deviation.id, deviation))
    lines = []
    for score, _, deviation in sorted(scored, key=lambda entry: entry[:2])[:_NEAREST]:
        if -score < 2:
            break
        lines.append(f"- `{deviation.id}`: {deviation.title}" + (f" ({deviation.link})" if deviation.link else ""))
    return "\n".join(lines) or "None among the known deviations. Look through the issues upstream before filing."


def _report(f: Finding, versions: dict[str, str]) -> str:
    affected = ", ".join(v for v, seen in sorted(versions.items()) if seen.startswith("affected"))
    return "\n".join(
        [
            f"### {_line(f.title)}",
            "",
            "```python",
            (f.script or "").rstrip(),
            "```",
            "",
            f"Expected: {f.expected}",
            f"Observed: {f.observed}",
            "",
            f"Seen on torch {affected} (CPU).",
        ]
    )


def _words(text: str) -> set[str]:
    return {word for word in re.split(r"[^a-z]+", text.lower()) if len(word) > 3}


def _slug(f: Finding) -> str:
    text = re.sub(r"[^a-z0-9]+", "-", f"{f.law or f.op or f.kind} {f.field}".lower())
    return text.strip("-")[:50]


def _line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _fence(text: str, language: str = "text") -> str:
    """A block that its own content cannot end."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    return f"{ticks}{language}\n{text.rstrip()}\n{ticks}"
