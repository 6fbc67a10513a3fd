"""Histograms: how many values, or how much weight, lies between edges, along one dimension or several.

Source: https://docs.pytorch.org/docs/stable/generated/torch.histogramdd.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference_engine import creation, return_types
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Range = Sequence[float] | None

# -- what is refused ---------------------------------------------------------------------------------------------------


def _check_kernel(self: Tensor, kernel: str, half: bool) -> None:
    if not self._dtype.is_floating_point or (self._dtype.itemsize == 2 and not half):
        raise refusal("ops.not_implemented_for", op=kernel, dtype=self._dtype.scalar_name)


def _check(self: Tensor, weight: Tensor | None, edges: Sequence[Tensor]) -> None:
    n = self._shape[-1]
    if len(edges) != n:
        raise refusal("indexing.histogramdd.edges_count", dims=n, got=len(edges))
    for i, edge in enumerate(edges):
        if edge._dtype is not self._dtype:
            raise refusal(
                "indexing.histogramdd.edges_dtype", dtype=self._dtype.cpp_name, dim=i, got=edge._dtype.cpp_name
            )
        if len(edge._shape) != 1:
            raise refusal("indexing.histogramdd.edges_rank", rank=len(edge._shape), dim=i)
        if not edge.numel():
            raise refusal("indexing.histogramdd.edges_empty", dim=i)
    if weight is None:
        return
    if weight._dtype is not self._dtype:
        raise refusal("indexing.histogramdd.weight_dtype", dtype=self._dtype.cpp_name, got=weight._dtype.cpp_name)
    if weight._shape != self._shape[:-1]:
        raise refusal("indexing.histogramdd.weight_shape", shape=list(self._shape), got=list(weight._shape))


# -- edges -------------------------------------------------------------------------------------------------------------


def _outer_edges(points: Array, range: Range) -> tuple[list[float], list[float]]:
    """The smallest and the largest value along each dimension, unless given; widened where they are one."""
    n = points.shape[1]
    if range is not None:
        if len(range) != 2 * n:
            raise refusal("indexing.histogramdd.range_length", dims=n, expected=2 * n, got=len(range))
        low, high = list(range[::2]), list(range[1::2])
    elif points.size:
        low, high = [float(v) for v in points.min(0)], [float(v) for v in points.max(0)]
    else:
        low, high = [0.0] * n, [1.0] * n
    for i in np.arange(n):
        if not (np.isfinite(low[i]) and np.isfinite(high[i])):
            raise refusal("indexing.histogramdd.range_finite", dim=i, low=f"{low[i]:g}", high=f"{high[i]:g}")
        if low[i] > high[i]:
            raise refusal("indexing.histogramdd.range_order", dim=i, low=f"{low[i]:g}", high=f"{high[i]:g}")
        if low[i] == high[i]:
            low[i], high[i] = low[i] - 0.5, high[i] + 0.5
    return low, high


def _equal_bins(self: Tensor, bins: Sequence[int], range: Range) -> tuple[Tensor, ...]:
    if len(self._shape) < 2:
        raise refusal("indexing.histogramdd.rank")
    if len(bins) != self._shape[-1]:
        raise refusal("indexing.histogramdd.bins_count")
    for i, count in enumerate(bins):
        if count <= 0:
            raise refusal("indexing.histogramdd.bins", bins=count, dim=i)
    if range is None:
        _check_kernel(self, "histogramdd", half=False)
    low, high = _outer_edges(_points(self), range)
    return tuple(
        creation.linspace(a, b, count + 1, dtype=self._dtype) for a, b, count in zip(low, high, bins, strict=True)
    )


# -- counting ----------------------------------------------------------------------------------------------------------


def _points(self: Tensor) -> Array:
    return self._read().reshape(-1, self._shape[-1])


def _counted(self: Tensor, edges: Sequence[Tensor], weight: Tensor | None, density: bool) -> Tensor:
    """The last bin of a dimension has its right edge too; what lies outside, and nan, is not counted."""
    _check(self, weight, edges)
    _check_kernel(self, "histogram_cpu", half=True)
    points = _points(self)
    lines = [edge._read() for edge in edges]
    shape = tuple(len(line) - 1 for line in lines)
    inside = np.ones(len(points), bool)
    places = []
    for column, line in zip(points.T, lines, strict=True):
        inside &= (column >= line[0]) & (column <= line[-1])
        found = np.searchsorted(line, column, side="right") - 1
        places.append(np.where(column == line[-1], len(line) - 2, found))
    weights = np.ones(len(points), self._dtype.np) if weight is None else weight._read().reshape(-1)
    total = np.zeros(shape, self._dtype.np)
    np.add.at(total, tuple(place[inside] for place in places), weights[inside])
    if density:
        total = total / total.sum()
        for i, line in enumerate(lines):
            total = total / np.diff(line).reshape([-1 if d == i else 1 for d in np.arange(len(shape))])
    return from_array(total, self._dtype)


_HIDDEN: dict[str, Any] = {"function": False, "method": False, "underived": True, "exact": True}

_EDGES = declare(
    "_histogramdd_bin_edges(Tensor self, int[] bins, *, any range=None, Tensor? weight=None) -> Tensor",
    forward=lambda self, bins, range, weight: _equal_bins(self, bins, range), **_HIDDEN,
)  # fmt: skip
_FROM_EDGES = declare(
    "_histogramdd_from_bin_tensors(Tensor self, Tensor[] bins, *, Tensor? weight=None, bool density=False) -> Tensor",
    forward=_counted, **_HIDDEN,
)  # fmt: skip


def _several(self: Tensor, bins: Sequence[int], range: Range, weight: Tensor | None, density: bool) -> Any:
    edges = run(_EDGES, [self, bins, range, weight])
    hist = run(_FROM_EDGES, [self, [e.detach() for e in edges], weight, density])
    return return_types.histogramdd((hist, edges))


def _several_alike(self: Tensor, bins: int, range: Range, weight: Tensor | None, density: bool) -> Any:
    return _several(self, (bins,) * (self._shape[-1] if self._shape else 1), range, weight, density)


def _several_at(self: Tensor, bins: Sequence[Tensor], range: Range, weight: Tensor | None, density: bool) -> Any:
    hist = run(_FROM_EDGES, [self, list(bins), weight, density])
    return return_types.histogramdd((hist, tuple(bins)))


for _bins, _forward in (("int", _several_alike), ("int[]", _several), ("Tensor[]", _several_at)):
    declare(
        f"histogramdd(Tensor self, {_bins} bins, float[]? range=None, Tensor? weight=None, bool density=False) "
        "-> (Tensor hist, Tensor[] bin_edges)",
        forward=_forward, composite=True, method=False, exact=True,
    )  # fmt: skip

# -- along one dimension -----------------------------------------------------------------------------------------------


def _column(self: Tensor, weight: Tensor | None) -> tuple[Tensor, Tensor | None]:
    return self.detach().reshape(-1, 1), None if weight is None else weight.detach().reshape(-1)


def _by_edges(self: Tensor, bins: Tensor, weight: Tensor | None, density: bool) -> Any:
    column, weights = _column(self, weight)
    hist = _counted(column, [bins], weights, density)
    return return_types.histogram((hist, bins.detach().clone()))


def _by_count(self: Tensor, bins: int, range: Range, weight: Tensor | None, density: bool) -> Any:
    column, weights = _column(self, weight)
    edges = _equal_bins(column, (bins,), range)
    return return_types.histogram((_counted(column, edges, weights, density), edges[0]))


_OPTIONS: dict[str, Any] = {"underived": True, "out": True, "exact": True}
declare(
    "histogram(Tensor self, Tensor bins, *, Tensor? weight=None, bool density=False) "
    "-> (Tensor hist, Tensor bin_edges)",
    forward=_by_edges, **_OPTIONS,
)  # fmt: skip
declare(
    "histogram(Tensor self, int bins=100, *, float[]? range=None, Tensor? weight=None, bool density=False) "
    "-> (Tensor hist, Tensor bin_edges)",
    forward=_by_count, **_OPTIONS,
    samples=domains.real(
        shapes="same",
        arguments={"bins": (1, 4, 0), "range": (None, (0.0, 2.0), (2.0, -1.0)), "density": (False, True)},
    ),
)  # fmt: skip
