"""A Program that takes its process down is named, and the others go on."""

from __future__ import annotations

import itertools
import os
import signal
import time

import pytest

from conformance.execute.workers import run_chunks


def _squares(indices: tuple[int, ...]) -> list[int]:
    return [index * index for index in indices]


def _deadly(indices: tuple[int, ...]) -> int:
    if 3 in indices:
        os.kill(os.getpid(), signal.SIGSEGV)
    if 5 in indices:
        time.sleep(60)
    if 7 in indices:
        raise ValueError("seven")
    while 9 in indices:  # keeps the processor busy, where 5 only waits
        pass
    return sum(indices)


def _exits(indices: tuple[int, ...]) -> int:
    if 1 in indices:
        os._exit(4)
    return sum(indices)


def _greedy(indices: tuple[int, ...]) -> int:
    return len(bytearray(1 << 40)) if 0 in indices else sum(indices)


def _chunks(count: int, size: int) -> list[range]:
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_outcomes_come_in_the_order_of_the_chunks(jobs: int) -> None:
    outcomes = list(run_chunks(_squares, _chunks(25, 4), jobs=jobs))
    assert [index for outcome in outcomes for index in outcome.indices] == list(range(25))
    assert [square for outcome in outcomes for square in outcome.result or ()] == [index * index for index in range(25)]


def test_a_crash_and_a_hang_name_their_program_and_the_rest_is_done() -> None:
    outcomes = {outcome.indices: outcome for outcome in run_chunks(_deadly, _chunks(11, 3), timeout=1.0)}
    assert {indices: outcome.fate for indices, outcome in outcomes.items()} == {
        (0, 1, 2): "done", (3,): "crashed", (4,): "done", (5,): "hung", (6,): "done", (7,): "raised", (8,): "done",
        (9,): "hung", (10,): "done",
    }  # fmt: skip
    assert outcomes[3,].detail == "the process was killed by signal 11"
    assert outcomes[5,].detail == outcomes[9,].detail == "no answer within 1 s"
    assert outcomes[7,].detail == "ValueError: seven"
    assert outcomes[8,].result == 8


def test_a_process_that_exits_is_a_crash() -> None:
    outcomes = list(run_chunks(_exits, _chunks(3, 3)))
    assert [outcome.fate for outcome in outcomes] == ["done", "crashed", "done"]
    assert outcomes[1].detail == "the process ended with exit code 4"


def test_a_program_that_asks_for_all_memory_is_refused_it() -> None:
    outcomes = list(run_chunks(_greedy, _chunks(2, 1)))
    assert outcomes[0].fate == "raised"
    assert "MemoryError" in outcomes[0].detail
    assert outcomes[1].fate == "done"


def test_chunks_are_taken_as_needed() -> None:
    outcomes = run_chunks(_squares, ((number,) for number in itertools.count()))
    assert [next(outcomes).result for _ in range(3)] == [[0], [1], [4]]
    outcomes.close()  # type: ignore[attr-defined]
