"""The changes that nothing noticed, and why: ``survivors.toml``."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from mutation.mutants import Mutant

FILE = Path(__file__).with_name("survivors.toml")


class Survivor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One change.

    Attributes:
        kind: "equivalent": no program can tell, and no reader of the evidence; "mended": a test that was added since
            tells, and the mutant was run against it; "unseen": one could tell, in what the checks do not look at.
        why: in a sentence.
    """

    where: str
    before: str
    after: str
    kind: Literal["equivalent", "mended", "unseen"]
    why: str


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``survivors.toml``."""

    survivor: tuple[Survivor, ...] = ()


@cache
def explained() -> dict[tuple[str, str, str], Survivor]:
    """The survivors that are understood, by what they change."""
    decoded = msgspec.toml.decode(FILE.read_bytes(), type=File)
    return {(s.where, s.before, s.after): s for s in decoded.survivor}


def explanation(mutant: Mutant) -> Survivor | None:
    """Why a mutant survives, if that is understood. Lines move; what is changed into what does not."""
    return explained().get((mutant.where, mutant.before, mutant.after))
