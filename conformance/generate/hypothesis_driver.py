"""The searching driver: choices drawn from Hypothesis, which shrinks, replays and remembers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


@cache
def _integers(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high)


class HypothesisChoices:
    """Choices from the ``draw`` function of a composite strategy."""

    __slots__ = ("_draw",)

    def __init__(self, draw: Any) -> None:
        self._draw = draw

    def integer(self, low: int, high: int) -> int:
        return self._draw(_integers(low, high)) if high > low else low

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def weighted(self, options: Sequence[T], cumulative: Sequence[float]) -> T:
        point = self.integer(0, 999) / 1000 * cumulative[-1]
        return options[bisect_right(cumulative, point)]

    def coin(self, probability: float) -> bool:
        # heads are the high numbers, so that shrinking turns a coin to tails
        return self.integer(0, 999) >= 1000 - round(probability * 1000)
