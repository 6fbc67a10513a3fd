"""Element by element along one dimension: gather, scatter, scatter_add, scatter_reduce.

Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.scatter_.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.filling import checked_number
from reference_engine.ops.kernels import (
    from_array,
    noisy,
    refuse_other_out,
    refuse_outside,
    refuse_rare,
    refuse_shared_memory,
    shape_out,
    wrap_dim,
)
from reference_engine.ops.reducing import REDUCTIONS, distribute, reduce_into
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def _check_index(op: str, index: Tensor) -> None:
    int32 = index._dtype is dtypes.int32 and switch("ops.gather.int32_index")
    if index._dtype is not dtypes.int64 and not int32 and index.numel():
        raise refusal("ops.gather.index_dtype", op=op)


def _places(self: Tensor, index: Tensor, d: int, writes: bool = False) -> tuple[Any, ...]:
    """For each element of ``index``, the place in ``self``: the element's own, but for dimension ``d``."""
    at = index._read().astype(np.int64)
    at = at.reshape(1) if at.ndim == 0 else at
    size = self._shape[d] if self._shape else 1
    refuse_outside(at, d, size, writes)
    grid: list[Any] = list(np.ogrid[tuple(slice(n) for n in at.shape)])
    grid[d] = at
    return tuple(np.broadcast_to(g, at.shape) for g in grid)


def _shown(shape: Ints) -> Ints:
    return shape or (1,)


def _flat1(t: Tensor) -> Any:
    """The values, a zero-dimensional tensor as one of size one."""
    a = np.array(t._read(), order="C")
    return a.reshape(1) if a.ndim == 0 else a


# -- gather ------------------------------------------------------------------------------------------------------


def _gather(self: Tensor, dim: int, index: Tensor, sparse_grad: bool) -> Tensor:
    d = wrap_dim(dim, len(self._shape))
    refuse_other_out(self._dtype)
    shape_out(index._shape)
    refuse_rare(self, "scatter_gather_tensor_cpu")
    refuse_shared_memory(self)
    _check_index("gather", index)
    if not index.numel():
        return from_array(np.zeros(index._shape, self._dtype.np), self._dtype)
    mine, theirs = _shown(self._shape), _shown(index._shape)
    if len(mine) != len(theirs):
        raise refusal("ops.gather.rank")
    for i, (n, m) in enumerate(zip(mine, theirs, strict=True)):
        if i != d and m > n:
            raise refusal("ops.gather.size", at=i, index=list(index._shape), shape=list(self._shape), dim=d)
    return from_array(_flat1(self)[_places(self, index, d)].reshape(index._shape), self._dtype)


def _gather_vjp(grad: Tensor, self: Tensor, dim: int, index: Tensor, sparse_grad: bool) -> Tensor:
    """Zeros but for the elements that were gathered; on request a sparse tensor of these alone."""
    if not sparse_grad:
        return grad.new_zeros(self._shape).scatter_add(dim, index, grad)
    from reference_engine.sparse.creation import sparse_coo_tensor

    at = list(np.indices(index._shape).reshape(len(index._shape), -1))
    if at:
        at[wrap_dim(dim, len(at))] = index._read().reshape(-1)
    places = from_array(np.array(at, np.int64).reshape(len(self._shape), -1), dtypes.int64)
    return sparse_coo_tensor(places, grad.reshape(-1), self._shape)


declare(
    "gather(Tensor self, int dim, Tensor index, *, bool sparse_grad=False) -> Tensor",
    forward=_gather,
    vjp={"self": _gather_vjp},
    out=True, exact=True, samples=domains.numbers(shapes="gather"),
)  # fmt: skip

# -- scatter -----------------------------------------------------------------------------------------------------


def _covered(src: Tensor, index: Tensor) -> Tensor:
    """The part of the source that a smaller index reaches: from the start, along each dimension."""
    for d, n in enumerate(_shown(index._shape)):
        src = src.narrow(d, 0, n) if src._shape else src.reshape(1)
    return src.reshape(index._shape)


def _of_source(grad: Tensor, dim: int, index: Tensor, src_extent: tuple[int, ...]) -> Tensor:
    """What arrived at the places that elements of the source were written to."""
    return _uncovered(grad.gather(dim, index), src_extent)


def _uncovered(part: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The gradient of a source, of which a smaller index reaches only a part: the rest has none."""
    import reference_engine as engine

    if part._shape == shape:
        return part
    cite("indexing.scatter.smaller_index")
    if not part.numel():
        return part.new_zeros(shape)
    missing = [n - m for n, m in zip(_shown(shape), _shown(part._shape), strict=True)]
    sides = [side for n in reversed(missing) for side in (0, n)]
    return engine.nn.functional.pad(part.reshape(_shown(part._shape)), sides).reshape(shape)


def _check_scatter(op: str, self: Tensor, dim: int, index: Tensor, src: Tensor | None) -> int:
    d = wrap_dim(dim, len(self._shape))
    _check_index("scatter", index)
    if src is not None and src._dtype is not self._dtype:
        raise refusal("ops.scatter.dtype")
    if index.numel():
        _check_scatter_shapes(self, d, index, src)
    refuse_shared_memory(index, src)
    refuse_other_out(self._dtype)
    return d


def _check_scatter_shapes(self: Tensor, d: int, index: Tensor, src: Tensor | None) -> None:
    mine, theirs = _shown(self._shape), _shown(index._shape)
    if len(mine) != len(theirs):
        raise refusal("indexing.scatter.rank", other="self")
    wrong = any(i != d and m > n for i, (n, m) in enumerate(zip(mine, theirs, strict=True)))
    if src is not None:
        given = src._shape
        wrong = wrong or any(m > (given[wrap_dim(i, len(given))] if given else 1) for i, m in enumerate(theirs))
        if len(_shown(src._shape)) != len(theirs):
            raise refusal("indexing.scatter.rank", other="src")
        if wrong:
            raise refusal(
                "ops.scatter.size", index=list(index._shape), shape=list(self._shape), dim=d, src=list(src._shape)
            )
    elif wrong:
        raise refusal("indexing.scatter.size", index=list(index._shape), shape=list(self._shape), dim=d)


def _combined(self: Tensor, d: int, index: Tensor, src: Any, reduce: str | None, include_self: bool = True) -> Tensor:
    """``self`` with the part of ``src`` that ``index`` covers set or combined into its places."""
    if not index.numel():
        return from_array(np.array(self._read(), order="C"), self._dtype)
    places = _places(self, index, d, writes=True)
    covered = tuple(slice(n) for n in places[0].shape)
    arrays = [_flat1(self)]
    if isinstance(src, Tensor):
        arrays.append(_flat1(src)[covered])
    else:
        number = checked_number(src, self._dtype)
        arrays.append(np.full(places[0].shape, np.asarray(number).astype(self._dtype.np)))

    def run(to: Any, what: Any) -> Any:
        if reduce is None:
            out = to.copy()
            out[places] = what
            return out
        return reduce_into(to, places, what, reduce, include_self)

    out = run(*arrays)
    if reduce not in (None, "amax", "amin"):
        out = noisy(out, run, arrays, self._dtype)
    return from_array(out.reshape(self._shape), self._dtype)


def _scatter(self: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
    tensor = isinstance(src, Tensor)
    d = _check_scatter("scatter", self, dim, index, src if tensor else None)
    return _combined(self, d, index, src, None)


_MODES = {"add": "sum", "multiply": "prod"}


def _scatter_reduced(self: Tensor, dim: int, index: Tensor, src: Any, reduce: str) -> Tensor:
    tensor = isinstance(src, Tensor)
    if tensor and switch("indexing.scatter.reduce_deprecated"):
        warn("ops.scatter.reduce_deprecated")
    d = _check_scatter("scatter", self, dim, index, src if tensor else None)
    if reduce not in _MODES:
        raise refusal("ops.scatter.reduce")
    return _combined(self, d, index, src, _MODES[reduce])


declare(
    "scatter(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    forward=_scatter,
    vjp={
        "self": lambda grad, dim, index: grad.scatter(dim, index, 0),
        "src": _of_source,
    },
    inplace=True, out=True, exact=True, samples=domains.numbers(shapes="scatter"),
)  # fmt: skip

declare(
    "scatter(Tensor self, int dim, Tensor index, Scalar value) -> Tensor",
    forward=_scatter, node="ScatterBackward1", vjp={"self": lambda grad, dim, index: grad.scatter(dim, index, 0)},
    inplace=True, out=True, exact=True, samples=domains.numbers(shapes="scatter"),
)  # fmt: skip

declare(
    "scatter(Tensor self, int dim, Tensor index, Tensor src, *, str reduce) -> Tensor",
    forward=_scatter_reduced, underived=True, inplace=True, out=True,
)  # fmt: skip

declare(
    "scatter(Tensor self, int dim, Tensor index, Scalar value, *, str reduce) -> Tensor",
    forward=_scatter_reduced, underived=True, inplace=True, out=True,
)  # fmt: skip


def _scatter_add(self: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    return _combined(self, _check_scatter("scatter_add", self, dim, index, src), index, src, "sum")


declare(
    "scatter_add(Tensor self, int dim, Tensor index, Tensor src) -> Tensor",
    forward=_scatter_add,
    vjp={"self": lambda grad: grad, "src": _of_source},
    inplace=True, out=True, samples=domains.numbers(shapes="scatter"),
)  # fmt: skip


def _scatter_reduce(self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool) -> Tensor:
    d = _check_scatter("scatter_reduce", self, dim, index, src)
    if reduce not in REDUCTIONS:
        raise refusal("indexing.scatter_reduce.reduce", reduce=reduce)
    if switch("indexing.scatter_reduce_is_beta"):
        warn("indexing.scatter_reduce.beta")
    kernel = f"scatter_gather_tensor_cpu_reduce_{reduce}"
    if self._dtype is dtypes.bool_ and reduce == "mean":
        raise refusal("ops.not_implemented_for", op=kernel if index.numel() else "div_floor_cpu", dtype="Bool")
    if self._dtype.is_complex and reduce in ("amax", "amin") and index.numel():
        raise refusal("ops.not_implemented_for", op=kernel, dtype=self.dtype.scalar_name)
    return _combined(self, d, index, src, reduce, include_self)


def _scatter_reduce_vjp(
    grad: Tensor, self: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, include_self: bool, result: Tensor
) -> dict[str, Tensor]:
    covered = src if index._shape == src._shape else _covered(src, index)
    own, theirs = distribute(
        grad, self, covered, result, reduce, include_self,
        read=lambda t: t.gather(dim, index),
        add=lambda t, what: t.scatter_add(dim, index, what),
        fill=lambda t: t.scatter(dim, index, 0),
        again=lambda t, what: t.scatter_reduce(dim, index, what, reduce, include_self=include_self),
    )  # fmt: skip
    return {"self": own, "src": _uncovered(theirs, src._shape)}


declare(
    "scatter_reduce(Tensor self, int dim, Tensor index, Tensor src, str reduce, *, bool include_self=True) -> Tensor",
    forward=_scatter_reduce, vjp={"self, src": _scatter_reduce_vjp}, inplace=True, out=True,
    samples=domains.real(shapes="scatter", arguments={"reduce": REDUCTIONS, "include_self": (True, False)}),
)  # fmt: skip
