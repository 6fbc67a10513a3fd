"""What forwards are made of: pointwise application with promotion, broadcasting and torch's result strides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.dtypes import dtype
from reference_engine.ops import shadow
from reference_engine.semantics import cite, refusal
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor

Array = Any
DtypeRule = Callable[[dtype], tuple[dtype, dtype]]  # promoted dtype -> (computed in, result)


def same(promoted: dtype) -> tuple[dtype, dtype]:
    return promoted, promoted


def to_floating(promoted: dtype) -> tuple[dtype, dtype]:
    """Integers and bools are computed in the default floating dtype."""
    d = promoted if promoted.is_differentiable else dtypes.get_default_dtype()
    return d, d


def to_bool(promoted: dtype) -> tuple[dtype, dtype]:
    return promoted, dtypes.bool_


def to_real(promoted: dtype) -> tuple[dtype, dtype]:
    """A complex argument, a real result: abs, angle."""
    return promoted, promoted.to_real()


def promote(values: Sequence[Any]) -> dtype:
    """The dtype of an expression over tensors and Python numbers."""
    dimensioned = zero_dim = wrapped = None
    for v in values:
        if isinstance(v, Tensor):
            if v._shape:
                dimensioned = v._dtype if dimensioned is None else dtypes.promote_types(dimensioned, v._dtype)
            else:
                zero_dim = v._dtype if zero_dim is None else dtypes.promote_types(zero_dim, v._dtype)
        elif v is not None:
            d = dtypes.of_scalar(v)
            wrapped = d if wrapped is None else dtypes.promote_types(wrapped, d)
    return dtypes.result_type(dimensioned, zero_dim, wrapped)


def broadcast_shapes(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The common shape.

    Raises:
        RuntimeError: two sizes clash (clause ops.broadcast.mismatch).
    """
    result = shapes[0] if shapes else ()
    for shape in shapes[1:]:
        if shape == result:
            continue
        merged = strides.broadcast(result, shape)
        if isinstance(merged, int):
            a, b = result, shape
            raise refusal("ops.broadcast.mismatch", a=a[merged - max(len(a), len(b))], b=b[merged - max(len(a), len(b))], dim=merged)
        result = merged
    return result


def from_array(array: Array, d: dtype, wanted_strides: tuple[int, ...] | None = None) -> Tensor:
    """A fresh tensor that holds ``array`` rounded to ``d``, row-major unless other (dense) strides are wanted."""
    shape = array.shape
    if wanted_strides is None or wanted_strides == strides.contiguous(shape):
        wanted_strides = strides.contiguous(shape)
        flat = np.ascontiguousarray(array, d.np).reshape(-1)
        if flat.base is not None or flat is array or not flat.flags.owndata:
            flat = flat.copy()
        storage = Storage.__new__(Storage)
        storage.__init__(0)  # type: ignore[misc]
        storage.bytes = flat.view(np.uint8)
        return Tensor._make(storage, d, shape, wanted_strides, 0)
    result = empty(shape, d, wanted_strides)
    result._array()[...] = array
    return result


def empty(shape: Sequence[int], d: dtype, wanted_strides: tuple[int, ...] | None = None) -> Tensor:
    """A fresh tensor of zeros (this engine has no uninitialised memory)."""
    shape = tuple(shape)
    wanted_strides = strides.contiguous(shape) if wanted_strides is None else wanted_strides
    return Tensor._make(Storage(strides.extent(shape, wanted_strides) * d.itemsize), d, shape, wanted_strides, 0)


class elementwise:  # noqa: N801 - reads as a word in declarations
    """A forward that applies ``fn`` to arrays element by element.

    Tensors and Python numbers among the arguments take part in promotion and broadcasting; the rest (alpha, a
    rounding mode) is handed to ``fn`` as it is. ``scalars`` tells which arguments are such parameters although they
    are numbers.

    Args:
        fn: takes arrays of one dtype (or numbers of that dtype) and returns an array.
        dtype: the dtype rule.
        refuses: dtype categories that the op is not defined for, mapped to the clause of the refusal.
    """

    def __init__(
        self, fn: Callable[..., Array], dtype: DtypeRule = same, params: Sequence[int] = (), exact: bool = False,
        name: str = "", not_for: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.fn, self.rule, self.params, self.exact = fn, dtype, frozenset(params), exact
        self.name, self.not_for = name, frozenset(not_for)

    def __call__(self, *values: Any) -> Tensor:
        operands = [v for i, v in enumerate(values) if i not in self.params]
        tensors = [v for v in operands if isinstance(v, Tensor)]
        first = tensors[0]
        if len(operands) == 1:
            promoted, shape = first._dtype, first._shape
        else:
            promoted = promote(operands)
            shape = broadcast_shapes([t._shape for t in tensors])
        if promoted.name in self.not_for:
            raise refusal("ops.not_implemented_for", op=self.name, dtype=promoted.scalar_name)
        computed, result = self.rule(promoted)
        arrays: list[Any] = []
        for i, v in enumerate(values):
            if i in self.params or v is None:
                arrays.append(v)
            elif isinstance(v, Tensor):
                a = v._read()
                arrays.append(a if a.dtype == computed.compute else a.astype(computed.compute))
            else:
                arrays.append(np.asarray(v).astype(computed.compute))
        out = self.fn(*arrays)
        if shadow.active is not None and not self.exact:
            out = shadow.active.perturb(self.fn, arrays, out, result)
        if not isinstance(out, np.ndarray) or out.shape != shape:
            out = np.broadcast_to(np.asarray(out), shape)
        if len(shape) > 1:
            wanted = strides.of_pointwise_result(shape, [(t._shape, t._strides) for t in tensors])
        else:
            wanted = strides.contiguous(shape)
        return from_array(out, result, wanted)


def wrap_dim(dim: int, ndim: int, wrap_scalar: bool = True) -> int:
    """A dimension number in range, counting negative ones from the end.

    Raises:
        IndexError: out of range (clause ops.dim.range).
    """
    bound = ndim if ndim or not wrap_scalar else 1
    if not -bound <= dim < bound:
        if bound <= 0:
            raise refusal("ops.dim.scalar", dim=dim)
        raise refusal("ops.dim.range", low=-bound, high=bound - 1, dim=dim)
    return dim + bound if dim < 0 else dim


def wrap_dims(dims: Any, ndim: int) -> tuple[int, ...]:
    """Several dimensions, each once; None or none at all means every dimension.

    Raises:
        IndexError: one is out of range. RuntimeError: one appears twice (clause ops.dim.duplicate).
    """
    if dims is None or (isinstance(dims, (tuple, list)) and not dims):
        return tuple(range(ndim))
    wrapped = []
    for dim in (dims,) if isinstance(dims, int) else dims:
        w = wrap_dim(int(dim), ndim)
        if w in wrapped:
            raise refusal("ops.dim.duplicate", dim=w)
        wrapped.append(w)
    return tuple(w for w in wrapped if ndim)


def accumulation(array: Array) -> Array:
    """float16 and bfloat16 are summed in float32."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind in "fV" else array


def noisy(out: Array, fn: Callable[..., Array], arrays: Sequence[Any], d: dtype) -> Array:
    """Pass a computed result through the shadow, if one is active: for forwards that are not ``elementwise``."""
    return out if shadow.active is None else shadow.active.perturb(fn, list(arrays), out, d)


__all__ = [
    "cite", "elementwise", "empty", "from_array", "noisy", "promote", "same", "to_bool", "to_floating", "to_real",
    "wrap_dim", "wrap_dims", "accumulation", "broadcast_shapes",
]  # fmt: skip
