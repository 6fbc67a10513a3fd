"""Reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import accumulation, from_array, noisy, wrap_dims
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def expand_reduced(grad: Tensor, shape: Ints, dims: Any, keepdim: bool) -> Tensor:
    """Show the gradient of a reduced result in the shape of the argument."""
    if not shape:
        return grad.expand(shape)
    if not keepdim:
        for d in sorted(wrap_dims(dims, len(shape))):
            grad = grad.unsqueeze(d)
    return grad.expand(shape)


def _sum(self: Tensor, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    d = dtype or (dtypes.int64 if self._dtype.category < 2 else self._dtype)
    axes = wrap_dims(dim, len(self._shape))
    a = self._read().astype(d.np)

    def total(x: Any) -> Any:
        return np.sum(accumulation(x), axis=axes, keepdims=keepdim)

    return from_array(np.asarray(noisy(total(a), total, [a], d)), d)


declare(
    "sum(Tensor self, *, dtype? dtype=None) -> Tensor",
    forward=lambda self, dtype: _sum(self, None, False, dtype),
    vjp={"self": lambda grad, self_shape: grad.expand(self_shape)},
    samples=domains.numbers(),
)  # fmt: skip

declare(
    "sum(Tensor self, int[]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    node="SumBackward1",
    forward=_sum,
    vjp={"self": lambda grad, self_shape, dim, keepdim: expand_reduced(grad, self_shape, dim, keepdim)},
    out=True, samples=domains.numbers(arguments={"dim": "dims", "keepdim": (False, True)}),
)  # fmt: skip


def _mean(self: Tensor, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    d = dtype or self._dtype
    if not d.is_differentiable:
        raise refusal("ops.mean.dtype", dtype=d.scalar_name, reason="input" if dtype is None else "optional")
    axes = wrap_dims(dim, len(self._shape))
    a = self._read().astype(d.np)

    def average(x: Any) -> Any:
        return np.mean(accumulation(x), axis=axes, keepdims=keepdim)

    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numpy warns of an empty mean; the answer, nan, is torch's too
        out = average(a)
    return from_array(np.asarray(noisy(out, average, [a], d)), d)


declare(
    "mean(Tensor self, *, dtype? dtype=None) -> Tensor",
    forward=lambda self, dtype: _mean(self, None, False, dtype),
    vjp={"self": lambda grad, self_shape: grad.expand(self_shape) / _count(self_shape, None)},
    samples=domains.field(),
)  # fmt: skip

declare(
    "mean(Tensor self, int[]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    node="MeanBackward1",
    forward=_mean,
    vjp={
        "self": lambda grad, self_shape, dim, keepdim: (
            expand_reduced(grad, self_shape, dim, keepdim) / _count(self_shape, dim)
        )
    },
    out=True, samples=domains.field(arguments={"dim": "dims", "keepdim": (False, True)}),
)  # fmt: skip


def _count(shape: Ints, dims: Any) -> int:
    n = 1
    for d in wrap_dims(dims, len(shape)):
        n *= shape[d]
    return n


def _any_all(name: str, fn: Any) -> None:
    def apply(self: Tensor, dim: Any, keepdim: bool) -> Tensor:
        out = fn(self._read().astype(bool), axis=None if dim is None else wrap_dims(dim, len(self._shape)), keepdims=keepdim)
        return from_array(np.asarray(out), dtypes.uint8 if self._dtype is dtypes.uint8 else dtypes.bool_)

    declare(f"{name}(Tensor self) -> Tensor", forward=lambda self: apply(self, None, False), exact=True)
    declare(f"{name}(Tensor self, int[] dim, bool keepdim=False) -> Tensor", forward=apply, exact=True)


_any_all("any", np.any)
_any_all("all", np.all)
