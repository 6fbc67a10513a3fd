"""``x[...]`` and ``x[...] = value``: what the pieces of a subscript mean, applied from left to right.

Numbers, slices, None and ``...`` make views; what is left, tensors, sequences and bools, indexes the view so made.

Source: https://docs.pytorch.org/docs/stable/tensor_view.html
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, overrides
from reference_engine.dispatcher import watching
from reference_engine.ops.kernels import empty
from reference_engine.semantics import cite, quiet, refusal, switch, warn
from reference_engine.tensor import Tensor

_LONGEST_TUPLE_LIKE = 32  # a longer list is always one index tensor


def getitem(self: Tensor, index: Any) -> Any:
    """``self[index]``: a view, or a copy when tensors, sequences or bools take part."""
    if overrides.has_torch_function((self,)):
        return overrides.offer(Tensor.__getitem__, (self,), (self, index), {}, native=True)
    if index is None:
        return self.unsqueeze(0)
    if index is Ellipsis:
        return self._alias_view()
    if _is_int(index):
        return _select(self, 0, _as_int(index), 0)
    if isinstance(index, slice):
        return _slice(self, 0, index, skip_whole=False)
    sliced, tensors = _apply(self, _as_tuple(index))
    if not tensors:
        return self._alias_view() if sliced is self else sliced
    return sliced._index(tensors)


def setitem(self: Tensor, index: Any, value: Any) -> None:
    """``self[index] = value``: copies, fills or puts into the view that the subscript makes.

    Raises:
        TypeError: a value that is neither number nor tensor. Others: as for reading, and as for writing in place.
    """
    if overrides.has_torch_function((self, value)):
        overrides.offer(Tensor.__setitem__, (self, value), (self, index, value), {}, native=True)
        return
    if self._sparse is not None:
        raise refusal("sparse.setitem")
    new = _value(self, value)
    if index is False:
        cite("indexing.assign.false")
        return
    if index is Ellipsis:
        _store(self, new)
    elif index is None or index is True:
        _store(self.unsqueeze(0), new)
    elif _is_int(index):
        _store(_select(self, 0, _as_int(index), 0), new)
    elif isinstance(index, slice):
        _store(_slice(self, 0, index, skip_whole=True), new)
    else:
        target, tensors = _apply(self, _as_tuple(index))
        if not tensors:
            _store(target, new)
        else:
            _put(target, tensors, new)


# -- one piece ---------------------------------------------------------------------------------------------------


def _is_int(index: Any) -> bool:
    return isinstance(index, (int, np.integer)) and not isinstance(index, (bool, np.bool_))


def _as_int(index: Any) -> int:
    value = int(index)
    if not -(2**63) <= value < 2**63:
        raise refusal("indexing.overflow")
    return value


def _select(self: Tensor, dim: int, index: int, real_dim: int) -> Any:
    if not self._shape:
        raise refusal("ops.index.scalar")
    size = self._shape[dim]
    if not -size <= index < size:
        raise refusal("ops.index.range", index=index, dim=real_dim, size=size)
    return self.select(dim, index)


def _slice(self: Tensor, dim: int, piece: slice, skip_whole: bool) -> Any:
    if not self._shape:
        raise refusal("ops.slice.scalar")
    start, stop, step = (_bound(b) for b in (piece.start, piece.stop, piece.step))
    if step == 0:
        raise refusal("ops.slice.step_zero")
    if step is not None and step < 0:
        raise refusal("ops.slice.step")
    start = 0 if start is None else start
    stop = sys.maxsize if stop is None else stop
    step = 1 if step is None else step
    size = self._shape[dim]
    if skip_whole and start == 0 and step == 1 and (stop == size or (stop > size and switch("indexing.slice.whole"))):
        return self
    return self._slice(dim, start, stop, step)


def _bound(value: Any) -> int | None:
    """One end of a slice, clamped to what a machine word holds."""
    if value is None:
        return None
    try:
        number = value.__index__()
    except (AttributeError, TypeError):
        raise refusal("ops.slice.type") from None
    return int(max(-sys.maxsize - 1, min(number, sys.maxsize)))


# -- the whole subscript -----------------------------------------------------------------------------------------


def _as_tuple(index: Any) -> tuple[Any, ...]:
    """The pieces of a subscript; a short list that holds lists, slices, tensors, None or ``...`` counts as a tuple."""
    if isinstance(index, tuple):
        return index
    if isinstance(index, (Tensor, np.ndarray)) or not _is_sequence(index) or len(index) >= _LONGEST_TUPLE_LIKE:
        return (index,)
    for piece in index:
        if piece is None or piece is Ellipsis or isinstance(piece, (Tensor, slice)) or _is_sequence(piece):
            if switch("indexing.sequence.warns"):
                warn("ops.index.sequence")
            return tuple(index)
    return (index,)


def _is_sequence(value: Any) -> bool:
    return isinstance(value, (Sequence, np.ndarray)) or (
        hasattr(type(value), "__getitem__")
        and hasattr(type(value), "__len__")
        and not isinstance(value, (dict, Tensor))
    )


def _dimensions(pieces: Sequence[Any]) -> int:
    """How many dimensions a subscript names."""
    count = 0
    for piece in pieces:
        if isinstance(piece, Tensor):
            count += len(piece._shape) if piece._dtype in (dtypes.bool_, dtypes.uint8) else 1
        elif piece is not None and piece is not Ellipsis and piece is not True and piece is not False:
            count += 1
    return count


def _apply(self: Tensor, pieces: tuple[Any, ...]) -> tuple[Any, list[Tensor | None]]:
    """The view that numbers, slices, None and ``...`` make, and the index tensors for it (none: an empty list)."""
    named = _dimensions(pieces)
    if named > len(self._shape):
        raise refusal("ops.index.too_many", ndim=len(self._shape))
    made, dim = self, 0
    tensors: list[Tensor | None] = []
    for at, piece in enumerate(pieces):  # a refusal counts pieces, not dimensions
        if _is_int(piece):
            made = _select(made, dim, _as_int(piece), at)
        elif isinstance(piece, slice):
            made = _slice(made, dim, piece, skip_whole=True)
            dim += 1
        elif piece is Ellipsis:
            dim += len(self._shape) - named
        elif piece is None:
            made = made.unsqueeze(dim)
            dim += 1
        elif piece is True or piece is False:
            made = made.unsqueeze(dim)
            _record(tensors, dim, _bool_index(piece))
            dim += 1
        else:
            tensor = _as_tensor(piece)
            if not tensor._shape and tensor._dtype.category <= 1 and not levels.is_mapped(tensor):
                if tensor._dtype in (dtypes.bool_, dtypes.uint8):
                    made = made.unsqueeze(dim)
                    _record(tensors, dim, _bool_index(bool(tensor.item())))
                    dim += 1
                else:
                    made = _select(made, dim, int(tensor.item()), at)
            else:
                _record(tensors, dim, tensor)
                dim += _span(tensor)
    return made, tensors


def _record(tensors: list[Tensor | None], dim: int, tensor: Tensor) -> None:
    """Put an index tensor where it begins to index, behind None for what is taken whole before it."""
    tensors.extend([None] * (dim - sum(map(_span, tensors))))
    tensors.append(tensor)


def _span(index: Tensor | None) -> int:
    """How many dimensions an index tensor stands for."""
    if index is None or index._dtype not in (dtypes.bool_, dtypes.uint8):
        return 1
    return len(index._shape) if switch("indexing.mask.spans_its_dimensions") else 1


def _bool_index(value: bool) -> Tensor:
    """A bool indexes a new dimension of size one, and takes it or not."""
    cite("indexing.bool.new_dimension")
    return empty((1,) if value else (0,), dtypes.int64)


def _as_tensor(piece: Any) -> Tensor:
    if isinstance(piece, Tensor):
        return piece
    if isinstance(piece, np.generic) or not _is_sequence(piece):
        raise refusal("ops.index.type", type=_type_name(piece))
    from reference_engine import creation

    if isinstance(piece, (str, bytes)):
        raise refusal("indexing.sequence.type", type=type(piece).__name__)
    if isinstance(piece, np.ndarray):
        return creation.tensor(piece)
    flat = _leaves(piece)
    for leaf in flat:
        if isinstance(leaf, (str, bytes)):
            raise refusal("indexing.sequence.type", type=type(leaf).__name__)
        if isinstance(leaf, slice) or leaf is None:
            raise refusal("indexing.sequence.infer", type=type(leaf).__name__)
        if _is_int(leaf):
            _as_int(leaf)
    made = creation.tensor([_plain(p) for p in piece])
    if made._dtype in (dtypes.bool_, dtypes.uint8) and flat:
        return made
    return made.to(dtypes.int64)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, range)):
        return [_plain(v) for v in value]
    return value.tolist() if isinstance(value, Tensor) else value


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, (list, tuple, range)):
        return [leaf for v in value for leaf in _leaves(v)]
    return [value]


def _type_name(value: Any) -> str:
    kind = type(value)
    return f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__


# -- the value ---------------------------------------------------------------------------------------------------


def _value(self: Tensor, value: Any) -> Any:
    """The tensor to be stored: a number becomes a zero-dimensional one of the target's dtype."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, (bool, int, float, complex, np.number, np.bool_)):
        from reference_engine.ops.filling import checked_number

        number = checked_number(value.item() if isinstance(value, np.generic) else value, self._dtype)
        if switch("indexing.assign.number_kept"):
            return number
        made = _zero_dim(number, self._dtype)
        return watching.shown("lift_fresh.default", made) if watching.used and watching.sees(()) else made
    raise refusal("inplace.assign_type", type=_type_name(value), tensor_type=self.dtype.tensor_name)


def _store(target: Tensor, value: Any) -> None:
    """Copy into a view: leading dimensions of size one are dropped, the rest is broadcast."""
    if not isinstance(value, Tensor):
        target.fill_(value)
    elif value._shape == target._shape:
        target.copy_(value)
    elif not value._shape:
        target.fill_(value)
    else:
        target.copy_(_broadcast(_without_leading_ones(value), target._shape))


def _broadcast(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    return value if value._shape == shape else value.expand(shape)


def _without_leading_ones(value: Tensor) -> Tensor:
    shape = value._shape
    skip = 0
    while skip < len(shape) and shape[skip] == 1:
        skip += 1
    return value.view(shape[skip:])


def _put(target: Tensor, tensors: list[Tensor | None], value: Any) -> None:
    if not isinstance(value, Tensor):
        _put_number(target, tensors, value)
        return
    shape = value._shape
    if shape and shape[0] == 1:
        value = _without_leading_ones(value)
    target.index_put_(tensors, value)


def _put_number(target: Tensor, tensors: list[Tensor | None], number: Any) -> None:
    """A number goes to one mask by masked_fill_, to one index tensor by index_fill_."""
    given = [(i, t) for i, t in enumerate(tensors) if t is not None]
    if len(given) == 1:
        dim, index = given[0]
        if index._dtype is dtypes.bool_:
            mask = index
            for _ in range(len(target._shape) - dim - len(index._shape)):
                mask = mask.unsqueeze(-1)
            target.masked_fill_(mask, number)
            return
        if index._dtype is dtypes.int64:
            target.index_fill_(dim, index.reshape(-1), number)
            return
    target.index_put_(tensors, _zero_dim(number, target._dtype))


def _zero_dim(number: Any, d: dtypes.dtype) -> Tensor:
    made = empty((), d)
    with quiet():
        made._write(number)
    return made


def attach() -> None:
    """Make these the subscripts of Tensor."""
    cls: Any = Tensor
    for name, function in (("__getitem__", getitem), ("__setitem__", setitem)):
        function.__name__ = name
        function.__qualname__ = f"Tensor.{name}"
        setattr(cls, name, function)


attach()
