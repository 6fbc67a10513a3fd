"""Along one dimension: index_select, index_add, index_copy, index_fill, index_reduce.

Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.index_add_.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.ops import domains, kernels
from reference_engine.ops.advanced_index import overlap_warning
from reference_engine.ops.declare import declare
from reference_engine.ops.filling import checked_number
from reference_engine.ops.formulas import conj, times
from reference_engine.ops.kernels import from_array, noisy, refuse_other_out, refuse_shared_memory, wrap_dim
from reference_engine.ops.reducing import REDUCTIONS, distribute, reduce_into
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_LONG = (dtypes.int64, dtypes.int32)


def _at_least_1d(array: Any) -> Any:
    return array.reshape(1) if array.ndim == 0 else array


def _take(self: Tensor, dim: int, index: Tensor) -> Tensor:
    d = wrap_dim(dim, len(self._shape))
    if len(index._shape) > 1:
        raise refusal("ops.index_select.rank")
    if not self._shape and index.numel() != 1 and switch("indexing.index_select.one_of_scalar"):
        raise refusal("indexing.index_select.scalar", count=index.numel())
    if index._dtype not in _LONG:
        raise refusal("ops.index_select.dtype")
    if kernels.written_dtype not in (None, self._dtype):
        raise refusal("indexing.index_select.out_dtype")
    refuse_shared_memory(self, index)
    shape = (*self._shape[:d], index.numel(), *self._shape[d + 1 :]) if self._shape else ()
    kernels.shape_out(shape)
    at = _at_least_1d(index._read())
    _check_taken(self, d, at)
    if not self._shape:
        return from_array(self._read(), self._dtype)
    return from_array(np.take(self._read(), at, axis=d, mode="clip"), self._dtype)


def _check_taken(self: Tensor, d: int, at: Any) -> None:
    """Refuse positions that are not there, in the words of the kernel that meets them."""
    size = self._shape[d] if self._shape else 1
    wrong = _outside(at, size)
    if wrong is None:
        return
    many = len(self._shape) > 1
    if many and not size:
        raise refusal("indexing.index_select.empty")
    out = kernels.destination
    if many and (not self.numel() or (d == 1 and (out is None or out.is_contiguous()))):
        raise refusal("indexing.index_select.data_range", index=wrong, size=size)
    raise refusal("ops.index_select.range")


def _outside(at: Any, size: int) -> int | None:
    """The first position that is not below ``size``."""
    wrong = at[(at < 0) | (at >= size)]
    return int(wrong[0]) if wrong.size else None


declare(
    "index_select(Tensor self, int dim, Tensor index) -> Tensor",
    forward=_take,
    vjp={"self": lambda grad, self_shape, dim, index: grad.new_zeros(self_shape).index_add(dim, index, grad)},
    out=True, exact=True, samples=domains.numbers(shapes="index_select"),
)  # fmt: skip


def _source_grad(grad: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """What a source that was written along ``dim`` gets: the gradient at the places it went to."""
    if not source._shape:
        return grad.index_select(dim, index.squeeze(0) if index._shape else index)
    return grad.index_select(dim, index).expand(source._shape)


# -- index_add ---------------------------------------------------------------------------------------------------


def _check_along(name: str, self: Tensor, dim: int, index: Tensor, source: Tensor) -> int:
    """What ``index_add`` and ``index_reduce`` ask of their arguments, in torch's order; the dimension in range."""
    d = wrap_dim(dim, len(self._shape))
    if len(index._shape) > 1:
        raise refusal(
            "indexing.index_add.index_rank", op=name, ndim=len(index._shape), dtype=index.dtype.scalar_name,
            shape=list(index._shape),
        )  # fmt: skip
    if index._dtype not in _LONG:
        raise refusal("indexing.index_add.index_dtype", op=name, dtype=index.dtype.scalar_name)
    if self._dtype is not source._dtype:
        raise refusal("indexing.index_add.dtype", op=name, target=self.dtype.scalar_name, got=source.dtype.scalar_name)
    if d and d >= len(source._shape):
        raise refusal("indexing.index_add.dim", op=name, dim=d, ndim=len(source._shape))
    size = source._shape[d] if source._shape else 1
    if index.numel() != size:
        if not source._shape:
            raise refusal("ops.dim.scalar", dim=d)  # where the message would name the size of a scalar
        raise refusal("indexing.index_add.count", op=name, indices=index.numel(), size=size, dim=d)
    refuse_other_out(self._dtype)
    refuse_shared_memory(index, source)
    if switch("indexing.index_add_shapes"):
        slices = [tuple(n for i, n in enumerate(t._shape) if i != d) for t in (self, source)]
        if slices[0] != slices[1] or len(self._shape) != len(source._shape):
            raise refusal("indexing.index_add.shape", shape=list(self._shape), source=list(source._shape))
    return d


def _check_slices(self: Tensor, d: int, source: Tensor) -> None:
    """Where shapes are not compared, each slice of ``source`` is broadcast to one of ``self``."""
    if switch("indexing.index_add_shapes"):
        return
    if len(self._shape) > 1:
        slices = [tuple(n for i, n in enumerate(t._shape) if i != d) for t in (self, source)]
        shape = kernels.broadcast_shapes(slices)
        if shape != slices[0]:
            raise refusal("inplace.broadcast_shape", shape=list(slices[0]), result=list(shape))
    elif len(source._shape) > 1:
        raise refusal("indexing.index_add.source_rank", source=len(source._shape), self=len(self._shape))


def _by_scatter(self: Tensor, dim: int, index: Tensor, alpha: Any) -> bool:
    """Whether ``index_add`` is a ``scatter_add``, which has words of its own for an index that is out of range."""
    outermost = dim in (0, len(self._shape) - 1) and len(self._shape) > 1
    plain = alpha == 1 and not isinstance(alpha, bool) and index._dtype is dtypes.int64
    return outermost and plain and switch("indexing.index_add.by_scatter")


def _index_add(self: Tensor, dim: int, index: Tensor, source: Tensor, alpha: Any) -> Tensor:
    d = _check_along("index_add_", self, dim, index, source)
    _check_slices(self, d, source)
    at = _at_least_1d(index._read())
    wrong = _outside(at, self._shape[d] if self._shape else 1)
    if wrong is not None and (self.numel() or len(self._shape) <= 1):
        cite("indexing.refused.writes_nothing")
        if not _by_scatter(self, d, index, alpha):
            raise refusal("ops.index_select.range")
        raise refusal("indexing.index_add.range", index=wrong, dim=d, size=self._shape[d])
    alpha = checked_number(alpha, self._dtype)
    if not self.numel():
        return from_array(self._read(), self._dtype)

    def add(to: Any, what: Any) -> Any:
        total = np.moveaxis(_at_least_1d(to.copy()), d, 0)
        parts = np.moveaxis(_at_least_1d(what), d, 0)
        for place, part in zip(at, parts, strict=True) if parts.ndim else ((at[0], parts),):
            total[place] = (
                total[place] | part if total.dtype == bool else (total[place] + part * alpha).astype(total.dtype)
            )
        return np.moveaxis(total, 0, d).reshape(to.shape)

    arrays = [np.array(self._read()), np.array(source._read())]
    return from_array(noisy(add(*arrays), add, arrays, self._dtype), self._dtype)


def _index_add_vjp(grad: Tensor, dim: int, index: Tensor, source: Tensor, alpha: Any) -> Tensor:
    found = _source_grad(grad, dim, index, source)
    if alpha == 1:
        return found
    if isinstance(alpha, complex):
        cite("indexing.index_add.complex_alpha")
    # the conjugate: a complex factor turns the other way on the way back
    return times(found, conj(alpha))


declare(
    "index_add(Tensor self, int dim, Tensor index, Tensor source, *, Scalar alpha=1) -> Tensor",
    forward=_index_add, vjp={"self": lambda grad: grad, "source": _index_add_vjp}, inplace=True, out=True,
    samples=domains.numbers(shapes="index_add"),
)  # fmt: skip

# -- index_copy --------------------------------------------------------------------------------------------------


def _index_copy(self: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    d = wrap_dim(dim, len(self._shape))
    refuse_other_out(self._dtype)
    refuse_shared_memory(index, source)
    if len(index._shape) > 1:
        raise refusal("indexing.index_copy.index_rank", ndim=len(index._shape))
    count = index.numel()
    if not source._shape and count != 1:
        raise refusal("indexing.index_copy.scalar", count=count)
    if source._shape and self._shape and len(source._shape) != len(self._shape):
        raise refusal("indexing.index_copy.rank", source=len(source._shape), ndim=len(self._shape))
    if index._dtype is not dtypes.int64:
        raise refusal("indexing.index_copy.index_dtype", dtype=index.dtype.scalar_name)
    if self._dtype is not source._dtype:
        raise refusal("indexing.index_copy.dtype", target=self.dtype.scalar_name, got=source.dtype.scalar_name)
    mine = [n for i, n in enumerate(self._shape) if i != d]
    theirs = [n for i, n in enumerate(source._shape) if i != d]
    if mine != theirs:
        words = [" ".join(str(n) for n in s) for s in (mine, theirs)]
        raise refusal("indexing.index_copy.shape", slice=words[0], source=words[1], dim=d)
    if source._shape and count != source._shape[d]:
        raise refusal("indexing.index_copy.count", indices=count, size=source._shape[d])
    at = _at_least_1d(index._read())
    size = self._shape[d] if self._shape else 1
    wrong = _outside(at, size)
    if not self.numel() and (wrong is None or size):
        return from_array(self._read(), self._dtype)
    if wrong is not None:
        cite("indexing.refused.writes_nothing")
        raise refusal("indexing.index_copy.range", index=wrong, dim=d, size=size)
    array = np.array(self._read(), order="C")
    np.moveaxis(_at_least_1d(array), d, 0)[at] = np.moveaxis(_at_least_1d(source._read()), d, 0)
    return from_array(array, self._dtype)


declare(
    "index_copy(Tensor self, int dim, Tensor index, Tensor source) -> Tensor",
    forward=_index_copy,
    vjp={"self": lambda grad, dim, index: grad.index_fill(dim, index, 0), "source": _source_grad},
    inplace=True, out=True, exact=True, samples=domains.numbers(shapes="index_add"),
)  # fmt: skip

# -- index_fill --------------------------------------------------------------------------------------------------


def _index_fill(self: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    if isinstance(value, Tensor):
        if value._shape:
            raise refusal("indexing.index_fill.value_rank", ndim=len(value._shape))
        value = value.detach().item()
    if index._dtype is not dtypes.int64:
        raise refusal("indexing.index_fill.index_dtype")
    d = wrap_dim(dim, len(self._shape))
    if len(index._shape) > 1:
        raise refusal("indexing.index_fill.index_rank")
    if isinstance(value, complex) and not self._dtype.is_complex:
        raise refusal("indexing.index_fill.complex")
    number = checked_number(value, self._dtype)
    at = _at_least_1d(index._read())
    size = self._shape[d] if self._shape else 1
    if self.numel() or not size:
        for i in at:
            if not -size <= i < size:
                cite("indexing.refused.writes_nothing")
                raise refusal("ops.index.range", index=int(i), dim=d, size=size)
    array = np.array(self._read(), order="C")
    if array.size:
        np.moveaxis(_at_least_1d(array), d, 0)[at] = number
    return from_array(array, self._dtype, strides.like(self._shape, self._strides))


def _filled_value_grad(grad: Tensor, dim: int, index: Tensor) -> Tensor:
    # each place counts once, however often the index names it
    from reference_engine.ops.kernels import from_array as fresh

    at = fresh(np.unique(index._read().reshape(-1)), dtypes.int64)
    size = grad._shape[wrap_dim(dim, len(grad._shape))] if grad._shape else 1
    at = fresh(np.unique(at._read() % max(size, 1)), dtypes.int64)
    return grad.index_select(dim, at).sum()


declare(
    "index_fill(Tensor self, int dim, Tensor index, Tensor value) -> Tensor",
    forward=_index_fill, node="IndexFillBackward1",
    vjp={"self": lambda grad, dim, index: grad.index_fill(dim, index, 0), "value": _filled_value_grad},
    inplace=True, exact=True, overlap=overlap_warning("index_fill"), samples=domains.numbers(shapes="index_fill"),
)  # fmt: skip

declare(
    "index_fill(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
    forward=_index_fill, vjp={"self": lambda grad, dim, index: grad.index_fill(dim, index, 0)},
    inplace=True, exact=True, overlap=overlap_warning("index_fill"), samples=domains.numbers(shapes="index_fill"),
)  # fmt: skip

# -- index_reduce ------------------------------------------------------------------------------------------------


def _refuse_reduced_dtype(self: Tensor, kernel: str) -> None:
    """One loop over elements knows no complex numbers and no truth values; slices are reduced by ops that may."""
    if self._dtype.is_complex or self._dtype is dtypes.bool_:
        raise refusal("ops.not_implemented_for", op=kernel, dtype=self.dtype.scalar_name)


def _index_reduce(self: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, include_self: bool) -> Tensor:
    if reduce not in ("prod", "mean", "amax", "amin"):
        raise refusal("indexing.index_reduce.reduce", reduce=reduce)
    d = _check_along("index_reduce_", self, dim, index, source)
    warn("indexing.index_reduce.beta")
    _check_slices(self, d, source)
    at = _at_least_1d(index._read())
    size = self._shape[d] if self._shape else 1
    if not include_self or len(self._shape) <= 1:
        _refuse_reduced_dtype(self, "index_func_" if include_self else "index_reduce_func_exclude_input_init")
    if _outside(at, size) is not None:
        cite("indexing.refused.writes_nothing")
        beyond = at[(at < -size) | (at >= size)]
        if not include_self and beyond.size:  # the places are filled first, by index_fill
            raise refusal("ops.index.range", index=int(beyond[0]), dim=d, size=size)
        if not size and len(self._shape) > 1:  # where slices are written, the first is taken before any is looked for
            raise refusal("ops.select.range", index=0, shape=list(self._shape), dim=d)
        raise refusal("ops.index_select.range")
    if self._dtype.is_complex and reduce in ("amax", "amin"):
        _refuse_reduced_dtype(self, "maximum_cpu" if reduce == "amax" else "minimum_cpu")
    if self._dtype is dtypes.bool_ and reduce == "mean":
        _refuse_reduced_dtype(self, "div_floor_cpu")

    if reduce == "prod" and self._dtype.itemsize == 2 and len(self._shape) > 1:
        cite("indexing.index_reduce.half")

    def run(to: Any, what: Any) -> Any:
        places: list[Any] = [slice(None)] * max(to.ndim, 1)
        parts = _at_least_1d(what)
        if to.ndim > 1:
            parts = np.broadcast_to(parts, tuple(at.size if i == d else n for i, n in enumerate(to.shape)))
        grid = list(np.ogrid[tuple(slice(n) for n in parts.shape)])
        grid[d] = at.reshape([-1 if i == d else 1 for i in range(parts.ndim)])
        places = [np.broadcast_to(g, parts.shape) for g in grid]
        return reduce_into(_at_least_1d(to), tuple(places), parts, reduce, include_self).reshape(to.shape)

    arrays = [np.array(self._read()), np.array(source._read())]
    out = run(*arrays)
    return from_array(out if reduce in ("amax", "amin") else noisy(out, run, arrays, self._dtype), self._dtype)


def _index_reduce_vjp(
    grad: Tensor, self: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, include_self: bool, result: Tensor
) -> dict[str, Tensor]:
    own, theirs = distribute(
        grad, self, source, result, reduce, include_self,
        read=lambda t: t.index_select(dim, index),
        add=lambda t, what: t.index_add(dim, index, what),
        fill=lambda t: t.index_fill(dim, index, 0),
        again=lambda t, what: t.index_reduce(dim, index, what, reduce, include_self=include_self),
    )  # fmt: skip
    return {"self": own, "source": theirs}


declare(
    "index_reduce(Tensor self, int dim, Tensor index, Tensor source, str reduce, *, bool include_self=True) -> Tensor",
    forward=_index_reduce,
    vjp={"self, source": _index_reduce_vjp},
    inplace=True,
    out=True,
    samples=domains.real(
        shapes="index_add", arguments={"reduce": ("prod", "mean", "amax", "amin"), "include_self": (True, False)}
    ),
)

__all__ = ["REDUCTIONS"]
