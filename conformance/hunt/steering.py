"""Feedback: families of steps that lately led to something new are drawn more often.

New is a clause that no program of the hunt has exercised before, or a pair of clauses that none has exercised together.
Programs are drawn in epochs. The weights of an epoch depend on what was seen up to the one before the last, so that
worker processes may run ahead, and a hunt with the same seed and number of jobs draws the same programs again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from itertools import combinations

import msgspec

from conformance.generate.profiles import Profile

_PAIR = 0.02  # what a new pair counts, against a new clause
_KEEP = 0.7  # of an epoch's experience, in the next
_MOST = 4.0  # by how much a weight may grow


class Seen(msgspec.Struct, frozen=True):
    """What one program exercised, and from which families its steps came."""

    families: tuple[str, ...]
    clauses: tuple[str, ...]


class Steering(msgspec.Struct):
    """What was seen so far, and what came of each family lately."""

    clauses: set[str] = msgspec.field(default_factory=set)
    pairs: set[str] = msgspec.field(default_factory=set)
    tries: dict[str, float] = msgspec.field(default_factory=dict)
    gains: dict[str, float] = msgspec.field(default_factory=dict)

    def learn(self, programs: Iterable[Seen]) -> float:
        """Take in an epoch; returns how much of it was new."""
        for table in (self.tries, self.gains):
            for family in table:
                table[family] *= _KEEP
        total = 0.0
        for seen in programs:
            news = 0.0
            clauses = sorted(set(seen.clauses))
            for clause in clauses:
                if clause not in self.clauses:
                    self.clauses.add(clause)
                    news += 1
            for one, other in combinations(clauses, 2):
                pair = f"{one}+{other}"
                if pair not in self.pairs:
                    self.pairs.add(pair)
                    news += _PAIR
            total += news
            for family in seen.families:
                self.tries[family] = self.tries.get(family, 0.0) + 1
                self.gains[family] = self.gains.get(family, 0.0) + news
        return total

    def weights(self, profile: Profile) -> dict[str, float]:
        """The profile's weights, shifted towards what pays."""
        rates = {f: self.gains.get(f, 0.0) / n for f, n in self.tries.items() if n >= 1}
        usual = sum(rates.values()) / len(rates) if rates else 0.0
        if not usual:
            return dict(profile.weights)
        return {
            family: weight * min(_MOST, max(0.5, rates.get(family, usual) / usual))
            for family, weight in profile.weights.items()
        }


def steered(profile: Profile, weights: dict[str, float]) -> Profile:
    """The profile with other weights."""
    return replace(profile, weights=weights) if weights else profile
