"""The order in which a C++ hash table (libstdc++'s, with chained buckets) lists what was put into it.

It shows where torch keeps keywords of a refused call, or what ``unique`` without sorting found, in such a table.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

_WORD = (1 << 64) - 1
_FACTOR = 0xC6A4A7935BD1E995
GROWN = 13
"""Buckets of a table that began empty, with up to as many elements."""

_SMALL = (2, 2, 2, 3, 5, 5, 7, 7, 11, 11, 11, 11, 13, 13)
_PRIMES = (
    17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 103, 109, 113, 127, 137, 139, 149, 157,
    167, 179, 193, 199, 211, 227, 241, 257, 277, 293, 313, 337, 359, 383, 409, 439, 467, 503, 541,
)  # fmt: skip


def buckets_for(count: int) -> int:
    """Buckets of a table that is made for so many elements."""
    return _SMALL[count] if count < len(_SMALL) else _PRIMES[bisect_left(_PRIMES, count)]


def order(hashes: Sequence[int], buckets: int) -> list[int]:
    """Positions in the order in which the table lists them: the newest first, in a bucket too."""
    listed: list[int] = []
    for new, value in enumerate(hashes):
        shares = (i for i, old in enumerate(listed) if hashes[old] % buckets == value % buckets)
        listed.insert(next(shares, 0), new)
    return listed


def hash_of(text: bytes) -> int:
    """64-bit MurmurHash with the seed of ``std::hash``. Source: https://sites.google.com/site/murmurhash/"""
    h = 0xC70F6907 ^ (len(text) * _FACTOR & _WORD)
    whole = len(text) // 8 * 8
    for i in range(0, whole, 8):
        data = int.from_bytes(text[i : i + 8], "little") * _FACTOR & _WORD
        h = (h ^ (_shifted(data) * _FACTOR & _WORD)) * _FACTOR & _WORD
    if whole < len(text):
        h = (h ^ int.from_bytes(text[whole:], "little")) * _FACTOR & _WORD
    return _shifted(_shifted(h) * _FACTOR & _WORD)


def _shifted(v: int) -> int:
    return v ^ (v >> 47)
