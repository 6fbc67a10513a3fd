"""Choices that no promise settles.

The phase of an eigenvector or a singular vector and the basis of a shared eigenspace; which zero a factorisation
leaves; whether elimination that rounds meets a pivot of zero where the matrix is singular, or nearly.

An engine may take any of them. To compare two engines beyond that point, one must take the choice of the other: the
arrays that another engine got are shown here, and each decomposition takes, of all that are as right as its own, the
one nearest to what was shown. A matrix that is no decomposition is not imitated: only lawful choices are open.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from reference_engine.semantics import cite

Array = Any

_shown: tuple[Array, ...] = ()
_settled: bool | None = None
_TOLERANCE = 64  # in units of rounding: values nearer to each other than this share a space


@contextmanager
def near(arrays: Sequence[Array], singular: bool | None = None) -> Iterator[None]:
    """Run a block in which open choices are taken as near as possible to these arrays.

    ``singular`` says what a matrix is taken for whose last pivot rounding decides; None leaves it to the arithmetic.
    """
    global _shown, _settled
    before, _shown, _settled = (_shown, _settled), tuple(arrays), singular
    try:
        yield
    finally:
        _shown, _settled = before


# -- pivots that rounding decides --------------------------------------------------------------------------------------


def first_zero(found: int, doubtful: int) -> int:
    """The first pivot that fails (0: none): what the arithmetic ``found``, or what was asked for by ``near``.

    ``doubtful`` is the first that fails or holds by rounding alone.
    """
    if not doubtful:
        return found
    cite("linalg.singular.choice")
    if _settled is None:
        return found
    if _settled:
        return min(found, doubtful) if found else doubtful
    return 0 if found == doubtful else found


# -- signs of zeros ----------------------------------------------------------------------------------------------------


def signed(made: Array) -> Array:
    """The same array, with the zeros that were shown where all else is alike."""
    if made.dtype.kind not in "fc" or not np.any(_parts(made) == 0):
        return made
    cite("linalg.zero.choice")
    ours = _parts(made)
    for other in _shown:
        if other.shape != made.shape or np.iscomplexobj(other) != np.iscomplexobj(made):
            continue
        theirs = _parts(other)
        if np.array_equal(theirs == 0, ours == 0) and np.allclose(theirs, ours, 1e-3, 0, equal_nan=True):
            joined = np.where(ours == 0, theirs.astype(ours.dtype), ours)
            return _joined(joined, made)
    return made


def _parts(a: Array) -> Array:
    return np.stack([a.real, a.imag]) if np.iscomplexobj(a) else a[None]


def _joined(parts: Array, like: Array) -> Array:
    if not np.iscomplexobj(like):
        return parts[0]
    whole = np.empty_like(like)
    whole.real, whole.imag = parts
    return whole


# -- vectors -----------------------------------------------------------------------------------------------------------


def turned(vectors: Array, values: Array, eps: float, together: bool = True) -> Array:
    """How the columns may be turned among each other: the identity, or what was asked for by ``near``.

    Columns of equal values are turned ``together``, others (and those of no unitary matrix) by a phase of their own.
    """
    cite("linalg.vectors.choice")
    n = vectors.shape[-1]
    turns = np.broadcast_to(np.eye(n, dtype=vectors.dtype), (*vectors.shape[:-2], n, n)).copy()
    likely = [m for m in _shown if m.shape == vectors.shape]
    for at in np.ndindex(*vectors.shape[:-2]) if likely else ():
        groups = _groups(values[at], eps) if together else [[j] for j in range(n)]
        found = [_nearest(vectors[at], m[at], groups) for m in likely]
        turns[at] = max(found, key=lambda each: each[0])[1]
    return turns


def _groups(values: Array, eps: float) -> list[list[int]]:
    """Neighbours whose values cannot be told apart."""
    bound = _TOLERANCE * eps * float(np.max(np.abs(values), initial=0.0))
    groups: list[list[int]] = []
    for j, value in enumerate(values):
        if groups and abs(value - values[groups[-1][-1]]) <= bound:
            groups[-1].append(j)
        else:
            groups.append([j])
    return groups


def _nearest(vectors: Array, shown: Array, groups: list[list[int]]) -> tuple[float, Array]:
    """How like the two are, and the turn after which they are most alike."""
    turn, alike = np.eye(vectors.shape[-1], dtype=vectors.dtype), 0.0
    if not np.isfinite(shown).all() or not np.isfinite(vectors).all():
        return alike, turn
    shown = shown if np.iscomplexobj(vectors) else shown.real
    for group in groups:
        u, s, vh = np.linalg.svd(np.conj(vectors[:, group].T) @ shown[:, group])
        turn[np.ix_(group, group)] = u @ vh
        size = float(np.linalg.norm(shown[:, group]))  # long columns are not more alike
        alike += float(np.sum(s)) * len(group) ** 0.5 / size if size else 0.0
    return alike, turn
