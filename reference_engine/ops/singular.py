"""Singular values, and what is computed through them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import levels, return_types
from reference_engine.modes import state
from reference_engine.ops import domains, gauge
from reference_engine.ops.declare import ASSEMBLED, CASTABLE, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import times
from reference_engine.ops.kernels import Array, announce, empty, from_array, near_matrix, nearby, noisy
from reference_engine.ops.matrices import (
    adjoint,
    batch_element,
    by_columns,
    check_floating,
    check_kernel,
    check_matrix,
    with_diagonal,
)
from reference_engine.ops.spectral import _precise, phase_matters
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor


def _svd(A: Tensor, full_matrices: bool) -> tuple[Tensor, Tensor, Tensor]:
    check_floating(A, "linalg.svd")
    check_matrix(A, "linalg.svd")
    announce(A._dtype, A._dtype.to_real(), A._dtype)
    check_kernel(A, "linalg_svd_cpu")
    d = A._dtype
    a = near_matrix(A._read(), d)
    finite = _finite_for_svd(a)
    if not finite.all():
        a = np.zeros_like(a) + np.where(np.asarray(finite)[..., None, None], a, 0)

    def values_of(x: Array) -> Array:
        return np.linalg.svd(_precise(x), compute_uv=False)

    if not finite.all():
        cite("linalg.svd.infinite")
    u, s, vh = np.linalg.svd(_precise(a), full_matrices=full_matrices)
    if not finite.all():
        u, s, vh = (np.full_like(x, np.nan) for x in (u, s, vh))
    else:
        u, vh = _chosen(u, s, vh, float(np.finfo(d.to_real().np).eps))
    s = noisy(s, values_of, [a], d.to_real())
    return by_columns(nearby(u, d), d), from_array(s, d.to_real()), by_columns(nearby(vh, d), d)


def _finite_for_svd(a: Array) -> Array:
    """Which matrices of the batch are finite; the routine may search for ever in one that is not.

    Raises:
        LinAlgError: one of them holds a nan.
    """
    undefined = np.isnan(a).any((-1, -2))
    if undefined.any() and switch("linalg.svd.finite"):
        i = int(np.flatnonzero(np.asarray(undefined).reshape(-1))[0])
        raise refusal("linalg.svd.finite", batch=batch_element(a, i))
    return np.asarray(np.isfinite(a).all((-1, -2)))


def _chosen(u: Array, s: Array, vh: Array, eps: float) -> tuple[Array, Array]:
    """A pair of singular vectors is turned together; where the value is zero, each side for itself."""
    v, k = np.conj(np.swapaxes(vh, -1, -2)), s.shape[-1]

    def turn(vectors: Array) -> Array:
        more = np.zeros((*s.shape[:-1], vectors.shape[-1] - k))
        return gauge.turned(vectors, np.concatenate([s, more], -1), eps)

    of_u, of_v = turn(u), turn(v)
    lost = s <= 64 * eps * np.max(s, -1, keepdims=True, initial=0.0)
    of_v[..., :k, :k] = np.where(lost[..., None, :], of_v[..., :k, :k], of_u[..., :k, :k])
    return u @ of_u, np.conj(np.swapaxes(v @ of_v, -1, -2))


def _skew(t: Tensor) -> Tensor:
    return t - adjoint(t)


def _svd_vjp(grads: Any, result0: Tensor, result1: Tensor, result2: Tensor, full_matrices: bool) -> Tensor | None:
    """U (skew(U^H gU)/E S + S skew(V^H gV)/E + diag(gS)) V^H, and what lies outside the two bases.

    A pair of complex singular vectors may be turned together: what is left of a gradient along that turn is shared by
    both, and is given to one of them.
    """
    import reference_engine as engine

    of_u, of_s, of_vh = grads
    if of_u is None and of_s is None and of_vh is None:
        return None
    k, u, s, vh = result1._shape[-1], result0, result1, result2
    if full_matrices:
        u, vh = u.narrow(-1, 0, k), vh.narrow(-2, 0, k)
        of_u = None if of_u is None else of_u.narrow(-1, 0, k)
        of_vh = None if of_vh is None else of_vh.narrow(-2, 0, k)
    rows, columns = u._shape[-2], vh._shape[-1]
    if of_u is None and of_vh is None:
        if rows >= columns:
            return u.matmul(of_s.unsqueeze(-1) * vh)
        return (u * of_s.unsqueeze(-2)).matmul(vh)
    turn_u = None if of_u is None else _skew(adjoint(u).matmul(of_u))
    turn_v = None if of_vh is None else _skew(vh.matmul(adjoint(of_vh)))
    _check_phase([t for t in (turn_u, turn_v) if t is not None])
    # the difference of two squares in factors, which neither overflow nor vanish where the squares would
    gaps = with_diagonal(s.unsqueeze(-2) - s.unsqueeze(-1), 1)
    sums = with_diagonal(s.unsqueeze(-2) + s.unsqueeze(-1), 1)
    _note_scale(s)
    left, right = s.unsqueeze(-2) / sums, s.unsqueeze(-1) / sums
    if turn_u is not None and turn_v is not None:
        inner = (turn_u * left + right * turn_v) / gaps
    elif turn_u is not None:
        inner = (turn_u / gaps) * left
    else:
        inner = right * (turn_v / gaps)
    if of_s is not None:
        inner = inner + engine.diag_embed(of_s)
    if turn_u is not None and turn_v is not None and inner._dtype.is_complex:
        inner = inner + engine.diag_embed(turn_u.diagonal(0, -2, -1) / times(s, 2.0))
    if rows > k and of_u is not None:
        made = u.matmul(inner)
        outside = of_u / s.unsqueeze(-2)
        made = made + outside - u.matmul(adjoint(u).matmul(outside))
        return made.matmul(vh)
    if columns > k and of_vh is not None:
        outside = of_vh / s.unsqueeze(-1)
        made = inner.matmul(vh) + outside - outside.matmul(adjoint(vh)).matmul(vh)
        return u.matmul(made)
    return u.matmul(inner.matmul(vh)) if rows >= columns else u.matmul(inner).matmul(vh)


def _note_scale(values: Tensor) -> None:
    """Cite that the scale of a matrix does not matter, where it would if singular values were squared."""
    if levels.is_mapped(values):
        return
    s = values._read()
    with np.errstate(all="ignore"):
        if not np.isfinite(s * s).all() or ((s * s == 0) & (s != 0)).any():
            cite("linalg.svd.scale")


def _check_phase(turns: list[Tensor]) -> None:
    if not turns[0]._dtype.is_complex:
        return
    total = turns[0] if len(turns) == 1 else turns[0] + turns[1]
    if phase_matters(total.diagonal(0, -2, -1)):
        raise refusal("linalg.svd.phase")


SVD = declare(
    "_linalg_svd(Tensor A, bool full_matrices) -> (Tensor, Tensor, Tensor)",
    forward=_svd, node="LinalgSvdBackward0", vjp={"A": _svd_vjp}, method=False, function=False,
    results=("U", "S", "Vh"),
)  # fmt: skip


def _public_svd(A: Tensor, full_matrices: bool, driver: str | None) -> Any:
    if driver is not None:
        raise refusal("linalg.svd.driver")
    return return_types.linalg_svd(run(SVD, [A, full_matrices]))


declare(
    "linalg.svd(Tensor A, bool full_matrices=True, *, str? driver=None) -> (Tensor, Tensor, Tensor)",
    forward=_public_svd, composite=True, out=ASSEMBLED, display="_linalg_svd",
    samples=domains.field(shapes="regular", arguments={"full_matrices": (True, False), "driver": (None,)}),
)  # fmt: skip


def _svdvals(A: Tensor, driver: str | None = None) -> Tensor:
    if driver is not None:
        raise refusal("linalg.svd.driver")
    found: Tensor = run(SVD, [A, False])[1]
    return found


declare(
    "linalg.svdvals(Tensor A, *, str? driver=None) -> Tensor", forward=_svdvals, composite=True,
    out=replace(ASSEMBLED, results=(1,)),
    display="_linalg_svd", samples=domains.field(shapes="matrix", arguments={"driver": (None,)}),
)  # fmt: skip


def _old_svd(self: Tensor, some: bool, compute_uv: bool) -> Any:

    if len(self._shape) < 2:
        raise refusal("linalg.svd.old_rank", ndim=len(self._shape))
    u, s, vh = run(SVD, [self, compute_uv and not some])
    if compute_uv:
        return return_types.svd((u, s, adjoint(vh)))
    rows, columns = self._shape[-2:]
    nothing = [from_array(np.zeros((*self._shape[:-2], n, n)), self._dtype) for n in (rows, columns)]
    return return_types.svd((nothing[0], s, adjoint(nothing[1])))


declare(
    "svd(Tensor self, bool some=True, bool compute_uv=True) -> (Tensor, Tensor, Tensor)", forward=_old_svd,
    composite=True, out=ASSEMBLED, display="_linalg_svd", samples=domains.field(shapes="regular"),
)  # fmt: skip

# -- pseudoinverse and rank --------------------------------------------------------------------------------------------

_LAPACK_DTYPES = ("float32", "float64", "complex64", "complex128")


def _tolerances(A: Tensor, atol: Any, rtol: Any, op: str) -> tuple[Array, Array]:
    """The tolerances as arrays; a relative one is needed only where no absolute one is given."""
    for name, t in (("atol", atol), ("rtol", rtol)):
        if isinstance(t, Tensor) and t._dtype.is_complex:
            raise refusal("linalg.tolerance.complex", op=op, name=name, dtype=t._dtype.scalar_name)
    default = np.finfo(A._dtype.to_real().np).eps * max(A._shape[-2:])

    def value(t: Any) -> Array:
        return t._read() if isinstance(t, Tensor) else np.asarray(t, dtype=np.float64)

    absolute = value(0.0 if atol is None else atol)
    if rtol is not None:
        return absolute, value(rtol)
    return absolute, np.where(absolute > 0, 0.0, default) if atol is not None else np.asarray(default)


def _pinv(A: Tensor, atol: Any, rtol: Any, hermitian: bool) -> Tensor:
    absolute, relative = _tolerances(A, atol, rtol, "torch.linalg.pinv")
    a = near_matrix(A._read(), A._dtype, 0.5)  # so little that no rank changes

    def invert(x: Array) -> Array:
        if not x.size:
            return np.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
        if hermitian:
            x = np.tril(x) + np.conj(np.swapaxes(np.tril(x, -1), -1, -2))
        finite = np.isfinite(x).all((-1, -2)) if hermitian else _finite_for_svd(x)
        if not finite.all():
            cite("linalg.svd.infinite")
            nothing = complex(np.nan, np.nan) if np.iscomplexobj(x) else np.nan
            return np.where(finite[..., None, None], invert(np.where(finite[..., None, None], x, 0)), nothing)
        if hermitian:
            values, vectors = np.linalg.eigh(_precise(x))
            kept, u, vh = np.abs(values), vectors, np.conj(np.swapaxes(vectors, -1, -2))
        else:
            u, values, vh = np.linalg.svd(_precise(x), full_matrices=False)
            kept = values
        bound = np.maximum(absolute, relative * np.max(kept, -1))
        with np.errstate(all="ignore"):
            inverse = np.where(kept > np.asarray(bound)[..., None], 1 / values, 0)
        return np.conj(np.swapaxes(vh, -1, -2)) @ (inverse[..., None] * np.conj(np.swapaxes(u, -1, -2)))

    return from_array(noisy(invert(a), invert, [a], A._dtype), A._dtype)


def _pinv_vjp(grad: Tensor, A: Tensor, result: Tensor) -> Tensor:
    p, ph, gh = result, adjoint(result), adjoint(grad)
    if A._shape[-2] <= A._shape[-1]:
        k = gh.matmul(p)
        kp = k.matmul(ph)
        return -adjoint(p.matmul(k)) + kp - A.matmul(p).matmul(kp) + ph.matmul(p).matmul(gh - k.matmul(A))
    k = p.matmul(gh)
    pk = ph.matmul(k)
    return -adjoint(k.matmul(p)) + (gh - A.matmul(k)).matmul(p).matmul(ph) + pk - pk.matmul(p).matmul(A)


PINV = declare(
    "_linalg_pinv(Tensor A, any atol, any rtol, bool hermitian) -> Tensor",
    forward=_pinv, node="LinalgPinvBackward0", vjp={"A": _pinv_vjp}, method=False, function=False,
)  # fmt: skip


def _check_pinv(A: Tensor, hermitian: bool) -> None:
    if len(A._shape) < 2 or A._dtype.name not in _LAPACK_DTYPES:
        raise refusal("linalg.pinv.rank", type=A._dtype.scalar_name, shape=list(A._shape))
    if hermitian and A._shape[-1] != A._shape[-2]:
        raise refusal("linalg.square", op="linalg.eigh", rows=A._shape[-2], columns=A._shape[-1])


def _public_pinv(A: Tensor, rcond: Any, atol: Any, rtol: Any, hermitian: bool) -> Tensor:
    if A.numel() or len(A._shape) < 2:
        _check_pinv(A, hermitian)
    for name, t in (("atol", atol), ("rtol", rtol if rcond is None else rcond)):
        if isinstance(t, Tensor) and t.requires_grad and state.grad and not t._dtype.is_complex:
            raise refusal("ops.argument.not_differentiable", op="linalg_pinv", name=name)
    made: Tensor = run(PINV, [A, atol, rtol if rcond is None else rcond, hermitian])
    return made


_PINV_OUT = replace(CASTABLE, words="linalg.pinv")
declare(
    "linalg.pinv(Tensor A, any rcond=None, bool hermitian=False) -> Tensor", composite=True, out=_PINV_OUT,
    forward=lambda A, rcond, hermitian: _public_pinv(A, rcond, None, None, hermitian), display="linalg_pinv",
    samples=domains.field(shapes="regular", arguments={"rcond": (None,), "hermitian": (False,)}),
)  # fmt: skip
declare(
    "linalg.pinv(Tensor A, *, any atol=None, any rtol=None, bool hermitian=False) -> Tensor", composite=True,
    out=_PINV_OUT, forward=lambda A, atol, rtol, hermitian: _public_pinv(A, None, atol, rtol, hermitian),
    display="linalg_pinv",
)  # fmt: skip
declare(
    "pinverse(Tensor self, float rcond=1e-15) -> Tensor", composite=True,
    forward=lambda self, rcond: _public_pinv(self, rcond, None, None, False), samples=domains.field(shapes="regular"),
)  # fmt: skip


def _matrix_rank(A: Tensor, atol: Any, rtol: Any, hermitian: bool) -> Tensor:
    from reference_engine import dtypes

    op = "torch.linalg.matrix_rank"
    if len(A._shape) < 2:
        raise refusal("linalg.matrix_rank.rank", op=op)
    if A._dtype.name not in _LAPACK_DTYPES:
        raise refusal("linalg.eps.dtype")
    absolute, relative = _tolerances(A, atol, rtol, op)
    a = A._read()
    if not a.size:
        return from_array(np.zeros(a.shape[:-2]), dtypes.int64)
    check_floating(A, "linalg.svd")
    if hermitian:
        sizes = np.abs(np.linalg.eigvalsh(a))
    else:
        sizes = run(SVD, [A.detach(), False])[1]._read()
    bound = np.maximum(absolute, relative * np.max(sizes, -1))
    return from_array(np.asarray(np.sum(sizes > np.asarray(bound)[..., None], -1)), dtypes.int64)


_RANK_OUT = replace(CASTABLE, words="torch.linalg.matrix_rank")
declare(
    "linalg.matrix_rank(Tensor A, any tol=None, bool hermitian=False) -> Tensor", composite=True,
    out=_RANK_OUT, copied=True, exact=True,
    forward=lambda A, tol, hermitian: _matrix_rank(A, tol, None if tol is None else 0.0, hermitian),
    samples=domains.field(shapes="regular", arguments={"tol": (0.5, 0.0), "hermitian": (False,)}),
)  # fmt: skip
declare(
    "linalg.matrix_rank(Tensor A, *, any atol=None, any rtol=None, bool hermitian=False) -> Tensor", composite=True,
    out=_RANK_OUT, copied=True, exact=True, forward=_matrix_rank,
)  # fmt: skip

# -- least squares -----------------------------------------------------------------------------------------------------

_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


def _lstsq(self: Tensor, b: Tensor, rcond: Any, driver: Any) -> Any:
    from reference_engine import dtypes

    op = "torch.linalg.lstsq"
    if len(self._shape) < 2:
        raise refusal("linalg.householder.rank", op=op, name="input")
    if len(b._shape) < 1:
        raise refusal("linalg.lstsq.rank")
    if self._dtype is not b._dtype:
        raise refusal("linalg.lstsq.dtype", a=self._dtype.scalar_name, b=b._dtype.scalar_name)
    if not 0 <= len(self._shape) - len(b._shape) <= 1:
        raise refusal("linalg.lstsq.ndim")
    vector = len(b._shape) == 1 or (len(self._shape) - 1 == len(b._shape) and b._shape == self._shape[:-1])
    if self._shape[-2] != b._shape[-1 if vector else -2]:
        raise refusal("linalg.lstsq.shapes", at=-1 if vector else -2)
    if self._dtype.name not in _LAPACK_DTYPES:
        raise refusal("linalg.eps.dtype")
    if driver is not None and driver not in _DRIVERS:
        raise refusal("linalg.lstsq.driver")
    driver = driver or "gelsy"
    if driver == "gelsy" and self._shape[-1] > 1:
        cite("linalg.lstsq.pivots")
    d, real = self._dtype, self._dtype.to_real()
    a, right = near_matrix(self._read(), d, 0.5), b._read()[..., None] if vector else b._read()
    cut = np.finfo(real.np).eps * max(a.shape[-2:]) if rcond is None else rcond
    if driver == "gels":
        cut = 0.0

    def solve(x: Array, y: Array) -> Array:
        if not (np.isfinite(x).all() and np.isfinite(y).all()):
            cite("linalg.lstsq.finite")
            return np.full((*x.shape[:-2], x.shape[-1], y.shape[-1]), np.nan)
        return np.linalg.pinv(_precise(x), rcond=cut) @ _precise(y)

    if driver == "gels":
        _check_full_rank(self._read(), op)
    made = noisy(solve(a, right), solve, [a, right], d)
    rows, columns = a.shape[-2:]
    finite = np.isfinite(self._read()).all()
    sizes = (
        np.linalg.svd(_precise(self._read()), compute_uv=False) if a.size and finite else np.zeros((*a.shape[:-2], 0))
    )
    rank = np.sum(sizes > cut * np.max(sizes, -1, keepdims=True, initial=0), -1)
    whole = rows > columns and driver != "gelsy" and (driver == "gels" or bool(np.all(rank == columns)))
    left_over = np.sum(np.abs(a @ made - right) ** 2, -2) if whole else np.zeros((0,))
    if vector:
        made = made[..., 0]
    return return_types.linalg_lstsq(
        (
            _in_buffer(made, d, max(rows, columns), vector),
            from_array(left_over, real),
            from_array(np.asarray(rank) if driver != "gels" else np.zeros((0,)), dtypes.int64),
            from_array(sizes if driver in ("gelsd", "gelss") else np.zeros((0,)), real),
        )
    )


def _check_full_rank(a: Array, op: str) -> None:
    """Raise where the triangle that gels makes has a zero on its diagonal; a matrix of zeros is seen before that."""
    rows, columns = a.shape[-2:]
    for i, at in enumerate(np.ndindex(*a.shape[:-2]) if a.size else ()):
        matrix = a[at] if rows >= columns else np.conj(a[at].T)
        if not np.isfinite(matrix).all():
            continue
        if not matrix.any():
            cite("linalg.lstsq.deficient")
            continue
        left = np.abs(np.diagonal(np.linalg.qr(_precise(matrix), mode="r")))
        small = left <= 16 * max(a.shape[-2:]) * np.finfo(a.dtype).eps * np.max(np.abs(matrix))
        first = int(np.argmax(small)) + 1 if small.any() else 0
        zero = not matrix[:, first - 1].any() if first else False
        if first:
            cite("linalg.lstsq.deficient")
        if gauge.first_zero(first, 0 if zero else first):
            raise refusal("linalg.lstsq.full_rank", op=op, batch=batch_element(a, i), code=first)


def _in_buffer(solution: Array, d: Any, rows: int, vector: bool) -> Tensor:
    """LAPACK returns the solution in the memory of the right sides, which are as long as the longer side."""
    whole = np.zeros((*solution.shape[:-1], rows) if vector else (*solution.shape[:-2], rows, solution.shape[-1]))
    made = by_columns(whole[..., None] if vector else whole, d)
    st = made._strides[:-1] if vector else made._strides
    out = empty(solution.shape, d, st)
    out._write(gauge.signed(solution))
    return out


def _lstsq_vjp(grads: Any, self: Tensor, b: Tensor, result0: Tensor, needs: set[str]) -> dict[str, Any]:
    import reference_engine as engine

    of_x, of_rest = (*grads, None)[:2]  # the residuals had no derivative in older versions
    vector = len(b._shape) == 1 or (len(self._shape) - 1 == len(b._shape) and b._shape == self._shape[:-1])
    x, right = (t.unsqueeze(-1) if vector else t for t in (result0, b))
    made: dict[str, Any] = {}

    def add(name: str, value: Tensor) -> None:
        made[name] = value if name not in made else made[name] + value

    if of_x is not None:
        g = of_x.unsqueeze(-1) if vector else of_x
        inverse = engine.linalg.pinv(self)
        if "self" in needs:
            add("self", _pinv_vjp(g.matmul(adjoint(right)), self, inverse))
        add("b", adjoint(inverse).matmul(g))
    if of_rest is not None and of_rest.numel():
        apart = times(self.matmul(x) - right, 2.0) * of_rest.unsqueeze(-2)
        if "self" in needs:
            add("self", apart.matmul(adjoint(x)))
        add("b", -apart)
    if vector and "b" in made:
        made["b"] = made["b"].squeeze(-1)
    return made


for _when, _apart in (("linalg.lstsq_residuals", (2, 3)), ("!linalg.lstsq_residuals", (1, 2, 3))):
    declare(
        "linalg.lstsq(Tensor self, Tensor b, float? rcond=None, *, str? driver=None)"
        " -> (Tensor, Tensor, Tensor, Tensor)",
        forward=_lstsq, node="LinalgLstsqBackward0", vjp={"self, b": _lstsq_vjp},
        out=replace(CASTABLE, words="torch.linalg.lstsq", named=("solution", "solution", "rank", "singular_values")),
        non_differentiable_outputs=_apart, when=_when,
        samples=domains.field(shapes="least_squares", arguments={"rcond": (None,), "driver": (None, "gels", "gelsd")}),
    )  # fmt: skip
