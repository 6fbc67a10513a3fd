"""Inverses and linear systems."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, return_types
from reference_engine.ops import domains, gauge, lapack
from reference_engine.ops.declare import ASSEMBLED, CASTABLE, OutForm, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj
from reference_engine.ops.kernels import Array, announce, broadcast_shapes, from_array, nearby, noisy
from reference_engine.ops.matrices import (
    adjoint,
    batch_element,
    by_columns,
    check_floating,
    check_kernel,
    check_low_precision,
    check_matrix,
    check_square,
    first_failure,
)
from reference_engine.semantics import cite, refusal, warn
from reference_engine.tensor import Tensor

# -- inverse -----------------------------------------------------------------------------------------------------------


def _inv_ex(A: Tensor, check_errors: bool) -> Any:
    check_square(A, "linalg.inv")
    check_low_precision(A, "linalg.inv")
    announce(A._dtype, dtypes.int32)
    a, d = A._read(), A._dtype
    info = lapack.lu(a)[2]
    failed = first_failure(info)
    if check_errors and failed is not None:
        raise refusal("linalg.inv.singular", op="linalg.inv_ex", batch=batch_element(a, failed[0]), index=failed[1])
    a = nearby(a, d)

    def invert(x: Array) -> Array:
        return lapack.solve(x, np.broadcast_to(np.eye(x.shape[-1], dtype=x.dtype), x.shape))

    found = noisy(invert(a), invert, [a], d)
    return return_types.linalg_inv_ex((by_columns(found, d), from_array(info, dtypes.int32)))


def _inv_vjp(grad: Tensor, result0: Tensor) -> Tensor:
    cite("linalg.inv.derivative")
    return -adjoint(result0).matmul(grad.matmul(adjoint(result0)))  # two views: the gradients of both are added up


INV_EX = declare(
    "linalg.inv_ex(Tensor A, *, bool check_errors=False) -> (Tensor inverse, Tensor info)",
    forward=_inv_ex, node="LinalgInvExBackward0", vjp={"A": _inv_vjp}, out=ASSEMBLED, non_differentiable_outputs=(1,),
    samples=domains.field(shapes="regular", arguments={"check_errors": (False, True)}),
)  # fmt: skip


def _inv(A: Tensor) -> Tensor:
    made = run(INV_EX, [A, False])
    failed = first_failure(levels.values(made[1]))
    if failed is not None:
        batch = batch_element(levels.values(A), failed[0])
        raise refusal("linalg.inv.singular", op="linalg.inv", batch=batch, index=failed[1])
    inverse: Tensor = made[0]
    return inverse


_INVERSE: dict[str, Any] = {
    "composite": True, "out": ASSEMBLED, "display": "linalg_inv_ex", "samples": domains.field(shapes="regular"),
}  # fmt: skip
declare("linalg.inv(Tensor A) -> Tensor", forward=_inv, **_INVERSE)
declare("inverse(Tensor self) -> Tensor", forward=_inv, **_INVERSE)

# -- A X = B -----------------------------------------------------------------------------------------------------------


def is_vector(a: Tensor, b: Tensor) -> bool:
    """Whether B is one right side for each matrix, without a dimension for it."""
    return len(b._shape) == 1 or (len(a._shape) - 1 == len(b._shape) and b._shape == a._shape[:-1])


def check_system(a: Tensor, b_shape: tuple[int, ...], op: str, left: bool) -> None:
    """Refuse right sides that do not fit the matrix."""
    if a._shape[-1] != b_shape[-2 if left else -1]:
        raise refusal(
            "linalg.solve.shapes", op=op, sign="AX = B" if left else "XA = B",
            a=a._shape[-2], b=a._shape[-1], c=b_shape[-2], d=b_shape[-1],
        )  # fmt: skip


def check_same(a: Tensor, b: Tensor, op: str, first: str = "A") -> None:
    if a._dtype is not b._dtype:
        raise refusal("linalg.solve.dtype", op=op, name=first, a=a._dtype.scalar_name, b=b._dtype.scalar_name)


def swapped(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _solve_ex(A: Tensor, B: Tensor, left: bool, check_errors: bool) -> tuple[Tensor, ...]:
    op = "linalg.solve"
    check_floating(A, op)
    check_same(A, B, op)
    vector = is_vector(A, B)
    b_shape = (*B._shape, 1) if vector else B._shape
    check_square(A, op)
    if len(b_shape) < 2:
        raise refusal("linalg.solve.rank", op=op)
    check_system(A, b_shape, op, left)
    if vector and not left:
        raise refusal("linalg.solve.vector_left", op=op)
    batch = broadcast_shapes([A._shape[:-2], b_shape[:-2]])
    announce(A._dtype, dtypes.int32, A._dtype, dtypes.int32)
    check_kernel(A, "lu_cpu")
    d = A._dtype
    packed, pivots, info = lapack.lu(A._read() if left else swapped(A._read()))
    failed = first_failure(info)
    if check_errors and failed is not None:
        raise refusal("linalg.solve.singular", op="linalg.solve_ex", batch=batch_element(packed, failed[0]))
    a, b = nearby(A._read(), d), B._read().reshape(b_shape)

    def solve(p: Array, q: Array) -> Array:
        q = np.broadcast_to(q, (*batch, *q.shape[-2:]))
        return lapack.solve(p, q) if left else swapped(lapack.solve(swapped(p), swapped(q)))

    x = noisy(solve(a, b), solve, [a, b], d)
    if vector:  # laid out as if its last two dimensions were a matrix
        x = x[..., 0]
    if x.ndim == 1:
        made = from_array(gauge.signed(x), d)
    else:
        made = by_columns(x, d) if left and x.ndim > 1 else transposed(x, d)
    return by_columns(packed, d), from_array(pivots, dtypes.int32), made, from_array(info, dtypes.int32)


def transposed(x: Array, d: Any) -> Tensor:
    """X of X A = B: the adjoint of what solves A^H X^H = B^H, so complex numbers are stored as their conjugates."""
    x = gauge.signed(x)
    made = from_array(np.conj(x) if d.is_complex else x, d)
    made._conj = d.is_complex
    return made


def solved(A: Tensor, B: Tensor, left: bool) -> Tensor:
    """X of A X = B; a singular A is refused."""
    made = run(SOLVE, [A, B, left, False])
    failed = first_failure(levels.values(made[3]))
    if failed is not None:
        raise refusal("linalg.solve.singular", op="linalg.solve", batch=batch_element(levels.values(A), failed[0]))
    found: Tensor = made[2]
    return found


def _solve_vjp(
    grad: Tensor, A: Tensor, B_shape: Any, result0: Tensor, result1: Tensor, result2: Tensor, left: bool,
    needs: set[str],
) -> dict[str, Any]:  # fmt: skip
    vector = len(B_shape) == 1 or (len(A._shape) - 1 == len(B_shape) and B_shape == A._shape[:-1])
    gx, x = (grad.unsqueeze(-1), result2.unsqueeze(-1)) if vector else (grad, result2)
    found = run(SOLVE, [adjoint(A), gx, left, False])  # a singular A was told of, or was not to be
    if levels.values(found[3]).any():
        cite("linalg.solve.gradient_of_singular")
    back = found[2]
    made: dict[str, Any] = {"B": back.squeeze(-1) if vector else back}
    if "A" in needs:
        made["A"] = -(back.matmul(adjoint(x)) if left else adjoint(x).matmul(back))
    return made


SOLVE = declare(
    "_linalg_solve_ex(Tensor A, Tensor B, bool left, bool check_errors) "
    "-> (Tensor LU, Tensor pivots, Tensor result, Tensor info)",
    forward=_solve_ex, node="LinalgSolveExBackward0", vjp={"A, B": _solve_vjp}, method=False, function=False,
    non_differentiable_outputs=(0, 1, 3),
)  # fmt: skip


declare(
    "linalg.solve(Tensor A, Tensor B, *, bool left=True) -> Tensor", composite=True,
    out=replace(ASSEMBLED, results=(2,)), forward=solved, display="_linalg_solve_ex",
    samples=domains.field(shapes="solve"),
)  # fmt: skip
declare(
    "linalg.solve_ex(Tensor A, Tensor B, *, bool left=True, bool check_errors=False) -> (Tensor, Tensor)",
    forward=lambda A, B, left, check_errors: return_types.linalg_solve_ex(
        list(run(SOLVE, [A, B, left, check_errors]))[2:]
    ),
    composite=True, out=replace(ASSEMBLED, results=(2, 3)), display="_linalg_solve_ex",
    samples=domains.field(shapes="solve", arguments={"check_errors": (False, True)}),
)  # fmt: skip

# -- triangular systems ------------------------------------------------------------------------------------------------


def _triangular(A: Tensor, B: Tensor, upper: bool, left: bool, unitriangular: bool) -> Tensor:
    op = "linalg.solve_triangular"
    check_same(A, B, op)
    if len(B._shape) < 2:
        raise refusal("linalg.solve.rank", op=op)
    check_square(A, op, floating=False)
    check_system(A, B._shape, op, left)
    check_kernel(A, "triangular_solve_cpu")
    x = solve_by_substitution(A, B, upper, left, unitriangular)
    return by_columns(x, A._dtype)


def solve_by_substitution(A: Tensor, B: Tensor, upper: bool, left: bool, unit: bool) -> Array:
    """The solution of a triangular system as an array; the other triangle is not read."""
    broadcast_shapes([A._shape[:-2], B._shape[:-2]])
    a, b = nearby(A._read(), A._dtype), B._read()
    half = np.triu(a) if upper else np.tril(a)

    def substitute(p: Array, q: Array) -> Array:
        p, q = lapack.wide(p), lapack.wide(q)
        if left:
            return lapack.substitute(p, q, upper, unit)
        return swapped(lapack.substitute(swapped(p), swapped(q), not upper, unit))

    return noisy(substitute(half, b), substitute, [half, b], A._dtype)


def _triangular_vjp(
    grad: Tensor, A: Tensor, result: Tensor, upper: bool, left: bool, unitriangular: bool, needs: set[str]
) -> dict[str, Any]:
    import reference_engine as engine

    options = {"upper": not upper, "left": left, "unitriangular": unitriangular}
    back = engine.linalg.solve_triangular(adjoint(A), grad, **options)
    made: dict[str, Any] = {"B": back}
    if "A" in needs:
        whole = -(back.matmul(adjoint(result)) if left else adjoint(result).matmul(back))
        made["A"] = whole.triu(int(unitriangular)) if upper else whole.tril(-int(unitriangular))
    return made


declare(
    "linalg.solve_triangular(Tensor A, Tensor B, *, bool upper, bool left=True, bool unitriangular=False) -> Tensor",
    forward=_triangular, node="LinalgSolveTriangularBackward0", vjp={"A, B": _triangular_vjp},
    out=OutForm(same_dtype=True, refused="linalg.solve_triangular.out", apart=True),
    samples=domains.field(
        shapes="solve_matrix", arguments={"upper": (True, False), "unitriangular": (False, True)}
    ),
)  # fmt: skip


def _old_triangular(self: Tensor, A: Tensor, upper: bool, transpose: bool, unitriangular: bool) -> Any:
    for name, t in (("b", self), ("A", A)):
        if len(t._shape) < 2:
            raise refusal("linalg.triangular_solve.rank", name=name, ndim=len(t._shape))
    if self._dtype is not A._dtype:
        raise refusal("linalg.triangular_solve.dtype", b=self._dtype.scalar_name, a=A._dtype.scalar_name)
    if A._shape[-1] != A._shape[-2]:
        raise refusal("linalg.triangular_solve.square", rows=A._shape[-2], columns=A._shape[-1])
    if self._shape[-2] != A._shape[-2]:
        raise refusal("linalg.triangular_solve.shapes", n=A._shape[-1], rows=self._shape[-2], columns=self._shape[-1])
    batch = broadcast_shapes([A._shape[:-2], self._shape[:-2]])
    announce(A._dtype, A._dtype)
    warn("linalg.triangular_solve.deprecated")
    check_kernel(A, "triangular_solve_cpu")
    d = A._dtype
    system = A.transpose(-2, -1) if transpose else A
    x = solve_by_substitution(system, self, upper != transpose, True, unitriangular)
    copied = by_columns(np.array(np.broadcast_to(A._read(), (*batch, *A._shape[-2:]))), d)
    return return_types.triangular_solve((by_columns(x, d), copied))


def _old_triangular_vjp(
    grads: Any, self: Tensor, A: Tensor, result0: Tensor, upper: bool, transpose: bool, unitriangular: bool,
    needs: set[str],
) -> dict[str, Any]:  # fmt: skip
    import reference_engine as engine

    of_solution, of_copy = grads
    if of_solution is None and of_copy is None:
        return {}
    # an argument that nothing reaches has a gradient of zeros
    made: dict[str, Any] = {"self": engine.zeros((1,), dtype=self.dtype).expand(self._shape)}
    if of_solution is not None:
        back = engine.triangular_solve(of_solution, conj(A), upper, not transpose, unitriangular)[0]
        made["self"] = back
        if "A" in needs:
            x = result0
            whole = -(conj(x).matmul(back.mT)) if transpose else (-back).matmul(adjoint(x))
            made["A"] = whole.triu(int(unitriangular)) if upper else whole.tril(-int(unitriangular))
    if of_copy is not None and "A" in needs:
        made["A"] = made["A"] + of_copy if "A" in made else of_copy
    return made


declare(
    "triangular_solve(Tensor self, Tensor A, bool upper=True, bool transpose=False, bool unitriangular=False) "
    "-> (Tensor, Tensor)",
    forward=_old_triangular, vjp={"self, A": _old_triangular_vjp}, out=ASSEMBLED,
    samples=domains.field(shapes="old_solve", arguments={"unitriangular": (False, True)}),
)  # fmt: skip


# -- systems of tensors ------------------------------------------------------------------------------------------------


def _tensorinv(self: Tensor, ind: int) -> Tensor:
    from reference_engine.strides import numel

    if ind <= 0:
        raise refusal("linalg.tensorinv.ind", ind=ind)
    if ind > len(self._shape):
        raise refusal("linalg.tensorinv.slice", n=ind, size=len(self._shape))
    rows, columns = numel(self._shape[:ind]), numel(self._shape[ind:])
    if rows != columns:
        raise refusal("linalg.tensorinv.shapes", slice="ind:", other=":ind", a=columns, b=rows)
    found = run(INV_EX, [self.reshape((rows, columns)), False])
    failed = first_failure(levels.values(found[1]))
    if failed is not None:
        raise refusal("linalg.inv.singular", op="inv", batch="", index=failed[1])
    return found[0].reshape((*self._shape[ind:], *self._shape[:ind]))


declare(
    "linalg.tensorinv(Tensor self, int ind=2) -> Tensor", forward=_tensorinv, composite=True, copied=True,
    out=replace(CASTABLE, words="tensorinv"),
    samples=domains.field(shapes="square", arguments={"ind": (1,)}),
)  # fmt: skip


def _tensorsolve(A: Tensor, B: Tensor, dims: Any) -> Tensor:
    from reference_engine.strides import numel

    ndim = len(A._shape)
    if dims is not None:
        moved = [d % ndim for d in dims]
        A = A.movedim(moved, [ndim - len(moved) + i for i in range(len(moved))])
    shape = A._shape[len(B._shape) :]
    rows, columns = numel(B._shape), numel(shape)
    if columns != rows:
        raise refusal("linalg.tensorinv.shapes", slice="other.ndim:", other=":other.ndim", a=columns, b=rows)
    found: Tensor = solved(A.reshape((columns, columns)), B.flatten(), True).reshape(shape)
    return found


declare(
    "linalg.tensorsolve(Tensor A, Tensor B, int[]? dims=None) -> Tensor", forward=_tensorsolve, composite=True,
    out=replace(CASTABLE, words="tensorsolve"), copied=True,
    samples=domains.field(shapes="solve", arguments={"dims": (None,)}),
)  # fmt: skip

__all__ = ["INV_EX", "SOLVE", "check_matrix", "check_same", "check_system", "is_vector", "swapped", "transposed"]
