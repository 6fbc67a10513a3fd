"""Counting: unique, unique_consecutive, bincount, histc. Values are selected or counted, and nothing here is derived.

Source: https://docs.pytorch.org/docs/stable/generated/torch.unique.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, hash_tables, strides
from reference_engine.ops import domains
from reference_engine.ops.declare import Op, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import dtypes_in, from_array, wrap_dim
from reference_engine.ops.supported import HALF, refuse_unsupported
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any

# -- the different ones --------------------------------------------------------------------------------------------


def _not_derived(name: str) -> Any:
    def vjp(grad: Tensor) -> Tensor:
        raise refusal("engine.not_implemented_node", name=name)

    vjp.not_derived = name  # type: ignore[attr-defined]
    return vjp


def _counted(self: Tensor, values: Array, groups: Array, inverse_shape: tuple[int, ...]) -> list[Tensor]:
    """The values, the group that each element belongs to, and the size of each group."""
    sizes = np.bincount(groups.reshape(-1)) if groups.size else np.zeros(0)
    return [
        from_array(values, self._dtype),
        from_array(groups.astype(np.int64).reshape(inverse_shape), dtypes.int64),
        from_array(sizes.astype(np.int64), dtypes.int64),
    ]


def _grouped(rows: Array) -> tuple[Array, Array]:
    """Of rows in order: the first row of each run of equal ones, and the run that each belongs to. No nan is equal."""
    starts = np.ones(len(rows), bool)
    if len(rows) > 1:
        changes = rows[1:] != rows[:-1]
        starts[1:] = changes.any(1) if changes.ndim > 1 else changes
    return starts, np.cumsum(starts) - 1


_COMPLEX = dtypes_in("complex")


def _refuse_complex(self: Tensor) -> None:
    refuse_unsupported("unique", self._dtype, HALF, _COMPLEX)


def _unique(self: Tensor, sorted: bool, return_inverse: bool, return_counts: bool) -> Any:
    _refuse_complex(self)
    values = self._read().reshape(-1)
    order = np.argsort(values.astype(self._dtype.compute), kind="stable")
    starts, runs = _grouped(values[order])
    groups = np.empty(values.size, np.int64)
    groups[order] = runs
    if not sorted and values.dtype != bool and switch("indexing.unique.hashed"):
        return _in_table_order(self, values, groups)
    return _counted(self, values[order][starts], groups, self._shape)


def _in_table_order(self: Tensor, values: Array, groups: Array) -> Any:
    """What is different, as a hash table of all elements lists it; ``groups`` says which elements are alike."""
    _, firsts = np.unique(groups, return_index=True)
    met = np.sort(firsts)
    hashes = [_hash(v) for v in values[met]]
    listed = met[hash_tables.order(hashes, hash_tables.buckets_for(values.size))]
    places = np.empty(len(listed), np.int64)
    places[groups[listed]] = np.arange(len(listed))
    return _counted(self, values[listed], places[groups], self._shape)


def _hash(value: Any) -> int:
    if value.dtype.kind in "iu":
        return int(value) % (1 << 64)
    return hash_tables.hash_of(value.tobytes()) if value else 0


def _rows(self: Tensor, dim: int) -> Array:
    """The slices along a dimension, each flattened."""
    moved = np.moveaxis(self._read(), dim, 0)
    return moved.reshape(moved.shape[0], -1) if moved.size else np.zeros((moved.shape[0], 0), moved.dtype)


def _along(self: Tensor, dim: int, consecutive: bool) -> Any:
    if not self._shape:
        raise refusal("ops.dim.scalar", dim=dim)
    d = wrap_dim(dim, len(self._shape))
    if not self.numel() and (self._shape[d] or sum(n == 0 for n in self._shape) > 1):
        raise refusal("indexing.unique.empty")
    _refuse_complex(self)
    rows = _rows(self, d)
    n = len(rows)
    order = np.arange(n) if consecutive or not rows.size else np.lexsort(rows.T[::-1])
    starts, runs = _grouped(rows[order])
    groups = np.empty(n, np.int64)
    groups[order] = runs
    found = _counted(self, self._read()[:0], groups, (n,))
    chosen = np.moveaxis(self._read(), d, 0)[order][starts]
    steps = list(strides.contiguous(chosen.shape))
    laid_out = (*steps[1 : d + 1], steps[0], *steps[d + 1 :]) if chosen.size else None
    found[0] = from_array(np.moveaxis(chosen, 0, d), self._dtype, laid_out)
    return found


def _consecutive(self: Tensor, return_inverse: bool, return_counts: bool, dim: int | None) -> Any:
    if dim is not None:
        return _along(self, dim, True)
    _refuse_complex(self)
    values = self._read().reshape(-1)
    starts, groups = _grouped(values)
    return _counted(self, values[starts], groups, self._shape)


def _hidden(signature: str, forward: Any, node: str, name: str) -> Op:
    return declare(
        signature, forward=forward, node=node, vjp={"self": _not_derived(name)}, non_differentiable_outputs=(1, 2),
        function=False, method=False, exact=True,
    )  # fmt: skip


_UNIQUE = _hidden(
    "_unique2(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False) "
    "-> (Tensor, Tensor, Tensor)", _unique, "Unique2Backward0", "_unique2",
)  # fmt: skip
_UNIQUE_DIM = _hidden(
    "_unique_dim(Tensor self, int dim) -> (Tensor, Tensor, Tensor)",
    lambda self, dim: _along(self, dim, False), "UniqueDimBackward0", "unique_dim",
)  # fmt: skip
_CONSECUTIVE = _hidden(
    "_unique_consecutive(Tensor self, bool return_inverse, bool return_counts, int? dim) -> (Tensor, Tensor, Tensor)",
    _consecutive, "UniqueConsecutiveBackward0", "unique_consecutive",
)  # fmt: skip


def _asked_by_position(found: Any, return_inverse: bool, return_counts: bool) -> Any:
    if return_inverse != return_counts:
        cite("indexing.unique_consecutive.positional")
    return _asked(found, return_inverse, return_counts)


def _asked(found: Any, return_inverse: bool, return_counts: bool) -> Any:
    chosen = (found[0], *([found[1]] if return_inverse else []), *([found[2]] if return_counts else []))
    return chosen if len(chosen) > 1 else chosen[0]


declare(
    "unique(Tensor self, bool sorted=True, bool return_inverse=False, bool return_counts=False, int? dim=None) "
    "-> Tensor",
    forward=lambda self, sorted, return_inverse, return_counts, dim: _asked(
        run(_UNIQUE, [self, sorted, return_inverse, return_counts]) if dim is None else run(_UNIQUE_DIM, [self, dim]),
        return_inverse, return_counts,
    ),
    composite=True, exact=True,
    samples=domains.ordered(arguments={"return_inverse": (False, True), "return_counts": (False, True)}),
)  # fmt: skip
declare(
    "unique_consecutive(Tensor self, bool return_inverse=False, bool return_counts=False, int? dim=None) -> Tensor",
    forward=lambda self, return_inverse, return_counts, dim: _asked_by_position(
        run(_CONSECUTIVE, [self, return_inverse, return_counts, dim]), return_inverse, return_counts
    ),
    composite=True, exact=True,
    samples=domains.ordered(arguments={"return_inverse": (False, True), "return_counts": (False, True)}),
)  # fmt: skip

# -- how many ------------------------------------------------------------------------------------------------------


def _bincount(self: Tensor, weights: Tensor | None, minlength: int) -> Tensor:
    if self._dtype.category != 1:
        raise refusal("ops.not_implemented_for", op="bincount_cpu", dtype=self.dtype.scalar_name)
    if minlength < 0:
        raise refusal("indexing.bincount.minlength")
    values = self._read()
    if values.ndim == 1 and not values.size:
        return from_array(np.zeros(minlength), dtypes.int64)
    if values.ndim != 1 or values.min() < 0:
        raise refusal("indexing.bincount.values")
    if weights is None:
        return from_array(np.bincount(values.astype(np.int64), minlength=minlength), dtypes.int64)
    if weights._shape != self._shape:
        raise refusal("indexing.bincount.weights")
    d = weights._dtype if weights._dtype is dtypes.float32 else dtypes.float64
    total = np.zeros(max(minlength, int(values.max()) + 1), d.np)
    given = weights._read()
    np.add.at(total, values.astype(np.int64), (given.real if given.dtype.kind == "c" else given).astype(d.np))
    return from_array(total, d)


declare(
    "bincount(Tensor self, Tensor? weights=None, int minlength=0) -> Tensor",
    forward=_bincount, underived=True, exact=True,
)  # fmt: skip


def _histc(self: Tensor, bins: int, min: Any, max: Any) -> Tensor:
    if self._dtype.is_complex:
        if float(min) != float(max):
            raise refusal("ops.not_implemented_for", op="histogram_cpu", dtype=self.dtype.scalar_name)
        raise refusal("reduction.aminmax.complex", dtype=self.dtype.scalar_name)
    if not self._dtype.is_floating_point:
        kernel = "linspace_cpu" if self._dtype.category == 0 else "histogram_cpu"
        raise refusal("ops.not_implemented_for", op=kernel, dtype=self.dtype.scalar_name)
    if bins <= 0:
        raise refusal("indexing.histc.bins", bins=bins)
    refuse_unsupported("aminmax_cpu", self._dtype)
    values = self._read().reshape(-1).astype(self._dtype.compute)
    low, high = float(min), float(max)
    if low == high and values.size:
        low, high = float(values.min()), float(values.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise refusal("indexing.histc.finite", low=f"{low:g}", high=f"{high:g}")
    if low == high:
        low, high = low - 1, high + 1
    if low > high:
        raise refusal("indexing.histc.order")
    inside = values[(values >= low) & (values <= high)]
    at = ((inside - values.dtype.type(low)) / values.dtype.type(high - low) * bins).astype(np.int64)
    return from_array(np.bincount(np.minimum(at, bins - 1), minlength=bins), self._dtype)


declare(
    "histc(Tensor self, int bins=100, Scalar min=0, Scalar max=0) -> Tensor",
    forward=_histc, out=True, exact=True, samples=domains.real(arguments={"bins": (1, 4), "min": (0, -2),
    "max": (0, 2)}),
)  # fmt: skip
