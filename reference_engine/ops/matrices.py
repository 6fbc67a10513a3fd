"""What ops on matrices have in common: what they refuse, and the memory order of what they return."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import levels
from reference_engine.ops import gauge
from reference_engine.ops.formulas import conj
from reference_engine.ops.kernels import Array, empty, from_array
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def check_matrix(t: Tensor, op: str) -> None:
    """Refuse what is no batch of matrices."""
    if len(t._shape) < 2:
        raise refusal("linalg.rank", op=op)


def check_square(t: Tensor, op: str, floating: bool = True) -> None:
    """Refuse what is no batch of square matrices (of floating point numbers)."""
    check_matrix(t, op)
    if t._shape[-1] != t._shape[-2]:
        raise refusal("linalg.square", op=op, rows=t._shape[-2], columns=t._shape[-1])
    if floating:
        check_floating(t, op)


def check_floating(t: Tensor, op: str) -> None:
    """Refuse integers."""
    if not t._dtype.is_differentiable:
        raise refusal("linalg.dtype", op=op, dtype=t._dtype.scalar_name)


def check_low_precision(t: Tensor, op: str) -> None:
    """Refuse half precision, which LAPACK does not know, before the kernel does."""
    if t._dtype.itemsize == 2:
        raise refusal("linalg.low_precision", op=op, dtype=t._dtype.scalar_name)


def check_kernel(t: Tensor, kernel: str) -> None:
    """Refuse the dtypes that a kernel made of LAPACK calls is not defined for."""
    if not t._dtype.is_differentiable or t._dtype.itemsize == 2:
        raise refusal("ops.not_implemented_for", op=kernel, dtype=t._dtype.scalar_name)


def by_columns(array: Array, d: Any) -> Tensor:
    """A batch of matrices in the memory order of LAPACK: columns first."""
    shape = array.shape
    strides = list(from_array(np.zeros(shape[:-2]), d)._strides) if len(shape) > 2 else []
    size = max(shape[-1], 1) * max(shape[-2], 1)
    made = empty(shape, d, (*(s * size for s in strides), 1, max(shape[-2], 1)))
    made._write(gauge.signed(np.asarray(array)))
    return made


def adjoint(t: Tensor) -> Tensor:
    """The conjugate transpose."""
    return conj(t.transpose(-2, -1))


def with_diagonal(t: Tensor, value: Any) -> Tensor:
    """``t``, which is the caller's own, with other numbers on the diagonals of its matrices."""
    diagonal = t.diagonal(0, -2, -1)
    if not isinstance(value, Tensor):
        diagonal.fill_(value)
    elif levels.is_mapped(value) and not levels.is_mapped(t):  # there is one matrix, and many diagonals
        import reference_engine as engine

        one = engine.eye(t._shape[-1], dtype=engine.bool)
        return t.masked_fill(one, 0) + engine.diag_embed(value).to(t.dtype)
    else:
        diagonal.copy_(value)
    return t


def batch_element(a: Array, i: int) -> str:
    """How messages name a matrix of a batch."""
    return f"(Batch element {i}): " if a.ndim > 2 else ""


def first_failure(info: Array) -> tuple[int, int] | None:
    """The first matrix of a batch whose factorisation failed, and where."""
    flat = info.reshape(-1)
    failed = np.flatnonzero(flat)
    return (int(failed[0]), int(flat[failed[0]])) if failed.size else None


__all__ = [
    "adjoint", "batch_element", "by_columns", "check_floating", "check_kernel", "check_low_precision", "check_matrix",
    "check_square", "first_failure", "with_diagonal",
]  # fmt: skip
