"""Which of equal elements is chosen: nobody promises it, everybody sees it, so the usual algorithms are followed.

``partition`` and ``sorted_head`` are the C++ library's ``nth_element`` and ``sort`` (introselect, introsort),
``quickselect`` is Hoare's algorithm with the median of three as pivot. All work on positions and a strict order.
"""

from __future__ import annotations

from collections.abc import Callable

Less = Callable[[int, int], bool]
_SHORT = 16  # below this length a sort is one by insertion


def _insert(at: list[int], low: int, high: int, less: Less) -> None:
    """Sort ``at[low:high]`` by insertion: equal elements keep their order."""
    for i in range(low + 1, high):
        moving, j = at[i], i
        if less(moving, at[low]):  # asked first, which shows where nan makes the order none
            at[low : i + 1] = [moving, *at[low:i]]
            continue
        while less(moving, at[j - 1]):
            at[j] = at[j - 1]
            j -= 1
        at[j] = moving


def _median_first(at: list[int], first: int, a: int, b: int, c: int, less: Less) -> None:
    """Exchange the first element with the median of three others."""
    if less(at[a], at[b]):
        middle = b if less(at[b], at[c]) else c if less(at[a], at[c]) else a
    else:
        middle = a if less(at[a], at[c]) else c if less(at[b], at[c]) else b
    at[first], at[middle] = at[middle], at[first]


def _cut(at: list[int], low: int, high: int, less: Less) -> int:
    """Partition around the median of three; where the second part begins."""
    _median_first(at, low, low + 1, low + (high - low) // 2, high - 1, less)
    pivot, i, j = at[low], low + 1, high
    while True:
        while less(at[i], pivot):
            i += 1
        j -= 1
        while less(pivot, at[j]):
            j -= 1
        if i >= j:
            return i
        at[i], at[j] = at[j], at[i]
        i += 1


def partition(at: list[int], nth: int, less: Less) -> None:
    """Rearrange so that the element at ``nth`` is the one that sorting puts there, with none greater before it."""
    low, high = 0, len(at)
    if nth >= high:
        return
    while high - low > 3:
        middle = _cut(at, low, high, less)
        low, high = (middle, high) if middle <= nth else (low, middle)
    _insert(at, low, high, less)


def sorted_head(at: list[int], count: int, less: Less) -> None:
    """Sort the first ``count``."""
    parts = [(0, count)]
    while parts:
        low, high = parts.pop()
        while high - low > _SHORT:
            middle = _cut(at, low, high, less)
            parts.append((middle, high))
            high = middle
    _insert(at, 0, count, less)


def quickselect(at: list[int], nth: int, less: Less) -> None:
    """As ``partition``, by another way of choosing and exchanging."""

    def order(i: int, j: int) -> None:
        if less(at[j], at[i]):
            at[i], at[j] = at[j], at[i]

    low, high = 0, len(at) - 1
    while high > low:
        if high == low + 1:
            order(low, high)
            return
        middle = low + (high - low) // 2
        at[middle], at[low + 1] = at[low + 1], at[middle]
        order(low + 1, high)
        order(low, high)
        order(low + 1, low)
        i, j, pivot = low + 1, high, at[low]
        while True:
            i += 1
            while less(at[i], pivot):
                i += 1
            j -= 1
            while less(pivot, at[j]):
                j -= 1
            if j < i:
                break
            at[i], at[j] = at[j], at[i]
        at[low], at[j] = at[j], at[low]
        low, high = (i if j <= nth else low), (j - 1 if j >= nth else high)
