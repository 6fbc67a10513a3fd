"""Sums, norms and softmax over tensors of coordinates: what is not specified takes no part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.dtypes import dtype
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import from_array, wrap_dim, wrap_dims
from reference_engine.ops.norm import OLD_NORM
from reference_engine.semantics import refusal
from reference_engine.sparse import coalescing, memory
from reference_engine.sparse.access import backend_of, layout_word
from reference_engine.sparse.kernels import COMPRESSED, kernel
from reference_engine.tensor import Tensor

Array = Any
_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _dims(dim: Any, rank: int) -> tuple[int, ...]:
    dims = (dim,) if isinstance(dim, int) else tuple(dim)
    return tuple(sorted(wrap_dims(dims, rank))) if dims else ()


# -- sums --------------------------------------------------------------------------------------------------------------


def _summed(self: Tensor, dims: Sequence[int]) -> Tensor:
    """The sum over some dimensions: dense where no sparse one is left, else coalesced."""
    kept = memory.coo_of(self)
    n = kept.sparse_dim
    dense = tuple(d - n + 1 for d in dims if d >= n)
    values = kept.values
    if dense:
        values = values.sum(dense)
    left = [d for d in range(n) if d not in dims]
    if not left:
        return values.sum(0, dtype=values._dtype)
    shape = tuple(s for d, s in enumerate(self._shape) if d not in dims)
    if not dims:
        return coalescing.coalesced(self)
    made = memory.coo(shape, coalescing.row_major(kept.indices._read()[left]), values, False)
    return coalescing.coalesced(made)


@kernel("sum")
def _sum(self: Tensor, *rest: Any) -> Tensor:
    """The sum of all values, or over dimensions.

    Raises:
        IndexError: a dimension out of range.
    """
    if len(rest) == 1:
        return memory.coo_of(self).values.sum(dtype=rest[0])
    dim, keepdim, d = rest
    dims = _dims(range(len(self._shape)) if dim is None or dim == () else dim, len(self._shape))
    if dim == ():
        dims = ()
    t = self if d is None or d is self._dtype else memory.with_values(self, memory.coo_of(self).values.to(d))
    made = _summed(t, dims)
    if keepdim:
        for at in dims:
            made = made.unsqueeze(at)
    return made


def _sparse_sum(self: Tensor, dim: Any) -> Tensor:
    if not memory.is_coo(self):
        raise refusal("sparse.unsupported", op="_indices", backend=backend_of(self))
    memory.refuse_complex("_sparse_sum", self)
    return _summed(self, _dims(dim, len(self._shape)))


def _sum_backward(grad: Tensor, self: Tensor, dim: Any) -> Tensor:
    """The gradient of each summand that is specified; others have none.

    Args:
        grad: sparse where a sparse dimension is left, else dense.
    """
    t = coalescing.coalesced(self)
    kept, dims = memory.coo_of(t), _dims(dim, len(self._shape))
    indices, n = kept.indices._read(), kept.sparse_dim
    left = [d for d in range(n) if d not in dims]
    whole = coalescing.to_array(grad) if memory.is_coo(grad) else grad._read()
    dense_shape = tuple(1 if d in dims else self._shape[d] for d in range(n, len(self._shape)))
    if left and not memory.is_coo(grad):
        raise refusal("sparse.sum.cotangent")
    if left:
        found = whole[tuple(indices[left])].reshape(kept.nnz, *dense_shape)
        values = from_array(np.broadcast_to(found, kept.values._shape), grad._dtype)
    else:
        values = from_array(np.broadcast_to(whole.reshape(dense_shape), kept.values._shape), grad._dtype)
    return memory.coo(self._shape, coalescing.row_major(indices), values, True)


_SUM_BACKWARD = declare(
    "_sparse_sum_backward(Tensor grad, Tensor self, int[] dim) -> Tensor",
    forward=_sum_backward, underived=True, **_HIDDEN,
)  # fmt: skip
kernel("_sparse_sum_backward")(_sum_backward)

_SUM = declare(
    "_sparse_sum_dim(Tensor self, int[] dim) -> Tensor",
    forward=_sparse_sum, node="SparseSumBackward0",
    vjp={"self": lambda grad, self, dim: run(_SUM_BACKWARD, [grad, self, dim])},
    **_HIDDEN,
)  # fmt: skip
kernel("_sparse_sum_dim")(kernel("_sparse_sum_dim", table=COMPRESSED)(_sparse_sum))


def _total(input: Tensor, dim: Any, dtype: dtype | None) -> Tensor:
    """Over all dimensions it is the sum of the values; else integers stay what they are."""
    if dim is None:
        values = input.coalesce().values()
        return values.sum() if dtype is None else values.sum(dtype=dtype)
    made: Tensor = run(_SUM, [input if dtype is None else input.to(dtype), (dim,) if isinstance(dim, int) else dim])
    return made


declare(
    "_sparse_sum(Tensor input, int[]? dim=None, dtype? dtype=None) -> Tensor",
    forward=_total, composite=True, method=False,
)  # fmt: skip


def sum(input: Any, dim: Any = None, dtype: Any = None) -> Any:
    """The sum of what is specified, over all dimensions or some: sparse while a sparse dimension is left."""
    import reference_engine as engine

    return engine._sparse_sum(input, dim, dtype=dtype)


# -- norms and truth ---------------------------------------------------------------------------------------------------


@kernel("_norm")
def _norm(self: Tensor, p: Any, dim: Any, keepdim: bool, d: Any) -> Tensor:
    """The norm of all elements.

    Raises:
        RuntimeError: of some dimensions only, or with dimensions or a dtype to keep.
    """
    if dim:
        given = [wrap_dim(i, len(self._shape)) for i in dim]
        if sorted(given) != list(range(len(self._shape))):
            raise refusal("sparse.norm.dims")
    if keepdim:
        raise refusal("sparse.norm.keepdim")
    if d is not None:
        raise refusal("sparse.norm.dtype")
    return memory.coo_of(coalescing.coalesced(self)).values.norm(p)


@kernel("norm")
def _public_norm(self: Tensor, p: Any, dim: Any, keepdim: bool, d: Any) -> Tensor:
    order = 2 if p is None or p == "fro" else p
    made: Tensor = run(OLD_NORM, [self, order, dim, keepdim, d])
    return made


@kernel("any")
def _any(self: Tensor, *rest: Any) -> Tensor:
    if any(r not in (None, False) for r in rest):
        raise refusal("sparse.unsupported", op="any.dim", backend="SparseCPU")
    return memory.coo_of(self).values.any()


# -- softmax -----------------------------------------------------------------------------------------------------------


def _groups(t: Tensor, d: int) -> Array:
    """For each place of a coalesced tensor, which places it is compared with: those that differ in ``d`` only."""
    indices = np.delete(memory.coo_of(t).indices._read(), d, 0)
    shape = tuple(s for i, s in enumerate(t._shape[: memory.coo_of(t).sparse_dim]) if i != d)
    return np.unique(coalescing.flat(indices, shape), return_inverse=True)[1]


def _by_group(function: Any, values: Array, groups: Array, start: Any) -> Array:
    made = np.full((groups.max(initial=-1) + 1, *values.shape[1:]), start, values.dtype)
    function.at(made, groups, values)
    return made[groups]


def _softmax(log: bool) -> Any:
    def forward(self: Tensor, dim: int) -> Tensor:
        if not memory.is_coo(self):
            raise refusal("sparse.unsupported", op=f"_sparse_{'log_' * log}softmax", backend="CPU")
        if self._dtype not in (dtypes.float32, dtypes.float64):
            name = "log_softmax" if log else "softmax"
            raise refusal("ops.not_implemented_for", op=name, dtype=self._dtype.scalar_name)
        t, d = coalescing.coalesced(self), wrap_dim(dim, len(self._shape))
        kept = memory.coo_of(t)
        if d >= kept.sparse_dim:
            at = d - kept.sparse_dim + 1
            return memory.with_values(t, kept.values.log_softmax(at) if log else kept.values.softmax(at))
        x, groups = kept.values._read().astype(np.float64), _groups(t, d)
        largest = _by_group(np.maximum, x, groups, -np.inf)
        powers = np.exp(x - largest)
        total = _by_group(np.add, powers, groups, 0)
        made = x - (largest + np.log(total)) if log else powers / total
        return memory.with_values(t, from_array(made, self._dtype))

    return forward


def _softmax_backward(log: bool) -> Any:
    def backward(grad: Tensor, output: Tensor, dim: int) -> Tensor:
        if not memory.is_coo(grad):
            raise refusal("sparse.layout.coordinates", method="coalesce", layout=layout_word(grad))
        kept, d = memory.coo_of(output), wrap_dim(dim, len(output._shape))
        g = (coalescing.to_array(grad) if memory.is_coo(grad) else grad._read())[tuple(kept.indices._read())]
        y = kept.values._read()
        weighted = g if log else g * y
        if d >= kept.sparse_dim:
            total = weighted.sum(d - kept.sparse_dim + 1, keepdims=True)
        else:
            total = _by_group(np.add, weighted, _groups(output, d), 0)
        made = g - np.exp(y) * total if log else y * (g - total)
        return memory.with_values(output, from_array(made, grad._dtype))

    return backward


def _declare_softmax(log: bool) -> None:
    name = f"_sparse_{'log_' * log}softmax"
    backward = declare(
        f"{name}_backward_data(Tensor grad, Tensor output, int dim) -> Tensor",
        forward=_softmax_backward(log), underived=True, **_HIDDEN,
    )  # fmt: skip
    made = declare(
        f"{name}_in(Tensor self, int dim) -> Tensor",
        forward=_softmax(log), node=f"Sparse{'Log' * log}SoftmaxBackward0",
        vjp={"self": lambda grad, result, dim, self: run(backward, [grad, result, dim])}, **_HIDDEN,
    )  # fmt: skip
    kernel(backward.name)(backward.forward)
    kernel(made.name)(made.forward)
    declare(
        f"{name}(Tensor self, int dim, dtype? dtype=None) -> Tensor",
        forward=lambda self, dim, dtype: run(made, [self if dtype is None else self.to(dtype), dim]),
        composite=True, method=False, aliases=(f"sparse.{name.removeprefix('_sparse_')}",),
    )  # fmt: skip


_declare_softmax(False)
_declare_softmax(True)
