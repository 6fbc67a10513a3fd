"""Rows of a table looked up by index and put together, bag by bag: their sum, mean or maximum.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import not_derived
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.ops.linear import renormalised
from reference_engine.semantics import cite, refusal, warn
from reference_engine.sparse.embedding import rows_looked_up
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}
_MODES = ("sum", "mean", "max")
SUM, MEAN, MAX = range(3)
_WHOLE = (dtypes.int64, dtypes.int32)


def _refuse(weight: Tensor, indices: Tensor, offsets: Tensor, mode: int, of_each: Any, padding_idx: int) -> None:
    """Raise for arguments that do not go together, in the order of torch's checks."""
    for t in (indices, offsets):
        if t._dtype not in _WHOLE:
            raise refusal("nn.embedding_bag.whole", got=t._dtype.tensor_name)
    if not weight._dtype.is_floating_point:
        raise refusal("nn.embedding_bag.weight", got=weight._dtype.tensor_name)
    if len(indices._shape) != 1:
        raise refusal("nn.embedding_bag.list")
    starts = offsets._read()
    if starts.size and starts[0] != 0:
        raise refusal("nn.embedding_bag.first", start=int(starts[0]))
    if starts.size and starts[-1] > indices._shape[0]:
        raise refusal("nn.embedding_bag.last", length=indices._shape[0], last=int(starts[-1]))
    if of_each is not None:
        if mode != SUM:
            raise refusal("nn.embedding_bag.weighted")
        if of_each._dtype is not weight._dtype:
            raise refusal(
                "nn.embedding_bag.same_type", weight=weight._dtype.tensor_name, got=of_each._dtype.tensor_name
            )
    wrong = indices._read()[(indices._read() < 0) | (indices._read() >= weight._shape[0])]
    if (
        wrong.size
        and mode != MAX
        and weight._dtype is not dtypes.float64
        and padding_idx < 0
        and weight._strides[1] == 1
    ):
        at = int(np.argmax(indices._read() == wrong[0]))
        raise refusal("nn.embedding_bag.index_at", at=at, index=int(wrong[0]), rows=weight._shape[0])
    if wrong.size:
        raise refusal("nn.embedding_bag.index", index=int(wrong[0]))


def _bags(indices: Tensor, offsets: Tensor, last: bool) -> tuple[Array, int]:
    """The bag of each index, and how many there are."""
    starts = offsets._read()[:-1] if last else offsets._read()
    of_index = np.searchsorted(starts, np.arange(indices._shape[0]), side="right") - 1
    return of_index.astype(np.int64), len(starts)


def _embedding_bag(
    weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool, mode: int, sparse: bool,
    per_sample_weights: Any, include_last_offset: bool, padding_idx: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    if mode not in (SUM, MEAN, MAX):
        raise refusal("nn.embedding_bag.mode")
    _refuse(weight, indices, offsets, mode, per_sample_weights, padding_idx)
    if include_last_offset and not offsets._shape[0]:
        raise RuntimeError("include_last_offset: number of offset should be at least 1")
    of_index, count = _bags(indices, offsets, include_last_offset)
    places = indices._read()
    kept = (places != padding_idx) & (of_index >= 0)  # with one offset that is the last there is no bag
    table = weight._read().astype(weight._dtype.compute)
    sizes = np.bincount(of_index[kept], minlength=count).astype(np.int64)
    whole = indices._dtype if indices._dtype is offsets._dtype else dtypes.int64
    shape = (count, weight._shape[1])
    of_bag = from_array(of_index, whole)
    if mode == MAX:
        best, where = np.zeros(shape, table.dtype), np.zeros(shape, np.int64)
        for bag in range(count):
            inside = places[(of_index == bag) & kept]
            if inside.size:
                where[bag] = inside[np.argmax(table[inside], axis=0)]
                best[bag] = table[where[bag], np.arange(shape[1])]
        return from_array(best, weight._dtype), of_bag, from_array(sizes, whole), from_array(where, whole)
    factors = None if per_sample_weights is None else per_sample_weights._read().astype(table.dtype)

    def together(table: Array) -> Array:
        rows = table[places] if factors is None else table[places] * factors[:, None]
        made = np.zeros(shape, table.dtype)
        np.add.at(made, of_index[kept], rows[kept])
        return made / np.maximum(sizes, 1).astype(table.dtype)[:, None] if mode == MEAN else made

    made = noisy(together(table), together, [table], weight._dtype, floor=together(np.abs(table)))
    told = sizes if mode == MEAN else np.zeros(count, np.int64)
    return from_array(made, weight._dtype), of_bag, from_array(told, whole), from_array(told, whole)


def _rows(grad: Tensor, indices: Tensor, of_bag: Tensor, sizes: Tensor, mode: int, per_sample_weights: Any) -> Array:
    """What the row of each index gets."""
    bags = of_bag._read()
    rows = grad._read().astype(grad._dtype.compute)[bags]
    if mode == MEAN:
        rows = rows * (1 / np.maximum(sizes._read(), 1)[bags].astype(rows.dtype))[:, None]
    if per_sample_weights is not None:
        rows = rows * per_sample_weights._read().astype(rows.dtype)[:, None]
    return rows


def _of_table(
    grad: Tensor, indices: Tensor, offset2bag: Tensor, bag_size: Tensor, maximum_indices: Tensor, num_weights: int,
    scale_grad_by_freq: bool, mode: int, per_sample_weights: Any, padding_idx: int,
) -> Tensor:  # fmt: skip
    made = np.zeros((num_weights, grad._shape[1]), grad._dtype.compute)
    if mode == MAX:
        g = grad._read().astype(made.dtype)
        filled = bag_size._read() > 0
        at = (maximum_indices._read()[filled], np.arange(grad._shape[1])[None])
        np.add.at(made, at, g[filled])
        return from_array(made, grad._dtype)
    places = indices._read()
    rows = _rows(grad, indices, offset2bag, bag_size, mode, per_sample_weights)
    if scale_grad_by_freq:
        cite("nn.embedding_bag.scaled")
        rows = rows / np.bincount(places, minlength=num_weights)[places].astype(rows.dtype)[:, None]
    kept = places != padding_idx

    def added(rows: Array) -> Array:
        table = np.zeros(made.shape, rows.dtype)
        np.add.at(table, places[kept], rows[kept])
        return table

    floor = added(np.abs(rows))
    return from_array(noisy(added(rows), added, [rows], grad._dtype, floor=floor, rounded=True), grad._dtype)


_TABLE_BACKWARD = declare(
    "_embedding_bag_backward(Tensor grad, Tensor indices, Tensor offset2bag, Tensor bag_size, Tensor maximum_indices, "
    "int num_weights, bool scale_grad_by_freq, int mode, Tensor? per_sample_weights, int padding_idx) -> Tensor",
    forward=_of_table, node="EmbeddingBagBackwardBackward0",
    vjp={name: not_derived("_embedding_bag_backward") for name in ("grad", "per_sample_weights")}, **_HIDDEN,
)  # fmt: skip


def _of_rows(
    grad: Tensor, indices: Tensor, offset2bag: Tensor, bag_size: Tensor, num_weights: int, scale_grad_by_freq: bool,
    mode: int, per_sample_weights: Any, padding_idx: int,
) -> Tensor:  # fmt: skip
    """The same, sparse: a place for each index."""
    rows = from_array(_rows(grad, indices, offset2bag, bag_size, mode, per_sample_weights), grad._dtype)
    return rows_looked_up(rows, indices, num_weights, padding_idx, scale_grad_by_freq)


_ROWS_BACKWARD = declare(
    "_embedding_bag_sparse_backward(Tensor grad, Tensor indices, Tensor offset2bag, Tensor bag_size, int num_weights, "
    "bool scale_grad_by_freq, int mode, Tensor? per_sample_weights, int padding_idx) -> Tensor",
    forward=_of_rows, node="EmbeddingBagBackwardBackward0",
    vjp={name: not_derived("_embedding_bag_backward") for name in ("grad", "per_sample_weights")}, **_HIDDEN,
)  # fmt: skip


def _of_weights(
    grad: Tensor, weight: Tensor, indices: Tensor, offset2bag: Tensor, mode: int, padding_idx: int
) -> Tensor:
    places = indices._read()
    g, table = (t._read().astype(t._dtype.compute) for t in (grad, weight))

    def products(g: Array, table: Array) -> Array:
        return np.where(places != padding_idx, (g[offset2bag._read()] * table[places]).sum(1), 0)

    floor = products(np.abs(g), np.abs(table))
    return from_array(noisy(products(g, table), products, [g, table], grad._dtype, floor=floor), grad._dtype)


_WEIGHTS_BACKWARD = declare(
    "_embedding_bag_per_sample_weights_backward(Tensor grad, Tensor weight, Tensor indices, Tensor offset2bag, "
    "int mode, int padding_idx) -> Tensor",
    forward=_of_weights, underived=True, display="_embedding_bag_per_sample_weights_backward", **_HIDDEN,
)  # fmt: skip


def _table_vjp(
    grad: Tensor, indices: Tensor, offsets: Tensor, result1: Tensor, result2: Tensor, result3: Tensor,
    weight_shape: tuple[int, ...], scale_grad_by_freq: bool, mode: int, sparse: bool, per_sample_weights: Any,
    padding_idx: int,
) -> Tensor:  # fmt: skip
    made: Tensor
    told = [weight_shape[0], scale_grad_by_freq, mode, per_sample_weights, padding_idx]
    if sparse:
        made = run(_ROWS_BACKWARD, [grad, indices, result1, result2, *told])
    else:
        made = run(_TABLE_BACKWARD, [grad, indices, result1, result2, result3, *told])
    return made


_BAG = declare(
    "_embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq, int mode, bool sparse, "
    "Tensor? per_sample_weights, bool include_last_offset, int padding_idx) -> (Tensor, Tensor, Tensor, Tensor)",
    forward=_embedding_bag, node="EmbeddingBagBackward0", non_differentiable_outputs=(1, 2, 3),
    vjp={
        "weight": _table_vjp,
        "per_sample_weights": lambda grad, weight, indices, result1, mode, padding_idx: run(
            _WEIGHTS_BACKWARD, [grad, weight, indices, result1, mode, padding_idx]
        ),
    },
    **_HIDDEN,
)  # fmt: skip


def _public(
    weight: Tensor, indices: Tensor, offsets: Tensor, scale_grad_by_freq: bool, mode: int, sparse: bool,
    per_sample_weights: Any, include_last_offset: bool, padding_idx: Any,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:  # fmt: skip
    rows = weight._shape[0]
    if padding_idx is None:
        padding_idx = -1
    elif not -rows <= padding_idx < rows:
        raise refusal("nn.embedding_bag.padding", low=-rows, high=rows - 1, got=padding_idx)
    elif padding_idx < 0:
        padding_idx += rows
    found: tuple[Tensor, Tensor, Tensor, Tensor] = run(
        _BAG,
        [
            weight, indices, offsets, scale_grad_by_freq, mode, sparse, per_sample_weights, include_last_offset,
            padding_idx,
        ],
    )  # fmt: skip
    return found


declare(
    "embedding_bag(Tensor weight, Tensor indices, Tensor offsets, bool scale_grad_by_freq=False, int mode=0, "
    "bool sparse=False, Tensor? per_sample_weights=None, bool include_last_offset=False, int? padding_idx=None) "
    "-> (Tensor, Tensor, Tensor, Tensor)",
    forward=_public, composite=True, method=False,
)  # fmt: skip


def _functional(
    input: Tensor, weight: Tensor, offsets: Any, max_norm: Any, norm_type: float, scale_grad_by_freq: bool, mode: str,
    sparse: bool, per_sample_weights: Any, include_last_offset: bool, padding_idx: Any,
) -> Tensor:  # fmt: skip
    import reference_engine as engine

    if weight._dtype is dtypes.int64 and input._dtype.is_floating_point:
        warn("nn.embedding_bag.order")
        weight, input = input, weight
    of_each = per_sample_weights
    if of_each is not None and input._shape != of_each._shape:
        raise refusal("nn.embedding_bag.weights_shape", got=of_each.shape, shape=input.shape)
    if len(weight._shape) != 2:
        raise refusal("nn.embedding_bag.table_rank", rank=len(weight._shape))
    if len(input._shape) == 2:
        if offsets is not None:
            raise refusal("nn.embedding_bag.offsets_of_rows", type=type(offsets))
        offsets = engine.arange(0, input.numel(), input.size(1), dtype=input._dtype)
        include_last_offset, input = False, input.reshape(-1)
        of_each = None if of_each is None else of_each.reshape(-1)
    elif len(input._shape) == 1:
        if offsets is None:
            raise refusal("nn.embedding_bag.offsets_missing")
        if len(offsets._shape) != 1:
            raise refusal("nn.embedding_bag.offsets_rank")
    else:
        raise refusal("nn.embedding_bag.input_rank", rank=len(input._shape))
    if mode not in _MODES:
        raise refusal("nn.embedding_bag.mode_name")
    if mode == "max" and scale_grad_by_freq:
        raise refusal("nn.embedding_bag.max_scaled")
    if mode == "max" and sparse:
        raise refusal("nn.embedding_bag.max_sparse")
    if max_norm is not None:
        renormalised(weight, input, max_norm, norm_type)
    if of_each is not None and mode != "sum":
        raise refusal("nn.embedding_bag.weighted_mode", mode=mode)
    how = (scale_grad_by_freq, _MODES.index(mode), sparse, of_each, include_last_offset, padding_idx)
    return _public(weight, input, offsets, *how)[0]


declare(
    "nn.functional.embedding_bag(Tensor input, Tensor weight, Tensor? offsets=None, float? max_norm=None, "
    "float norm_type=2, bool scale_grad_by_freq=False, str mode='mean', bool sparse=False, "
    "Tensor? per_sample_weights=None, bool include_last_offset=False, int? padding_idx=None) -> Tensor",
    forward=_functional, composite=True,
    samples=domains.real(
        shapes="bags",
        arguments={
            "mode": _MODES, "max_norm": (None,), "sparse": (False,), "include_last_offset": (False,),
            "norm_type": (2.0,), "scale_grad_by_freq": (False,), "padding_idx": (None, 0, -1),
        },
    ),
)  # fmt: skip
