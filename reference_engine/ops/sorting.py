"""Order: sort, argsort, msort, topk, kthvalue.

nan counts as larger than every number. Values are selections, so the gradient goes to the places that were selected.

Source: https://docs.pytorch.org/docs/stable/generated/torch.sort.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, return_types, strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array, wrap_dim
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def _order(array: Any, axis: int, descending: bool) -> Any:
    """Stable positions of the sorted elements along an axis."""
    if array.dtype.kind == "V" or (array.dtype.itemsize == 2 and array.dtype.kind not in "iu"):
        array = array.astype(np.float32)
    if not descending:
        return np.argsort(array, axis=axis, kind="stable")
    # equal elements keep their order: sort the reversed array, reverse, and count positions from the other end
    n = array.shape[axis]
    return n - 1 - np.flip(np.argsort(np.flip(array, axis), axis=axis, kind="stable"), axis)


def _along(self: Tensor, dim: int) -> tuple[Any, int]:
    """The values, a number as a vector of one, and the dimension."""
    d = wrap_dim(dim, len(self._shape))
    array = self._read()
    return (array.reshape(1), 0) if array.ndim == 0 else (array, d)


def _refuse_complex(self: Tensor, clause: str) -> None:
    if self._dtype.is_complex:
        raise refusal(clause, dtype=self.dtype.scalar_name)


def _selected(self: Tensor, array: Any, at: Any, d: int, shape: Ints, layout: Any = None) -> list[Tensor]:
    values = np.take_along_axis(array, at, axis=d)
    return [
        from_array(values.reshape(shape), self._dtype, layout),
        from_array(at.astype(np.int64).reshape(shape), dtypes.int64, layout),
    ]


def _scattered(grad: Tensor, shape: Ints, dim: int, indices: Tensor, keepdim: bool) -> Tensor:
    """The gradient of a selection along a dimension: each place that was selected gets its part."""
    if shape and not keepdim:
        grad, indices = grad.unsqueeze(dim), indices.unsqueeze(dim)
    return grad.new_zeros(shape).scatter(dim, indices, grad)


def _sort(self: Tensor, dim: int, descending: bool, stable: bool) -> Any:
    _refuse_complex(self, "ops.sort.complex")
    array, d = _along(self, dim)
    layout = (
        strides.like(self._shape, self._strides)
        if strides.is_non_overlapping_and_dense(self._shape, self._strides)
        else None
    )
    return return_types.sort(_selected(self, array, _order(array, d, descending), d, self._shape, layout))


declare(
    "sort(Tensor self, int dim=-1, bool descending=False, *, bool stable=False) -> (Tensor, Tensor)",
    forward=_sort,
    vjp={"self": lambda grad, self_shape, dim, result1: _scattered(grad, self_shape, dim, result1, True)},
    non_differentiable_outputs=(1,), exact=True, smooth=False,
    samples=domains.ordered(arguments={"dim": "dim", "descending": (False, True)}),
)  # fmt: skip

declare(
    "argsort(Tensor self, int dim=-1, bool descending=False, bool stable=False) -> Tensor",
    forward=lambda self, dim, descending, stable: self.detach().sort(dim, descending)[1], exact=True,
    samples=domains.ordered(arguments={"dim": "dim", "descending": (False, True)}),
)  # fmt: skip

declare(
    "msort(Tensor self) -> Tensor", forward=lambda self: self.sort(0)[0], composite=True, exact=True, smooth=False,
    samples=domains.ordered(),
)  # fmt: skip


def _topk(self: Tensor, k: int, dim: int, largest: bool, sorted: bool) -> Any:
    array, d = _along(self, dim)
    if not 0 <= k <= array.shape[d]:
        raise refusal("ops.topk.range")
    _refuse_complex(self, "indexing.topk.complex")
    at = np.take(_order(array, d, largest), np.arange(k), axis=d)
    shape = (*self._shape[:d], k, *self._shape[d + 1 :]) if self._shape else ()
    return return_types.topk(_selected(self, array, at, d, shape))


declare(
    "topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor, Tensor)",
    forward=_topk,
    vjp={"self": lambda grad, self_shape, dim, result1: _scattered(grad, self_shape, dim, result1, True)},
    non_differentiable_outputs=(1,), exact=True, smooth=False,
    samples=domains.ordered(arguments={"k": (1, 2), "dim": "dim", "largest": (True, False)}),
)  # fmt: skip


def _reduced(self: Tensor, d: int, keepdim: bool) -> Ints:
    if not self._shape:
        return ()
    return (*self._shape[:d], *((1,) if keepdim else ()), *self._shape[d + 1 :])


def _kthvalue(self: Tensor, k: int, dim: int, keepdim: bool) -> Any:
    array, d = _along(self, dim)
    if not 1 <= k <= array.shape[d]:
        raise refusal("ops.kthvalue.range", dim=d)
    at = np.take(_order(array, d, False), [k - 1], axis=d)
    return return_types.kthvalue(_selected(self, array, at, d, _reduced(self, d, keepdim)))


declare(
    "kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor, Tensor)",
    forward=_kthvalue,
    vjp={"self": lambda grad, self_shape, dim, result1, keepdim: _scattered(grad, self_shape, dim, result1, keepdim)},
    non_differentiable_outputs=(1,), exact=True, smooth=False,
    samples=domains.ordered(arguments={"k": (1, 2), "dim": "dim", "keepdim": (False, True)}),
)  # fmt: skip
