"""``python -m mutation.page RUN.json``: the page ``docs/mutation.md`` from what a run found."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from mutation.groups import GROUPS, ROOT
from mutation.runs import Report, Result
from mutation.survivors import explanation

PAGE = ROOT / "docs" / "mutation.md"

INTRODUCTION = """\
# Does the suite notice a change?

A suite that compares two engines proves nothing if one of them could be changed without anybody noticing. So the
reference is changed, in one place at a time, and the suite's quick check is run on each change: a *mutant* that
something finds fault with is noticed; one that nothing finds fault with *survives*, and is either no change at all,
or a hole in the suite.

`mutation/` makes the mutants with [cosmic-ray](https://cosmic-ray.readthedocs.io)'s operators and some of its own
(memberships, filters of comprehensions, words), and each message of `specs/messages/` with another letter and with
another exception type. `mutation/README.md` says how to run it and what is looked at. This page is written by
`python -m mutation.page` from the run that it tells of.
"""


def page(reports: Sequence[Report]) -> str:
    """The page, as Markdown."""
    return "\n".join([INTRODUCTION, *(line for report in reports for line in _group(report))]) + "\n"


def _group(report: Report) -> Iterator[str]:
    group, code = GROUPS[report.group], [r for r in report.results if not r.mutant.is_message]
    words = [r for r in report.results if r.mutant.is_message]
    yield f"## {group.about[0].upper()}{group.about[1:]}"
    yield ""
    named = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    asked = "; ".join(f"{n} programs and examples with torch {v.split('+')[0]}" for v, n in report.programs.items())
    made = f"{len(code)} of the {report.possible} mutants of code that can be made, drawn with seed {report.seed}"
    if len(code) == report.possible:
        made = f"all {len(code)} mutants of code that can be made"
    twice = f"each of {len(words) // 2} messages twice" if words else "no messages"
    yield f"{made}; {twice}. {named}. Asked: {asked}."
    yield ""
    yield "| what is changed | mutants | noticed | | no change at all | left |"
    yield "|---|---|---|---|---|---|"
    for module in group.modules:
        yield _row(f"`{module.removeprefix('reference_engine/')}`", [r for r in code if r.mutant.where == module])
    yield _row("messages of " + ", ".join(f"`{area}`" for area in group.areas), words)
    yield _row("**all**", report.results)
    yield ""
    alive = [r for r in report.results if r.outcome == "survived"]
    kinds = (
        ("equivalent", "No change at all"),
        ("mended", "Noticed since, by a test that was added for it; run against that test alone"),
        ("unseen", "Not looked at"),
        (None, "Holes, open or not run again yet"),
    )
    for kind, heading in kinds:
        lines = [line for result in alive for line in _told(result) if _kind(result) == kind]
        if lines:
            yield from (f"**{heading}**", "", *lines, "")


def _kind(result: Result) -> str | None:
    found = explanation(result.mutant)
    return None if found is None else found.kind


def _row(name: str, results: Iterable[Result]) -> str:
    results = list(results)
    alive = [r for r in results if r.outcome == "survived"]
    same = sum(_kind(r) == "equivalent" for r in alive)
    share = f"{1 - len(alive) / len(results):.1%}" if results else ""
    return f"| {name} | {len(results)} | {len(results) - len(alive)} | {share} | {same} | {len(alive) - same} |"


def _told(result: Result) -> Iterator[str]:
    mutant, found = result.mutant, explanation(result.mutant)
    where = mutant.where.removeprefix("reference_engine/") + (f":{mutant.line}" if mutant.line else "")
    yield f"- `{where}`: {_code(mutant.before)} → {_code(mutant.after)}" + ("" if found is None else f"<br>{found.why}")


def _code(text: str) -> str:
    return f"`{text}`" if "`" not in text else f"`` {text} ``"


if __name__ == "__main__":
    PAGE.write_text(page(msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=list[Report])))
