"""Laws that hold of any engine alone: one small check each, over the same Programs and Traces."""

from __future__ import annotations

import difflib

from conformance.judge.laws import (  # noqa: F401 - they register their laws
    calls,
    derivative,
    functional,
    layout,
    parts,
    second_derivative,
    state,
    surroundings,
)
from conformance.judge.laws.law import LAWS, Law, NotApplicable, Violation


class UnknownLaw(LookupError):
    """No law of that name; the message names the nearest."""


def find_laws(names: tuple[str, ...]) -> tuple[Law, ...]:
    """The laws of these names (with or without ``law.`` before them), or all, or none.

    Raises:
        UnknownLaw: with the nearest name.
    """
    if names == ("all",):
        return tuple(LAWS.values())
    if names in ((), ("none",)):
        return ()
    found = []
    for name in names:
        full = name if name.startswith("law.") else f"law.{name}"
        if full not in LAWS:
            near = difflib.get_close_matches(full, LAWS, 1)
            hint = f"; did you mean {near[0]!r}?" if near else "; `conformance clauses --area law` lists them"
            raise UnknownLaw(f"unknown law {name!r}{hint}")
        found.append(LAWS[full])
    return tuple(found)


__all__ = ["LAWS", "Law", "NotApplicable", "UnknownLaw", "Violation", "find_laws"]
