"""Decompositions of matrices and what is computed through them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import times
from reference_engine.ops.kernels import Array, from_array, nearby, noisy
from reference_engine.ops.solving import adjoint, by_columns, check_floating, check_square
from reference_engine.semantics import refusal
from reference_engine.strides import numel
from reference_engine.tensor import Tensor

# -- Cholesky ----------------------------------------------------------------------------------------------------------


def _cholesky(self: Tensor, upper: bool) -> Tensor:
    check_square(self, "linalg.cholesky")
    a = self._read()
    whole = (
        np.triu(a) + np.conj(np.swapaxes(np.triu(a, 1), -1, -2))
        if upper
        else np.tril(a) + np.conj(np.swapaxes(np.tril(a, -1), -1, -2))
    )
    for i, matrix in enumerate(whole.reshape(numel(a.shape[:-2]), *a.shape[-2:])):
        order = _not_positive(matrix)
        if order:
            batch = f"(Batch element {i}): " if a.ndim > 2 else ""
            raise refusal("linalg.cholesky.not_positive", batch=batch, order=order)
    made = noisy(np.linalg.cholesky(whole), np.linalg.cholesky, [whole], self._dtype)
    if upper:
        return by_columns(np.conj(np.swapaxes(made, -1, -2)), self._dtype)
    return by_columns(made, self._dtype)


def _not_positive(matrix: Array) -> int:
    """The order of the first leading minor that is not positive; 0 if all are."""
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        for order in range(1, len(matrix) + 1):
            try:
                np.linalg.cholesky(matrix[:order, :order])
            except np.linalg.LinAlgError:
                return order
    return 0


def _cholesky_vjp(grad: Tensor, result: Tensor, upper: bool) -> Tensor:
    """L^-H Φ(L^H G) L^-1, made Hermitian; Φ keeps the lower triangle and half the diagonal."""
    import reference_engine as engine

    solve = engine.linalg.solve_triangular
    factor = adjoint(result) if upper else result
    g = adjoint(grad) if upper else grad
    back = adjoint(factor)
    inner = back.matmul(g).tril()
    inner = times(inner + adjoint(inner.tril(-1)), 0.5)
    return solve(back, solve(factor, inner, upper=False, left=False), upper=True)


declare(
    "linalg.cholesky(Tensor self, *, bool upper=False) -> Tensor",
    forward=_cholesky, node="LinalgCholeskyExBackward0", vjp={"self": _cholesky_vjp}, out=True,
)  # fmt: skip
declare(
    "cholesky(Tensor self, bool upper=False) -> Tensor",
    forward=_cholesky, node="CholeskyBackward0", vjp={"self": _cholesky_vjp}, out=True,
)  # fmt: skip

# -- eigenvalues of Hermitian matrices ---------------------------------------------------------------------------------


def _hermitian(a: Array, uplo: str) -> Array:
    half = np.tril(a, -1) if uplo.upper() == "L" else np.triu(a, 1)
    diagonal = np.real(np.einsum("...ii->...i", a))[..., None] * np.eye(a.shape[-1], dtype=a.real.dtype)
    return (half + np.conj(np.swapaxes(half, -1, -2)) + diagonal).astype(a.dtype)


def _eigh(A: Tensor, UPLO: str) -> tuple[Tensor, Tensor]:
    if UPLO.upper() not in ("L", "U"):
        raise refusal("linalg.eigh.triangle", triangle=UPLO)
    check_square(A, "linalg.eigh")
    values, vectors = np.linalg.eigh(_hermitian(A._read(), UPLO))
    values = noisy(values, lambda a: np.linalg.eigvalsh(a), [A._read()], A._dtype.to_real())
    return from_array(values, A._dtype.to_real()), by_columns(vectors, A._dtype)


def _eigh_vjp(grads: Any, result0: Tensor, result1: Tensor) -> Tensor | None:
    """V (diag(gL) + (V^H gV) / (L_j - L_i)) V^H"""
    import reference_engine as engine

    of_values, of_vectors = grads
    if of_values is None and of_vectors is None:
        return None
    back = adjoint(result1)
    if of_vectors is None:
        return (result1 * of_values.unsqueeze(-2)).matmul(back)
    gaps = result0.unsqueeze(-2) - result0.unsqueeze(-1)
    gaps = gaps.masked_fill(engine.eye(result0._shape[-1], dtype=engine.bool), 1)
    inner = back.matmul(of_vectors)
    one = engine.eye(result0._shape[-1], dtype=engine.bool)
    inner = (inner / gaps).masked_fill(one, 0)
    if of_values is not None:
        inner = inner + engine.diag_embed(of_values).to(inner.dtype)
    return result1.matmul(inner.matmul(back))


declare(
    "linalg.eigh(Tensor A, str UPLO='L') -> (Tensor, Tensor)",
    forward=_eigh, node="LinalgEighBackward0", vjp={"A": _eigh_vjp}, out=True,
)  # fmt: skip
declare(
    "linalg.eigvalsh(Tensor A, str UPLO='L') -> Tensor",
    forward=lambda A, UPLO: _eigenvalues(A, UPLO),
    composite=True,
)  # fmt: skip


def _eigenvalues(A: Tensor, UPLO: str) -> Tensor:
    import reference_engine as engine

    return engine.linalg.eigh(A, UPLO)[0]


# -- QR ----------------------------------------------------------------------------------------------------------------


def _qr(A: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    if mode not in ("reduced", "complete", "r"):
        raise refusal("linalg.qr.mode", mode=mode)
    if len(A._shape) < 2:
        raise refusal("ops.linalg.rank", op="linalg.qr")
    check_floating(A, "linalg.qr")
    d, a = A._dtype, A._read()
    if mode == "r":
        return from_array(np.zeros((0,)), d), by_columns(np.linalg.qr(a, mode="r"), d)
    q, r = np.linalg.qr(a, mode="complete" if mode == "complete" else "reduced")
    return by_columns(q, d), by_columns(r, d)


def _qr_vjp(grads: Any, A: Tensor, result0: Tensor, result1: Tensor, mode: str) -> Tensor | None:
    """(gQ + Q syminvadj(triu(gR R^H - Q^H gQ))) R^-H for tall matrices."""
    import reference_engine as engine

    of_q, of_r = grads
    rows, columns = A._shape[-2:]
    if mode == "r":
        raise refusal("linalg.qr.needs_q")
    if mode == "complete" and rows > columns:
        raise refusal("linalg.qr.complete")
    q, r = result0, result1
    if of_q is None and of_r is None:
        return None
    back = adjoint(q)
    if of_r is not None:
        inner = of_r.matmul(adjoint(r))
        if of_q is not None:
            inner = inner - back.matmul(of_q)
    else:
        inner = -back.matmul(of_q)
    inner = inner.triu()
    if rows >= columns:
        found = inner + adjoint(inner)
        diagonal = engine.eye(inner._shape[-1], dtype=engine.bool)
        found = engine.where(diagonal, times(found, 0.5), found)
        found = q.matmul(found)
        if of_q is not None:
            found = found + of_q
        return engine.linalg.solve_triangular(adjoint(r), found, upper=False, left=False)
    # a wide matrix: the first columns decide Q, the others are Q times theirs
    return _wide_qr(of_q, of_r, q, r)


def _wide_qr(of_q: Any, of_r: Any, q: Tensor, r: Tensor) -> Tensor:
    import reference_engine as engine

    m = r._shape[-2]
    left, right = r.narrow(-1, 0, m), r.narrow(-1, m, r._shape[-1] - m)
    gl = None if of_r is None else of_r.narrow(-1, 0, m)
    gr = None if of_r is None else of_r.narrow(-1, m, r._shape[-1] - m)
    # B = Q R2 gives its gradient to Q as well
    total = of_q
    if gr is not None:
        through = (q.matmul(gr)).matmul(adjoint(right))
        total = through if total is None else total + through
    back = adjoint(q)
    inner = -back.matmul(total) if total is not None else None
    if gl is not None:
        own = gl.matmul(adjoint(left))
        # what flows through B = Q^H A2 leaves R2 with the sign of Q
        inner = own if inner is None else own + inner
    assert inner is not None
    inner = inner.triu()
    found = inner + adjoint(inner)
    diagonal = engine.eye(m, dtype=engine.bool)
    found = q.matmul(engine.where(diagonal, times(found, 0.5), found))
    if total is not None:
        found = found + total
    first = engine.linalg.solve_triangular(adjoint(left), found, upper=False, left=False)
    rest = q.matmul(gr) if gr is not None else q.new_zeros((*q._shape[:-1], right._shape[-1]))
    return engine.cat([first, rest], -1)


declare(
    "linalg.qr(Tensor A, str mode='reduced') -> (Tensor, Tensor)",
    forward=_qr, node="LinalgQrBackward0", vjp={"A": _qr_vjp}, out=True,
)  # fmt: skip

# -- singular values ---------------------------------------------------------------------------------------------------


def _svd(A: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor, Tensor]:
    if len(A._shape) < 2:
        raise refusal("ops.linalg.rank", op="linalg.svd")
    check_floating(A, "linalg.svd")
    d = A._dtype
    u, s, vh = np.linalg.svd(A._read(), full_matrices=full_matrices)
    s = noisy(s, lambda a: np.linalg.svd(a, compute_uv=False), [A._read()], d.to_real())
    return by_columns(u, d), from_array(s, d.to_real()), by_columns(vh, d)


def _svd_vjp(grads: Any, A: Tensor, result0: Tensor, result1: Tensor, result2: Tensor) -> Tensor | None:
    """U (skew(U^H gU)/E S + S skew(V^H gV)/E + diag(gS)) V^H, and what lies outside the two bases."""
    import reference_engine as engine

    of_u, of_s, of_vh = grads
    if of_u is None and of_s is None and of_vh is None:
        return None
    k = result1._shape[-1]
    u, s, vh = result0.narrow(-1, 0, k), result1, result2.narrow(-2, 0, k)
    if of_u is None and of_vh is None:
        return (u * of_s.unsqueeze(-2)).matmul(vh)
    one = engine.eye(k, dtype=engine.bool)
    square = s * s
    gaps = (square.unsqueeze(-2) - square.unsqueeze(-1)).masked_fill(one, 1)
    inner = None

    def skew(t: Tensor) -> Tensor:
        return t - adjoint(t)

    if of_u is not None:
        gu = of_u.narrow(-1, 0, k)
        inner = (skew(adjoint(u).matmul(gu)) / gaps).masked_fill(one, 0) * s.unsqueeze(-2)
    if of_vh is not None:
        gv = adjoint(of_vh.narrow(-2, 0, k))
        term = s.unsqueeze(-1) * (skew(vh.matmul(gv)) / gaps).masked_fill(one, 0)
        inner = term if inner is None else inner + term
    assert inner is not None
    if of_s is not None:
        inner = inner + engine.diag_embed(of_s).to(inner.dtype)
    made = u.matmul(inner).matmul(vh)
    if of_u is not None and A._shape[-2] > k:
        gu = of_u.narrow(-1, 0, k)
        made = made + ((gu - u.matmul(adjoint(u).matmul(gu))) / s.unsqueeze(-2)).matmul(vh)
    if of_vh is not None and A._shape[-1] > k:
        gvh = of_vh.narrow(-2, 0, k)
        made = made + (u / s.unsqueeze(-2)).matmul(gvh - gvh.matmul(adjoint(vh)).matmul(vh))
    return made


declare(
    "linalg.svd(Tensor A, bool full_matrices=True) -> (Tensor, Tensor, Tensor)",
    forward=_svd, node="LinalgSvdBackward0", vjp={"A": _svd_vjp}, out=True,
)  # fmt: skip


def _svdvals(A: Tensor) -> Tensor:
    import reference_engine as engine

    return engine.linalg.svd(A, full_matrices=False)[1]


declare(
    "linalg.svdvals(Tensor A) -> Tensor", forward=_svdvals, composite=True, samples=domains.real(shapes="matrix"),
)  # fmt: skip

# -- through decompositions --------------------------------------------------------------------------------------------


def _pinv(A: Tensor, rcond: float, hermitian: bool) -> Tensor:
    if len(A._shape) < 2:
        raise refusal("linalg.pinv.rank", type=A._dtype.scalar_name, shape=list(A._shape))
    a = A._read()
    finfo = np.finfo(a.real.dtype)
    cut = max(a.shape[-2:]) * finfo.eps if rcond is None else rcond

    def invert(x: Array) -> Array:
        return np.linalg.pinv(x, rcond=cut, hermitian=hermitian)

    return from_array(noisy(invert(a), invert, [a], A._dtype), A._dtype)


def _pinv_vjp(grad: Tensor, A: Tensor, result: Tensor) -> Tensor:
    p, ph, gh = result, adjoint(result), adjoint(grad)
    one = -ph.matmul(grad).matmul(ph)
    k = p.matmul(gh)
    kp = k.matmul(p)
    return one + ((gh - A.matmul(p.matmul(gh))).matmul(p)).matmul(ph) + ph.matmul(k - kp.matmul(A))


declare(
    "linalg.pinv(Tensor A, float? rcond=None, bool hermitian=False) -> Tensor",
    forward=_pinv, node="LinalgPinvBackward0", vjp={"A": _pinv_vjp},
)  # fmt: skip


def _matrix_exp(A: Tensor) -> Tensor:
    import scipy.linalg

    check_square(A, "linalg.matrix_exp")
    a = nearby(A._read(), A._dtype)

    def exponential(x: Array) -> Array:
        return np.asarray(scipy.linalg.expm(x)) if x.size else x.copy()

    return from_array(noisy(exponential(a), exponential, [a], A._dtype), A._dtype)


def _matrix_exp_vjp(grad: Tensor, A: Tensor) -> Tensor:
    """The upper right block of the exponential of [[A^H, G], [0, A^H]]."""
    import reference_engine as engine

    back, n = adjoint(A), A._shape[-1]
    upper = engine.cat([back, grad], -1)
    lower = engine.cat([engine.zeros_like(grad), back], -1)
    return engine.linalg.matrix_exp(engine.cat([upper, lower], -2)).narrow(-2, 0, n).narrow(-1, n, n)


for _name in ("linalg.matrix_exp", "matrix_exp"):
    declare(
        f"{_name}(Tensor A) -> Tensor",
        forward=_matrix_exp,
        node="LinalgMatrixExpBackward0",
        vjp={"A": _matrix_exp_vjp},
        samples=domains.field(-1.0, 1.0, shapes="regular"),
    )


def _matrix_norm(A: Tensor, ord: Any, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    import reference_engine as engine

    if len(A._shape) < 2:
        raise refusal("ops.linalg.rank", op="linalg.matrix_norm")
    if dtype is not None:
        A = A.to(dtype)
    rank = len(A._shape)
    first, second = (d % rank for d in dim)
    if first == second:
        raise refusal("linalg.matrix_norm.same_dims", first=dim[0], second=dim[1])
    if ord == "fro":
        return engine.linalg.vector_norm(A, 2, (first, second), keepdim=keepdim)
    if ord == "nuc" or ord in (2, -2):
        values = engine.linalg.svdvals(A.movedim((first, second), (-2, -1)))
        found = (
            values.sum(-1, keepdim=keepdim)
            if ord == "nuc"
            else values.amax(-1, keepdim)
            if ord == 2
            else values.amin(-1, keepdim)
        )
        return found.unsqueeze(-1).movedim((-2, -1), (first, second)) if keepdim else found
    if isinstance(ord, str) or abs(ord) not in (1, math.inf):
        raise refusal("linalg.matrix_norm.order", order=ord if isinstance(ord, str) else f"{ord:g}")
    inner, outer = (first, second) if abs(ord) == 1 else (second, first)
    if not keepdim and inner < outer:
        outer -= 1
    sums = engine.linalg.vector_norm(A, 1, inner, keepdim=keepdim)
    return sums.amax(outer, keepdim) if ord > 0 else sums.amin(outer, keepdim)


declare(
    "linalg.matrix_norm(Tensor A, any ord='fro', int[] dim=(-2,-1), bool keepdim=False, *, "
    "dtype? dtype=None) -> Tensor",
    forward=_matrix_norm,
    composite=True,
    smooth=False,
    samples=domains.field(
        shapes="matrix",
        arguments={
            "ord": ("fro", 1, math.inf, -1),
            "dim": ((-2, -1), (0, 1)),
            "keepdim": (False, True),
            "dtype": (None,),
        },
    ),
)
