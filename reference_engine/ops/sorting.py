"""Order: sort, argsort, msort.

nan counts as larger than every number. Values are selections, so the gradient goes to the places that were selected.

Source: https://docs.pytorch.org/docs/stable/generated/torch.sort.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, return_types, strides
from reference_engine.ops import domains
from reference_engine.ops.declare import EXACT, declare
from reference_engine.ops.extrema import place_vjp
from reference_engine.ops.kernels import from_array, wrap_dim
from reference_engine.semantics import refusal, switch
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


def along(self: Tensor, dim: int) -> tuple[Any, int]:
    """The values, a number as a vector of one, and the dimension."""
    d = wrap_dim(dim, len(self._shape))
    array = self._read()
    return (array.reshape(1), 0) if array.ndim == 0 else (array, d)


def refuse_complex(self: Tensor, clause: str) -> None:
    if self._dtype.is_complex:
        raise refusal(clause, dtype=self.dtype.scalar_name)


def selected(self: Tensor, array: Any, at: Any, d: int, shape: Ints, layout: Any = None) -> list[Tensor]:
    values = np.take_along_axis(array, at, axis=d)
    return [
        from_array(values.reshape(shape), self._dtype, layout),
        from_array(at.astype(np.int64).reshape(shape), dtypes.int64, layout),
    ]


def _sort(self: Tensor, dim: int, descending: bool) -> Any:
    if self._shape or switch("ops.sort.complex_scalar"):
        refuse_complex(self, "ops.sort.complex")
    array, d = along(self, dim)
    layout = (
        strides.like(self._shape, self._strides)
        if strides.is_non_overlapping_and_dense(self._shape, self._strides)
        else None
    )
    return return_types.sort(selected(self, array, _order(array, d, descending), d, self._shape, layout))


def _sort_vjp(grad: Tensor, self_shape: Ints, dim: int, result1: Tensor) -> Tensor:
    return place_vjp(grad, self_shape, dim, result1, True)


declare(
    "sort(Tensor self, *, bool? stable, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
    forward=lambda self, stable, dim, descending: _sort(self, dim, descending), node="SortBackward1",
    vjp={"self": _sort_vjp}, non_differentiable_outputs=(1,), out=EXACT, exact=True,
    samples=domains.ordered(arguments={"stable": (False, True), "dim": "dim", "descending": (False, True)}),
)  # fmt: skip

declare(
    "sort(Tensor self, int dim=-1, bool descending=False) -> (Tensor values, Tensor indices)",
    forward=_sort, vjp={"self": _sort_vjp}, non_differentiable_outputs=(1,), out=EXACT, exact=True,
    samples=domains.ordered(arguments={"dim": "dim", "descending": (False, True)}),
)  # fmt: skip

declare(
    "argsort(Tensor self, *, bool stable, int dim=-1, bool descending=False) -> Tensor",
    forward=lambda self, stable, dim, descending: self.sort(dim, descending)[1], exact=True, composite=True,
)  # fmt: skip

declare(
    "argsort(Tensor self, int dim=-1, bool descending=False) -> Tensor",
    forward=lambda self, dim, descending: self.sort(dim, descending)[1], exact=True, composite=True,
    samples=domains.ordered(arguments={"dim": "dim", "descending": (False, True)}),
)  # fmt: skip

declare(
    "msort(Tensor self) -> Tensor", forward=lambda self: self.sort(0)[0], composite=True, exact=True,
    samples=domains.ordered(),
)  # fmt: skip
