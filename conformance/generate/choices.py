"""The choice interface: all that program generation may ask of its source of randomness.

It is kept tiny so that Hypothesis (which shrinks and remembers) and a seeded generator (which is fast) can both be
that source. Simpler outcomes come first: Hypothesis shrinks towards index 0 and towards False.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Choices(Protocol):
    """A source of choices."""

    def integer(self, low: int, high: int) -> int:
        """An integer with ``low <= n <= high``."""

    def one_of(self, options: Sequence[T]) -> T:
        """One of a non-empty sequence, each as likely."""

    def weighted(self, options: Sequence[T], cumulative: Sequence[float]) -> T:
        """One of a sequence; ``cumulative`` are running sums of the weights."""

    def coin(self, probability: float) -> bool:
        """True with this probability."""
