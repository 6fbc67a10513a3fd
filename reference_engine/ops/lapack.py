"""Factorisations of batches of matrices, on arrays.

What is observable of a factorisation (pivots, an exact zero on the diagonal) is LAPACK's, in the dtype of the tensor.
What is computed through one (solutions, determinants, exponentials) is computed in wider arithmetic and rounded once:
the reference ought to be the more exact side.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine.ops import gauge

Array = Any

_WIDER = {"f": np.longdouble, "c": np.clongdouble}


def wide(a: Array) -> Array:
    """The array in the widest arithmetic there is."""
    return a.astype(_WIDER[a.dtype.kind])


def each(fn: Callable[..., Any], *arrays: Array, shapes: tuple[tuple[int, ...], ...], dtypes: tuple[Any, ...]) -> Any:
    """``fn`` of each matrix of a batch; it gives as many arrays as there are ``shapes``."""
    batch = arrays[0].shape[:-2]
    made = tuple(np.zeros((*batch, *shape), d) for shape, d in zip(shapes, dtypes, strict=True))
    for at in np.ndindex(*batch):
        for whole, part in zip(made, fn(*[a[at] for a in arrays]), strict=True):
            whole[at] = part
    return made


# -- elimination -------------------------------------------------------------------------------------------------------


def lu(a: Array) -> tuple[Array, Array, Array]:
    """L and U in one matrix, the pivots (rows swapped, counted from one), and the first zero pivot (0: none)."""
    rows, columns = a.shape[-2:]
    k = min(rows, columns)

    def factor(matrix: Array) -> tuple[Array, Array, int]:
        packed, pivots, zero = _by_rows(matrix)
        exact = eliminated(matrix, permutation(pivots, rows))
        chosen = gauge.first_zero(zero, _doubtful(packed, exact, matrix))
        if chosen and chosen != zero:
            packed[chosen - 1, chosen - 1] = 0
        return packed, pivots, chosen

    return each(factor, a, shapes=((rows, columns), (k,), ()), dtypes=(a.dtype, np.int32, np.int32))


def _by_rows(matrix: Array) -> tuple[Array, Array, int]:
    """Elimination row by row, each step rounded: what LAPACK does where it has no reason to do otherwise."""
    packed, zero = matrix.copy(), 0
    pivots = np.arange(1, min(matrix.shape) + 1)
    for k in range(len(pivots)):
        size = np.abs(packed[k:, k].real) + np.abs(packed[k:, k].imag)
        p = k + int(np.argmax(size))
        pivots[k] = p + 1
        packed[[k, p]] = packed[[p, k]]
        if packed[k, k] == 0:
            zero = zero or k + 1
            continue
        packed[k + 1 :, k] /= packed[k, k]
        packed[k + 1 :, k + 1 :] -= packed[k + 1 :, k, None] * packed[k, None, k + 1 :]
    return packed, pivots, zero


_NEARLY = 16  # in units of rounding for each row: a pivot smaller than this beside the matrix may be zero


def _doubtful(packed: Array, exact: Array, matrix: Array) -> int:
    """The first pivot of which only rounding says whether it is zero (0: none): not one that exact steps lead to."""
    size = np.max(np.abs(matrix), initial=0)
    bound = _NEARLY * len(matrix) * np.finfo(matrix.dtype).eps * size
    with np.errstate(all="ignore"):
        for k in range(min(matrix.shape)):
            rounded = packed[: k + 1, : k + 1] != exact[: k + 1, : k + 1]
            below = packed[k:, :k] != exact[k:, :k]
            divided = np.diagonal(packed)[:k].imag != 0  # there are many ways to divide by a complex number
            if np.abs(exact[k, k]) <= bound and (rounded.any() or below.any() or divided.any()):
                return k + 1
    return 0


def eliminated(a: Array, order: Array) -> Array:
    """L and U in one matrix, in wide arithmetic, the order of the rows being given."""
    a = wide(a)
    a = np.take_along_axis(a, np.broadcast_to(order[..., None], a.shape), -2)
    for k in range(min(a.shape[-2:])):
        a[..., k + 1 :, k] = a[..., k + 1 :, k] / a[..., k, k, None]
        a[..., k + 1 :, k + 1 :] -= a[..., k + 1 :, k, None] * a[..., k, None, k + 1 :]
    return a


def permutation(pivots: Array, rows: int) -> Array:
    """The order of rows that a sequence of swaps gives."""
    order = np.broadcast_to(np.arange(rows), (*pivots.shape[:-1], rows)).copy()
    for at in np.ndindex(*pivots.shape[:-1]):
        for i, p in enumerate(pivots[at]):
            order[at][[i, p - 1]] = order[at][[p - 1, i]]
    return order


def swap_sign(pivots: Array) -> Array:
    """The sign of the permutation."""
    swapped = pivots != np.arange(1, pivots.shape[-1] + 1)
    return 1 - 2 * (np.sum(swapped, -1) % 2)


def substitute(t: Array, b: Array, upper: bool, unit: bool = False) -> Array:
    """X of T X = B with a triangular T, by substitution, row after row."""
    batch = np.broadcast_shapes(t.shape[:-2], b.shape[:-2])
    n = t.shape[-1]
    x = np.array(np.broadcast_to(b, (*batch, *b.shape[-2:])))
    for i in range(n - 1, -1, -1) if upper else range(n):
        if not unit:
            x[..., i, :] = _over_pivot(x[..., i, :], t[..., i, i, None])
        rest = slice(0, i) if upper else slice(i + 1, n)
        x[..., rest, :] -= t[..., rest, i, None] * x[..., i, None, :]
    return x


def _over_pivot(b: Array, pivot: Array) -> Array:
    """A row divided by its pivot. Kernels multiply by the reciprocal; of a complex zero that is nan in both parts."""
    quotient = b / pivot
    if np.iscomplexobj(pivot):
        quotient = np.where(pivot == 0, complex(np.nan, np.nan), quotient)
    return quotient


def solve(a: Array, b: Array) -> Array:
    """X of A X = B, by elimination with row pivoting, in wide arithmetic."""
    batch = np.broadcast_shapes(a.shape[:-2], b.shape[:-2])
    a = np.broadcast_to(wide(a), (*batch, *a.shape[-2:])).copy()
    b = np.broadcast_to(wide(b), (*batch, *b.shape[-2:])).copy()
    for at in np.ndindex(*batch):
        _eliminate(a[at], b[at])
    return substitute(a, b, upper=True)


def _eliminate(a: Array, b: Array) -> int:
    """Make ``a`` upper triangular in place, and ``b`` follow; the number of swaps."""
    swaps, n = 0, len(a)
    for k in range(n - 1):
        p = k + int(np.argmax(np.abs(a[k:, k])))
        if p != k:
            a[[k, p]], b[[k, p]], swaps = a[[p, k]], b[[p, k]], swaps + 1
        if a[k, k] != 0:
            factor = a[k + 1 :, k, None] / a[k, k]
            a[k + 1 :] -= factor * a[k]
            b[k + 1 :] -= factor * b[k]
    return swaps


def pivots_of(a: Array) -> tuple[Array, Array]:
    """The diagonal of the eliminated matrix, in wide arithmetic, and the sign of the swaps."""
    a = wide(a)
    signs = np.ones(a.shape[:-2])
    for at in np.ndindex(*a.shape[:-2]):
        signs[at] = (-1) ** _eliminate(a[at], np.zeros((a.shape[-1], 0), a.dtype))
    return np.einsum("...ii->...i", a), signs


# -- others ------------------------------------------------------------------------------------------------------------


def cholesky(a: Array) -> tuple[Array, Array]:
    """The lower factor of a Hermitian matrix given by its lower triangle; and the order of the first minor that is not
    positive (0: none), where the factor stops."""
    n, unit = a.shape[-1], np.finfo(a.dtype).eps

    def factor(matrix: Array) -> tuple[Array, int]:
        made = np.tril(wide(matrix))
        for j in range(n):
            size = float(np.abs(made[j, j].real))
            rest = made[j, j].real - np.sum(np.abs(made[j, :j]) ** 2)
            rounded = (made[j, :j].astype(a.dtype) != made[j, :j]).any()
            doubtful = j + 1 if rounded and abs(rest) <= _NEARLY * n * unit * size else 0
            if gauge.first_zero(0 if rest > 0 else j + 1, doubtful):
                made[j, j] = rest
                return made, j + 1
            rest = rest if rest > 0 else unit * size
            made[j, j] = np.sqrt(rest)
            made[j + 1 :, j] = (made[j + 1 :, j] - made[j + 1 :, :j] @ np.conj(made[j, :j])) / made[j, j]
        return made, 0

    return each(factor, a, shapes=((n, n), ()), dtypes=(wide(a[..., :0]).dtype, np.int32))


def exponential(a: Array) -> Array:
    """exp(A) by scaling, the series, and squaring, in wide arithmetic."""
    a = wide(a)
    if not a.size:
        return a
    if a.ndim > 2:  # each is scaled by its own norm
        return np.stack([exponential(matrix) for matrix in a])
    with np.errstate(all="ignore"):
        norm = float(np.max(np.sum(np.abs(a), -1), initial=0))
        halvings = max(0, int(np.ceil(np.log2(norm))) + 6) if 0 < norm < np.inf else 0
        x = a / 2.0**halvings
        term = made = np.broadcast_to(np.eye(a.shape[-1], dtype=a.dtype), a.shape)
        for k in range(1, 30):
            term = term @ x / k
            made = made + term
        for _ in range(halvings):
            made = made @ made
    return made
