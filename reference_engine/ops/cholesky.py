"""Cholesky's decomposition of positive definite matrices and what is solved with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, return_types
from reference_engine.ops import domains, kernels, lapack
from reference_engine.ops.declare import ASSEMBLED, CASTABLE, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import times
from reference_engine.ops.kernels import Array, announce, broadcast_shapes, from_array, nearby, noisy
from reference_engine.ops.matrices import (
    adjoint,
    batch_element,
    by_columns,
    check_kernel,
    check_square,
    first_failure,
)
from reference_engine.ops.spectral import hermitian
from reference_engine.semantics import cite, refusal, warn
from reference_engine.tensor import Tensor


def _factor(A: Tensor, upper: bool, op: str, check_errors: bool) -> tuple[Array, Array]:
    check_kernel(A, "cholesky_cpu")
    whole = hermitian(nearby(A._read(), A._dtype), "U" if upper else "L")
    made, info = lapack.cholesky(whole)
    failed = first_failure(info)
    if check_errors and failed is not None:
        raise refusal("linalg.cholesky.not_positive", op=op, batch=batch_element(whole, failed[0]), order=failed[1])
    made = noisy(made, lambda x: lapack.cholesky(x)[0], [whole], A._dtype)
    return (np.conj(np.swapaxes(made, -1, -2)) if upper else made), info


def _cholesky_vjp(grad: Tensor, result: Tensor, upper: bool) -> Tensor:
    """L^-H Φ(L^H G) L^-1, made Hermitian; Φ keeps the lower triangle and half the diagonal."""
    import reference_engine as engine

    solve = engine.linalg.solve_triangular
    factor = adjoint(result) if upper else result
    g = adjoint(grad) if upper else grad
    back = adjoint(factor)
    inner = back.matmul(g).tril()
    inner = times(inner + adjoint(inner.tril(-1)), 0.5)
    return solve(factor, solve(back, inner, upper=True), upper=False, left=False)


def _cholesky_ex(A: Tensor, upper: bool, check_errors: bool) -> Any:
    check_square(A, "linalg.cholesky")
    announce(A._dtype, dtypes.int32)
    made, info = _factor(A, upper, "linalg.cholesky_ex", check_errors)
    return return_types.linalg_cholesky_ex((by_columns(made, A._dtype), from_array(info, dtypes.int32)))


def _cholesky(A: Tensor, upper: bool) -> Tensor:
    made = run(_EX, [A, upper, False])
    failed = first_failure(levels.values(made[1]))
    if failed is not None:
        batch = batch_element(levels.values(A), failed[0])
        raise refusal("linalg.cholesky.not_positive", op="linalg.cholesky", batch=batch, order=failed[1])
    factor: Tensor = made[0]
    return factor


_UPPER = {"upper": (False, True)}

_EX = declare(
    "linalg.cholesky_ex(Tensor A, *, bool upper=False, bool check_errors=False) -> (Tensor L, Tensor info)",
    forward=_cholesky_ex, node="LinalgCholeskyExBackward0", out=ASSEMBLED, non_differentiable_outputs=(1,),
    vjp={"A": lambda grad, result0, upper: _cholesky_vjp(grad, result0, upper)},
    samples=domains.field(shapes="positive", arguments={**_UPPER, "check_errors": (True,)}),
)  # fmt: skip
declare(
    "linalg.cholesky(Tensor A, *, bool upper=False) -> Tensor", composite=True, out=ASSEMBLED,
    display="linalg_cholesky_ex", forward=_cholesky, samples=domains.field(shapes="positive", arguments=_UPPER),
)  # fmt: skip


def _old_cholesky(self: Tensor, upper: bool) -> Tensor:
    if not self.numel():
        return from_array(np.zeros(self._shape), self._dtype)
    check_square(self, "cholesky", floating=False)
    return by_columns(_factor(self, upper, "cholesky", True)[0], self._dtype)


_OLD = declare(
    "_cholesky(Tensor self, bool upper=False) -> Tensor", node="CholeskyBackward0", method=False, function=False,
    forward=_old_cholesky, vjp={"self": _cholesky_vjp},
)  # fmt: skip


def _deprecated(self: Tensor, upper: bool) -> Tensor:
    warn("linalg.cholesky.deprecated")
    announce(self._dtype)
    if kernels.destination is not None:  # that form calls this one, which says it once more
        warn("linalg.cholesky.deprecated")
    made: Tensor = run(_OLD, [self, upper])
    return made


declare(
    "cholesky(Tensor self, bool upper=False) -> Tensor", forward=_deprecated, composite=True,
    out=replace(CASTABLE, words="cholesky"),
    samples=domains.field(shapes="positive", arguments=_UPPER), when="!linalg.cholesky.removed",
)  # fmt: skip


def _removed(self: Tensor, upper: bool) -> Tensor:
    raise refusal("linalg.cholesky.removed")


declare(
    "cholesky(Tensor self, bool upper=False) -> Tensor", forward=_removed, composite=True, out=True,
    when="linalg.cholesky.removed",
)  # fmt: skip

# -- systems and inverses with a factor at hand ------------------------------------------------------------------------


def _check_factor(b: Tensor, a: Tensor) -> None:
    for name, t in (("b", b), ("u", a)):
        if len(t._shape) < 2:
            raise refusal("linalg.cholesky_solve.rank", name=name, ndim=len(t._shape))
    if a._dtype is not b._dtype:
        raise refusal("linalg.cholesky_solve.dtype", b=b._dtype.scalar_name, a=a._dtype.scalar_name)
    if a._shape[-1] != a._shape[-2]:
        raise refusal("linalg.triangular_solve.square", rows=a._shape[-2], columns=a._shape[-1])
    if a._shape[-2] != b._shape[-2]:
        raise refusal("linalg.cholesky_solve.shapes", n=a._shape[-1], rows=b._shape[-2], columns=b._shape[-1])
    broadcast_shapes([a._shape[:-2], b._shape[:-2]])
    check_kernel(a, "cholesky_solve_cpu")


def _twice(factor: Array, b: Array, upper: bool) -> Array:
    """Both triangular systems of A = L L^H."""
    factor, b = lapack.wide(factor), lapack.wide(b)
    lower = np.conj(np.swapaxes(np.triu(factor), -1, -2)) if upper else np.tril(factor)
    return lapack.substitute(np.conj(np.swapaxes(lower, -1, -2)), lapack.substitute(lower, b, False), True)


def _cholesky_solve(self: Tensor, input2: Tensor, upper: bool) -> Tensor:
    _check_factor(self, input2)
    factor, b = nearby(input2._read(), input2._dtype), self._read()

    def solve(p: Array, q: Array) -> Array:
        return _twice(p, q, upper)

    return by_columns(noisy(solve(factor, b), solve, [factor, b], self._dtype), self._dtype)


def _half(t: Tensor, upper: bool) -> Tensor:
    """A factor is read in one triangle only: the other has no gradient."""
    cite("linalg.cholesky_solve.triangle")
    return t.triu() if upper else t.tril()


def _cholesky_solve_vjp(
    grad: Tensor, self: Tensor, input2: Tensor, result: Tensor, upper: bool, needs: set[str]
) -> dict[str, Any]:
    import reference_engine as engine

    back = engine.cholesky_solve(grad, input2, upper)
    made: dict[str, Any] = {"self": back}
    if "input2" in needs:
        common = back.matmul(adjoint(result))
        common = common + adjoint(common)
        factor = _half(input2, upper)
        made["input2"] = _half(-(factor.matmul(common) if upper else common.matmul(factor)), upper)
    return made


declare(
    "cholesky_solve(Tensor self, Tensor input2, bool upper=False) -> Tensor",
    forward=_cholesky_solve, vjp={"self, input2": _cholesky_solve_vjp}, out=CASTABLE,
    samples=domains.field(shapes="factor_and_sides", arguments=_UPPER),
)  # fmt: skip


def _cholesky_inverse(self: Tensor, upper: bool) -> Tensor:
    op = "cholesky_inverse"
    check_square(self, op, floating=False)
    if not self._dtype.is_differentiable or self._dtype.itemsize == 2:
        raise refusal("ops.not_implemented_for", op="cholesky_inverse_out_cpu", dtype=self._dtype.scalar_name)
    diagonal = np.einsum("...ii->...i", self._read()) == 0
    if np.any(diagonal):
        i, at = np.argwhere(diagonal.reshape(-1, diagonal.shape[-1]))[0]
        batch = batch_element(self._read(), int(i))
        raise refusal("linalg.inv.singular", op=op, batch=batch, index=int(at) + 1)
    factor = nearby(self._read(), self._dtype)

    def invert(p: Array) -> Array:
        return _twice(p, np.broadcast_to(np.eye(p.shape[-1], dtype=p.dtype), p.shape), upper)

    return by_columns(noisy(invert(factor), invert, [factor], self._dtype), self._dtype)


def _cholesky_inverse_vjp(grad: Tensor, self: Tensor, result: Tensor, upper: bool) -> Tensor:
    common = grad + adjoint(grad)
    common = result.matmul(common.matmul(result))
    factor = _half(self, upper)
    return _half(-(factor.matmul(common) if upper else common.matmul(factor)), upper)


declare(
    "cholesky_inverse(Tensor self, bool upper=False) -> Tensor",
    forward=_cholesky_inverse, vjp={"self": _cholesky_inverse_vjp}, out=CASTABLE,
    samples=domains.field(shapes="factor", arguments=_UPPER),
)  # fmt: skip
