"""Determinants and their logarithms."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, return_types
from reference_engine.ops import domains, lapack
from reference_engine.ops.declare import ASSEMBLED, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import conj
from reference_engine.ops.kernels import Array, announce, from_array, nearby, noisy
from reference_engine.ops.matrices import adjoint, by_columns, check_kernel, check_low_precision, check_square
from reference_engine.ops.solving import SOLVE
from reference_engine.semantics import cite
from reference_engine.tensor import Tensor


def _factored(A: Tensor) -> tuple[Array, Tensor, Tensor]:
    """The factors of A, or of its transpose, which has the same determinant and lies in memory as LAPACK wants it.

    Which one decides the sign of a zero: the rows are swapped in another order.
    """
    a = A._read()
    if A.is_contiguous() and not A._dtype.is_complex:
        a = np.swapaxes(a, -1, -2)
    packed, pivots, info = lapack.lu(a)
    return info, by_columns(packed, A._dtype), from_array(pivots, _INT32)


_INT32 = dtypes.int32


def _det(A: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    check_square(A, "linalg.det")
    announce(A._dtype, dtypes.int32, A._dtype)
    check_kernel(A, "lu_cpu")
    info, packed, pivots = _factored(A)
    a = nearby(A._read(), A._dtype)

    with np.errstate(all="ignore"):  # which zero is a matter of the other pivots and the swaps
        zero = np.prod(np.einsum("...ii->...i", packed._read()), -1) * lapack.swap_sign(pivots._read())

    def determinant(x: Array) -> Array:
        diagonal, signs = lapack.pivots_of(x)
        return np.where(info > 0, zero, np.prod(diagonal, -1) * signs)  # a pivot that is zero is an exact one

    made = noisy(np.asarray(determinant(a)), determinant, [a], A._dtype)
    return packed, pivots, from_array(np.asarray(made), A._dtype)


def _det_vjp(grad: Tensor, A: Tensor, result0: Tensor, result1: Tensor, result2: Tensor) -> Tensor:
    """det(A) A^-H; of a singular matrix the cofactors, which need no inverse and hold everywhere."""
    import reference_engine as engine

    n = A._shape[-1]
    if not A.numel():
        return grad.new_zeros(A._shape)
    if n == 1:
        return grad.unsqueeze(-1).unsqueeze(-1)
    if levels.stack:
        cite("functorch.det.close_singular_values")
    if not levels.is_mapped(A) and np.all(np.einsum("...ii->...i", result0._read()) != 0):
        scale = (grad * conj(result2)).unsqueeze(-1)
        return engine.linalg.solve(adjoint(A), engine.diag_embed(scale.expand((*A._shape[:-2], n))).mT)
    cite("linalg.det.singular")
    rows = []
    for i in range(n):
        others_i = engine.tensor([k for k in range(n) if k != i])
        cofactors = []
        for j in range(n):
            others_j = engine.tensor([k for k in range(n) if k != j])
            minor = engine.linalg.det(A.index_select(-2, others_i).index_select(-1, others_j))
            cofactors.append(minor if (i + j) % 2 == 0 else -minor)
        rows.append(engine.stack(cofactors, -1))
    return conj(engine.stack(rows, -1).mT) * grad.unsqueeze(-1).unsqueeze(-1)


# The factorisation is a result as well: it is saved for the gradient.
_DET = declare(
    "_linalg_det(Tensor A) -> (Tensor LU, Tensor pivots, Tensor result)",
    forward=_det, node="LinalgDetBackward0", vjp={"A": _det_vjp}, method=False, function=False,
    non_differentiable_outputs=(0, 1),
)  # fmt: skip
declare(
    "linalg.det(Tensor A) -> Tensor", forward=lambda A: run(_DET, [A])[2], composite=True,
    out=replace(ASSEMBLED, results=(2,)), display="_linalg_det", samples=domains.field(shapes="square"),
)  # fmt: skip
declare(
    "det(Tensor self) -> Tensor", forward=lambda self: run(_DET, [self])[2], composite=True,
    samples=domains.field(shapes="square"),
)  # fmt: skip


def _turns(diagonal: Array) -> Array:
    """The pivots, each divided by its size."""
    if np.iscomplexobj(diagonal):
        return np.where(diagonal == 0, 0, diagonal / np.abs(diagonal))
    return (diagonal > 0) * 1.0 - (diagonal < 0)


def _slogdet(A: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    announce(A._dtype, dtypes.int32, A._dtype, A._dtype.to_real())
    check_kernel(A, "lu_cpu")
    info, packed, pivots = _factored(A)
    a = nearby(A._read(), A._dtype)

    def size(x: Array) -> Array:
        diagonal, _ = lapack.pivots_of(x)
        return np.where(info > 0, -math.inf, np.sum(np.log(np.abs(diagonal)), -1))

    with np.errstate(all="ignore"):
        zero = np.prod(_turns(np.einsum("...ii->...i", packed._read())), -1) * lapack.swap_sign(pivots._read())
        diagonal, signs = lapack.pivots_of(a)
        sign = np.where(info > 0, zero, np.prod(_turns(diagonal), -1) * signs)
        sizes = noisy(np.asarray(size(a)), size, [a], A._dtype.to_real())
    return (
        packed,
        pivots,
        from_array(np.asarray(sign), A._dtype),
        from_array(np.asarray(sizes), A._dtype.to_real()),
    )


def _slogdet_vjp(grads: Any, A: Tensor, result0: Tensor, result1: Tensor, result2: Tensor) -> Tensor | None:
    import reference_engine as engine

    of_sign, of_size = grads
    sign = result2
    if not A._dtype.is_complex:
        if of_size is None:
            return None
        scale = of_size
    else:
        # the sign moves along the unit circle only
        scale = engine.zeros((), dtype=A.dtype) if of_size is None else of_size.to(A.dtype)
        if of_sign is not None:
            turn = (of_sign.conj() * sign).imag
            scale = scale - engine.complex(engine.zeros_like(turn), turn)
    wide = scale.unsqueeze(-1).expand((*A._shape[:-2], A._shape[-1]))
    # of a singular matrix there is no gradient: the numbers say so, there is no refusal
    return run(SOLVE, [adjoint(A), engine.diag_embed(wide).mT, True, False])[2]


_SLOGDET = declare(
    "_linalg_slogdet(Tensor A) -> (Tensor, Tensor, Tensor, Tensor)",
    forward=_slogdet, node="LinalgSlogdetBackward0", vjp={"A": _slogdet_vjp}, method=False, function=False,
    non_differentiable_outputs=(0, 1),
)  # fmt: skip


def _sign_and_size(A: Tensor, op: str = "linalg.slogdet") -> list[Tensor]:
    check_square(A, op)
    check_low_precision(A, op)
    return list(run(_SLOGDET, [A]))[2:]


declare(
    "linalg.slogdet(Tensor A) -> (Tensor, Tensor)", composite=True, display="_linalg_slogdet",
    out=replace(ASSEMBLED, results=(2, 3)),
    forward=lambda A: return_types.linalg_slogdet(_sign_and_size(A)), samples=domains.field(shapes="regular"),
)  # fmt: skip
declare(
    "slogdet(Tensor self) -> (Tensor, Tensor)", composite=True, display="_linalg_slogdet",
    out=replace(ASSEMBLED, results=(2, 3)),
    forward=lambda self: return_types.slogdet(_sign_and_size(self)), samples=domains.field(shapes="regular"),
)  # fmt: skip


def _logdet(self: Tensor) -> Tensor:
    import reference_engine as engine

    sign, size = _sign_and_size(self, "logdet")
    if self._dtype.is_complex:
        return size + sign.log()
    # the logarithm of a negative determinant is not a real number
    return engine.where(sign == -1, engine.scalar_tensor(math.nan, dtype=size.dtype), size)


declare("logdet(Tensor self) -> Tensor", forward=_logdet, composite=True, samples=domains.field(shapes="regular"))
