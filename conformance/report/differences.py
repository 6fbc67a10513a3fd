"""What changed from one torch to the next, as a page: written from the specifications alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec

from specs import Clause, Message, Specs, Switch, Template, Version

_INTRODUCTION = """\
# Differences between versions

What autograd says and does differently from one torch to the next: every change that the specifications know of, by
area and by the release that brought it. Texts are as torch words them; `{names}` stand for what is filled in.

This page is generated from `specs/` (`python -m conformance.report.differences > docs/differences.md`). Every text and
every release was read off a running torch. Releases that were run: 1.13 and 2.0 to 2.15, one patch release of each.
"""


class Change(msgspec.Struct, frozen=True, order=True):
    """One line of the page: in which release, about what, and the words for it."""

    release: tuple[int, int, int]
    subject: str
    text: str


def differences(specs: Specs) -> str:
    """The page ``docs/differences.md``."""
    changes = sorted(_changes(specs), key=lambda change: (change.subject.split(".", 1)[0], change))
    sections = [_INTRODUCTION, _summary(changes)]
    for area, in_area in itertools.groupby(changes, key=lambda change: change.subject.split(".", 1)[0]):
        sections.append(f"## {area}\n")
        for release, group in itertools.groupby(in_area, key=lambda change: change.release):
            sections.append(f"### {area}: {_release(release)}\n")
            sections.extend(change.text for change in group)
    return "\n".join(sections).rstrip() + "\n"


def _changes(specs: Specs) -> Iterator[Change]:
    for clause in specs.clauses.values():
        message = specs.messages.get(clause.id)
        yield from _of_clause(clause, message)
        if message is not None:
            yield from _of_message(message, clause)
    for switch in specs.switches.values():
        yield from _of_switch(switch)


def _of_clause(clause: Clause, message: Message | None) -> Iterator[Change]:
    versions = clause.versions
    if versions.since is not None:
        said = "" if message is None else _quote(message, message.at(versions.since))
        yield Change(versions.since.release, clause.id, f"- `{clause.id}` begins to hold. {clause.text}\n{said}")
    if versions.until is not None:
        said = "" if message is None else _quote(message, _in_order(message)[-1])
        yield Change(versions.until.release, clause.id, f"- `{clause.id}` holds no longer. {clause.text}\n{said}")


def _of_message(message: Message, clause: Clause) -> Iterator[Change]:
    for before, after in itertools.pairwise(_in_order(message)):
        since = after.versions.since
        assert since is not None  # templates do not overlap, so that a later one has a start
        kinds = (message.type_of(before), message.type_of(after))
        if before.text == after.text:
            what = f"is a `{kinds[1]}` instead of a `{kinds[0]}`"
            words = _quote(message, after)
        else:
            what = "is worded anew" if kinds[0] == kinds[1] else f"is worded anew, as a `{kinds[1]}`"
            words = "  before:\n" + _quote(message, before) + "  since:\n" + _quote(message, after)
        yield Change(since.release, clause.id, f"- `{clause.id}` {what}. {clause.text}\n{words}")


def _in_order(message: Message) -> list[Template]:
    """The templates from the oldest to the newest, in whatever order the file has them."""
    starts = [template.versions.since for template in message.template]
    return [message.template[i] for i in sorted(range(len(starts)), key=lambda i: _start(starts[i]))]


def _start(since: Version | None) -> tuple[int, int, int]:
    return (0, 0, 0) if since is None else since.release


def _of_switch(switch: Switch) -> Iterator[Change]:
    versions = switch.versions
    if versions.since is not None:
        yield Change(versions.since.release, switch.id, f"- `{switch.id}`, from now on: {switch.text}\n")
    if versions.until is not None:
        yield Change(versions.until.release, switch.id, f"- `{switch.id}`, no longer: {switch.text}\n")


def _quote(message: Message, template: Template | None) -> str:
    """The words in a block of their own, indented into the list; an empty text is said to be empty."""
    if template is None:
        return ""
    text = template.text.replace("{{", "{").replace("}}", "}") or "(no text)"
    lines = f"{message.type_of(template)}: {text}".rstrip("\n").split("\n")
    return "".join(f"  {line}\n".replace("  \n", "\n") for line in ("```text", *lines, "```"))


def _summary(changes: list[Change]) -> str:
    counts: dict[tuple[int, int, int], int] = {}
    for change in changes:
        counts[change.release] = counts.get(change.release, 0) + 1
    rows = [f"| {_release(release)} | {counts[release]} |" for release in sorted(counts)]
    return "\n".join(["| release | changes |", "|---|---|", *rows, ""])


def _release(release: tuple[int, int, int]) -> str:
    return str(Version(release)).removesuffix(".0")


if __name__ == "__main__":
    from specs import load

    print(differences(load()), end="")
