"""Decompositions of large matrices of low rank, by a random subspace that their columns nearly lie in.

Source: https://docs.pytorch.org/docs/stable/generated/torch.svd_lowrank.html
"""

from __future__ import annotations

from typing import Any

import reference_engine as engine
from reference_engine import dtypes, overrides
from reference_engine.tensor import Tensor

Factors = tuple[Tensor, Tensor, Tensor]


def _floating(A: Tensor) -> Any:
    return A.dtype if A.dtype in (dtypes.float16, dtypes.float32, dtypes.float64) else dtypes.float32


def get_approximate_basis(A: Tensor, q: int, niter: int | None = 2, M: Tensor | None = None) -> Tensor:
    """``q`` orthonormal columns that span nearly what the columns of A - M span; each iteration brings them closer."""
    columns = engine.randn(A.shape[-1], q, dtype=A.dtype if A.is_complex() else _floating(A))
    basis = _orthonormal(_times(A, M, columns))
    for _ in range(2 if niter is None else niter):
        basis = _orthonormal(_times(A.mH, None if M is None else M.mH, basis))
        basis = _orthonormal(_times(A, M, basis))
    return basis


def _times(A: Tensor, M: Tensor | None, X: Tensor) -> Tensor:
    """(A - M) X, without making the difference."""
    made = engine.matmul(A, X)
    return made if M is None else made - engine.matmul(M, X)


def _orthonormal(X: Tensor) -> Tensor:
    made: Tensor = engine.linalg.qr(X).Q
    return made


def svd_lowrank(A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None) -> Factors:
    """U, S and V of the ``q`` largest singular values of A - M, nearly."""
    if overrides.has_torch_function((A, M)):
        found: Factors = overrides.handle(svd_lowrank, (A, M), (A,), q=q, niter=niter, M=M)
        return found
    rank = 6 if q is None else q
    rows, columns = A.shape[-2:]
    M = None if M is None else M.broadcast_to(A.size())
    if rows < columns:
        A, M = A.mH, None if M is None else M.mH
    basis = get_approximate_basis(A, rank, niter, M)
    small = engine.matmul(basis.mH, A)
    if M is not None:
        small = small - engine.matmul(basis.mH, M)
    U, S, Vh = engine.linalg.svd(small, full_matrices=False)
    left, right = basis.matmul(U), Vh.mH
    return (right, S, left) if rows < columns else (left, S, right)


def pca_lowrank(A: Tensor, q: int | None = None, center: bool = True, niter: int = 2) -> Factors:
    """The same of a matrix whose columns are moved to have the mean zero, unless told not to.

    Raises:
        ValueError: more values than there are, or a negative number of iterations.
    """
    if overrides.has_torch_function((A,)):
        found: Factors = overrides.handle(pca_lowrank, (A,), (A,), q=q, center=center, niter=niter)
        return found
    most = min(A.shape[-2:])
    if q is None:
        q = min(6, most)
    elif not 0 <= q <= most:
        raise ValueError(f"q(={q}) must be non-negative integer and not greater than min(m, n)={most}")
    if niter < 0:
        raise ValueError(f"niter(={niter}) must be non-negative integer")
    return svd_lowrank(A - A.mean(dim=(-2,), keepdim=True) if center else A, q, niter=niter)
