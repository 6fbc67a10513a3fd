"""The LU decomposition and what is solved with it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, return_types
from reference_engine.ops import domains, lapack
from reference_engine.ops.declare import ASSEMBLED, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, announce, broadcast_shapes, from_array, nearby, noisy, wrap_dim
from reference_engine.ops.matrices import (
    adjoint,
    batch_element,
    by_columns,
    check_kernel,
    check_square,
    first_failure,
)
from reference_engine.ops.solving import check_same, check_system, swapped, transposed
from reference_engine.semantics import cite, refusal, warn
from reference_engine.tensor import Tensor

# -- the two factors apart ---------------------------------------------------------------------------------------------


def _lower(packed: Array, k: int) -> Array:
    """L, with its diagonal of ones."""
    rows = packed.shape[-2]
    return np.tril(packed[..., :k], -1) + np.eye(rows, k, dtype=packed.dtype)


def _permutation(pivots: Array, rows: int, d: Any) -> Tensor:
    """P of A = P L U."""
    order = lapack.permutation(pivots, rows)
    matrix = np.zeros((*order.shape, rows))
    np.put_along_axis(matrix, order[..., None, :], 1, axis=-2)
    return from_array(matrix, d)


def _parts(packed: Array, pivots: Array, d: Any) -> tuple[Tensor, Tensor, Tensor]:
    rows, columns = packed.shape[-2:]
    k = min(rows, columns)
    lower = from_array(_lower(packed, k), d)
    return _permutation(pivots, rows, d), lower, from_array(np.triu(packed[..., :k, :]), d)


def factors_vjp(of_l: Tensor | None, of_u: Tensor | None, P: Tensor, L: Tensor, U: Tensor) -> Tensor | None:
    """P L^-H (tril(L^H gL, -1) + triu(gU U^H)) U^-H, where both are square; else the rest follows first."""
    import reference_engine as engine

    if of_l is None and of_u is None:
        return None
    triangular = engine.linalg.solve_triangular
    rows, columns, k = L._shape[-2], U._shape[-1], L._shape[-1]
    first_l, first_u = L.narrow(-2, 0, k), U.narrow(-1, 0, k)
    below = None if of_l is None else adjoint(L if columns >= rows else first_l)
    inner_l = None if of_l is None or below is None else below.matmul(of_l.narrow(-2, 0, k))
    inner_u = None if of_u is None else of_u.narrow(-1, 0, k).matmul(adjoint(first_u))
    if columns > rows and of_u is not None:  # U2 = L^-1 A2
        rest = of_u.narrow(-1, k, columns - k).matmul(adjoint(U.narrow(-1, k, columns - k)))
        inner_l = -rest if inner_l is None else inner_l - rest
    if rows > columns and of_l is not None:  # L2 = A2 U^-1
        rest = adjoint(L.narrow(-2, k, rows - k)).matmul(of_l.narrow(-2, k, rows - k))
        inner_u = -rest if inner_u is None else inner_u - rest
    lower, upper = None if inner_l is None else inner_l.tril(-1), None if inner_u is None else inner_u.triu()
    inner = [t for t in (lower, upper) if t is not None]
    total = inner[0] if len(inner) == 1 else inner[0] + inner[1]
    if rows == columns:
        made = triangular(adjoint(U), total, upper=False, left=False)
        made = triangular(adjoint(L), made, upper=True, unitriangular=True)
    elif columns > rows:
        made = triangular(adjoint(first_u), total, upper=False, left=False)
        tail = L.new_zeros((*made._shape[:-1], columns - k)) if of_u is None else of_u.narrow(-1, k, columns - k)
        made = triangular(adjoint(L), engine.cat([made, tail], -1), upper=True, unitriangular=True)
    else:
        made = triangular(adjoint(first_l), total, upper=True, unitriangular=True)
        tail = U.new_zeros((*made._shape[:-2], rows - k, k)) if of_l is None else of_l.narrow(-2, k, rows - k)
        made = triangular(adjoint(U), engine.cat([made, tail], -2), upper=False, left=False)
    return P.matmul(made)


# -- factorisations ----------------------------------------------------------------------------------------------------


def _check(A: Tensor, op: str, pivot: bool, *results: dtypes.dtype) -> None:
    if len(A._shape) < 2:
        raise refusal("linalg.lu.rank", op=op, shape=list(A._shape))
    announce(*results)
    check_kernel(A, "lu_cpu")
    if not pivot:
        raise refusal("linalg.lu.pivot")


def _factor(A: Tensor) -> tuple[Array, Array, Array]:
    if not np.isfinite(A._read()).all():
        cite("linalg.lu.finite")
    packed, pivots, info = lapack.lu(A._read())
    order = lapack.permutation(pivots, packed.shape[-2])
    a = nearby(A._read(), A._dtype)

    def eliminate(x: Array) -> Array:  # in the same order, so that a rounding error moves no row
        return np.where((info > 0)[..., None, None], packed, lapack.eliminated(x, order))

    return noisy(eliminate(a), eliminate, [a], A._dtype), pivots, info


def _lu_factor_ex(A: Tensor, pivot: bool, check_errors: bool) -> Any:
    _check(A, "torch.lu_factor", pivot, A._dtype, dtypes.int32, dtypes.int32)
    packed, pivots, info = _factor(A)
    failed = first_failure(info)
    if check_errors and failed is not None:
        raise refusal(
            "linalg.lu_factor.singular", op="linalg.lu_factor_ex", batch=batch_element(packed, failed[0]),
            index=failed[1],
        )  # fmt: skip
    return return_types.linalg_lu_factor_ex(
        (by_columns(packed, A._dtype), from_array(pivots, dtypes.int32), from_array(info, dtypes.int32))
    )


def _lu_factor_vjp(grad: Tensor, result0: Tensor, result1: Tensor) -> Tensor | None:
    import reference_engine as engine

    P, L, U = engine.lu_unpack(result0, result1)
    k = L._shape[-1]
    return factors_vjp(grad.narrow(-1, 0, k), grad.narrow(-2, 0, k), P, L, U)


_FACTOR = declare(
    "linalg.lu_factor_ex(Tensor A, *, bool pivot=True, bool check_errors=False) -> (Tensor, Tensor, Tensor)",
    forward=_lu_factor_ex, node="LinalgLuFactorExBackward0", vjp={"A": _lu_factor_vjp}, out=ASSEMBLED,
    non_differentiable_outputs=(1, 2),
    samples=domains.field(shapes="matrix", arguments={"pivot": (True,), "check_errors": (False, True)}),
)  # fmt: skip


def _lu_factor(A: Tensor, pivot: bool) -> Any:
    made = run(_FACTOR, [A, pivot, False])
    failed = first_failure(levels.values(made[2]))
    if failed is not None:
        raise refusal(
            "linalg.lu_factor.singular", op="linalg.lu_factor", batch=batch_element(levels.values(A), failed[0]),
            index=failed[1],
        )  # fmt: skip
    return return_types.linalg_lu_factor(list(made)[:2])


declare(
    "linalg.lu_factor(Tensor A, *, bool pivot=True) -> (Tensor, Tensor)", forward=_lu_factor, composite=True,
    out=replace(ASSEMBLED, results=(0, 1)),
    display="linalg_lu_factor_ex", samples=domains.field(shapes="matrix", arguments={"pivot": (True,)}),
)  # fmt: skip


def lu(A: Tensor, pivot: bool = True, get_infos: bool = False, out: Any = None) -> Any:
    """``torch.lu``: the old spelling of ``linalg.lu_factor_ex``."""
    warn("linalg.lu.deprecated")
    made = run(_FACTOR, [A, pivot, not get_infos])
    return tuple(made) if get_infos else tuple(made)[:2]


def _method(self: Tensor, pivot: bool = True, get_infos: bool = False) -> Any:
    """``Tensor.lu``, which warns of nothing."""
    made = tuple(run(_FACTOR, [self, pivot, not get_infos]))
    return made if get_infos else made[:2]


_method.__name__, _method.__qualname__ = "lu", "Tensor.lu"
_METHODS: Any = Tensor
_METHODS.lu = _method


def _lu(A: Tensor, pivot: bool) -> Any:
    _check(A, "linalg.lu", pivot, A._dtype, A._dtype, A._dtype)
    packed, pivots, _ = _factor(A)
    return return_types.linalg_lu(_parts(packed, pivots, A._dtype))


declare(
    "linalg.lu(Tensor A, *, bool pivot=True) -> (Tensor, Tensor, Tensor)",
    forward=_lu, node="LinalgLuBackward0", out=ASSEMBLED, non_differentiable_outputs=(0,), results=("P", "L", "U"),
    vjp={"A": lambda grads, result1, result0, result2: factors_vjp(grads[0], grads[1], result0, result1, result2)},
    samples=domains.field(shapes="matrix", arguments={"pivot": (True,)}),
)  # fmt: skip


def _lu_unpack(LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool, unpack_pivots: bool) -> Any:
    if len(LU_data._shape) < 2:
        raise refusal("linalg.lu.rank", op="torch.lu_unpack", shape=list(LU_data._shape))
    if unpack_pivots and LU_pivots._dtype is not dtypes.int32:
        raise refusal("linalg.lu_unpack.dtype")
    packed, pivots, d = LU_data._read(), LU_pivots._read(), LU_data._dtype
    rows, fitting = packed.shape[-2], (*packed.shape[:-2], min(packed.shape[-2:]))
    announce(d, d, d)
    if not unpack_pivots:
        pivots = np.ones((*packed.shape[:-2], 0), np.int32)
    elif pivots.shape != fitting:
        raise refusal("linalg.lu_unpack.pivots", wanted=list(fitting), got=list(pivots.shape))
    elif np.any(pivots < 1) or np.any(pivots > rows):
        raise refusal("linalg.lu_unpack.range")
    P, L, U = _parts(packed, pivots, d)
    nothing = from_array(np.zeros((0,)), d)
    return return_types.lu_unpack(
        (P if unpack_pivots else nothing, *((L, U) if unpack_data else (from_array(np.zeros((0,)), d), nothing)))
    )


def _lu_unpack_vjp(grads: Any, LU_data_shape: Any) -> Tensor | None:
    import reference_engine as engine

    of_l, of_u = grads
    rows, columns = LU_data_shape[-2:]
    k = min(rows, columns)
    below = None if of_l is None else of_l.tril(-1)
    above = None if of_u is None else of_u.triu()
    if columns > k and below is not None:
        below = engine.cat([below, below.new_zeros((*below._shape[:-1], columns - k))], -1)
    if rows > k and above is not None:
        above = engine.cat([above, above.new_zeros((*above._shape[:-2], rows - k, columns))], -2)
    if below is None or above is None:
        return above if below is None else below
    return below + above


declare(
    "lu_unpack(Tensor LU_data, Tensor LU_pivots, bool unpack_data=True, bool unpack_pivots=True) "
    "-> (Tensor, Tensor, Tensor)",
    forward=_lu_unpack, vjp={"LU_data": _lu_unpack_vjp}, out=ASSEMBLED, non_differentiable_outputs=(0,), method=False,
    samples=domains.field(shapes="lu_unpack", arguments={"unpack_data": (True,), "unpack_pivots": (True,)}),
)  # fmt: skip

# -- systems -----------------------------------------------------------------------------------------------------------


def _lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, left: bool, adjoint: bool) -> Tensor:
    op = "linalg.lu_solve"
    if not LU._dtype.is_differentiable:
        raise refusal("linalg.dtype", op="torch." + op, dtype=LU._dtype.scalar_name)
    check_same(LU, B, op, "LU")
    if pivots._dtype is not dtypes.int32:
        raise refusal("linalg.lu_solve.pivots", dtype=pivots._dtype.scalar_name)
    check_square(LU, "torch." + op)
    if len(B._shape) < 2:
        raise refusal("linalg.solve.rank", op=op)
    check_system(LU, B._shape, op, left)
    wrap_dim(-1, len(pivots._shape), wrap_scalar=False)
    if pivots._shape[-1] != LU._shape[-1]:
        raise refusal("linalg.lu_solve.count")
    if pivots._shape != LU._shape[:-1]:
        raise refusal("linalg.lu_solve.pivots_shape", shape=list(pivots._shape))
    broadcast_shapes([LU._shape[:-2], B._shape[:-2]])
    d = LU._dtype
    announce(d)
    check_kernel(LU, "linalg.lu_solve_cpu")
    order = lapack.permutation(pivots._read(), LU._shape[-1])
    packed, b = nearby(LU._read(), d), B._read()

    def solve(p: Array, q: Array) -> Array:
        p, q = lapack.wide(p), lapack.wide(q)
        if not left:  # X A = B is A' X' = B'
            q = swapped(q)
        if adjoint == left:  # A^H X = B, or X A = B: the factors the other way round, transposed
            t = np.conj(swapped(p)) if adjoint else swapped(p)
            x = lapack.substitute(t, q, False)
            x = lapack.substitute(t, x, True, True)
            back = np.argsort(order, -1)
            x = np.take_along_axis(x, np.broadcast_to(back[..., None], (*x.shape[:-1], 1)), -2)
        else:
            t = np.conj(p) if adjoint else p
            shape = (*np.broadcast_shapes(t.shape[:-2], q.shape[:-2]), *q.shape[-2:])
            q = np.take_along_axis(np.broadcast_to(q, shape), np.broadcast_to(order[..., None], (*shape[:-1], 1)), -2)
            x = lapack.substitute(t, q, False, True)
            x = lapack.substitute(t, x, True)
        return x if left else swapped(x)

    x = noisy(solve(packed, b), solve, [packed, b], d)
    return by_columns(x, d) if left else transposed(x, d)


def _lu_solve_vjp(
    grad: Tensor, LU: Tensor, pivots: Tensor, result: Tensor, left: bool, adjoint: bool, needs: set[str]
) -> dict[str, Any]:
    """With A = P L U: gL counts below the diagonal, gU on and above it."""
    import reference_engine as engine

    back = engine.linalg.lu_solve(LU, pivots, grad, left=left, adjoint=not adjoint)
    made: dict[str, Any] = {"B": back}
    if "LU" in needs:
        g, x = (grad, result) if left else (_adjoint(grad), _adjoint(result))  # as if it stood on the left
        P, L, U = engine.lu_unpack(LU, pivots)
        by_lower = partial(engine.linalg.solve_triangular, _adjoint(L), upper=True, unitriangular=True)
        by_upper = partial(engine.linalg.solve_triangular, _adjoint(U), upper=False)
        if left != adjoint:  # A X = B: gU = -U^-H gX X^H and gL = L^-H gU U^H
            inner = by_upper(-g.matmul(_adjoint(x)))
            made["LU"] = by_lower(inner.matmul(_adjoint(U))).tril(-1) + inner.triu()
        else:  # A^H X = B: gL = -P^T X gX^H P L^-H and gU = L^H gL U^-H
            inner = by_lower(-P.mT.matmul(x).matmul(_adjoint(g)).matmul(P), left=False)
            made["LU"] = inner.tril(-1) + by_upper(_adjoint(L).matmul(inner), left=False).triu()
    return made


_adjoint = adjoint

_LU_SOLVE = declare(
    "linalg.lu_solve(Tensor LU, Tensor pivots, Tensor B, *, bool left=True, bool adjoint=False) -> Tensor",
    forward=_lu_solve, node="LinalgLuSolveBackward0", vjp={"LU, B": _lu_solve_vjp}, out=ASSEMBLED,
    samples=domains.field(shapes="lu_solve", arguments={"adjoint": (False, True)}),
)  # fmt: skip


def _old_lu_solve(self: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    warn("linalg.lu_solve.deprecated")
    made: Tensor = run(_LU_SOLVE, [LU_data, LU_pivots, self, True, False])
    return made


declare(
    "lu_solve(Tensor self, Tensor LU_data, Tensor LU_pivots) -> Tensor", composite=True,
    out=replace(ASSEMBLED, late=True, by="linalg_lu_solve"), forward=_old_lu_solve,
    display="linalg_lu_solve", samples=domains.field(shapes="lu_solve"),
)  # fmt: skip
