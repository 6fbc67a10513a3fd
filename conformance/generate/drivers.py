"""The drivers by name: where the choices come from by which Programs are drawn."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from conformance.execute.trace import Trace
from conformance.generate.builder import draw
from conformance.generate.hypothesis_driver import Blocks
from conformance.generate.prng import PRNGChoices
from conformance.generate.profiles import Profile
from conformance.program.steps import Program
from conformance.subjects.base import Subject

Drawn = Callable[[int], tuple[Program, Trace]]
"""The Program of an index, and the reference's Trace of it."""


class UnknownDriver(LookupError):
    """No driver has this name; the message gives the nearest."""


def _prng(seed: int, profile: Profile, reference: Subject) -> Drawn:
    """Fast: the choices of each Program come from a generator of its own."""
    return lambda index: draw(PRNGChoices(seed, index), profile, reference)


def _hypothesis(seed: int, profile: Profile, reference: Subject) -> Drawn:
    """As property tests do: Hypothesis repeats, varies and grows what it has drawn before."""
    return Blocks(seed, profile, reference).at


DRIVERS: dict[str, Callable[[int, Profile, Subject], Drawn]] = {"prng": _prng, "hypothesis": _hypothesis}


def find_driver(name: str) -> Callable[[int, Profile, Subject], Drawn]:
    """The driver of this name.

    Raises:
        UnknownDriver: there is none.
    """
    if name not in DRIVERS:
        near = difflib.get_close_matches(name, DRIVERS, 1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(DRIVERS)}"
        raise UnknownDriver(f"unknown driver {name!r}; {hint}")
    return DRIVERS[name]
