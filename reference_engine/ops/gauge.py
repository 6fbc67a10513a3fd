"""Choices that no promise settles: the phase of an eigenvector or a singular vector, the basis of a shared eigenspace.

An engine may take any of them. To compare two engines beyond that point, one must take the choice of the other: the
matrices that another engine got are shown here, and each decomposition takes, of all that are as right as its own, the
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
_TOLERANCE = 64  # in units of rounding: values nearer to each other than this share a space


@contextmanager
def near(matrices: Sequence[Array]) -> Iterator[None]:
    """Run a block in which open choices are taken as near as possible to these matrices."""
    global _shown
    before, _shown = _shown, tuple(matrices)
    try:
        yield
    finally:
        _shown = before


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
