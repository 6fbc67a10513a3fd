"""What changed between two Runs of the same programs: two versions of torch, or two subjects.

Each Run tells what its subject does unlike the baseline (the newest semantics) on the programs that both
ran. So the two subjects differ exactly where these accounts differ, and nothing needs to be run again. The
specification need not know the change: what no clause speaks of is grouped by where it shows.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.report.evidence import VERDICT_LABELS
from conformance.report.headline import plural
from conformance.report.run import Change, Finding, Json, Run, Settings, Verdict, subject_label
from conformance.report.terminal import default_console, printable
from specs.load import Specs


class RunDiffError(ValueError):
    """Two Runs that did not run the same programs; its text is one line."""


class DiffEntry(msgspec.Struct, frozen=True):
    """One observation that the two subjects make differently."""

    step_kind: str
    op: str | None
    field: str
    before: tuple[str, ...]
    """What the first subject does; several where it depends on the program."""
    after: tuple[str, ...]
    programs: int
    """In how many programs, at least."""
    program: Json
    """The smallest program in which one of the two does unlike the baseline."""
    script: str


class DiffGroup(msgspec.Struct, frozen=True):
    """The changes that fall under one clause, or under none."""

    clause: str | None
    entries: tuple[DiffEntry, ...]

    @property
    def programs(self) -> int:
        """Programs in which any of them shows."""
        return sum(entry.programs for entry in self.entries)


class VerdictChange(msgspec.Struct, frozen=True):
    """A clause that fares differently."""

    clause: str
    before: Verdict
    after: Verdict


class FindingChange(msgspec.Struct, frozen=True):
    """A finding that only one of the Runs has."""

    id: str
    title: str
    clauses: tuple[str, ...]
    deviation: str | None
    script: str


class RunDiff(msgspec.Struct, frozen=True):
    """All that changed from one Run to another; false where nothing did."""

    before: str
    after: str
    settings: Settings
    groups: tuple[DiffGroup, ...] = ()
    verdicts: tuple[VerdictChange, ...] = ()
    appeared: tuple[FindingChange, ...] = ()
    disappeared: tuple[FindingChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.groups or self.verdicts or self.appeared or self.disappeared)


_Where = tuple[str, str, str, str, str]
"""Clause, step kind, op, field and what the baseline does: where two accounts can be compared."""


def diff_runs(before: Run, after: Run) -> RunDiff:
    """What ``after`` does unlike ``before``; refuses Runs that did not run the same programs."""
    _check_comparable(before, after)
    accounts = [_by_place(run.changes) for run in (before, after)]
    entries: dict[str | None, list[DiffEntry]] = {}
    for where in sorted({*accounts[0], *accounts[1]}):
        entry = _entry(where, accounts[0].get(where, {}), accounts[1].get(where, {}))
        if entry is not None:
            entries.setdefault(where[0] or None, []).append(entry)
    groups = [
        DiffGroup(clause, tuple(sorted(found, key=lambda entry: -entry.programs))) for clause, found in entries.items()
    ]
    findings = [{finding.id: finding for finding in run.findings} for run in (before, after)]
    return RunDiff(
        before=subject_label(before),
        after=subject_label(after),
        settings=after.settings,
        groups=tuple(sorted(groups, key=lambda group: (group.clause is not None, -group.programs, group.clause or ""))),
        verdicts=tuple(_verdict_changes(before, after)),
        appeared=_only(findings[1], findings[0]),
        disappeared=_only(findings[0], findings[1]),
    )


def encode_diff(diff: RunDiff) -> bytes:
    """The diff as JSON, laid out to be read."""
    return msgspec.json.format(msgspec.json.encode(diff, order="sorted"), indent=2) + b"\n"


def render_diff(diff: RunDiff, specs: Specs) -> str:
    """The diff as one self-contained page."""
    # Jinja takes a while to import, and the terminal's table does without.
    from conformance.report.html.diff_page import diff_page

    return diff_page(diff, specs)


def print_diff(diff: RunDiff, console: Console | None = None) -> None:
    """The diff as a table: a row for each change, under its clause."""
    console = console or default_console()
    console.print(Text(f"{printable(diff.before)} → {printable(diff.after)}", style="bold"), Text(summary(diff)))
    if diff.groups:
        table = Table(box=None, padding=(0, 1), show_edge=False, header_style="bold")
        table.add_column("where", overflow="fold", ratio=3)
        table.add_column("before", overflow="fold", ratio=4, style="red")
        table.add_column("after", overflow="fold", ratio=4, style="green")
        table.add_column("programs", justify="right")
        for group in diff.groups:
            table.add_row(Text(printable(group.clause or "no clause speaks of it yet"), style="bold"))
            for entry in group.entries:
                sides = (Text(printable(" | ".join(map(_short, side)))) for side in (entry.before, entry.after))
                table.add_row(Text(f"  {printable(place(entry))}"), *sides, f"{entry.programs:,}")
        console.print(table)
    for change in diff.verdicts:
        fares = f"{VERDICT_LABELS[change.before]} → {VERDICT_LABELS[change.after]}"
        console.print(Text(f"{printable(change.clause)}: {fares}"))
    for sign, style, findings in (("+", "red", diff.appeared), ("-", "green", diff.disappeared)):
        for finding in findings:
            known = f"  ({printable(finding.deviation)})" if finding.deviation else ""
            console.print(Text(f"{sign} {printable(finding.title)}{known}", style=style))


def summary(diff: RunDiff) -> str:
    """The diff in one line."""
    if not diff:
        return f"nothing changed in {diff.settings.programs:,} programs"
    entries = sum(len(group.entries) for group in diff.groups)
    unspoken = sum(len(group.entries) for group in diff.groups if group.clause is None)
    parts = [plural(entries, "change")] if entries else []
    if unspoken:
        parts.append(f"{unspoken:,} of which no clause speaks of")
    parts += [plural(len(diff.verdicts), "verdict")] if diff.verdicts else []
    parts += [f"{plural(len(diff.appeared), 'finding')} more"] if diff.appeared else []
    parts += [f"{plural(len(diff.disappeared), 'finding')} fewer"] if diff.disappeared else []
    return ", ".join(parts)


def place(entry: DiffEntry) -> str:
    """Where an entry shows, in a few words: ``apply clone: y.stride``."""
    return f"{entry.step_kind}{f' {entry.op}' if entry.op else ''}: {entry.field}"


def _check_comparable(before: Run, after: Run) -> None:
    if before.suite != after.suite:
        raise RunDiffError(
            f"the Runs were made by different suites, {before.suite} and {after.suite}: make them again with one"
        )
    names = {"first": "first program", "programs": "number of programs"}
    for field in Settings.__struct_fields__:
        here, there = getattr(before.settings, field), getattr(after.settings, field)
        if here != there:
            what = names.get(field, field)
            raise RunDiffError(
                f"the Runs did not run the same programs: {what} {here!r} in one, {there!r} in the other"
            )


def _by_place(changes: Iterable[Change]) -> dict[_Where, dict[str, Change]]:
    grouped: dict[_Where, dict[str, Change]] = {}
    for change in changes:
        *where, observed = change.signature
        clause, step_kind, op, field, baseline = where
        grouped.setdefault((clause, step_kind, op, field, baseline), {})[observed] = change
    return grouped


def _entry(where: _Where, before: dict[str, Change], after: dict[str, Change]) -> DiffEntry | None:
    """What changed at one place, from how often each subject was seen to do each thing there.

    The programs are the same, so what one subject does less often it has exchanged for what the other does more often;
    where that does not add up, the rest did as the baseline does, which no Run counts.
    """
    _, step_kind, op, field, baseline = where
    surplus = {seen: _count(before, seen) - _count(after, seen) for seen in sorted({*before, *after})}
    mine = {seen: count for seen, count in surplus.items() if count > 0}
    theirs = {seen: -count for seen, count in surplus.items() if count < 0}
    if not mine and not theirs:
        return None
    exchanged = sum(mine.values()), sum(theirs.values())
    witness = min((side[seen] for side in (before, after) for seen in side if surplus[seen]), key=_size)
    return DiffEntry(
        step_kind=step_kind,
        op=op or None,
        field=field,
        before=(*mine, *([baseline] if exchanged[0] < exchanged[1] else [])),
        after=(*theirs, *([baseline] if exchanged[1] < exchanged[0] else [])),
        programs=max(exchanged),
        program=witness.program,
        script=witness.script,
    )


def _count(account: dict[str, Change], seen: str) -> int:
    return account[seen].programs if seen in account else 0


def _size(change: Change) -> tuple[int, int, str]:
    steps = change.program.get("steps", ()) if isinstance(change.program, dict) else ()
    return (len(steps), len(change.script), change.observed)


def _verdict_changes(before: Run, after: Run) -> Iterable[VerdictChange]:
    verdicts: list[dict[str, Verdict]] = [
        {clause.id: clause.verdict for clause in run.clauses} for run in (before, after)
    ]
    for clause_id in sorted({*verdicts[0], *verdicts[1]}):
        first, second = (known.get(clause_id, "not_exercised") for known in verdicts)
        if first != second:
            yield VerdictChange(clause_id, first, second)


def _only(those: dict[str, Finding], others: dict[str, Finding]) -> tuple[FindingChange, ...]:
    return tuple(
        FindingChange(finding.id, finding.title, finding.clauses, finding.deviation, finding.script)
        for finding in sorted(those.values(), key=lambda finding: finding.id)
        if finding.id not in others
    )


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:199]}…"
