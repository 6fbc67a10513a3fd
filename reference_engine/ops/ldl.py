"""The decomposition of symmetric matrices into L D Lᵀ, with pivoting after Bunch and Kaufman.

Source: https://docs.pytorch.org/docs/stable/generated/torch.linalg.ldl_factor.html
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, return_types
from reference_engine.ops import domains, lapack_symmetric
from reference_engine.ops.declare import ASSEMBLED, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, announce, broadcast_shapes, from_array, nearby, noisy
from reference_engine.ops.matrices import by_columns, check_kernel, check_square, first_failure
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def _factor_ex(A: Tensor, hermitian: bool, check_errors: bool) -> Any:
    check_square(A, "torch.linalg.ldl_factor_ex")
    announce(A._dtype, dtypes.int32, dtypes.int32)
    check_kernel(A, "ldl_factor_kernel_cpu")
    a = nearby(A._read(), A._dtype)
    packed, pivots, info = lapack_symmetric.ldl(a, hermitian)
    packed = noisy(packed, lambda x: lapack_symmetric.ldl(x, hermitian)[0], [a], A._dtype)
    if check_errors:
        _refuse_singular("torch.linalg.ldl_factor_ex", info)
    results = by_columns(packed, A._dtype), from_array(pivots, dtypes.int32), from_array(info, dtypes.int32)
    return return_types.linalg_ldl_factor_ex(results)


def _refuse_singular(op: str, info: Array) -> None:
    failed = first_failure(info)
    if failed is not None:
        raise refusal("linalg.ldl_factor.singular", op=op, order=failed[1])


def _factor(self: Tensor, hermitian: bool) -> Any:
    packed, pivots, info = run(_EX, [self, hermitian, False])
    _refuse_singular("torch.linalg.ldl_factor", levels.values(info))
    return return_types.linalg_ldl_factor((packed, pivots))


_HERMITIAN = {"hermitian": (False, True)}
_EX = declare(
    "linalg.ldl_factor_ex(Tensor self, *, bool hermitian=False, bool check_errors=False) "
    "-> (Tensor LD, Tensor pivots, Tensor info)",
    forward=_factor_ex, underived=True, out=ASSEMBLED, non_differentiable_outputs=(1, 2),
    samples=domains.field(shapes="square", arguments={**_HERMITIAN, "check_errors": (False,)}),
)  # fmt: skip
declare(
    "linalg.ldl_factor(Tensor self, *, bool hermitian=False) -> (Tensor LD, Tensor pivots)",
    forward=_factor, composite=True, underived=True,
    out=replace(ASSEMBLED, results=(0, 1), by="linalg_ldl_factor_ex"),
    samples=domains.field(shapes="positive", arguments=_HERMITIAN),
)  # fmt: skip


def _solve(LD: Tensor, pivots: Tensor, B: Tensor, hermitian: bool) -> Tensor:
    check_square(LD, "torch.linalg.ldl_solve")
    if len(B._shape) < 2:
        raise refusal("ops.dim.range", low=-1, high=0, dim=-2)
    if LD._dtype is not B._dtype:
        raise refusal("linalg.ldl_solve.dtypes", b=B._dtype.scalar_name, a=LD._dtype.scalar_name)
    if LD._shape[-1] != B._shape[-2]:
        n, (rows, columns) = LD._shape[-1], B._shape[-2:]
        raise refusal("linalg.ldl_solve.sizes", n=n, rows=rows, columns=columns)
    if LD._shape[:-1] != pivots._shape:
        raise refusal("linalg.ldl_solve.pivots_shape", shape=list(pivots._shape))
    if pivots._dtype.category != 1:
        raise refusal("linalg.ldl_solve.pivots_dtype", dtype=pivots._dtype.scalar_name)
    announce(B._dtype)
    check_kernel(LD, "ldl_solve_kernel_cpu")
    batch = broadcast_shapes([LD._shape[:-2], B._shape[:-2]])
    packed = np.broadcast_to(LD._read(), (*batch, *LD._shape[-2:]))
    order = np.broadcast_to(pivots._read(), (*batch, LD._shape[-1]))
    right = np.broadcast_to(B._read(), (*batch, *B._shape[-2:]))

    def solve(x: Array, b: Array) -> Array:
        return lapack_symmetric.ldl_solve(x, order, b, hermitian)

    return by_columns(noisy(solve(packed, right), solve, [packed, right], B._dtype), B._dtype)


declare(
    "linalg.ldl_solve(Tensor LD, Tensor pivots, Tensor B, *, bool hermitian=False) -> Tensor",
    forward=_solve, underived=True, out=ASSEMBLED,
)  # fmt: skip
