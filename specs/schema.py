"""The shape of the data files: what a clause, a message, a switch and a deviation are."""

from __future__ import annotations

import string
from typing import Literal

import msgspec

from specs.versions import Version, VersionRange

Severity = Literal[
    "wrong_value", "wrong_refusal", "missing_refusal", "wrong_message", "wrong_state", "crash", "cosmetic"
]


class _Ranged(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    since: str | None = None
    until: str | None = None

    @property
    def versions(self) -> VersionRange:
        """The torch versions that this entry holds for."""
        return VersionRange.parse(self.since, self.until)


class Clause(_Ranged, frozen=True, kw_only=True):
    """One normative sentence: a rule, a law that holds of any engine, or a documented convention."""

    id: str
    text: str
    source: str
    kind: Literal["rule", "law", "convention"] = "rule"
    under_specified: str | None = None

    @property
    def area(self) -> str:
        """The first word of the id, which is also the name of the file."""
        return area_of(self.id)


class Template(_Ranged, frozen=True, kw_only=True):
    """The exact words of a refusal or a warning in a range of versions, with named ``{fields}``."""

    text: str
    type: str | None = None  # where the exception type itself changed between versions

    @property
    def fields(self) -> tuple[str, ...]:
        """Names to be filled in, in order of first appearance."""
        return template_fields(self.text)


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said when the clause of the same id refuses or warns."""

    id: str
    type: str
    template: tuple[Template, ...]

    def at(self, version: Version) -> Template | None:
        """The template in force at a version, or None where nothing is said."""
        return next((t for t in self.template if version in t.versions), None)

    def type_of(self, template: Template) -> str:
        """Name of the exception or warning class that carries these words."""
        return template.type or self.type


class Switch(_Ranged, frozen=True, kw_only=True):
    """A behaviour that changed between versions: on inside the range, off outside."""

    id: str
    text: str
    source: str

    @property
    def area(self) -> str:
        """The first word of the id."""
        return area_of(self.id)


class Deviation(_Ranged, frozen=True, kw_only=True):
    """A known and understood difference between what is promised and what torch does."""

    id: str
    clause: str
    title: str
    promised: str
    torch_does: str
    why: str
    severity: Severity
    link: str | None = None
    match: dict[str, str] = {}  # field of a Divergence -> regular expression that it must match

    @property
    def area(self) -> str:
        """The first word of the id."""
        return area_of(self.id)


class ClauseFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``clauses/<area>.toml``."""

    clause: tuple[Clause, ...] = ()


class MessageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``messages/<area>.toml``."""

    message: tuple[Message, ...] = ()


class SwitchFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``switches/<area>.toml``."""

    switch: tuple[Switch, ...] = ()


class DeviationFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``deviations/<area>.toml``."""

    deviation: tuple[Deviation, ...] = ()


def area_of(entry_id: str) -> str:
    """``"backward.implicit_grad.one_element"`` belongs to ``"backward"``."""
    return entry_id.split(".", 1)[0]


def template_fields(text: str) -> tuple[str, ...]:
    """Field names of a ``str.format`` template; positional or nested fields are an error."""
    names: dict[str, None] = {}
    for _, name, spec, _ in string.Formatter().parse(text):
        if name is None:
            continue
        if not name.isidentifier() or spec:
            raise ValueError(f"a template field must be a plain name, not {{{name}{':' + spec if spec else ''}}}")
        names[name] = None
    return tuple(names)
