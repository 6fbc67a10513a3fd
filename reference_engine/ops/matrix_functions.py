"""Exponentials, powers and norms of matrices."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from reference_engine import levels
from reference_engine.ops import domains, kernels, lapack
from reference_engine.ops.declare import OutForm, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import accumulation, from_array, nearby, noisy, wrap_dim
from reference_engine.ops.matrices import adjoint, check_floating, check_low_precision, check_matrix, check_square
from reference_engine.ops.norm import OLD_NORM
from reference_engine.ops.out_form import refuse_castable
from reference_engine.ops.solving import INV_EX
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

# -- exponential -------------------------------------------------------------------------------------------------------


def _matrix_exp(A: Tensor) -> Tensor:
    check_square(A, "linalg.matrix_exp")
    if A._dtype.itemsize == 2 and A._shape[-1] > 1:
        cite("linalg.matrix_exp.half_precision")
    a = nearby(accumulation(A._read()), A._dtype)
    return from_array(noisy(lapack.exponential(a), lapack.exponential, [a], A._dtype), A._dtype)


def _matrix_exp_vjp(grad: Tensor, self: Tensor) -> Tensor:
    """The upper right block of the exponential of [[A^H, G], [0, A^H]]."""
    import reference_engine as engine

    back, n = adjoint(self), self._shape[-1]
    if levels.is_mapped(grad):
        upper = engine.cat([back, grad], -1)
        whole = engine.cat([upper, engine.cat([engine.zeros_like(grad), back], -1)], -2)
    else:
        whole = back.new_zeros((*self._shape[:-2], 2 * n, 2 * n))
        for row, column, part in ((0, 0, back), (n, n, back), (0, n, grad)):
            whole.narrow(-2, row, n).narrow(-1, column, n).copy_(part)
    return engine.linalg.matrix_exp(whole).narrow(-2, 0, n).narrow(-1, n, n)


declare(
    "linalg.matrix_exp(Tensor self) -> Tensor",
    forward=_matrix_exp, node="LinalgMatrixExpBackward0", vjp={"self": _matrix_exp_vjp}, aliases=("matrix_exp",),
    samples=domains.field(-1.0, 1.0, shapes="regular"),
)  # fmt: skip

# -- powers ------------------------------------------------------------------------------------------------------------


def _matrix_power(self: Tensor, n: int) -> Tensor:
    """By repeated squaring; ``out=`` takes what the last step makes."""
    import reference_engine as engine

    out = kernels.destination
    check_square(self, "linalg.matrix_power", floating=False)
    if out is not None:
        refuse_castable("matrix_power", self._dtype, out)
        kernels.resize_out(out, self._shape)
    if n in (0, 1) and out is not None:
        return out.copy_(self if n else engine.eye(self._shape[-1], dtype=self.dtype))
    if n == 0:
        return self.clone(memory_format="contiguous").copy_(engine.eye(self._shape[-1], dtype=self.dtype))
    if n == -1:
        return engine.linalg.inv(self, out=out)
    base = engine.linalg.inv(self) if n < 0 else self
    n = abs(n)
    if n == 1:
        return self.clone(memory_format="contiguous")
    if n == 3:
        return engine.matmul(base.matmul(base), base, out=out)
    made, power = None, None
    while n:
        if power is None:
            power = base
        else:
            power = engine.matmul(power, power, out=out if n == 1 and made is None else None)
        if n % 2:
            made = power if made is None else engine.matmul(made, power, out=out if n == 1 else None)
        n //= 2
    return made  # type: ignore[return-value]


declare(
    "linalg.matrix_power(Tensor self, int n) -> Tensor", forward=_matrix_power, composite=True, out=True,
    hands_out=True,
    aliases=("matrix_power",), samples=domains.field(shapes="square", arguments={"n": (0, 1, 2, 3, 4, -1)}),
)  # fmt: skip

# -- norms -------------------------------------------------------------------------------------------------------------


def _matrix_norm(A: Tensor, ord: Any, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    import reference_engine as engine

    op = "linalg.matrix_norm"
    if isinstance(ord, complex):
        raise refusal("reduction.vector_norm.complex_order", op=op)
    if isinstance(ord, str) and ord not in ("fro", "nuc"):
        raise refusal("linalg.matrix_norm.order", order=ord)
    if not isinstance(ord, str) and abs(ord) not in (1, 2, math.inf):
        raise refusal("linalg.matrix_norm.order", order=f"{ord:g}")
    check_matrix(A, op)
    check_floating(A, op)
    by_values = ord == "nuc" or ord in (2, -2)
    if by_values:
        check_low_precision(A, op)
    if len(dim) != 2:
        raise refusal("linalg.matrix_norm.dims", dim=" ".join(map(str, dim)))
    if dtype is not None:
        A = A.to(dtype)
    first, second = wrap_dims(tuple(dim), len(A._shape), op)
    if ord == "fro":
        return engine.linalg.vector_norm(A, 2, (first, second), keepdim=keepdim)
    if by_values:
        values = engine.linalg.svdvals(A.movedim((first, second), (-2, -1)))
        if ord == "nuc":
            found = values.sum(-1, keepdim=keepdim)
        else:
            found = values.amax(-1, keepdim) if ord == 2 else values.amin(-1, keepdim)
        return found.unsqueeze(-1).movedim((-2, -1), (first, second)) if keepdim else found
    inner, outer = (first, second) if abs(ord) == 1 else (second, first)
    if not keepdim and inner < outer:
        outer -= 1
    sums = engine.linalg.vector_norm(A, 1, inner, keepdim=keepdim)
    return sums.amax(outer, keepdim) if ord > 0 else sums.amin(outer, keepdim)


def wrap_dims(dim: tuple[int, ...], rank: int, op: str) -> tuple[int, int]:
    """The two dimensions of a matrix."""
    first, second = (wrap_dim(d, rank) for d in dim)
    if first == second:
        raise refusal("linalg.matrix_norm.same_dims", op=op, first=dim[0], second=dim[1])
    return first, second


_NORM_OUT = OutForm(same_dtype=True, refused="linalg.norm.out", words="linalg.matrix_norm")

declare(
    "linalg.matrix_norm(Tensor A, any ord='fro', int[] dim=(-2,-1), bool keepdim=False, *, "
    "dtype? dtype=None) -> Tensor",
    forward=_matrix_norm, composite=True, out=_NORM_OUT, copied=True,
    samples=domains.field(
        shapes="matrix",
        arguments={
            "ord": ("fro", "nuc", 1, 2, math.inf, -1),
            "dim": ((-2, -1), (0, 1)),
            "keepdim": (False, True),
            "dtype": (None,),
        },
    ),
)  # fmt: skip


def _norm(A: Tensor, ord: Any, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    """A vector norm or a matrix norm, by how many dimensions are meant."""
    import reference_engine as engine

    dims = (dim,) if isinstance(dim, int) else dim
    if dims is not None and len(dims) not in (1, 2):
        by_name = isinstance(ord, str)
        raise refusal("linalg.norm.dims_by_name" if by_name else "linalg.norm.dims", dim=list(dims))
    if dims is None and ord is not None and len(A._shape) not in (1, 2):
        raise refusal("linalg.norm.rank", ndim=len(A._shape))
    two = len(A._shape) == 2 if dims is None else len(dims) == 2
    if ord is not None and (two or isinstance(ord, str)):
        return engine.linalg.matrix_norm(A, ord, (0, 1) if dims is None else dims, keepdim, dtype=dtype)
    return engine.linalg.vector_norm(A, 2 if ord is None else ord, dims, keepdim, dtype=dtype)


declare(
    "linalg.norm(Tensor A, any ord=None, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    forward=_norm, composite=True, out=replace(_NORM_OUT, words="linalg.norm"), copied=True,
    samples=domains.field(
        shapes="matrix",
        arguments={
            "ord": (None, "fro", "nuc", 1, 2, math.inf),
            "dim": (None,),
            "keepdim": (False, True),
            "dtype": (None,),
        },
    ),
)  # fmt: skip


def _cond(self: Tensor, p: Any) -> Tensor:
    """The norm times that of the inverse; of order two the quotient of the extreme singular values."""
    import reference_engine as engine

    if len(self._shape) < 2:
        raise refusal("linalg.cond.rank")
    if not isinstance(p, str) and p is not None and abs(p) not in (1, 2, math.inf):
        raise refusal("linalg.cond.order", order=f"{p:g}")
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise refusal("linalg.cond.order", order=p)
    if p is None or p in (2, -2):
        values = engine.linalg.svdvals(self)
        if not self.numel():
            return engine.zeros(self._shape[:-2], dtype=values.dtype)
        k = values._shape[-1]
        largest, smallest = values.narrow(-1, 0, 1), values.narrow(-1, k - 1, 1)
        return (smallest / largest if p == -2 else largest / smallest).squeeze(-1)
    check_square(self, f"linalg.cond(ord={p if isinstance(p, str) else f'{p:g}'})", floating=False)
    if not self.numel():
        return engine.zeros(self._shape[:-2], dtype=self._dtype.to_real())
    inverse, info = run(INV_EX, [self, False])
    inverse = inverse.masked_fill(info.gt(0).unsqueeze(-1).unsqueeze(-1), math.inf)
    product = engine.linalg.matrix_norm(self, p) * engine.linalg.matrix_norm(inverse, p)
    return product if p == "nuc" else product.nan_to_num(math.inf, math.inf, -math.inf)


declare(
    "linalg.cond(Tensor self, any p=None) -> Tensor", forward=_cond, composite=True, out=True, copied=True,
    samples=domains.field(shapes="regular", arguments={"p": (None, 2, 1, math.inf, "fro", "nuc")}),
)  # fmt: skip


def _frobenius_norm(self: Tensor, dim: Any, keepdim: bool) -> Tensor:
    if switch("linalg.older_norms.deprecated"):
        warn("linalg.frobenius_norm.deprecated")
    if len(dim) > 2:
        raise refusal("linalg.frobenius_norm.dims", count=len(dim))
    made: Tensor = run(
        OLD_NORM, [self, 2, dim or tuple(range(len(self._shape))), keepdim, None], out=kernels.destination
    )
    return made


def _nuclear_norm(self: Tensor, dim: Any, keepdim: bool) -> Tensor:
    if switch("linalg.older_norms.deprecated"):
        warn("linalg.nuclear_norm.deprecated")
    elif dim is None and len(self._shape) != 2:
        raise refusal("linalg.nuclear_norm.rank", ndim=len(self._shape), s="s" * (len(self._shape) != 1))
    elif dim is not None and len(dim) != 2:
        raise refusal("linalg.nuclear_norm.dims")
    dim = (-2, -1) if dim is None else dim
    if len(dim) != 2:
        raise refusal("linalg.matrix_norm.dims", dim=" ".join(map(str, dim)))
    return _matrix_norm(self, "nuc", dim, keepdim, None)


declare(
    "frobenius_norm(Tensor self, int[] dim, bool keepdim=False) -> Tensor", forward=_frobenius_norm, composite=True,
    method=False, out=True, hands_out=True,
    samples=domains.field(arguments={"dim": "dimensions", "keepdim": (False, True)}),
)  # fmt: skip
declare(
    "nuclear_norm(Tensor self, bool keepdim=False) -> Tensor", composite=True, method=False, out=_NORM_OUT, copied=True,
    forward=lambda self, keepdim: _nuclear_norm(self, None, keepdim), samples=domains.field(shapes="matrix"),
)  # fmt: skip
declare(
    "nuclear_norm(Tensor self, int[] dim, bool keepdim=False) -> Tensor", composite=True, method=False, out=_NORM_OUT,
    copied=True, forward=_nuclear_norm,
)  # fmt: skip
