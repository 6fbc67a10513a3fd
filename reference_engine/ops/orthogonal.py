"""QR, and products of Householder reflections."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import levels, return_types
from reference_engine.modes import state
from reference_engine.ops import domains, lapack, shadow
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import ASSEMBLED, CASTABLE, OutForm, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj, not_derived, not_derived_in_any_result
from reference_engine.ops.kernels import Array, announce, from_array, nearby, noisy, wrap_dim
from reference_engine.ops.matrices import adjoint, by_columns, check_floating, check_kernel, check_matrix
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

# -- QR ----------------------------------------------------------------------------------------------------------------


def _qr(A: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    check_matrix(A, "linalg.qr")
    check_floating(A, "linalg.qr")
    if mode not in ("reduced", "complete", "r"):
        raise refusal("linalg.qr.mode", mode=mode)
    announce(A._dtype, A._dtype)
    check_kernel(A, "geqrf_cpu")
    d, a = A._dtype, nearby(A._read(), A._dtype)

    def decompose(x: Array) -> Array:
        return np.linalg.qr(x, mode="r")

    if mode == "r":
        return from_array(np.zeros((0,)), d), by_columns(noisy(decompose(a), decompose, [a], d), d)
    q, r = np.linalg.qr(a, mode="complete" if mode == "complete" else "reduced")
    q = noisy(q, lambda x: np.linalg.qr(x)[0], [a], d)
    return by_columns(q, d), by_columns(noisy(r, decompose, [a], d), d)


def _qr_vjp(grads: Any, result0: Tensor, result1: Tensor, mode: str) -> Tensor | None:
    """(gQ + Q syminvadj(triu(gR R^H - Q^H gQ))) R^-H for tall matrices."""
    import reference_engine as engine

    of_q, of_r = grads
    q, r = result0, result1
    if mode == "r":
        raise refusal("linalg.qr.needs_q")
    if mode == "complete" and q._shape[-1] > r._shape[-1]:
        raise refusal("linalg.qr.complete")
    if of_q is None and of_r is None:
        return None
    back = adjoint(q)
    if r._shape[-2] < r._shape[-1]:
        return _wide_qr(of_q, of_r, q, r)
    inner = None if of_r is None else of_r.matmul(adjoint(r))
    if of_q is not None:
        turned = back.matmul(of_q)
        inner = -turned if inner is None else inner - turned
    assert inner is not None
    made = q.matmul(_symmetric(inner.triu()))
    if of_q is not None:
        made = made + of_q
    return engine.linalg.solve_triangular(adjoint(r), made, upper=False, left=False)


def _symmetric(half: Tensor) -> Tensor:
    """The Hermitian matrix with this upper half, of whose diagonal half counts."""
    whole = half + adjoint(half)
    whole.diagonal(0, -2, -1).mul_(0.5)
    return whole


def _turn(half: Tensor) -> Tensor:
    """The lower half of what turns Q: the skew part, of whose diagonal half counts."""
    lower = (half - adjoint(half)).tril()
    if lower._dtype.is_complex:
        lower.diagonal(0, -2, -1).mul_(0.5)
    return lower


def _wide_qr(of_q: Any, of_r: Any, q: Tensor, r: Tensor) -> Tensor:
    """Q is square and can only turn: (Q turn(Q^H gQ - gR R^H)) R1^-H for the first columns, and Q gR."""
    import reference_engine as engine

    m, n = r._shape[-2:]
    inner = None if of_r is None else of_r.matmul(adjoint(r))
    if of_q is not None:
        turned = adjoint(q).matmul(of_q)
        inner = -turned if inner is None else inner - turned
    assert inner is not None
    first = engine.linalg.solve_triangular(
        adjoint(r.narrow(-1, 0, m)), q.matmul(_turn(-inner)), upper=False, left=False
    )
    made = engine.cat([first, first.new_zeros((*r._shape[:-1], n - m))], -1)
    return made if of_r is None else made + q.matmul(of_r)


_QR = declare(
    "linalg.qr(Tensor A, str mode='reduced') -> (Tensor Q, Tensor R)",
    forward=lambda A, mode: return_types.linalg_qr(_qr(A, mode)), node="LinalgQrBackward0", vjp={"A": _qr_vjp},
    out=ASSEMBLED, samples=domains.field(shapes="regular", arguments={"mode": ("reduced", "complete", "r")}),
)  # fmt: skip


def _old_qr(self: Tensor, some: bool) -> Any:
    warn("linalg.qr.deprecated")
    return return_types.qr(run(_QR, [self, "reduced" if some else "complete"]))


declare(
    "qr(Tensor self, bool some=True) -> (Tensor, Tensor)", forward=_old_qr, composite=True,
    out=replace(ASSEMBLED, late=True, by="linalg_qr"),
    display="linalg_qr", samples=domains.field(shapes="regular"), when="!linalg.cholesky.removed",
)  # fmt: skip


def _removed(self: Tensor, some: bool) -> Any:
    raise refusal("linalg.qr.removed", some=some, mode="reduced" if some else "complete")


declare(
    "qr(Tensor self, bool some=True) -> (Tensor, Tensor)", forward=_removed, composite=True, out=True,
    when="linalg.cholesky.removed",
)  # fmt: skip


def _geqrf(self: Tensor) -> Any:
    if len(self._shape) < 2:
        raise refusal("linalg.geqrf.rank")
    check_kernel(self, "geqrf_cpu")
    if self._dtype.is_complex and self.requires_grad and state.grad:
        raise refusal("linalg.geqrf.complex")
    rows, columns = self._shape[-2:]

    def factor(matrix: Array) -> tuple[Array, Array]:
        import scipy.linalg

        if not matrix.size:
            return matrix, np.zeros(min(matrix.shape))
        (geqrf,) = scipy.linalg.get_lapack_funcs(("geqrf",), (matrix,))
        return geqrf(matrix)[:2]

    a = nearby(self._read(), self._dtype)
    packed, tau = lapack.each(factor, a, shapes=((rows, columns), (min(rows, columns),)), dtypes=(a.dtype, a.dtype))
    return return_types.geqrf((by_columns(packed, self._dtype), from_array(tau, self._dtype)))


declare(
    "geqrf(Tensor self) -> (Tensor, Tensor)",
    forward=_geqrf, vjp={"self": not_derived_in_any_result("geqrf")},
    out=replace(CASTABLE, words="torch.geqrf", named=("a", "tau")),
    samples=domains.field(shapes="regular"),
)  # fmt: skip

# -- products of reflections -------------------------------------------------------------------------------------------


def _check_reflections(input: Tensor, tau: Tensor, op: str) -> None:
    if len(input._shape) < 2:
        raise refusal("linalg.householder.rank", op=op, name="input")
    if op.endswith("householder_product"):
        if input._shape[-2] < input._shape[-1]:
            raise refusal("linalg.householder.wide", op=op)
        if input._shape[-1] < tau._shape[-1]:
            raise refusal("linalg.householder.tau", op=op)
    if len(input._shape) - len(tau._shape) != 1:
        raise refusal("linalg.householder.ndim", op=op, tau=len(tau._shape), input=len(input._shape))
    if input._shape[:-2] != tau._shape[:-1]:
        raise refusal("linalg.householder.batch", op=op, batch=list(tau._shape[:-1]))
    if input._dtype is not tau._dtype:
        raise refusal("linalg.householder.dtype", op=op, tau=tau._dtype.scalar_name, input=input._dtype.scalar_name)


def _reflector(packed: Array, i: int) -> Array:
    """The i-th vector: zeros, a one, and what stands below the diagonal."""
    v = np.array(packed[..., :, i])
    v[..., :i] = 0
    v[..., i] = 1
    return v


def _reflect(packed: Array, tau: Array, c: Array, order: Any, conjugate: bool) -> Array:
    """H_i C for each i of an order, H = I - τ v v^H."""
    for i in order:
        t = np.conj(tau[..., i]) if conjugate else tau[..., i]
        c = _reflected(_reflector(packed, i), t, c)
    return c


def _reflected(v: Array, scale: Array, c: Array) -> Array:
    """(I - τ v v^H) C; what is reflected onto itself stays as it is, infinities or not.

    That is all of C where τ is zero, a column at right angles to v, and the rows behind the last that v reaches.
    """
    reached = np.flip(np.maximum.accumulate(np.flip(v != 0, -1), -1), -1)[..., :, None]
    scale, along = scale[..., None, None], np.conj(v)[..., None, :] @ np.where(reached, c, 0)
    return np.where((scale == 0) | (along == 0) | ~reached, c, c - scale * (v[..., :, None] @ along))


def _householder(input: Tensor, tau: Tensor) -> Tensor:
    _check_reflections(input, tau, "torch.linalg.householder_product")
    check_kernel(input, "orgqr_cpu")
    rows, columns = input._shape[-2:]

    def product(a: Array, t: Array) -> Array:
        a, t = lapack.wide(a), lapack.wide(t)
        made = np.array(np.broadcast_to(np.eye(rows, columns, dtype=a.dtype), a.shape))
        for i in range(t.shape[-1] - 1, -1, -1):  # the first i rows and columns are still those of the identity
            v, scale = _reflector(a, i), t[..., i]
            made[..., i:, i + 1 :] = _reflected(v[..., i:], scale, made[..., i:, i + 1 :])
            made[..., i:, i] = -scale[..., None] * v[..., i:]
            made[..., i, i] = 1 - scale
        return made

    a, t = (nearby(x._read(), x._dtype) for x in (input, tau))
    return by_columns(noisy(product(a, t), product, [a, t], input._dtype), input._dtype)


def _vectors(input: Tensor, count: int) -> list[Tensor]:
    """The reflections' vectors as tensors with a history."""
    import reference_engine as engine

    rows, found = input._shape[-2], []
    for i in range(count):
        head = engine.zeros((*input._shape[:-2], rows), dtype=input.dtype)
        head.narrow(-1, i, 1).fill_(1)
        below = input.select(-1, i).narrow(-1, i + 1, rows - i - 1)
        found.append(engine.cat([head.narrow(-1, 0, i + 1), below], -1).unsqueeze(-1))
    return found


def _through_reflections(grad: Tensor, input: Tensor, tau: Tensor, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of H_1 ... H_k C for the vectors, for tau and for C: one reflection after the other.

    Of H = I - τ v v^H with the gradient G: -v^H G v for τ, and -(conj(τ) G + τ G^H) v for v; G itself is g C^H.
    """
    import reference_engine as engine

    count = tau._shape[-1]
    vectors = _vectors(input, count)
    scales = [tau.select(-1, i).unsqueeze(-1).unsqueeze(-1) for i in range(count)]
    stages = [start]  # what each reflection is applied to, from the last on
    for v, t in zip(reversed(vectors), reversed(scales), strict=True):
        c = stages[-1]
        stages.append(c - t * v.matmul(adjoint(v).matmul(c)))
    of_vectors, of_tau = [], []
    for i in range(count):
        v, t, c = vectors[i], scales[i], stages[count - 1 - i]
        gc, cg = grad.matmul(adjoint(c).matmul(v)), c.matmul(adjoint(grad).matmul(v))
        of_tau.append(-adjoint(v).matmul(gc).squeeze(-1))
        of_v = -(conj(t) * gc + t * cg)
        of_vectors.append(of_v)
        grad = grad - conj(t) * v.matmul(adjoint(v).matmul(grad))
    if levels.batches():  # where nothing can be written into what is the same for all slices
        rest = input.narrow(-1, count, input._shape[-1] - count) * 0
        whole = engine.cat([*of_vectors, rest], -1)
        return whole.tril(-1), engine.stack([t.squeeze(-1) for t in of_tau], -1), grad
    whole, taus = engine.zeros_like(input), engine.zeros_like(tau)
    for i in range(count):
        whole.select(-1, i).copy_(of_vectors[i].squeeze(-1))
        taus.select(-1, i).copy_(of_tau[i].squeeze(-1))
    return whole.tril_(-1), taus, grad


def _nearby(vectors: Tensor, tau: Tensor) -> tuple[Tensor, Tensor]:
    """Under a shadow, reflections that are as near as those from which others undo the product; with their history.

    Undoing H = I - τ v v^H divides by 1 - τ |v|², so rounding errors grow by as much.
    """
    if shadow.active is None:
        return vectors, tau
    packed, scales, condition = vectors._read(), tau._read(), 1.0
    for i in range(scales.shape[-1]):
        v = _reflector(packed, i)
        kept = np.abs(1 - scales[..., i] * np.sum(np.abs(v) ** 2, -1))
        with np.errstate(divide="ignore"):
            condition *= float(np.max(np.maximum(kept, 1 / kept), initial=1.0))
    moved = []
    for t, a in ((vectors, packed), (tau, scales)):
        moved.append(t + from_array((nearby(a, t._dtype) - a) * min(condition, 1e6), t._dtype))
    return moved[0], moved[1]


def _householder_vjp(grad: Tensor, input: Tensor, tau: Tensor, result: Tensor) -> dict[str, Any]:
    """The product itself is kept as well, though it can be made again from the reflections."""
    import reference_engine as engine

    if not tau.numel():
        return {}
    rows, columns = input._shape[-2:]
    start = engine.eye(rows, columns, dtype=input.dtype).expand(input._shape)
    cite("linalg.householder.history")
    if state.grad:
        grad, input, tau = (differentiated(t, "linalg.householder.history") for t in (grad, input, tau))
    # others undo reflection after reflection, and divide where this has nothing to divide
    of_input, of_tau, _ = _through_reflections(grad, *_nearby(input, tau), start)
    return {"input": of_input, "tau": of_tau}


declare(
    "linalg.householder_product(Tensor input, Tensor tau) -> Tensor",
    forward=_householder, node="LinalgHouseholderProductBackward0", aliases=("orgqr",),
    out=replace(CASTABLE, words="torch.linalg.householder_product"),
    vjp={"input, tau": _householder_vjp}, samples=domains.field(-1.0, 1.0, shapes="reflections"),
)  # fmt: skip


def _ormqr(self: Tensor, input2: Tensor, input3: Tensor, left: bool, transpose: bool) -> Tensor:
    op = "torch.ormqr"
    if len(self._shape) < 2:
        raise refusal("linalg.householder.rank", op=op, name="input")
    if len(input3._shape) < 2:
        raise refusal("linalg.householder.rank", op=op, name="other")
    at = -2 if left else -1
    if switch("linalg.ormqr.exact_sizes"):
        if input3._shape[at] != self._shape[-2]:
            raise refusal("linalg.ormqr.other", op=op, at=at)
        if input2._shape[-1] != min(input3._shape[at], self._shape[-1]):
            raise refusal("linalg.ormqr.tau", op=op, at=at)
    else:
        wrap_dim(-1, len(input2._shape), wrap_scalar=False)
        if input3._shape[at] < input2._shape[-1]:
            raise refusal("linalg.ormqr.more_than_other", op=op, at=at)
        if input3._shape[at] != self._shape[-2]:
            raise refusal("linalg.ormqr.other", op=op, at=at)
        if input2._shape[-1] > self._shape[-1]:
            raise refusal("linalg.ormqr.more_than_input", op=op)
    _check_reflections(self, input2, op)
    if len(self._shape) != len(input3._shape):
        raise refusal("linalg.ormqr.ndim", other=len(input3._shape), input=len(self._shape))
    if self._shape[:-2] != input3._shape[:-2]:
        raise refusal("linalg.ormqr.batch", batch=list(input3._shape[:-2]))
    if self._dtype is not input3._dtype:
        raise refusal("linalg.ormqr.dtype", input=self._dtype.scalar_name, other=input3._dtype.scalar_name)
    announce(self._dtype)
    check_kernel(self, "ormqr_cpu")
    count = input2._shape[-1]

    def multiply(a: Array, t: Array, c: Array) -> Array:
        a, t, c = lapack.wide(a), lapack.wide(t), lapack.wide(c)
        if not left:  # C Q is (Q^H C^H)^H
            c = np.conj(np.swapaxes(c, -1, -2))
        conjugate = transpose == left
        made = _reflect(a, t, c, range(count) if conjugate else range(count - 1, -1, -1), conjugate)
        return made if left else np.conj(np.swapaxes(made, -1, -2))

    arrays = [nearby(x._read(), x._dtype) for x in (self, input2, input3)]
    return by_columns(noisy(multiply(*arrays), multiply, arrays, self._dtype), self._dtype)


def _ormqr_vjp(
    grad: Tensor, self: Tensor, input2: Tensor, input3: Tensor, result: Tensor, left: bool, transpose: bool,
    needs: set[str],
) -> dict[str, Any]:  # fmt: skip
    """The product is kept as well, though nothing is made of it."""
    import reference_engine as engine

    made: dict[str, Any] = {"input3": engine.ormqr(self, input2, grad, left, not transpose)}
    if needs & {"self", "input2"}:
        # all four products are Q C for some C: Q^H C = D has the gradient of Q with C and g exchanged
        g, c = (grad, input3) if left else (adjoint(grad), adjoint(input3))
        if transpose == left:
            g, c = c, g
        made["self"], made["input2"], _ = _through_reflections(g, *_nearby(self, input2), c)
    return made


def _real_ormqr(self: Tensor, input2: Tensor, input3: Tensor, left: bool, transpose: bool) -> Tensor:
    made = _ormqr(self, input2, input3, left, transpose)
    if self._dtype.is_complex and state.grad and any(t.requires_grad for t in (self, input2, input3)):
        raise refusal("complex.not_differentiable", op="ormqr")
    return made


_ORMQR: dict[str, Any] = {
    "out": OutForm(same_dtype=True, refused="linalg.ormqr.out", apart=True),
    "samples": domains.field(
        -1.0, 1.0, shapes="reflections", arguments={"left": (True,), "transpose": (False, True)}
    ),
}  # fmt: skip
declare(
    "ormqr(Tensor self, Tensor input2, Tensor input3, bool left=True, bool transpose=False) -> Tensor",
    forward=_ormqr, vjp={"self, input2, input3": _ormqr_vjp}, when="linalg.ormqr.derived", **_ORMQR,
)  # fmt: skip
declare(
    "ormqr(Tensor self, Tensor input2, Tensor input3, bool left=True, bool transpose=False) -> Tensor",
    forward=_real_ormqr, vjp={"self, input2, input3": not_derived("ormqr")}, when="!linalg.ormqr.derived", **_ORMQR,
)  # fmt: skip
