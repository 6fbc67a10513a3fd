"""Eigenvalues and eigenvectors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, return_types
from reference_engine.autograd import engine as backward_pass
from reference_engine.autograd import forward_ad
from reference_engine.autograd.node import OpNode
from reference_engine.creation import empty
from reference_engine.modes import no_grad, state
from reference_engine.ops import domains, gauge, kernels
from reference_engine.ops.declare import ASSEMBLED, CASTABLE, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj, times
from reference_engine.ops.kernels import Array, announce, from_array, near_matrix, nearby, noisy
from reference_engine.ops.matrices import adjoint, by_columns, check_kernel, check_square, with_diagonal
from reference_engine.ops.out_form import copy_to
from reference_engine.semantics import cite, refusal, switch, unwarned, warn
from reference_engine.tensor import Tensor


def _differences(values: Tensor) -> Tensor:
    """L_j - L_i, and one on the diagonal."""
    return with_diagonal(values.unsqueeze(-2) - values.unsqueeze(-1), 1)


def phase_matters(turns: Tensor) -> bool:
    """Whether a loss depends on the phase of vectors that are unique only up to it: some rotation has a gradient.

    Where the formula makes a tangent, there is no loss: the vectors move without turning.
    """
    if levels.is_mapped(turns) or not isinstance(backward_pass.current_node(), OpNode):
        return False
    size = np.abs(turns.detach().resolve_conj()._read().imag)
    return bool(np.any(~(size <= 1e-2)))


def _check_phase(inner: Tensor, op: str) -> None:
    if inner._dtype.is_complex and phase_matters(inner.diagonal(0, -2, -1)):
        raise refusal("linalg.eig.phase", op=op)


def _with_diagonal(inner: Tensor, values: Tensor | None) -> Tensor:
    return inner if values is None else with_diagonal(inner, values)


# -- of Hermitian matrices ---------------------------------------------------------------------------------------------


def hermitian(a: Array, uplo: str) -> Array:
    """The Hermitian matrix of which one triangle is given."""
    half = np.tril(a, -1) if uplo.upper() == "L" else np.triu(a, 1)
    diagonal = np.real(np.einsum("...ii->...i", a))[..., None] * np.eye(a.shape[-1], dtype=a.real.dtype)
    return (half + np.conj(np.swapaxes(half, -1, -2)) + diagonal).astype(a.dtype)


def _precise(a: Array) -> Array:
    """Single precision is decomposed in double and rounded once."""
    return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def _eigh(A: Tensor, UPLO: str) -> tuple[Tensor, Tensor]:
    check_square(A, "linalg.eigh", floating=False)
    if UPLO.upper() not in ("L", "U"):
        raise refusal("linalg.eigh.triangle", triangle=UPLO)
    announce(A._dtype.to_real(), A._dtype)
    check_kernel(A, "linalg_eigh_cpu")
    d = A._dtype
    a = near_matrix(A._read(), d)

    if not np.isfinite(a).all():
        cite("linalg.eigh.finite")
        nothing = np.full(a.shape, np.nan)
        return from_array(nothing[..., 0], d.to_real()), by_columns(nothing, d)

    def values_of(x: Array) -> Array:
        return np.linalg.eigvalsh(_precise(hermitian(x, UPLO)))

    values, vectors = np.linalg.eigh(_precise(hermitian(a, UPLO)))
    vectors = nearby(vectors @ gauge.turned(vectors, values, np.finfo(d.to_real().np).eps), d)
    return from_array(noisy(values_of(a), values_of, [a], d.to_real()), d.to_real()), by_columns(vectors, d)


def _eigh_vjp(grads: Any, result0: Tensor, result1: Tensor) -> Tensor | None:
    """V (diag(gL) + skew(V^H gV) / (L_j - L_i)) V^H"""
    of_values, of_vectors = grads
    if of_values is None and of_vectors is None:
        return None
    back = adjoint(result1)
    if of_vectors is None:
        return (result1 * of_values.unsqueeze(-2)).matmul(back)
    inner = back.matmul(of_vectors)
    _check_phase(inner, "linalg_eigh_backward")
    inner = times(inner - adjoint(inner), 0.5) / _differences(result0)
    return result1.matmul(_with_diagonal(inner, of_values).matmul(back))


EIGH = declare(
    "_linalg_eigh(Tensor A, str UPLO='L') -> (Tensor, Tensor)",
    forward=_eigh, node="LinalgEighBackward0", vjp={"A": _eigh_vjp}, method=False, function=False,
)  # fmt: skip
declare(
    "linalg.eigh(Tensor A, str UPLO='L') -> (Tensor, Tensor)",
    forward=lambda A, UPLO: return_types.linalg_eigh(run(EIGH, [A, UPLO])), composite=True, out=ASSEMBLED,
    display="_linalg_eigh", samples=domains.field(shapes="hermitian", arguments={"UPLO": ("L", "U")}),
)  # fmt: skip
declare(
    "linalg.eigvalsh(Tensor A, str UPLO='L') -> Tensor", forward=lambda A, UPLO: run(EIGH, [A, UPLO])[0],
    composite=True, out=ASSEMBLED, display="_linalg_eigh",
    samples=domains.field(shapes="hermitian", arguments={"UPLO": ("L", "U")}),
)  # fmt: skip

# -- of any square matrix ----------------------------------------------------------------------------------------------


def _eig(A: Tensor) -> Any:
    """Both results are made before anything is looked at, and a dtype that hardly exists warns of itself each time."""
    if kernels.expecting is None:
        _warn_of_rare(A, 2)
    check_square(A, "linalg.eig", floating=False)
    if not A._dtype.is_differentiable:
        raise refusal("linalg.eig.dtype", dtype=A._dtype.scalar_name)
    if kernels.expecting is not None:
        announce(*[_complex(A)] * 2)
        _warn_of_rare(A, 2)
    if not np.all(np.isfinite(A._read())):
        raise refusal("linalg.eig.finite")
    check_kernel(A, "linalg_eig_out_cpu")
    return _decomposed(A)


def _decomposed(A: Tensor) -> Any:
    d = A._dtype.to_complex()
    a = near_matrix(A._read(), A._dtype)
    values, vectors = (x.astype(np.complex128) for x in np.linalg.eig(_precise(a)))
    vectors = nearby(vectors @ gauge.turned(vectors, values, 0.0, together=False), d)  # lengths are rounded as well
    made = noisy(values, lambda x: np.linalg.eigvals(_precise(x)), [a], d)
    return return_types.linalg_eig((from_array(made, d), by_columns(vectors, d)))


def _complex(A: Tensor) -> dtypes.dtype:
    return dtypes.complex32 if A._dtype is dtypes.float16 else A._dtype.to_complex()


def _warn_of_rare(A: Tensor, times: int) -> None:
    if A._dtype is dtypes.float16:
        for _ in range(times):
            warn("complex.half.experimental")
    elif A._dtype is dtypes.bfloat16 and switch("complex.bcomplex32"):
        for _ in range(times):
            warn("complex.bfloat16.experimental")


def _eig_vjp(grads: Any, result0: Tensor, result1: Tensor) -> Tensor | None:
    """V^-H (diag(gL) + (V^H gV - V^H V Re(diag(V^H gV))) / conj(L_j - L_i)) V^H"""
    import reference_engine as engine

    of_values, of_vectors = grads
    if of_values is None and of_vectors is None:
        return None
    back = adjoint(result1)
    if of_vectors is None:
        return engine.linalg.solve(back, of_values.unsqueeze(-1) * back)
    inner = back.matmul(of_vectors)
    _check_phase(inner, "linalg_eig_backward")
    turned = inner.diagonal(0, -2, -1)
    # columns have length one: a gradient along them changes nothing
    inner = inner - back.matmul(result1 * turned.real.unsqueeze(-2))
    inner = _with_diagonal(inner / _differences(conj(result0)), of_values)
    return engine.linalg.solve(back, inner.matmul(back))


_EIG = declare(
    "linalg.eig(Tensor A) -> (Tensor, Tensor)", forward=_eig, node="LinalgEigBackward0", vjp={"A": _eig_vjp},
    out=replace(CASTABLE, words="torch.linalg.eig", named=("eigenvalues", "eigenvectors")),
    samples=domains.field(shapes="regular"),
)  # fmt: skip


def _eigvals(A: Tensor) -> Tensor:
    """The vectors are not needed, but by a derivative."""
    into = kernels.expecting is not None
    if not into and ((state.grad and A.requires_grad) or (forward_ad.active and forward_ad.tangent_of(A) is not None)):
        found: Tensor = run(_EIG, [A])[0]
        return found
    if not into:
        _warn_of_rare(A, 1)
    check_square(A, "linalg.eigvals", floating=False)
    if not A._dtype.is_differentiable:
        raise refusal("linalg.eig.dtype", dtype=A._dtype.scalar_name)
    if into:
        announce(_complex(A))
        _warn_of_rare(A, 1)
    check_kernel(A, "linalg_eig_out_cpu")
    with unwarned():
        found = run(_EIG, [A])[0]
    return found


def _eigvals_copied(A: Tensor) -> Tensor:
    """The older form: ``out=`` is given a copy, which is recorded as any other."""
    out = kernels.destination
    if out is None:
        return _eigvals(A)
    with no_grad():
        made = run(_EIGVALS, [A], out=empty((0,), dtype=out._dtype))
    return copy_to(out, made)


_VALUES: dict[str, Any] = {"composite": True, "samples": domains.field(shapes="regular")}
_EIGVALS = declare(
    "linalg.eigvals(Tensor A) -> Tensor", forward=_eigvals, when="linalg.eigvals.out_underived", **_VALUES,
    out=replace(
        CASTABLE, words="torch.linalg.eigvals", named=("eigenvalues",), underived="linalg.eigvals.out_underived"
    ),
)  # fmt: skip
declare(
    "linalg.eigvals(Tensor A) -> Tensor", forward=_eigvals_copied, when="!linalg.eigvals.out_underived", out=True,
    hands_out=True, **_VALUES,
)  # fmt: skip
