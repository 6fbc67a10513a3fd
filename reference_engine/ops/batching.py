"""How an operation runs on a batch: under ``vmap`` a tensor stands for all of its slices, and an operation for all of
its runs.

A batch has one tensor below it, of one dimension more. A view of each slice is one view of that tensor; an elementwise
operation runs on it as it is; every other one runs slice by slice, and its results are stacked. All of this happens
outside of the level, where it is recorded, so derivatives need no rules of their own.

Source: https://docs.pytorch.org/docs/stable/func.batch_norm.html, https://docs.pytorch.org/docs/stable/generated/torch.vmap.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from reference_engine import levels, views
from reference_engine.autograd import forward_ad
from reference_engine.levels import Level
from reference_engine.ops import dispatch
from reference_engine.ops.declare import Op
from reference_engine.ops.kernels import broadcast_shapes, elementwise
from reference_engine.semantics import cite, quiet, refusal
from reference_engine.tensor import Tensor, tensors_in

DYNAMIC = {
    "nonzero": "nonzero", "unique": "_unique2", "unique_consecutive": "unique_consecutive", "_unique2": "_unique2",
}  # fmt: skip
"""Operations whose results have another shape in each slice, and what torch calls them."""

_WHOLE = frozenset({"_conj_view", "_neg_view", "view_as_real", "view_as_complex"})
"""Views that look at each element in another way, whatever the dimensions."""


def run(level: Level, op: Op, values: list[Any], inplace: bool, written: Any) -> Any:
    """Run one operation on bound arguments, of which some may be batches."""
    mapped = any(t._level is level for t in tensors_in(values))
    if "generator" in op.index_of and (mapped or tensors_in(values)):
        return _run_random(level, op, values, inplace, mapped)
    if not mapped:
        if not tensors_in(values):
            return op.forward(*values)
        with levels.outside(level):
            return dispatch.run(op, values, inplace, written=written)
    cite("functorch.vmap.slices")
    _refuse_dynamic(op, values, level)
    if inplace:
        return _run_in_place(level, op, values)
    if op.is_view:
        found = _view(level, op, values)
        if found is not None:
            return found
    if _is_pointwise(op, values):
        return _on_whole(level, op, values)
    return _slice_by_slice(level, op, values)


def only_tangents(level: Level, values: Sequence[Any]) -> bool:
    """Whether the arguments are the same for all slices, but some have tangents that are not."""
    tensors = tensors_in(values)
    tangents = [forward_ad.tangent_of(t) for t in tensors]
    return all(t._level is not level for t in tensors) and any(t is not None and t._level is level for t in tangents)


def _refuse_dynamic(op: Op, values: Sequence[Any], level: Level) -> None:
    """Refuse what has results of another shape, or one answer, for each slice.

    Raises:
        RuntimeError: it has.
    """
    if op.name in DYNAMIC:
        raise refusal("functorch.vmap.dynamic_shape", op=DYNAMIC[op.name])
    if op.name == "masked_select" and values[1]._level is level:
        raise refusal("functorch.vmap.masked_select")
    if op.name in ("_index", "index_put", "_index_put_impl") and any(
        i._level is level and i.dtype.category == 0 for i in tensors_in(values[1:])
    ):
        raise refusal("functorch.vmap.mask_index")


# -- the tensor below --------------------------------------------------------------------------------------------------


def each(change: Callable[[Tensor], Tensor], values: Sequence[Any]) -> list[Any]:
    """The arguments with each tensor changed, those in lists included."""
    made: list[Any] = []
    for v in values:
        if isinstance(v, Tensor):
            made.append(change(v))
        elif isinstance(v, (list, tuple)) and any(isinstance(x, Tensor) for x in v):
            made.append([change(x) if isinstance(x, Tensor) else x for x in v])
        else:
            made.append(v)
    return made


def in_front(t: Tensor) -> Tensor:
    """What is below a batch, with the batch dimension first."""
    assert t._below is not None
    assert t._batch_dim is not None
    return t._below if t._batch_dim == 0 else t._below.movedim(t._batch_dim, 0)


def _aligned(t: Tensor, level: Level, rank: int) -> Tensor:
    """What is below, so that it broadcasts against others: of as many dimensions, beside that of the batch."""
    if t._level is not level:
        return t
    below, missing = in_front(t), rank - len(t._shape)
    return below.reshape(below._shape[0], *(1,) * missing, *below._shape[1:]) if missing else below


def slice_of(t: Tensor, level: Level, i: int) -> Tensor:
    """One slice of a batch; what is no batch is the same for all. Of an empty batch, a slice of zeros."""
    if t._level is not level:
        return t
    assert t._below is not None
    assert t._batch_dim is not None
    if not level.size:
        return t._below.new_zeros(t._shape)
    return t._below.select(t._batch_dim, i)


# -- ways to run -------------------------------------------------------------------------------------------------------


def _is_pointwise(op: Op, values: Sequence[Any]) -> bool:
    """Whether the operation may see a dimension more: element by element, and no promotion that counts dimensions."""
    tensors = tensors_in(values)
    return isinstance(op.forward, elementwise) and all(t._dtype is tensors[0]._dtype for t in tensors)


def _on_whole(level: Level, op: Op, values: Sequence[Any]) -> Any:
    rank = max(len(t._shape) for t in tensors_in(values))
    with levels.outside(level):
        result = dispatch.run(op, each(lambda t: _aligned(t, level, rank), values))
    return _wrapped(result, level)


def _wrapped(result: Any, level: Level) -> Any:
    if isinstance(result, Tensor):
        return levels.batch(result, 0, level)
    if isinstance(result, (list, tuple)):
        return type(result)([_wrapped(r, level) for r in result])
    return result


def _arguments_of_slice(level: Level, op: Op, values: Sequence[Any], i: int) -> list[Any]:
    """The arguments of one run. A place in memory counts from the first slice, as for ``as_strided``."""
    made = each(lambda t: slice_of(t, level, i), values)
    at = op.index_of.get("storage_offset")
    if at is not None and made[at] is not None and values[0]._level is level:
        made[at] += made[0]._offset - slice_of(values[0], level, 0)._offset
    return made


def _slice_by_slice(level: Level, op: Op, values: Sequence[Any]) -> Any:
    import reference_engine as engine

    with levels.outside(level):
        results = [dispatch.run(op, _arguments_of_slice(level, op, values, i)) for i in range(max(level.size, 1))]
        first = results[0]
        if isinstance(first, Tensor):
            return levels.batch(_stacked(engine.stack(results), level), 0, level)
        if not isinstance(first, (list, tuple)):
            return first
        columns = [
            levels.batch(_stacked(engine.stack(list(column)), level), 0, level)
            if isinstance(column[0], Tensor)
            else column[0]
            for column in zip(*results, strict=True)
        ]
    return type(first)(columns)


def _stacked(stack: Tensor, level: Level) -> Tensor:
    return stack if level.size else stack.narrow(0, 0, 0)


def _look(t: Tensor) -> tuple[Any, ...]:
    """At what a tensor looks, and how, whatever its dimensions."""
    return t._storage, t._dtype, t._conj, t._neg


def _view(level: Level, op: Op, values: list[Any]) -> Any:
    """The same view of every slice, as one view of the tensor below; None where the operation makes no view."""
    source: Tensor = values[0]
    if source._level is not level:
        return None
    if op.name in _WHOLE:
        return _on_whole(level, op, values)
    with quiet():
        made = op.forward(*values)  # of the first slice, at whose memory a batch looks
    parts = [made] if isinstance(made, Tensor) else list(made)
    if any(_look(part) != _look(source) for part in parts):
        return None
    assert source._below is not None
    assert source._batch_dim is not None
    below, step = source._below, source._below._strides[source._batch_dim]
    with levels.outside(level):
        wholes = [below.as_strided((level.size, *p._shape), (step, *p._strides), p._offset) for p in parts]
    batches = [levels.batch(whole, 0, level) for whole in wholes]
    return batches[0] if isinstance(made, Tensor) else type(made)(batches)


# -- in place ----------------------------------------------------------------------------------------------------------

_ARITHMETIC = frozenset({
    "clamp_max", "clamp_min", "copy", "div", "divide", "logical_and", "logical_or", "logical_xor", "masked_fill", "mul",
    "multiply", "sub", "subtract", "true_divide",
})  # fmt: skip
_WITHOUT_NAMESPACE = frozenset({"fill", "index_add", "index_fill", "index_put", "scatter_add"})
_UNCHECKED = frozenset({"add", "atan2", "copysign", "gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor"})


def _run_in_place(level: Level, op: Op, values: list[Any]) -> Tensor:
    """Change every slice of a batch.

    Raises:
        RuntimeError: the target is no batch, so that there is only one to be changed.
    """
    target: Tensor = values[0]
    if target._level is not level:
        _refuse_in_place(level, op, target, values)
    pointwise = _is_pointwise(op, values)
    with levels.outside(level):
        if pointwise and all(len(t._shape) <= len(target._shape) for t in tensors_in(values)):
            rank = len(target._shape)
            dispatch.run(op, [in_front(target), *each(lambda t: _aligned(t, level, rank), values[1:])], True)
        else:
            for i in range(level.size):
                dispatch.run(op, each(lambda t, i=i: slice_of(t, level, i), values), True)  # type: ignore[misc]
    views.bump(target)
    return target


def _refuse_in_place(level: Level, op: Op, target: Tensor, values: Sequence[Any]) -> None:
    if op.name in _UNCHECKED:
        other = next(t for t in tensors_in(values[1:]) if t._level is level)
        shape = [level.size, *broadcast_shapes([target._shape, other._shape])]
        raise refusal("inplace.broadcast_shape", shape=list(target._shape), result=shape)
    if op.name in _ARITHMETIC:
        raise refusal("functorch.vmap.in_place", op="inplace arithmetic", where="in a vmap")
    if op.name in _WITHOUT_NAMESPACE:
        raise refusal("functorch.vmap.in_place", op=f"{op.reference_name}_", where="in a vmap")
    raise refusal("functorch.vmap.in_place", op=f"aten::{op.reference_name}_", where=f"at level {level.number}")


# -- random numbers ----------------------------------------------------------------------------------------------------


def _run_random(level: Level, op: Op, values: list[Any], inplace: bool, mapped: bool) -> Any:
    """Draw numbers for tensors: one lot for all slices, or one as large as the batch.

    Raises:
        RuntimeError: vmap was not told which; or one lot cannot be made for different slices, or the other way round.
    """
    if level.randomness == "error":
        raise refusal("functorch.vmap.randomness")
    if level.randomness == "refused":
        raise refusal("functional.vectorize.randomness")
    target: Tensor = values[0]
    if level.randomness == "same":
        if mapped and not inplace:
            raise refusal("functorch.vmap.randomness_same")
        if not mapped:
            with levels.outside(level):
                return dispatch.run(op, values, inplace)
        with levels.outside(level):
            drawn = dispatch.run(op, [slice_of(target, level, 0).detach().clone(), *values[1:]], True)
            in_front(target).copy_(drawn)
        views.bump(target)
        return target
    if not mapped:
        if inplace:
            raise refusal("functorch.vmap.randomness_unbatched")
        with levels.outside(level):
            whole = each(lambda t: t.expand((level.size, *t._shape)), values)
            return _wrapped(dispatch.run(op, whole), level)
    rank = len(target._shape)
    with levels.outside(level):
        whole = each(lambda t: _aligned(t, level, rank), values)
        if op.name == "multinomial" and rank > 1:
            picks = dispatch.run(op, [whole[0].flatten(0, 1), *whole[1:]])
            return levels.batch(picks.unflatten(0, whole[0]._shape[:2]), 0, level)
        if not inplace:
            return _wrapped(dispatch.run(op, whole), level)
        dispatch.run(op, whole, True)
    views.bump(target)
    return target
