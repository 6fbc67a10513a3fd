"""Factorisations of symmetric and Hermitian matrices as LAPACK packs them, on arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.ops.lapack import each, wide

Array = Any


def ldl(a: Array, hermitian: bool) -> tuple[Array, Array, Array]:
    """L and D in one lower triangle, the pivots, and the first zero in D (0: none).

    A positive pivot is the row that this one was exchanged with, counted from one. Two equal negative ones mark a block
    of D of two rows and columns, the second of which was exchanged.
    """
    import scipy.linalg

    name = "hetrf" if hermitian and a.dtype.kind == "c" else "sytrf"
    n = a.shape[-1]

    def factor(matrix: Array) -> tuple[Array, Array, int]:
        if not n:
            return matrix, np.zeros(0), 0
        (trf,) = scipy.linalg.get_lapack_funcs((name,), (matrix,))
        packed, pivots, info = trf(matrix, lower=1)
        return np.tril(packed), pivots, info

    return each(factor, a, shapes=((n, n), (n,), ()), dtypes=(a.dtype, np.int32, np.int32))


def ldl_solve(packed: Array, pivots: Array, b: Array, hermitian: bool) -> Array:
    """X of A X = B, where A was factored by ``ldl``, in wide arithmetic."""
    made = wide(b).copy()
    for at in np.ndindex(*b.shape[:-2]):
        _solve_one(wide(packed[at]), pivots[at], made[at], np.conj if hermitian else np.positive)
    return made.astype(b.dtype)


def _exchange(b: Array, i: int, j: int) -> None:
    b[[i, j]] = b[[j, i]]


def _solve_one(ld: Array, pivots: Array, b: Array, mirrored: Any) -> None:
    """In place: L and D from the top, then the transpose of L from the bottom."""
    n, k = len(ld), 0
    while k < n:
        width = 1 if pivots[k] > 0 else 2
        _exchange(b, k + width - 1, abs(int(pivots[k])) - 1)
        end = k + width
        b[end:] -= ld[end:, k:end] @ b[k:end]
        block = np.tril(ld[k:end, k:end])
        block = block + mirrored(np.tril(block, -1).T)
        if width == 1:
            b[k] /= block[0, 0]
        else:
            det = block[0, 0] * block[1, 1] - block[0, 1] * block[1, 0]
            first, second = b[k].copy(), b[k + 1].copy()
            b[k] = (block[1, 1] * first - block[0, 1] * second) / det
            b[k + 1] = (block[0, 0] * second - block[1, 0] * first) / det
        k = end
    while k > 0:
        width = 1 if pivots[k - 1] > 0 else 2
        start = k - width
        b[start:k] -= mirrored(ld[k:, start:k].T) @ b[k:]
        _exchange(b, k - 1, abs(int(pivots[k - 1])) - 1)
        k = start
