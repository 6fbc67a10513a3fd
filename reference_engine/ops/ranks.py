"""By rank: topk, kthvalue, median, nanmedian, mode.

nan counts as larger than every number. The gradient goes to the places that were selected.

Source: https://docs.pytorch.org/docs/stable/generated/torch.topk.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine import return_types
from reference_engine.ops import domains
from reference_engine.ops.declare import EXACT, declare
from reference_engine.ops.extrema import evenly, place_vjp
from reference_engine.ops.kernels import dtypes_in, from_array
from reference_engine.ops.selecting import partition, quickselect, sorted_head
from reference_engine.ops.sorting import along, refuse_complex, selected
from reference_engine.ops.supported import refuse_unsupported
from reference_engine.semantics import cite, refusal
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
Less = Callable[[int, int], bool]


def _less(row: Any, descending: bool = False) -> Less:
    """The order of the elements of a row; nan is the largest."""
    if descending:
        return lambda i, j: bool((row[i] != row[i] and row[j] == row[j]) or row[i] > row[j])
    return lambda i, j: bool((row[i] == row[i] and row[j] != row[j]) or row[i] < row[j])


def _rows(array: Any, axis: int, choose: Callable[[Any], list[int]], count: int) -> Any:
    """The positions that ``choose`` finds in each row along an axis."""
    moved = np.moveaxis(array, axis, -1)
    found = np.empty((*moved.shape[:-1], count), np.int64)
    for at in np.ndindex(*moved.shape[:-1]):
        found[at] = choose(moved[at])
    cite("indexing.selection.equal_elements")
    return np.moveaxis(found, -1, axis)


_NO_RANKS = dtypes_in("bool complex")


def _refuse_dtype(self: Tensor, kernel: str) -> None:
    refuse_unsupported(kernel, self._dtype, not_for=_NO_RANKS)


# -- the k largest -----------------------------------------------------------------------------------------------


def _topk(self: Tensor, k: int, dim: int, largest: bool, sorted: bool) -> Any:
    array, d = along(self, dim)
    if not 0 <= k <= array.shape[d]:
        raise refusal("ops.topk.range")
    refuse_complex(self, "indexing.topk.complex")
    if self._dtype.category == 0:
        raise refusal("indexing.topk.bool", dtype=self.dtype.scalar_name)
    _refuse_dtype(self, "topk_cpu")
    if not self._shape:
        return return_types.topk(selected(self, array, np.zeros(1, np.int64), d, ()))

    def choose(row: Any) -> list[int]:
        at, less = list(range(len(row))), _less(row, largest)
        if not k:
            return []
        if k * 64 <= len(row):
            at.sort(key=lambda i: (row[i] == row[i], -row[i]) if largest else (row[i] != row[i], row[i]))
            return at[:k]
        partition(at, k - 1, less)
        if sorted:
            sorted_head(at, k - 1, less)
        return at[:k]

    at = _rows(array.astype(self._dtype.compute), d, choose, k)
    return return_types.topk(selected(self, array, at, d, (*self._shape[:d], k, *self._shape[d + 1 :])))


declare(
    "topk(Tensor self, int k, int dim=-1, bool largest=True, bool sorted=True) -> (Tensor values, Tensor indices)",
    forward=_topk, vjp={"self": lambda grad, self_shape, dim, result1: place_vjp(grad, self_shape, dim, result1, True)},
    non_differentiable_outputs=(1,), out=EXACT, exact=True,
    samples=domains.ordered(arguments={"k": (1, 2), "dim": "dim", "largest": (True, False)}),
)  # fmt: skip

# -- the one of a rank -------------------------------------------------------------------------------------------


def _reduced(self: Tensor, d: int, keepdim: bool) -> Ints:
    if not self._shape:
        return ()
    return (*self._shape[:d], *((1,) if keepdim else ()), *self._shape[d + 1 :])


def _check_any(name: str, self: Tensor, array: Any, d: int) -> None:
    if not array.shape[d]:
        raise refusal("indexing.rank.empty", op=name, dim=d)


def _place_vjp(grad: Tensor, self_shape: Ints, dim: int, keepdim: bool, result1: Tensor) -> Tensor:
    return place_vjp(grad, self_shape, dim, result1, keepdim)


def _kthvalue(self: Tensor, k: int, dim: int, keepdim: bool) -> Any:
    array, d = along(self, dim)
    _check_any("kthvalue", self, array, d)
    if not 1 <= k <= array.shape[d]:
        raise refusal("ops.kthvalue.range", dim=d)
    if self._shape:
        _refuse_dtype(self, "kthvalue_cpu")

    def choose(row: Any) -> list[int]:
        at = list(range(len(row)))
        quickselect(at, k - 1, _less(row))
        return [at[k - 1]]

    at = _rows(array.astype(self._dtype.compute), d, choose, 1)
    return return_types.kthvalue(selected(self, array, at, d, _reduced(self, d, keepdim)))


declare(
    "kthvalue(Tensor self, int k, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
    forward=_kthvalue, vjp={"self": _place_vjp}, non_differentiable_outputs=(1,), out=True, exact=True,
    samples=domains.ordered(arguments={"k": (1, 2), "dim": "dim", "keepdim": (False, True)}),
)  # fmt: skip


def _middle(row: Any, ignore_nan: bool) -> int:
    """The position of the lower median; that of the first nan if there is one and it counts."""
    missing = np.flatnonzero(row != row)
    if missing.size and not ignore_nan:
        return int(missing[0])
    known = len(row) - missing.size
    return int(np.argsort(row, kind="stable")[max(known - 1, 0) // 2])


def _medians(name: str, ignore_nan: bool) -> None:
    kind = getattr(return_types, name)
    word = name.capitalize()

    def total(self: Tensor) -> Tensor:
        _refuse_dtype(self, "median_cpu")
        values = self._read().reshape(-1)
        if not values.size:
            empty = np.nan if self._dtype.is_floating_point else np.iinfo(self._dtype.np).min
            return from_array(np.asarray(empty), self._dtype)
        return from_array(values[_middle(values.astype(self._dtype.compute), ignore_nan)].reshape(()), self._dtype)

    def by_dim(self: Tensor, dim: int, keepdim: bool) -> Any:
        array, d = along(self, dim)
        _check_any("median", self, array, d)
        _refuse_dtype(self, "median_out")
        if self._shape and self._shape[d] > 1 and self._strides[d] == 0:
            cite("indexing.median.shared_memory")
        at = _rows(array.astype(self._dtype.compute), d, lambda row: [_middle(row, ignore_nan)], 1)
        return kind(selected(self, array, at, d, _reduced(self, d, keepdim)))

    declare(
        f"{name}(Tensor self) -> Tensor",
        forward=total, node=f"{word}Backward0", vjp={"self": evenly}, exact=True,
        samples=domains.ordered(special=(float("nan"),)),
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
        forward=by_dim, node=f"{word}Backward1", vjp={"self": _place_vjp}, non_differentiable_outputs=(1,), out=True,
        exact=True,
        samples=domains.ordered(special=(float("nan"),), arguments={"dim": "dim", "keepdim": (False, True)}),
    )  # fmt: skip


_medians("median", False)
_medians("nanmedian", True)

# -- the most frequent -------------------------------------------------------------------------------------------


def _most_frequent(row: Any) -> int:
    """The last place of the most frequent value, of the least of these. A nan equals nothing, not even itself."""
    at, best, found, run = list(range(len(row))), 0, 0, 0
    sorted_head(at, len(at), lambda i, j: bool(row[i] < row[j]))
    for i, place in enumerate(at):
        run += 1
        if i + 1 == len(at) or row[place] != row[at[i + 1]]:
            if run > best:
                best, found = run, place
            run = 0
    return found


def _mode(self: Tensor, dim: int, keepdim: bool) -> Any:
    array, d = along(self, dim)
    _check_any("mode", self, array, d)
    if self._shape and self._dtype.is_complex:
        raise refusal("ops.not_implemented_for", op="mode_cpu", dtype=self.dtype.scalar_name)
    at = _rows(array.astype(self._dtype.compute), d, lambda row: [_most_frequent(row)], 1)
    return return_types.mode(selected(self, array, at, d, _reduced(self, d, keepdim)))


declare(
    "mode(Tensor self, int dim=-1, bool keepdim=False) -> (Tensor values, Tensor indices)",
    forward=_mode, vjp={"self": _place_vjp}, non_differentiable_outputs=(1,), out=True, exact=True,
    samples=domains.ordered(arguments={"dim": "dim", "keepdim": (False, True)}),
)  # fmt: skip
