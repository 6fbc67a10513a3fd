"""What changed between two Runs of the same programs: two versions of torch, or two subjects.

Each Run tells what its subject does unlike the baseline (the newest semantics), program by program, on the programs
that both ran. So the two subjects differ exactly where these accounts differ, and nothing needs to be run again. The
specification need not know the change: what no clause speaks of is grouped by where it shows, and a change in which a
subject does not do what the specification of its version says is told as such.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from conformance.report.evidence import VERDICT_LABELS
from conformance.report.headline import plural
from conformance.report.run import Change, Finding, Json, Run, Settings, Verdict, subject_label
from conformance.report.terminal import default_console, printable
from specs.load import Specs

_OPS_SHOWN = 4


class RunDiffError(ValueError):
    """Two Runs that did not run the same programs; its text is one line."""


class DiffEntry(msgspec.Struct, frozen=True):
    """One observation that the two subjects make differently."""

    step_kind: str
    ops: tuple[str, ...]
    """The ops at which it is made, if it is made at ops."""
    field: str
    before: str
    after: str
    programs: int
    """In how many programs."""
    unforeseen: int
    """In how many of them one of the two does not do what the specification of its version says."""
    deviations: tuple[str, ...]
    """The known deviations that explain others."""
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


def diff_runs(before: Run, after: Run) -> RunDiff:
    """What ``after`` does unlike ``before``; refuses Runs that did not run the same programs."""
    _check_comparable(before, after)
    entries: dict[str | None, list[DiffEntry]] = {}
    for clause, entry in _entries(before.changes, after.changes):
        entries.setdefault(clause, []).append(entry)
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
                sides = (Text(printable(_short(side))) for side in (entry.before, entry.after))
                news = Text(f" ?{entry.unforeseen:,}", style="bold red") if entry.unforeseen else Text("")
                where = Text(f"  {printable(place(entry))}")
                table.add_row(where, *sides, Text(f"{entry.programs:,}").append(news))
        console.print(table)
        if any(entry.unforeseen for group in diff.groups for entry in group.entries):
            console.print(Text("? in so many programs the specification of that version does not foresee it"))
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
    unforeseen = sum(bool(entry.unforeseen) for group in diff.groups for entry in group.entries)
    parts = [plural(entries, "change")] if entries else []
    if unforeseen:
        parts.append(f"{unforeseen:,} of which the specification does not foresee")
    if unspoken:
        parts.append(f"{unspoken:,} of which no clause speaks of")
    parts += [plural(len(diff.verdicts), "verdict")] if diff.verdicts else []
    parts += [f"{plural(len(diff.appeared), 'finding')} more"] if diff.appeared else []
    parts += [f"{plural(len(diff.disappeared), 'finding')} fewer"] if diff.disappeared else []
    return ", ".join(parts)


def place(entry: DiffEntry) -> str:
    """Where an entry shows, in a few words: ``apply clone, exp and 3 more: y.stride``."""
    more = len(entry.ops) - _OPS_SHOWN
    ops = ", ".join(entry.ops[:_OPS_SHOWN]) + (f" and {more} more" if more > 0 else "")
    return f"{entry.step_kind}{f' {ops}' if ops else ''}: {entry.field}"


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


_Change = tuple[str | None, str, str, str, str]
"""Clause, step kind, field, and what is seen before and after: what entries are told apart by."""

_WORDS = frozenset({"exception", "message", "outcome", "warnings"})


class _Shown(msgspec.Struct):
    """What an entry is made of."""

    programs: set[int]
    unforeseen: set[int]
    witnesses: dict[int, Change]


def _entries(before: Iterable[Change], after: Iterable[Change]) -> Iterator[tuple[str | None, DiffEntry]]:
    """Program by program, what the two do differently; alike differences together."""
    accounts = [
        {index: (step, change) for change in changes for index, step in change.at} for changes in (before, after)
    ]
    shown: dict[_Change, _Shown] = {}
    for index in sorted({*accounts[0], *accounts[1]}):
        for key, witnesses in _differences(accounts[0].get(index), accounts[1].get(index)):
            entry = shown.setdefault(key, _Shown(set(), set(), {}))
            entry.programs.add(index)
            if any(index in witness.unforeseen for witness in witnesses):
                entry.unforeseen.add(index)
            entry.witnesses.update({id(witness): witness for witness in witnesses})
    for (clause, step_kind, field, was, is_), entry in sorted(shown.items(), key=lambda item: str(item[0])):
        made_of = list(entry.witnesses.values())
        smallest = min(made_of, key=_size)
        yield (
            clause,
            DiffEntry(
                step_kind=step_kind,
                ops=tuple(sorted({witness.op for witness in made_of if witness.op})),
                field=field,
                before=was,
                after=is_,
                programs=len(entry.programs),
                unforeseen=len(entry.unforeseen),
                deviations=tuple(sorted({name for witness in made_of for name in witness.deviations})),
                program=smallest.program,
                script=smallest.script,
            ),
        )


def _differences(
    before: tuple[int, Change] | None, after: tuple[int, Change] | None
) -> Iterator[tuple[_Change, tuple[Change, ...]]]:
    """How one program tells two subjects apart, from where each parts with the baseline.

    A Run knows the first step at which a subject does unlike the baseline, and not what follows. So where the two part
    with it at different steps, the earlier tells them apart.
    """
    if before is not None and after is not None:
        (early, one), (late, other) = before, after
        if one.signature == other.signature:
            return
        same_place = one.signature[:-1] == other.signature[:-1] or (
            early == late and one.field in _WORDS and other.field in _WORDS
        )
        if same_place:
            yield (one.clause, one.step_kind, one.field, one.observed, other.observed), (one, other)
            return
        if early < late:
            after = None
        elif late < early:
            before = None
    if before is not None:
        change = before[1]
        yield (change.clause, change.step_kind, change.field, change.observed, change.baseline), (change,)
    if after is not None:
        change = after[1]
        yield (change.clause, change.step_kind, change.field, change.baseline, change.observed), (change,)


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
