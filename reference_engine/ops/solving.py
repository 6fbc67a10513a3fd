"""Inverses, linear systems, determinants."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine import levels, return_types
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import conj
from reference_engine.ops.kernels import Array, broadcast_shapes, empty, from_array, nearby, noisy
from reference_engine.semantics import refusal
from reference_engine.strides import numel
from reference_engine.tensor import Tensor

# -- what the kernels take and give ------------------------------------------------------------------------------------


def check_square(t: Tensor, op: str) -> None:
    """Refuse what is no batch of square matrices of floating point numbers."""
    if len(t._shape) < 2:
        raise refusal("ops.linalg.rank", op=op)
    if t._shape[-1] != t._shape[-2]:
        raise refusal("ops.linalg.square", op=op, rows=t._shape[-2], columns=t._shape[-1])
    check_floating(t, op)


def check_floating(t: Tensor, op: str) -> None:
    """Refuse integers, and half precision, which LAPACK does not know."""
    if not t._dtype.is_differentiable:
        raise refusal("ops.linalg.dtype", op=op, dtype=t._dtype.scalar_name)
    if t._dtype.itemsize == 2:
        raise refusal("linalg.low_precision", op=op, dtype=t._dtype.scalar_name)


def by_columns(array: Array, d: Any) -> Tensor:
    """A batch of matrices in the memory order of LAPACK: columns first."""
    shape = array.shape
    strides = list(from_array(np.zeros(shape[:-2]), d)._strides) if len(shape) > 2 else []
    size = max(shape[-1], 1) * max(shape[-2], 1)
    made = empty(shape, d, (*(s * size for s in strides), 1, max(shape[-2], 1)))
    made._write(array)
    return made


def adjoint(t: Tensor) -> Tensor:
    """The conjugate transpose."""
    return conj(t.transpose(-2, -1))


# -- inverse -----------------------------------------------------------------------------------------------------------


def _singular(a: Array) -> int | None:
    """The first matrix of a batch whose elimination meets a zero pivot."""
    flat = a.reshape(numel(a.shape[:-2]), *a.shape[-2:])
    for i, matrix in enumerate(flat):
        if zero_pivot(matrix):
            return i
    return None


def zero_pivot(matrix: Array) -> int:
    """The first diagonal element, counted from one, that elimination leaves zero; 0 if there is none."""
    import scipy.linalg

    if not matrix.size or not np.all(np.isfinite(matrix)):
        return 0
    with np.errstate(all="ignore"):
        diagonal = np.diag(scipy.linalg.lu(matrix)[2])
    zeros = np.flatnonzero(diagonal == 0)
    return int(zeros[0]) + 1 if zeros.size else 0


def _batch(a: Array, i: int) -> str:
    return f"(Batch element {i}): " if a.ndim > 2 else ""


def _inv(A: Tensor) -> Tensor:
    check_square(A, "linalg.inv")
    a = nearby(A._read(), A._dtype)
    i = _singular(a)
    if i is not None:
        pivot = zero_pivot(a.reshape(-1, *a.shape[-2:])[i])
        raise refusal("linalg.inv.singular", batch=_batch(a, i), index=pivot)
    return by_columns(noisy(np.linalg.inv(a), np.linalg.inv, [a], A._dtype), A._dtype)


def _inv_vjp(grad: Tensor, result: Tensor) -> Tensor:
    back = adjoint(result)
    return -back.matmul(grad.matmul(back))


declare(
    "linalg.inv(Tensor A) -> Tensor", forward=_inv, node="LinalgInvExBackward0", vjp={"A": _inv_vjp}, out=True,
    samples=domains.field(shapes="regular"),
)  # fmt: skip
declare(
    "inverse(Tensor self) -> Tensor", forward=_inv, node="LinalgInvExBackward0", vjp={"self": _inv_vjp}, out=True,
    samples=domains.field(shapes="regular"),
)  # fmt: skip

# -- A X = B -----------------------------------------------------------------------------------------------------------


def _is_vector(a: Tensor, b: Tensor) -> bool:
    return len(b._shape) == 1 or (len(a._shape) - 1 == len(b._shape) and b._shape == a._shape[:-1])


def _solve(A: Tensor, B: Tensor, left: bool) -> Tensor:
    check_square(A, "linalg.solve")
    if A._dtype is not B._dtype:
        raise refusal("linalg.solve.dtype", op="linalg.solve", a=A._dtype.scalar_name, b=B._dtype.scalar_name)
    vector = _is_vector(A, B)
    a, b = nearby(A._read(), A._dtype), B._read()
    b = b[..., None] if vector else b
    n, rows = a.shape[-1], b.shape[-2 if left else -1]
    if n != rows:
        sign = "AX = B" if left else "XA = B"
        raise refusal(
            "linalg.solve.shapes",
            op="linalg.solve",
            sign=sign,
            a=a.shape[-2],
            b=a.shape[-1],
            c=b.shape[-2],
            d=b.shape[-1],
        )
    i = _singular(a)
    if i is not None:
        raise refusal("linalg.solve.singular", batch=_batch(a, i))
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]])

    def solve(p: Array, q: Array) -> Array:
        p, q = np.broadcast_to(p, (*batch, *p.shape[-2:])), np.broadcast_to(q, (*batch, *q.shape[-2:]))
        if left:
            return np.linalg.solve(p, q)
        return np.swapaxes(np.linalg.solve(np.swapaxes(p, -1, -2), np.swapaxes(q, -1, -2)), -1, -2)

    x = noisy(solve(a, b), solve, [a, b], A._dtype)
    if vector:
        return from_array(x[..., 0], A._dtype)
    return by_columns(x, A._dtype) if left else from_array(x, A._dtype)


def _solve_vjp(grad: Tensor, A: Tensor, B: Tensor, result: Tensor, left: bool, needs: set[str]) -> dict[str, Any]:
    import reference_engine as engine

    vector = _is_vector(A, B)
    back = engine.linalg.solve(adjoint(A), grad, left=left)
    made: dict[str, Any] = {"B": back}
    if "A" in needs:
        column, x = (back.unsqueeze(-1), result.unsqueeze(-1)) if vector else (back, result)
        made["A"] = -(column.matmul(adjoint(x)) if left else adjoint(x).matmul(column))
    return made


declare(
    "linalg.solve(Tensor A, Tensor B, *, bool left=True) -> Tensor",
    forward=_solve, node="LinalgSolveExBackward0", vjp={"A, B": _solve_vjp}, out=True,
    samples=domains.field(shapes="solve", arguments={"left": (True,)}),
)  # fmt: skip


def _triangular(A: Tensor, B: Tensor, upper: bool, left: bool, unitriangular: bool) -> Tensor:
    check_square(A, "linalg.solve_triangular")
    if len(B._shape) < 2:
        raise refusal("linalg.solve_triangular.rank")
    a, b = nearby(A._read(), A._dtype), B._read()
    if a.shape[-1] != b.shape[-2 if left else -1]:
        sign = "AX = B" if left else "XA = B"
        raise refusal(
            "linalg.solve.shapes",
            op="linalg.solve_triangular",
            sign=sign,
            a=a.shape[-2],
            b=a.shape[-1],
            c=b.shape[-2],
            d=b.shape[-1],
        )
    half = np.triu(a) if upper else np.tril(a)
    if unitriangular:
        half = (
            half - np.einsum("...ii->...i", half)[..., None] * np.eye(a.shape[-1]) + np.eye(a.shape[-1], dtype=a.dtype)
        )
    batch = broadcast_shapes([a.shape[:-2], b.shape[:-2]])

    def substitute(p: Array, q: Array) -> Array:
        import scipy.linalg

        p, q = np.broadcast_to(p, (*batch, *p.shape[-2:])), np.broadcast_to(q, (*batch, *q.shape[-2:]))
        made = np.zeros(q.shape, q.dtype)
        for at in np.ndindex(*batch):
            if left:
                made[at] = scipy.linalg.solve_triangular(p[at], q[at], lower=not upper, check_finite=False)
            else:
                made[at] = scipy.linalg.solve_triangular(p[at].T, q[at].T, lower=upper, check_finite=False).T
        return made

    half = half.astype(a.dtype)
    x = noisy(substitute(half, b), substitute, [half, b], A._dtype)
    return by_columns(x, A._dtype) if left else from_array(x, A._dtype)


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
    forward=_triangular,
    node="LinalgSolveTriangularBackward0",
    vjp={"A, B": _triangular_vjp},
    out=True,
    samples=domains.field(
        shapes="solve_matrix", arguments={"upper": (True, False), "left": (True,), "unitriangular": (False, True)}
    ),
)

# -- determinants ------------------------------------------------------------------------------------------------------


def _det(A: Tensor) -> Tensor:
    check_square(A, "linalg.det")
    a = nearby(A._read(), A._dtype)
    return from_array(np.asarray(noisy(np.linalg.det(a), np.linalg.det, [a], A._dtype)), A._dtype)


def _det_vjp(grad: Tensor, A: Tensor, result: Tensor) -> Tensor:
    """det(A) A^-H; of a singular matrix the cofactors, which need no inverse and hold everywhere."""
    import reference_engine as engine

    n = A._shape[-1]
    if not A.numel():
        return grad.new_zeros(A._shape)
    if n == 1:
        return grad.unsqueeze(-1).unsqueeze(-1).expand(A._shape)
    scale = (grad * conj(result)).unsqueeze(-1)
    if not levels.is_mapped(A) and _singular(A._read()) is None:
        return engine.linalg.solve(adjoint(A), engine.diag_embed(scale.expand((*A._shape[:-2], A._shape[-1]))))
    rows = []
    for i in range(n):
        others_i = engine.tensor([k for k in range(n) if k != i])
        cofactors = []
        for j in range(n):
            others_j = engine.tensor([k for k in range(n) if k != j])
            minor = engine.linalg.det(A.index_select(-2, others_i).index_select(-1, others_j))
            cofactors.append(minor if (i + j) % 2 == 0 else -minor)
        rows.append(engine.stack(cofactors, -1))
    return conj(engine.stack(rows, -2)) * grad.unsqueeze(-1).unsqueeze(-1)


declare(
    "linalg.det(Tensor A) -> Tensor", forward=_det, node="LinalgDetBackward0", vjp={"A": _det_vjp}, out=True,
    samples=domains.field(shapes="square"),
)  # fmt: skip
declare(
    "det(Tensor self) -> Tensor", forward=_det, node="LinalgDetBackward0",
    vjp={"self": lambda grad, self, result: _det_vjp(grad, self, result)}, samples=domains.field(shapes="square"),
)  # fmt: skip


def _slogdet(A: Tensor, kind: Any = return_types.linalg_slogdet) -> Any:
    check_square(A, "linalg.slogdet")
    a = nearby(A._read(), A._dtype)
    sign, size = np.linalg.slogdet(a)
    size = noisy(np.asarray(size), lambda x: np.linalg.slogdet(x)[1], [a], A._dtype.to_real())
    return kind((from_array(np.asarray(sign), A._dtype), from_array(np.asarray(size), A._dtype.to_real())))


def _slogdet_vjp(grads: Any, A: Tensor, result0: Tensor) -> Tensor | None:
    import reference_engine as engine

    of_sign, of_size = grads
    if not A._dtype.is_complex:
        if of_size is None:
            return None
        scale = of_size
    else:
        # the sign moves along the unit circle only
        scale = engine.zeros((), dtype=A.dtype) if of_size is None else of_size.to(A.dtype)
        if of_sign is not None:
            turn = (of_sign.conj() * result0).imag
            scale = scale - engine.complex(engine.zeros_like(turn), turn)
    wide = scale.unsqueeze(-1).expand((*A._shape[:-2], A._shape[-1]))
    return engine.linalg.solve(adjoint(A), engine.diag_embed(wide))


declare(
    "linalg.slogdet(Tensor A) -> (Tensor, Tensor)",
    forward=_slogdet,
    node="LinalgSlogdetBackward0",
    vjp={"A": _slogdet_vjp},
    samples=domains.field(shapes="regular"),
    out=True,
)
declare(
    "slogdet(Tensor self) -> (Tensor, Tensor)",
    forward=lambda self: _slogdet(self, return_types.slogdet),
    node="LinalgSlogdetBackward0",
    vjp={"self": lambda grads, self, result0: _slogdet_vjp(grads, self, result0)},
    samples=domains.field(shapes="regular"),
)


def _logdet(self: Tensor) -> Tensor:
    import reference_engine as engine

    check_square(self, "logdet")
    sign, size = engine.linalg.slogdet(self)
    if self._dtype.is_complex:
        return size + sign.log()
    # the logarithm of a negative determinant is not a real number
    return engine.where(sign == -1, engine.scalar_tensor(math.nan, dtype=size.dtype), size)


declare("logdet(Tensor self) -> Tensor", forward=_logdet, composite=True, samples=domains.field(shapes="regular"))

# -- powers ------------------------------------------------------------------------------------------------------------


def _matrix_power(self: Tensor, n: int) -> Tensor:
    """By repeated squaring."""
    import reference_engine as engine

    check_square(self, "linalg.matrix_power")
    if n == 0:
        one = engine.eye(self._shape[-1], dtype=self.dtype)
        return self.clone(memory_format="contiguous").copy_(one)
    base = engine.linalg.inv(self) if n < 0 else self
    n = abs(n)
    if n == 1:
        return base if base is not self else self.clone()
    if n == 2:
        return base.matmul(base)
    if n == 3:
        return base.matmul(base).matmul(base)
    made, power = None, None
    while n:
        power = base if power is None else power.matmul(power)
        if n % 2:
            made = power if made is None else made.matmul(power)
        n //= 2
    return made  # type: ignore[return-value]


declare(
    "linalg.matrix_power(Tensor self, int n) -> Tensor", forward=_matrix_power, composite=True, out=True,
    samples=domains.field(shapes="square", arguments={"n": (0, 1, 2, 3, 4)}),
)  # fmt: skip
declare(
    "matrix_power(Tensor self, int n) -> Tensor", forward=_matrix_power, composite=True, out=True,
    samples=domains.field(shapes="square", arguments={"n": (0, 1, 2, 3, 4)}),
)  # fmt: skip
