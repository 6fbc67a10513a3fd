"""Indexing with tensors: ``x[index, :, mask]`` read, and the same written.

An index is a list with one entry a dimension of ``self``: a tensor of positions, a mask (which stands for as many
dimensions as it has), or None for a dimension that is taken whole.

Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_put_.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.ops import kernels
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import accumulation, from_array, noisy
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
Indices = Sequence[Tensor | None]


class Plan:
    """Where the elements of an indexing expression lie.

    Attributes:
        index: what NumPy indexes with: an array of positions, or a full slice, a dimension.
        shape: the shape of the result.
        operands: (shape, strides) of the source and of each index tensor as the result's loop sees them; the memory
            order of the result follows from them.
    """

    def __init__(self, self_: Tensor, indices: Indices, warns: bool = True) -> None:
        positions = _positions(self_, indices, warns)
        ndim = len(self_._shape)
        if len(positions) > ndim:
            raise refusal("indexing.too_many", ndim=ndim, got=len(positions))
        positions += [None] * (ndim - len(positions))
        used = [i for i, p in enumerate(positions) if p is not None]
        given = [positions[i] for i in used]
        common = _broadcast([p[0].shape for p in given if p is not None])
        together = not used or used == list(range(used[0], used[-1] + 1))
        kept = [i for i in range(ndim) if positions[i] is None]
        # separated index tensors put their common shape first
        lead = [i for i in kept if together and used and i < used[0]]
        tail = [i for i in kept if i not in lead] if used else []
        lead = lead if used else kept
        self.shape: Ints = tuple([self_._shape[i] for i in lead]) + common + tuple(self_._shape[i] for i in tail)
        if any(self_._shape[i] == 0 for i in used) and strides.numel(common):
            raise refusal("indexing.empty_dimension")
        if strides.numel(self.shape):
            _check_range(self_, used, given, common)
        self.index: Any = tuple(
            slice(None) if p is None else p[0] % max(self_._shape[i], 1) for i, p in enumerate(positions)
        )
        before, inside, after = len(lead), len(common), len(tail)
        source = [self_._strides[i] for i in lead] + [0] * inside + [self_._strides[i] for i in tail]
        self.operands: list[tuple[Ints, Ints]] = [(self.shape, tuple(source))]
        for p in given:
            assert p is not None
            shown = strides.expanded(p[0].shape, p[1], common)
            padded = (1,) * before + common + (1,) * after
            spread = strides.of_view(common, shown, padded) or strides.contiguous(padded)
            self.operands.append((padded, tuple(spread)))


def _positions(self_: Tensor, indices: Indices, warns: bool) -> list[tuple[Any, Ints] | None]:
    """Masks turned into positions: one entry a dimension, an array with the strides that its tensor has."""
    found: list[tuple[Any, Ints] | None] = []
    for index in indices:
        if index is None:
            found.append(None)
            continue
        if index._dtype is dtypes.bool_ or index._dtype is dtypes.uint8:
            if index._dtype is dtypes.uint8 and warns:
                warn("ops.index.uint8")
            mask = index._read() != 0
            for j, n in enumerate(mask.shape):
                at = len(found) + j
                if at >= len(self_._shape) or self_._shape[at] != n:
                    raise refusal(
                        "ops.index.mask_shape", mask=list(mask.shape), mask_dim=j, shape=list(self_._shape), dim=at
                    )
            cite("indexing.mask.nonzero")
            found.extend((where, (1,)) for where in np.nonzero(mask))
        elif index._dtype is dtypes.int64 or (index._dtype is dtypes.int32 and switch("ops.index.int32")):
            found.append((index._read().astype(np.int64), index._strides))
        else:
            raise refusal("ops.index.dtype")
    return found


def _broadcast(shapes: Sequence[Ints]) -> Ints:
    common: Ints = shapes[0] if shapes else ()
    for shape in shapes[1:]:
        merged = strides.broadcast(common, shape)
        if isinstance(merged, int):
            raise refusal("ops.index.broadcast", shapes=", ".join(str(list(s)) for s in shapes))
        common = merged
    return common


def _check_range(self_: Tensor, used: Sequence[int], given: Sequence[Any], common: Ints) -> None:
    """Refuse a position outside its dimension: the first in the order of the result, and then of the tensors."""
    sizes = [self_._shape[i] for i in used]
    bad = [np.broadcast_to((p[0] < -n) | (p[0] >= n), common) for p, n in zip(given, sizes, strict=True)]
    if not any(b.any() for b in bad):
        return
    first = int(np.argmax(np.logical_or.reduce(bad).reshape(-1)))
    for at, (p, n, b) in enumerate(zip(given, sizes, bad, strict=True)):
        if b.reshape(-1)[first]:
            index = int(np.broadcast_to(p[0], common).reshape(-1)[first])
            raise refusal("ops.index.range", index=index, dim=used[at], size=n)


def _index(self: Tensor, indices: Indices) -> Tensor:
    plan = Plan(self, indices)
    cite("indexing.tensors.copy")
    return from_array(self._read()[plan.index], self._dtype, strides.of_pointwise_result(plan.shape, plan.operands))


declare(
    "_index(Tensor self, Tensor?[] indices) -> Tensor",
    forward=_index, node="IndexBackward0",
    vjp={
        "self": lambda grad, self_shape, indices: grad.new_zeros(self_shape)._index_put_impl_(indices, grad, True)
    },
    function=False, exact=True,
)  # fmt: skip

# -- writing -----------------------------------------------------------------------------------------------------


def _put(self: Tensor, indices: Indices, values: Tensor, accumulate: bool) -> Tensor:
    """``self`` with ``values`` at the indexed places."""
    masked = not accumulate and _is_masked_fill(indices, values)
    if masked:
        _check_mask(indices)
    elif kernels.written is self:
        kernels.refuse_common_memory(self, [values, *(i for i in indices if i is not None)])
    plan = Plan(self, indices, warns=not masked)
    if not strides.is_expandable_to(values._shape, plan.shape):
        raise refusal("ops.index_put.shape", value=list(values._shape), shape=list(plan.shape))
    if values._dtype is not self._dtype and not masked:
        raise refusal("ops.index_put.dtype", target=self.dtype.scalar_name, got=values.dtype.scalar_name)
    array = np.array(self._read(), order="C")
    source = values._read()
    if source.dtype.kind == "c" and array.dtype.kind != "c":
        source = source.real
    source = np.broadcast_to(source.astype(array.dtype), plan.shape)
    if not accumulate:
        array[plan.index] = source
        return from_array(array, self._dtype)
    if array.dtype == bool:
        np.logical_or.at(array, plan.index, source)
        return from_array(array, self._dtype)

    def add(to: Any, what: Any) -> Any:
        total = accumulation(to).copy()
        np.add.at(total, plan.index, accumulation(what))
        return total

    return from_array(noisy(add(array, source), add, [array, source], self._dtype), self._dtype)


def _is_masked_fill(indices: Indices, values: Tensor) -> bool:
    """One mask and one number: the number is cast like a Python number, and so may have another dtype."""
    given = [i for i in indices if i is not None]
    return values.numel() == 1 and len(given) == 1 and given[0]._dtype in (dtypes.bool_, dtypes.uint8)


def _check_mask(indices: Indices) -> None:
    if any(i is not None and i._dtype is dtypes.uint8 for i in indices):
        if switch("ops.masked_fill.bool_only"):
            raise refusal("ops.masked_fill.mask_dtype", dtype_cpp=dtypes.uint8.cpp_name)
        warn("indexing.masked_fill.uint8")


def _put_self_vjp(grad: Tensor, indices: Indices, values_shape: Ints, values_dtype: Any, accumulate: bool) -> Tensor:
    if accumulate:
        return grad
    zeros = grad.new_zeros(values_shape, dtype=values_dtype)
    return grad.index_put(indices, zeros, False)


def overlap_warning(op: str) -> Any:
    """For ``declare(overlap=...)``: writing to expanded memory works, and is deprecated."""
    return lambda *values: (f"inplace.expanded.{op}",)


def _warns_of_overlap(self: Tensor, indices: Indices, values: Tensor, accumulate: bool) -> tuple[str, ...]:
    masked = ("inplace.expanded.masked_fill",) if not accumulate and _is_masked_fill(indices, values) else ()
    return ("inplace.expanded.index_put", *masked)


declare(
    "index_put(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    forward=_put,
    vjp={"self": _put_self_vjp, "values": lambda grad, indices: grad._index(indices)},
    inplace=True, exact=True, overlap=_warns_of_overlap,
)  # fmt: skip

declare(
    "_index_put_impl(Tensor self, Tensor?[] indices, Tensor values, bool accumulate=False) -> Tensor",
    forward=_put,
    vjp={"self": _put_self_vjp, "values": lambda grad, indices: grad._index(indices)},
    inplace=True, exact=True, function=False, overlap=_warns_of_overlap,
)  # fmt: skip
