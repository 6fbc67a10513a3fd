"""By mask and by flat position: masked_fill, masked_select, masked_scatter, take, put, nonzero.

Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.masked_fill_.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, levels, strides
from reference_engine.ops import domains, kernels
from reference_engine.ops.advanced_index import overlap_warning
from reference_engine.ops.declare import OutForm, declare
from reference_engine.ops.filling import checked_number
from reference_engine.ops.kernels import (
    accumulation,
    broadcast_shapes,
    from_array,
    noisy,
    refuse_outside,
    wrap_dim,
)
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_C_NAMES = {"int64": "long int", "int16": "short int"}


def _masked_fill(self: Tensor, mask: Tensor, value: Any) -> Tensor:
    in_place = kernels.written is not None
    if not in_place:
        broadcast_shapes([mask._shape, self._shape])  # before anything else is looked at
    if isinstance(value, Tensor):
        if value._shape:
            raise refusal("ops.masked_fill.value_rank", ndim=len(value._shape))
        value = value.detach().item()
    if mask._dtype is not dtypes.bool_:
        if mask._dtype is not dtypes.uint8 or switch("ops.masked_fill.bool_only"):
            raise refusal("ops.masked_fill.mask_dtype", dtype_cpp=_C_NAMES.get(mask.dtype.name, mask.dtype.cpp_name))
        warn("indexing.masked_fill.uint8")
    shape = broadcast_shapes([self._shape, mask._shape] if in_place else [mask._shape, self._shape])
    number = checked_number(value, self._dtype)
    shown = np.broadcast_to(self._read(), shape)
    filled = np.where(mask._read() != 0, np.asarray(number).astype(self._dtype.np), shown)
    return from_array(filled, self._dtype)


def _chosen_sum(grad: Tensor, mask: Tensor) -> Tensor:
    if levels.is_mapped(mask):  # as many are chosen in one slice as in another only by chance
        return grad.masked_fill(mask.logical_not(), 0).sum()
    return grad.masked_select(mask).sum()


declare(
    "masked_fill(Tensor self, Tensor mask, Tensor value) -> Tensor",
    forward=_masked_fill, node="MaskedFillBackward1",
    vjp={
        "self": lambda grad, mask: grad.masked_fill(mask, 0),
        "value": _chosen_sum,
    },
    inplace=True, exact=True, overlap=overlap_warning("masked_fill"), samples=domains.numbers(shapes="masked_fill"),
)  # fmt: skip

declare(
    "masked_fill(Tensor self, Tensor mask, Scalar value) -> Tensor",
    forward=_masked_fill, vjp={"self": lambda grad, mask: grad.masked_fill(mask, 0)},
    inplace=True, exact=True, overlap=overlap_warning("masked_fill"), samples=domains.numbers(shapes="masked_fill"),
)  # fmt: skip


def _masked_select(self: Tensor, mask: Tensor) -> Tensor:
    if mask._dtype is not dtypes.bool_ and (mask._dtype is not dtypes.uint8 or switch("ops.masked_fill.bool_only")):
        raise refusal("ops.masked_select.dtype")
    if kernels.written_dtype not in (None, self._dtype):
        raise refusal("indexing.masked_select.out_dtype")
    kernels.refuse_shared_memory(self, mask)
    shape = broadcast_shapes([mask._shape, self._shape])
    chosen = np.broadcast_to(self._read(), shape)[np.broadcast_to(mask._read() != 0, shape)]
    return from_array(chosen, self._dtype)


def _masked_select_vjp(grad: Tensor, self: Tensor, mask: Tensor) -> Tensor:
    shape = broadcast_shapes([self._shape, mask._shape])
    wanted = strides.like(shape, strides.expanded(self._shape, self._strides, shape))
    return grad.new_empty_strided(shape, wanted).zero_().masked_scatter_(mask, grad)


declare(
    "masked_select(Tensor self, Tensor mask) -> Tensor",
    forward=_masked_select, vjp={"self": _masked_select_vjp}, out=True, exact=True,
    samples=domains.numbers(shapes="masked_select"),
)  # fmt: skip


def _masked_scatter(self: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    if kernels.written is None:
        shape = broadcast_shapes([mask._shape, self._shape])
    else:
        shape = mask.detach().expand(self._shape)._shape
    if self._dtype is not source._dtype:
        raise refusal("ops.masked_scatter.dtype", target=self.dtype.scalar_name, got=source.dtype.scalar_name)
    if mask._dtype is dtypes.uint8:
        warn("indexing.masked_scatter.uint8")
    if mask._dtype is not dtypes.bool_ and (mask._dtype is not dtypes.uint8 or switch("ops.masked_fill.bool_only")):
        raise refusal("indexing.masked_scatter.mask_dtype", dtype=mask.dtype.scalar_name)
    array = np.array(np.broadcast_to(self._read(), shape), order="C")
    where = np.broadcast_to(mask._read() != 0, shape)
    count = int(where.sum())
    if count > source.numel():
        raise refusal("ops.masked_scatter.size")
    if source._storage is self._storage:
        cite("indexing.masked_scatter.aliased")
    array[where] = source._read().reshape(-1)[:count]
    return from_array(array, self._dtype)


declare(
    "masked_scatter(Tensor self, Tensor mask, Tensor source) -> Tensor",
    forward=_masked_scatter,
    vjp={
        "self": lambda grad, mask: grad.masked_fill(mask, 0),
        "source": lambda grad, mask, source_shape: grad._masked_scatter_backward(mask, source_shape),
    },
    inplace=True, exact=True, samples=domains.numbers(shapes="masked_scatter"),
)  # fmt: skip


def _masked_scatter_backward(grad: Tensor, mask: Tensor, sizes: Ints) -> Tensor:
    """The gradient under the mask, in order; what the source had beyond that is unused."""
    shape = broadcast_shapes([grad._shape, mask._shape])
    chosen = np.broadcast_to(grad._read(), shape)[np.broadcast_to(mask._read() != 0, shape)]
    out = np.zeros(strides.numel(sizes), chosen.dtype)
    out[: chosen.size] = chosen
    return from_array(out.reshape(sizes), grad._dtype)


declare(
    "_masked_scatter_backward(Tensor self, Tensor mask, int[] sizes) -> Tensor",
    forward=_masked_scatter_backward, node="MaskedScatterBackwardBackward0",
    vjp={"self": lambda grad, mask, self_shape: grad.new_zeros(self_shape).masked_scatter(mask, grad)},
    function=False, exact=True,
)  # fmt: skip

# -- by flat position --------------------------------------------------------------------------------------------


def _flat(self: Tensor, index: Tensor, op: str) -> Any:
    at = index._read()
    n = self.numel()
    for i in at.reshape(-1):
        if not -n <= i < n:
            raise refusal("ops.take.range", index=int(i), numel=n)
    return at % max(n, 1)


def _take(self: Tensor, index: Tensor) -> Tensor:
    if index._dtype is not dtypes.int64:
        raise refusal("ops.take.dtype", dtype=index.dtype.scalar_name)
    out = kernels.written_dtype
    if out is not None and out is not self._dtype:
        raise refusal("indexing.take.out_dtype", dtype=self.dtype.scalar_name, got=out.scalar_name)
    if not self.numel() and index.numel():
        raise refusal("indexing.take.empty")
    kernels.refuse_shared_memory(index, self)
    kernels.shape_out(index._shape)
    at = _flat(self, index, "take")
    if not self.numel():
        return from_array(np.zeros(index._shape, self._dtype.np), self._dtype)
    return from_array(np.asarray(self._read().reshape(-1)[at]), self._dtype)


def _take_vjp(grad: Tensor, self: Tensor, index: Tensor) -> Tensor:
    made = grad.new_empty_strided(self._shape, strides.like(self._shape, self._strides)).zero_()
    return made.put_(index, grad, True)


declare(
    "take(Tensor self, Tensor index) -> Tensor",
    forward=_take, vjp={"self": _take_vjp},
    out=True, exact=True, samples=domains.numbers(shapes="take"),
)  # fmt: skip


def _put(self: Tensor, index: Tensor, source: Tensor, accumulate: bool) -> Tensor:
    if index._dtype is not dtypes.int64:
        raise refusal("indexing.put.index_dtype", dtype=index.dtype.scalar_name)
    if self._dtype is not source._dtype:
        raise refusal("indexing.put.dtype", target=self.dtype.scalar_name, got=source.dtype.scalar_name)
    if index.numel() != source.numel():
        raise refusal("indexing.put.count", source=source.numel(), index=index.numel())
    if index.numel() and not self.numel():
        raise refusal("indexing.put.empty")
    kernels.refuse_shared_memory(index, source)
    given, n = index._read(), self.numel()
    if ((given < -n) | (given >= n)).any():
        cite("indexing.refused.writes_nothing")
    at = _flat(self, index, "put").reshape(-1)

    def place(to: Any, what: Any) -> Any:
        flat = (accumulation(to) if accumulate else to).reshape(-1).copy()
        if accumulate:
            (np.logical_or if flat.dtype == bool else np.add).at(flat, at, what.reshape(-1))
        else:
            flat[at] = what.reshape(-1)
        return flat.reshape(to.shape)

    arrays = [np.array(self._read(), order="C"), np.array(source._read(), order="C")]
    out = place(*arrays)
    made = noisy(out, place, arrays, self._dtype) if accumulate else out
    return from_array(made, self._dtype, strides.like(self._shape, self._strides))


declare(
    "put(Tensor self, Tensor index, Tensor source, bool accumulate=False) -> Tensor",
    forward=_put,
    vjp={
        "self": lambda grad, index, accumulate, source_shape: (
            grad if accumulate else grad.put(index, grad.new_zeros(source_shape), False)
        ),
        "source": lambda grad, index, source: grad.take(index).reshape(source._shape),
    },
    inplace=True, samples=domains.numbers(shapes="put"),
)  # fmt: skip

# -- positions of what is not zero -------------------------------------------------------------------------------


def _nonzero(self: Tensor) -> Tensor:
    kernels.refuse_rare(self, "nonzero_count_cpu")
    found = np.nonzero(self._read() != 0) if self._shape else ()
    count = len(found[0]) if found else int(bool(self._read() != 0))
    table = np.stack(found, axis=1) if found else np.zeros((count, 0), np.int64)
    return from_array(table.astype(np.int64), dtypes.int64, (1, count) if self._shape else (1, max(count, 0)))


declare(
    "nonzero(Tensor self, *, bool as_tuple=False) -> Tensor",
    forward=lambda self, as_tuple: _columns(self) if as_tuple else _nonzero(self), exact=True,
    samples=domains.numbers(),
)  # fmt: skip


def _nonzero_static(self: Tensor, size: int, fill_value: int) -> Tensor:
    if size < 0:
        raise refusal("indexing.nonzero_static.size")
    found = _nonzero(self)._read()[:size]
    table = np.full((size, len(self._shape)), fill_value, np.int64)
    table[: len(found)] = found
    return from_array(table, dtypes.int64)


declare(
    "nonzero_static(Tensor self, *, int size, int fill_value=-1) -> Tensor", forward=_nonzero_static,
    out=OutForm(same_dtype=True, refused="indexing.nonzero_static.out", by="aten::nonzero_static"), exact=True,
    underived=True, when="indexing.nonzero_static.exists",
    samples=domains.numbers(arguments={"size": (0, 1, 3, 5), "fill_value": (-1, 7)}),
)  # fmt: skip

declare("argwhere(Tensor self) -> Tensor", forward=_nonzero, exact=True, samples=domains.numbers())


def _columns(self: Tensor) -> tuple[Tensor, ...]:
    """One tensor of positions a dimension; a zero-dimensional tensor counts as one of size one."""
    table = _nonzero(self if self._shape else self.detach().unsqueeze(0))
    return table.unbind(1)


def _take_along_dim(self: Tensor, indices: Tensor, dim: int | None) -> Tensor:
    import reference_engine as engine

    out = kernels.destination
    if dim is None:
        return engine.gather(self.reshape(-1), 0, indices.reshape(-1), out=out)
    if len(indices._shape) != len(self._shape):
        raise refusal("ops.take_along_dim.rank", ndim=len(self._shape), index_ndim=len(indices._shape))
    if indices._dtype is not dtypes.int64:
        raise refusal("indexing.take_along_dim.dtype", dtype=indices.dtype.scalar_name)
    d = wrap_dim(dim, len(self._shape))
    if not self._shape:
        raise refusal("ops.dim.scalar", dim=d)
    mine = [1 if i == d else n for i, n in enumerate(self._shape)]
    theirs = [1 if i == d else n for i, n in enumerate(indices._shape)]
    common = broadcast_shapes([tuple(mine), tuple(theirs)])
    size = self._shape[d]
    own = tuple(size if i == d else n for i, n in enumerate(common))
    index = tuple(indices._shape[d] if i == d else n for i, n in enumerate(common))
    shown, at = self.expand(own), indices.expand(index)
    if switch("indexing.take_along_dim.negative"):
        counted = at._read()
        counted = np.where(counted < 0, counted + size, counted)
        refuse_outside(counted, d, size)  # before anything is said about `out`
        at = from_array(counted, dtypes.int64)
    return engine.gather(shown, d, at, out=out)


declare(
    "take_along_dim(Tensor self, Tensor indices, int? dim=None) -> Tensor",
    forward=_take_along_dim, composite=True, out=True, hands_out=True, exact=True,
    samples=domains.numbers(shapes="take_along_dim"),
)  # fmt: skip
