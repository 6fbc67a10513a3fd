"""Profiles: how often each family of steps is drawn, and how long programs get."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from itertools import accumulate


class UnknownProfile(LookupError):
    """No profile of that name; the message names the nearest."""


@dataclass(frozen=True)
class Profile:
    """Weights for the families of ``conformance.generate.families``.

    Attributes:
        name: as given to ``--profile``.
        about: one line for ``--help``.
        weights: family name to weight; a family that is not named is not drawn.
        steps: the least and the greatest number of steps drawn before the closing backward.
        invalid: the probability that an argument is spoilt on purpose.
        dtypes: dtype name to weight for new tensors.
        special: the probability that a new tensor holds awkward values.
        examples: the probability that a program begins with the example of a clause.
    """

    name: str
    about: str
    weights: dict[str, float]
    steps: tuple[int, int] = (3, 10)
    invalid: float = 0.06
    dtypes: dict[str, float] = field(
        default_factory=lambda: {
            "float32": 10,
            "float64": 6,
            "complex64": 1,
            "complex128": 1,
            "int64": 1,
            "bool": 0.3,
            "bfloat16": 0.4,
            "float16": 0.4,
            "int32": 0.2,
            "uint8": 0.1,
        }
    )
    special: float = 0.05
    examples: float = 0.15

    def table(self) -> tuple[list[str], list[float]]:
        """Families and their cumulative weights."""
        return list(self.weights), list(accumulate(self.weights.values()))

    def dtype_table(self) -> tuple[list[str], list[float]]:
        return list(self.dtypes), list(accumulate(self.dtypes.values()))


_DEFAULT = {
    "make": 1.2,
    "op": 6.0,
    "view": 2.5,
    "inplace": 2.0,
    "backward": 2.5,
    "grad": 2.0,
    "mode": 1.2,
    "hook": 1.2,
    "leaf": 1.2,
    "function": 0.7,
    "read": 0.6,
    "index": 0.8,
    "dual": 0.3,
    "dual_story": 0.5,
    "delete": 0.15,
    "rearrange": 1.0,
    "after_use": 0.5,
    "views_at_once": 0.4,
    "overlap": 0.1,
    "shared_cotangent": 0.25,
    "used_again": 0.25,
    "again": 0.4,
    "misuse": 0.2,
    "places": 0.1,
}

PROFILES: dict[str, Profile] = {
    p.name: p
    for p in (
        Profile("default", "a bit of everything", _DEFAULT),
        Profile(
            "calls",
            "what backward and grad may be given",
            {**_DEFAULT, "backward": 7, "grad": 7, "view": 1, "inplace": 0.7},
            invalid=0.15,
        ),
        Profile(
            "views",
            "several live views of one storage, changed in place",
            {
                "make": 0.8,
                "op": 2.5,
                "view": 6,
                "inplace": 6,
                "index": 2,
                "backward": 2,
                "grad": 2,
                "mode": 1.5,
                "leaf": 2,
                "hook": 0.7,
                "function": 0.4,
                "read": 0.3,
                "rearrange": 5,
                "after_use": 1,
                "views_at_once": 3,
                "overlap": 0.5,
                "dual_story": 1,
                "shared_cotangent": 0.6,
                "used_again": 0.4,
            },
            steps=(5, 14),
            dtypes={"float64": 10, "float32": 4, "complex128": 1.5, "complex64": 0.5, "int64": 0.3},
        ),
        Profile(
            "sparse",
            "sparse tensors and sparse gradients",
            {"make": 0.5, "op": 1, "backward": 1, "grad": 0.5, "hook": 0.5, "mode": 0.3, "places": 8},
            steps=(4, 10),
        ),
        Profile(
            "ops",
            "every op, every dtype, awkward values",
            {"make": 1, "op": 10, "view": 1, "inplace": 2, "grad": 3, "backward": 1, "again": 3, "after_use": 1.5},
            steps=(2, 6),
            special=0.2,
            invalid=0.1,
        ),
        Profile(
            "hooks",
            "hooks of every kind, custom Functions, reentrant and nested modes",
            {**_DEFAULT, "hook": 7, "function": 4, "mode": 2, "view": 1.5},
        ),
    )
}


def find_profile(name: str) -> Profile:
    """The profile of a name.

    Raises:
        UnknownProfile: with the nearest name.
    """
    if name in PROFILES:
        return PROFILES[name]
    near = difflib.get_close_matches(name, PROFILES, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise UnknownProfile(f"unknown profile {name!r}{hint} (there are {', '.join(PROFILES)})")
