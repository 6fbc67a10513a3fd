"""The fast driver: choices from a seeded pseudo-random generator."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class PRNGChoices:
    """Choices that the pair (seed, index) determines, on every machine and Python version."""

    __slots__ = ("_random",)

    def __init__(self, seed: int, index: int) -> None:
        # only random() of the Mersenne Twister is used: its stream is promised not to change
        self._random = random.Random(f"{seed}/{index}").random

    def integer(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))

    def one_of(self, options: Sequence[T]) -> T:
        return options[int(self._random() * len(options))]

    def weighted(self, options: Sequence[T], cumulative: Sequence[float]) -> T:
        return options[bisect_right(cumulative, self._random() * cumulative[-1])]

    def coin(self, probability: float) -> bool:
        return self._random() < probability
