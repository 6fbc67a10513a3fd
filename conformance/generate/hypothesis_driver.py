"""The searching driver: choices drawn from Hypothesis, which shrinks, replays and remembers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from conformance.execute.trace import Trace
from conformance.generate.builder import draw
from conformance.generate.profiles import Profile
from conformance.program.steps import Program
from conformance.subjects.base import Subject

T = TypeVar("T")

BLOCK = 100  # what Hypothesis draws depends on what it drew before, so a block of Programs is drawn as one


class _Source(SearchStrategy[Any]):
    """Hands out what Hypothesis draws from.

    A Program takes a hundred choices or more, and a strategy for each would cost twice what the Program costs.
    """

    def do_draw(self, data: Any) -> Any:
        return data


_SOURCE = _Source()


class HypothesisChoices:
    """Choices from the ``draw`` function of a composite strategy."""

    __slots__ = ("_draw_integer",)

    def __init__(self, draw: Any) -> None:
        self._draw_integer: Callable[[int, int], int] = draw(_SOURCE).draw_integer

    def integer(self, low: int, high: int) -> int:
        return self._draw_integer(low, high) if high > low else low

    def one_of(self, options: Sequence[T]) -> T:
        return options[self.integer(0, len(options) - 1)]

    def weighted(self, options: Sequence[T], cumulative: Sequence[float]) -> T:
        point = self.integer(0, 999) / 1000 * cumulative[-1]
        return options[bisect_right(cumulative, point)]

    def coin(self, probability: float) -> bool:
        # heads are the high numbers, so that shrinking turns a coin to tails
        return self.integer(0, 999) >= 1000 - round(probability * 1000)


class Blocks:
    """Programs by index, in blocks that the seed and their number determine."""

    def __init__(self, seed: int, profile: Profile, reference: Subject) -> None:
        self._seed, self._profile, self._reference = seed, profile, reference
        self._number = -1
        self._programs: list[tuple[Program, Trace]] = []

    def at(self, index: int) -> tuple[Program, Trace]:
        """The Program of an index, and the reference's Trace of it."""
        number, place = divmod(index, BLOCK)
        if number != self._number:
            self._number, self._programs = number, self._block(number)
        return self._programs[place]

    def _block(self, number: int) -> list[tuple[Program, Trace]]:
        drawn: list[tuple[Program, Trace]] = []
        round_ = 0
        while len(drawn) < BLOCK:  # Hypothesis may give up some that grow too long
            drawn += self._round(f"{self._seed}/{number}/{round_}")
            round_ += 1
        return drawn[:BLOCK]

    def _round(self, seed: str) -> list[tuple[Program, Trace]]:
        drawn: list[tuple[Program, Trace]] = []

        @st.composite
        def programs(choose: Any) -> tuple[Program, Trace]:
            return draw(HypothesisChoices(choose), self._profile, self._reference)

        @seeded(int.from_bytes(seed.encode(), "big"))
        @settings(
            max_examples=BLOCK,
            phases=[Phase.generate],
            database=None,
            deadline=None,
            derandomize=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(programs())
        def collect(program: tuple[Program, Trace]) -> None:
            drawn.append(program)

        collect()
        return drawn
