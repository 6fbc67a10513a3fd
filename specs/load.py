"""Reads and validates the data files once, and answers questions about them."""

from __future__ import annotations

import difflib
import functools
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from specs.schema import (
    Clause,
    ClauseFile,
    Deviation,
    DeviationFile,
    Message,
    MessageFile,
    Switch,
    SwitchFile,
    area_of,
)
from specs.versions import Version, VersionRange, gaps

OLDEST = Version.parse("1.13")  # the oldest torch that the data speaks about
NEWEST = Version.parse("2.15")  # the newest torch that the data was measured on

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable  # Python 3.10 keeps it elsewhere

_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)+")
_Entry = TypeVar("_Entry", Clause, Message, Switch, Deviation)


class SpecError(ValueError):
    """The data files contradict themselves; says every problem found."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problems))


class UnknownId(LookupError):
    """An id that no data file defines."""


class NoTemplate(LookupError):
    """A message that says nothing at the version asked for."""


@dataclass(frozen=True)
class Specs:
    """All clauses, messages, switches and deviations, by id, in the order of the files."""

    clauses: dict[str, Clause]
    messages: dict[str, Message]
    switches: dict[str, Switch]
    deviations: dict[str, Deviation]

    @property
    def newest(self) -> Version:
        """The newest torch that the data was measured on."""
        return NEWEST

    @property
    def oldest(self) -> Version:
        """The oldest torch that the data speaks about."""
        return OLDEST

    def clause(self, clause_id: str) -> Clause:
        """The clause of that id."""
        return _find(self.clauses, clause_id, "clause")

    def message(self, message_id: str, version: str | Version) -> tuple[str, str]:
        """Exception or warning type name, and template, in force at a version."""
        message = _find(self.messages, message_id, "message")
        template = message.at(Version.parse(version))
        if template is None:
            raise NoTemplate(f"torch {version} says nothing for {message_id}")
        return message.type_of(template), template.text

    def switch(self, switch_id: str, version: str | Version) -> bool:
        """Whether a behaviour is on at a version."""
        return Version.parse(version) in _find(self.switches, switch_id, "switch").versions

    def messages_at(self, version: str | Version) -> dict[str, tuple[str, str]]:
        """Every message in force at a version: id -> (type name, template)."""
        parsed = Version.parse(version)
        found = ((m, m.at(parsed)) for m in self.messages.values())
        return {m.id: (m.type_of(template), template.text) for m, template in found if template is not None}

    def switches_at(self, version: str | Version) -> dict[str, bool]:
        """Every switch at a version: id -> on or off."""
        parsed = Version.parse(version)
        return {s.id: parsed in s.versions for s in self.switches.values()}

    def areas(self) -> tuple[str, ...]:
        """Areas that have clauses, in alphabetical order."""
        return tuple(sorted({c.area for c in self.clauses.values()}))


@functools.cache
def load() -> Specs:
    """The data files that ship with the package, validated."""
    return load_from(resources.files("specs"))


def load_from(root: Traversable) -> Specs:
    """The data files under a folder; raises SpecError with every problem found."""
    problems: list[str] = []
    clauses = _collect(root, "clauses", ClauseFile, Clause, problems)
    messages = _collect(root, "messages", MessageFile, Message, problems)
    switches = _collect(root, "switches", SwitchFile, Switch, problems)
    deviations = _collect(root, "deviations", DeviationFile, Deviation, problems)
    ranged: tuple[Clause | Switch | Deviation, ...] = (*clauses.values(), *switches.values(), *deviations.values())
    for entry in ranged:
        _range(entry, entry.id, problems)
    for message in messages.values():
        problems += _message_problems(message, clauses)
    for deviation in deviations.values():
        if deviation.clause not in clauses:
            problems.append(f"deviation {deviation.id}: {_unknown(deviation.clause, clauses, 'clause')}")
        problems += _pattern_problems(deviation)
    if problems:
        raise SpecError(problems)
    return Specs(clauses, messages, switches, deviations)


def _collect(
    root: Traversable, folder: str, file_type: type[Any], entry_type: type[_Entry], problems: list[str]
) -> dict[str, _Entry]:
    entries: dict[str, _Entry] = {}
    directory = root / folder
    if not directory.is_dir():
        return entries
    for file in sorted((f for f in directory.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name):
        where = f"{folder}/{file.name}"
        try:
            decoded = msgspec.toml.decode(file.read_bytes(), type=file_type)
        except msgspec.MsgspecError as error:
            problems.append(f"{where}: {error}")
            continue
        (listed,) = msgspec.structs.astuple(decoded)
        for entry in listed:
            if not _ID.fullmatch(entry.id):
                problems.append(f"{where}: {entry.id!r} is not a dotted lower-case id")
            if area_of(entry.id) != file.name.removesuffix(".toml"):
                problems.append(f"{where}: {entry.id} belongs in {area_of(entry.id)}.toml")
            if entry.id in entries:
                problems.append(f"{where}: {entry.id} is defined twice")
            entries[entry.id] = entry
    return entries


def _message_problems(message: Message, clauses: dict[str, Clause]) -> list[str]:
    problems: list[str] = []
    clause = clauses.get(message.id)
    if clause is None:
        return [f"message {message.id}: {_unknown(message.id, clauses, 'clause')}"]
    if not message.template:
        return [f"message {message.id}: has no template"]
    ranges: list[VersionRange] = []
    for template in message.template:
        parsed = _range(template, message.id, problems)
        if parsed is None:
            continue
        if any(parsed.overlaps(earlier) for earlier in ranges):
            problems.append(f"message {message.id}: templates overlap ({parsed})")
        ranges.append(parsed)
        try:
            _ = template.fields
        except ValueError as error:
            problems.append(f"message {message.id}: {error}")
    whole = _range(clause, clause.id, [])
    if not problems and whole is not None:
        since = whole.since or OLDEST
        supported = VersionRange(max(since, OLDEST), whole.until)
        problems += [f"message {message.id}: no template for {gap}" for gap in gaps(supported, ranges)]
    return problems


def _pattern_problems(deviation: Deviation) -> list[str]:
    problems: list[str] = []
    for field, pattern in deviation.match.items():
        try:
            re.compile(pattern)
        except re.error as error:
            problems.append(f"deviation {deviation.id}: match.{field}: {error}")
    return problems


def _range(entry: Any, entry_id: str, problems: list[str]) -> VersionRange | None:
    try:
        versions: VersionRange = entry.versions
    except ValueError as error:
        problems.append(f"{entry_id}: {error}")
        return None
    return versions


def _find(table: dict[str, _Entry], entry_id: str, kind: str) -> _Entry:
    try:
        return table[entry_id]
    except KeyError:
        raise UnknownId(_unknown(entry_id, table, kind)) from None


def _unknown(entry_id: str, table: dict[str, _Entry], kind: str) -> str:
    near = difflib.get_close_matches(entry_id, table, n=1, cutoff=0.5)
    return f"no {kind} {entry_id!r}" + (f"; did you mean {near[0]!r}?" if near else "")
