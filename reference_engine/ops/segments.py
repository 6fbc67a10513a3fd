"""``torch.segment_reduce``: each run of elements along a dimension put together.

The runs are given by their lengths, or by where they begin and end.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array
from reference_engine.ops.supported import ONLY_FLOATING, refuse_unsupported
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

#: What is without elements, and how elements are put together.
_KINDS: dict[str, tuple[float, Any]] = {
    "sum": (0.0, np.add), "mean": (np.nan, np.add), "prod": (1.0, np.multiply),
    "max": (-np.inf, np.maximum), "amax": (-np.inf, np.maximum),
    "min": (np.inf, np.minimum), "amin": (np.inf, np.minimum),
}  # fmt: skip


def _lengths(data: Tensor, lengths: Any, indices: Any, offsets: Any, axis: int, unsafe: bool) -> Array:
    """How long each run is.

    Raises:
        RuntimeError: lengths that the data does not have, or that are not given.
    """
    if indices is not None:
        raise refusal("ops.segment_reduce.indices")
    if lengths is None and offsets is None:
        raise refusal("ops.segment_reduce.lengths")
    given, name = (offsets, "offsets") if offsets is not None else (lengths, "lengths")
    data.size(axis)
    if axis != len(given._shape) - 1:
        raise refusal("ops.segment_reduce.axis", name=name, axis=axis)
    counts: Array = np.diff(given._read(), axis=-1) if offsets is not None else given._read()
    if offsets is None and not unsafe:
        if np.any(counts < 0):
            raise refusal("ops.segment_reduce.negative")
        if np.any(counts.sum(-1) != data._shape[axis]):
            raise refusal("ops.segment_reduce.total")
    return counts


def _runs(counts: Array) -> Iterator[tuple[int, int, slice]]:
    """Row, number and place of each run."""
    for row, of_row in enumerate(counts.reshape(-1, counts.shape[-1])):
        end = 0
        for number, count in enumerate(of_row):
            yield row, number, slice(end, end + int(count))
            end += int(count)


def _reduce(
    data: Tensor, reduce: str, lengths: Any, indices: Any, offsets: Any, axis: int, unsafe: bool, initial: Any
) -> Tensor:
    if reduce not in _KINDS:
        raise refusal("ops.segment_reduce.reduce", reduce=reduce)
    counts, d = _lengths(data, lengths, indices, offsets, axis, unsafe), data._dtype
    refuse_unsupported("_segment_reduce_cpu", d, not_for=ONLY_FLOATING)
    given, name = (lengths, "lengths") if offsets is None else (offsets, "offsets")
    if given._dtype.category != 1:
        refuse_unsupported(f"_segment_reduce_{name}_cpu_kernel1", given._dtype, not_for=frozenset({given._dtype}))
    neutral, put = _KINDS[reduce]
    rest = data._shape[axis + 1 :]
    outer = math.prod(data._shape[:axis])
    x = data._read().astype(d.compute).reshape((outer, data._shape[axis], *rest))
    start = (0.0 if reduce == "mean" else neutral) if initial is None else initial
    made = np.full((x.shape[0], counts.shape[-1], *rest), start, d.compute)
    with np.errstate(all="ignore"):
        for row, number, place in _runs(counts):
            for element in x[row, place]:
                made[row, number] = put(made[row, number], element)
            if reduce == "mean":
                length = place.stop - place.start
                if length:
                    made[row, number] /= length
                elif initial is None:
                    made[row, number] = neutral
    return from_array(made.reshape((*counts.shape, *rest)), d)


def _shares(
    grad: Tensor, output: Tensor, data: Tensor, reduce: str, counts: Tensor, axis: int, initial: Any
) -> Tensor:  # fmt: skip
    """The gradient: even among equal extrema, and of products also where an element is zero."""
    rest, d = data._shape[axis + 1 :], data._dtype
    outer = math.prod(data._shape[:axis])
    rows = (outer, counts._shape[-1], *rest)
    x = data._read().astype(d.compute).reshape((outer, data._shape[axis], *rest))
    g, y = (t._read().astype(d.compute).reshape(rows) for t in (grad, output))
    made = np.zeros_like(x)
    with np.errstate(all="ignore"):
        for row, number, place in _runs(counts._read()):
            part, slope, result = x[row, place], g[row, number], y[row, number]
            if reduce == "sum":
                made[row, place] = slope
            elif reduce == "mean":
                made[row, place] = slope / max(len(part), 1)
            elif reduce == "prod":
                for at in range(len(part)):
                    others = np.prod(np.delete(part, at, 0), 0) * (1 if initial is None else initial)
                    odd = np.isnan(part[at]) | (part[at] == 0)
                    made[row, place.start + at] = slope * np.where(odd, others, result / part[at])
            else:
                reached = (part == result) | np.isnan(part)
                made[row, place] = np.where(reached, slope / np.maximum(reached.sum(0), 1), 0)
    return from_array(made.reshape(data._shape), d)


def _not_derived(grad: Tensor) -> Tensor:
    raise refusal("engine.not_implemented_node", name="_segment_reduce_backward")


_BACKWARD = declare(
    "_segment_reduce_backward(Tensor grad, Tensor output, Tensor data, str reduce, Tensor counts, int axis, "
    "Scalar? initial) -> Tensor",
    forward=_shares, vjp=dict.fromkeys(("grad", "output", "data"), _not_derived),
    node="torch::autograd::NotImplemented",
    function=False, method=False,
)  # fmt: skip


def _vjp(
    grad: Tensor, result: Tensor, data: Tensor, reduce: str, lengths: Any, offsets: Any, axis: int, initial: Any
) -> Any:
    counts = lengths if offsets is None else offsets.diff()
    return run(_BACKWARD, [grad, result, data, reduce, counts, axis, initial])


declare(
    "segment_reduce(Tensor data, str reduce, *, Tensor? lengths=None, Tensor? indices=None, Tensor? offsets=None, "
    "int axis=0, bool unsafe=False, Scalar? initial=None) -> Tensor",
    forward=_reduce, method=False, node="SegmentReduceBackward0", vjp={"data": _vjp},
)  # fmt: skip
