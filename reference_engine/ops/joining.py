"""Copies made of several tensors or of one repeated: hstack, repeat, repeat_interleave, block_diag, products.

Source: https://docs.pytorch.org/docs/stable/torch.html#indexing-slicing-joining-mutating-ops
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

import reference_engine as engine
from reference_engine import dtypes, strides
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import empty, from_array, promote, wrap_dim
from reference_engine.ops.splitting import atleast_1d, atleast_2d, atleast_3d, check_tensors
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_JOINED: dict[str, Any] = {"composite": True, "method": False, "exact": True, "out": True, "hands_out": True}

# -- one after the other ----------------------------------------------------------------------------------------


def _cat(tensors: Sequence[Tensor], dim: int) -> Tensor:
    if not tensors:
        raise refusal("ops.cat.empty")
    for i, t in enumerate(tensors):
        if not t._shape:
            raise refusal("ops.cat.zero_dim", index=i)
    real = [t for t in tensors if t._shape != (0,)]  # a legacy exception: an empty vector fits anywhere
    first = real[0] if real else tensors[0]
    d = wrap_dim(dim, len(first._shape)) if real else 0
    d_type = promote(tensors)
    out = kernels.written_dtype
    if out is not None and not dtypes.can_cast(d_type, out):
        raise refusal("ops.cat.out_dtype", target=out.scalar_name)
    if not real:
        return empty((0,), d_type)
    for i, t in enumerate(tensors):
        if t._shape == (0,):
            continue
        if len(t._shape) != len(first._shape):
            raise refusal("ops.cat.rank", first=len(first._shape), other=len(t._shape), index=i)
        for k, (a, b) in enumerate(zip(first._shape, t._shape, strict=True)):
            if k != d and a != b:
                raise refusal("ops.cat.sizes", dim=d, expected=a, got=b, index=i)
    joined = np.concatenate([t._read().astype(d_type.np) for t in real], axis=d)
    kernels.shape_out(joined.shape)
    kernels.refuse_shared_memory(*tensors)
    return from_array(joined, d_type, _layout(tensors, joined.shape))


def _layout(tensors: Sequence[Tensor], shape: Ints) -> Ints | None:
    """Images that all have their channels last are joined to one that has."""
    if all(strides.suggests_channels_last(t._shape, t._strides) for t in tensors):
        return strides.channels_last(shape)
    return None


def _cat_vjp(grad: Tensor, tensors_shapes: Sequence[Ints], tensors_dtypes: Any, dim: int) -> list[Tensor | None]:
    real = [s for s in tensors_shapes if tuple(s) != (0,)]
    d = wrap_dim(dim, len(real[0])) if real else 0
    out: list[Tensor | None] = []
    at = 0
    for s, dt in zip(tensors_shapes, tensors_dtypes, strict=True):
        if tuple(s) == (0,):
            out.append(grad.new_zeros((0,)))
            continue
        piece = grad.narrow(d, at, s[d])
        out.append(piece.real if grad.is_complex() and not dt.is_complex else piece)
        at += s[d]
    return out


declare(
    "cat(Tensor[] tensors, int dim=0) -> Tensor",
    forward=_cat, vjp={"tensors": _cat_vjp}, method=False, out=True, exact=True, aliases=("concat", "concatenate"),
    samples=domains.numbers(shapes="cat"),
)  # fmt: skip


def _stack(tensors: Sequence[Tensor], dim: int) -> Tensor:
    if not tensors:
        raise refusal("ops.stack.empty")
    first = tensors[0]
    d = wrap_dim(dim, len(first._shape) + 1)
    for i, t in enumerate(tensors):
        if t._shape != first._shape:
            raise refusal("ops.stack.sizes", first=list(first._shape), got=list(t._shape), index=i)
    d_type = promote(tensors)
    out = kernels.written_dtype
    shape = (*first._shape[:d], len(tensors), *first._shape[d:])
    if d < len(first._shape):
        kernels.shape_out(shape)  # only a new last dimension leaves this to cat
    if out is not None and not dtypes.can_cast(d_type, out):
        raise refusal("ops.cat.out_dtype", target=out.scalar_name)
    kernels.shape_out(shape)
    kernels.refuse_shared_memory(*tensors)
    return from_array(np.stack([t._read().astype(d_type.np) for t in tensors], axis=d), d_type)


def _stack_vjp(grad: Tensor, tensors_dtypes: Any, dim: int) -> list[Tensor | None]:
    at = wrap_dim(dim, grad.ndim)
    pieces = [grad.select(at, i) for i in range(grad._shape[at])]
    return [
        p.real if grad.is_complex() and not dt.is_complex else p for p, dt in zip(pieces, tensors_dtypes, strict=True)
    ]


declare(
    "stack(Tensor[] tensors, int dim=0) -> Tensor",
    forward=_stack, vjp={"tensors": _stack_vjp}, method=False, out=True, exact=True,
    samples=domains.numbers(shapes="stack"),
)  # fmt: skip

# -- beside each other -------------------------------------------------------------------------------------------


def _stacked(name: str, raise_rank: Any, dim: int, *aliases: str) -> None:
    def forward(tensors: Sequence[Tensor]) -> Tensor:
        if not tensors:
            raise refusal("shape.stack.empty", op=name)
        out = kernels.destination
        raised = [raise_rank(t) for t in tensors]
        d = 0 if name == "hstack" and len(raised[0]._shape) == 1 else dim
        return engine.cat(raised, d, out=out)

    declare(
        f"{name}(Tensor[] tensors) -> Tensor",
        forward=forward,
        aliases=aliases,
        samples=domains.numbers(shapes="stack"),
        **_JOINED,
    )


def _as_column(t: Tensor) -> Tensor:
    return t.reshape((t.numel(), 1)) if len(t._shape) <= 1 else t


_stacked("hstack", atleast_1d, 1)
_stacked("vstack", atleast_2d, 0, "row_stack")
_stacked("dstack", atleast_3d, 2)
_stacked("column_stack", _as_column, 1)

# -- repeated ----------------------------------------------------------------------------------------------------


def _repeat(self: Tensor, repeats: Ints) -> Tensor:
    if len(repeats) < len(self._shape):
        raise refusal("ops.repeat.few")
    lead = len(repeats) - len(self._shape)
    shape = (1,) * lead + self._shape
    for n, r in zip(shape, repeats, strict=True):
        if n * r < 0:
            raise refusal(
                "tensor.size.negative", size=n * r, shape=[a * b for a, b in zip(shape, repeats, strict=True)]
            )
    return from_array(np.tile(self._read(), repeats) if repeats else np.array(self._read()), self._dtype)


def _repeat_vjp(grad: Tensor, self_shape: Ints, repeats: Ints) -> Tensor:
    """The sum over the copies: each repeated dimension is split into (copy, place) and summed over the copies."""
    if not repeats:
        return grad
    lead = len(repeats) - len(self_shape)
    if any(r == 0 for r in repeats):
        return grad.new_zeros(self_shape)
    grad = grad.sum(tuple(range(lead))) if lead else grad
    split: list[int] = []
    copies: list[int] = []
    for n, r in zip(self_shape, repeats[lead:], strict=True):
        if r != 1:
            copies.append(len(split))
            split.append(r)
        split.append(n)
    return grad.reshape(tuple(split)).sum(tuple(copies)) if copies else grad


declare(
    "repeat(Tensor self, int[] repeats) -> Tensor",
    forward=_repeat, vjp={"self": _repeat_vjp}, function=False, exact=True, samples=domains.numbers(shapes="repeat"),
)  # fmt: skip


def _tile(self: Tensor, dims: Ints) -> Tensor:
    return self.repeat((1,) * (len(self._shape) - len(dims)) + tuple(dims))


declare("tile(Tensor self, int[] dims) -> Tensor", forward=_tile, composite=True, exact=True,
        samples=domains.numbers(shapes="repeat"))  # fmt: skip


def _repeat_interleave(self: Tensor, repeats: Any, dim: int | None, output_size: int | None) -> Tensor:
    if dim is None:
        self, dim = self.flatten(), 0
    if isinstance(repeats, int):
        expands = switch("shape.repeat_interleave.expands")
        d = wrap_dim(dim, len(self._shape), wrap_scalar=expands)
        if repeats < 0:
            raise refusal("ops.repeat_interleave.negative")
        if not expands:
            counts = np.full(self._shape[d], repeats, np.int64)
            return self.index_select(d, from_array(np.repeat(np.arange(counts.size), counts), dtypes.int64))
        wide = self.unsqueeze(d + 1)
        wide = wide.expand((*self._shape[: d + 1], repeats, *self._shape[d + 1 :]))
        return wide.clone(memory_format="contiguous").flatten(d, d + 1)
    counts = repeats._read()
    if counts.ndim > 1:
        raise refusal("shape.repeat_interleave.rank")
    d = wrap_dim(dim, len(self._shape), wrap_scalar=False)
    if counts.size == 1:
        counts = np.repeat(counts.reshape(-1), self._shape[d])
    elif counts.size != self._shape[d]:
        raise refusal("ops.repeat_interleave.sizes", repeats=counts.size, dim=dim, size=self._shape[d])
    return self.index_select(d, _places(counts, repeats))


def _places(counts: Any, repeats: Tensor) -> Tensor:
    if repeats._dtype not in (dtypes.int64, dtypes.int32):
        raise refusal("shape.repeat_interleave.dtype", dtype=repeats.dtype.scalar_name)
    if (counts < 0).any():
        raise refusal("shape.repeat_interleave.negative")
    return from_array(np.repeat(np.arange(counts.size), counts), repeats._dtype)


declare(
    "repeat_interleave(Tensor self, Tensor repeats, int? dim=None, *, int? output_size=None) -> Tensor",
    forward=_repeat_interleave, composite=True, exact=True,
)  # fmt: skip
declare(
    "repeat_interleave(Tensor self, int repeats, int? dim=None, *, int? output_size=None) -> Tensor",
    forward=_repeat_interleave, composite=True, exact=True,
    samples=domains.numbers(arguments={"repeats": (0, 1, 2, 3), "dim": "dim", "output_size": (None,)}),
)  # fmt: skip
declare(
    "repeat_interleave(Tensor repeats, *, int? output_size=None) -> Tensor",
    forward=lambda repeats, output_size: _places(repeats._read(), repeats), exact=True,
)  # fmt: skip

# -- in a larger one ---------------------------------------------------------------------------------------------


def _block(t: Tensor) -> Any:
    return t._read().reshape((1,) * (2 - len(t._shape)) + t._shape)


def _block_diag(tensors: Sequence[Tensor]) -> Tensor:
    for i, t in enumerate(tensors):
        if len(t._shape) > 2:
            raise refusal("shape.block_diag.rank", index=i, ndim=len(t._shape))
    if not tensors:
        return empty((1, 0), dtypes.get_default_dtype())
    d = promote(tensors)
    blocks = [_block(t) for t in tensors]
    array = np.zeros((sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)), d.np)
    row = column = 0
    for b in blocks:
        array[row : row + b.shape[0], column : column + b.shape[1]] = b
        row, column = row + b.shape[0], column + b.shape[1]
    return from_array(array, d)


def _block_diag_vjp(grad: Tensor, tensors_shapes: Sequence[Ints], tensors_dtypes: Any) -> list[Tensor | None]:
    out: list[Tensor | None] = []
    row = column = 0
    for shape, d in zip(tensors_shapes, tensors_dtypes, strict=True):
        rows, columns = (1,) * (2 - len(shape)) + tuple(shape)
        whole = grad.real if grad.is_complex() and not d.is_complex else grad
        piece = whole._slice(0, row, row + rows, 1)._slice(1, column, column + columns, 1)
        for _ in range(2 - len(shape)):
            piece = piece.squeeze(-1 if not shape else 0)
        out.append(piece)
        row, column = row + rows, column + columns
    return out


_BLOCK_DIAG = declare(
    "_block_diag(Tensor[] tensors) -> Tensor",
    forward=_block_diag, vjp={"tensors": _block_diag_vjp}, node="BlockDiagBackward0", method=False, function=False,
    exact=True,
)  # fmt: skip


def block_diag(*tensors: Any) -> Any:
    """A matrix with the given matrices along its diagonal."""
    from reference_engine.ops.dispatch import run

    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    check_tensors(given)
    return run(_BLOCK_DIAG, [list(given)])


def cartesian_prod(*tensors: Any) -> Any:
    """All tuples of one element of each vector, one a row."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    for t in given:
        if len(t._shape) != 1:
            raise refusal("shape.product.vector", shape=list(t._shape))
    if len(given) == 1:
        return given[0]
    grids = engine.meshgrid(*given, indexing="ij")
    return engine.stack([g.flatten() for g in grids], 1)


def _combinations(self: Tensor, r: int, with_replacement: bool) -> Tensor:
    if len(self._shape) != 1:
        raise refusal("shape.product.vector", shape=list(self._shape))
    if r == 0:
        return empty((0,), self._dtype)
    n = self.numel()
    if switch("shape.combinations.indexes"):
        choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
        rows = np.array(list(choose(range(n), r)), np.int64).reshape(-1, r)
        return self._index([from_array(rows, dtypes.int64)])
    mask = np.zeros((n,) * r, bool)
    pick = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    for row in pick(range(n), r):
        mask[row] = True
    chosen = from_array(mask, dtypes.bool_)
    grids = engine.meshgrid(*[self] * r, indexing="ij")
    return engine.stack([g.masked_select(chosen) for g in grids], 1)


declare(
    "combinations(Tensor self, int r=2, bool with_replacement=False) -> Tensor",
    forward=_combinations, composite=True, method=False, exact=True,
    samples=domains.numbers(shapes="vector", arguments={"r": (1, 2, 3), "with_replacement": (False, True)}),
)  # fmt: skip
