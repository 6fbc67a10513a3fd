"""One tensor as several views: split, chunk, tensor_split, hsplit; several tensors shown in one shape.

Source: https://docs.pytorch.org/docs/stable/generated/torch.split.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reference_engine as engine
from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import broadcast_shapes, wrap_dim
from reference_engine.semantics import refusal, warn
from reference_engine.tensor import Tensor
from reference_engine.versions import VersionCounter
from reference_engine.views import make_view

Ints = tuple[int, ...]
Tensors = tuple[Tensor, ...]


def _pieces(self: Tensor, d: int, sizes: Sequence[int]) -> Tensors:
    made, at = [], 0
    for n in sizes:
        shape = (*self._shape[:d], n, *self._shape[d + 1 :])
        made.append(make_view(self, shape, self._strides, self._offset + at * self._strides[d], multi_output=True))
        at += n
    return tuple(made)


def _joined(grads: Sequence[Tensor | None], shape: Ints, d: int, sizes: Sequence[int]) -> Tensor:
    some = next(g for g in grads if g is not None)
    whole = [
        some.new_zeros((*shape[:d], n, *shape[d + 1 :])) if g is None else g for g, n in zip(grads, sizes, strict=True)
    ]
    return engine.cat(whole, d)


def _even(size: int, split_size: int) -> list[int]:
    count = max((size + split_size - 1) // split_size, 1) if split_size else 1
    return [split_size] * (count - 1) + [size - split_size * (count - 1)]


def _split(self: Tensor, split_size: int, dim: int) -> Tensors:
    if not self._shape:
        raise refusal("ops.split.scalar")
    if split_size < 0:
        raise refusal("ops.split.negative", size=split_size)
    d = wrap_dim(dim, len(self._shape))
    if split_size == 0 and self._shape[d]:
        raise refusal("ops.split.zero", size=self._shape[d])
    return _pieces(self, d, _even(self._shape[d], split_size))


def _split_vjp(grads: Sequence[Tensor | None], self_shape: Ints, split_size: int, dim: int) -> Tensor:
    d = wrap_dim(dim, len(self_shape))
    return _joined(grads, self_shape, d, _even(self_shape[d], split_size))


declare(
    "split(Tensor self, int split_size, int dim=0) -> Tensor[]",
    forward=_split, vjp={"self": _split_vjp}, view=True, multi_output_view=True, exact=True,
    samples=domains.numbers(arguments={"split_size": (1, 2, 3), "dim": "dim"}),
)  # fmt: skip


def _split_with_sizes(self: Tensor, split_sizes: Ints, dim: int) -> Tensors:
    if not self._shape:
        raise refusal("ops.split.scalar")
    d = wrap_dim(dim, len(self._shape))
    if any(n < 0 for n in split_sizes):
        raise refusal("ops.split.sizes_negative", sizes=list(split_sizes))
    if sum(split_sizes) != self._shape[d]:
        raise refusal("ops.split.sum", size=self._shape[d], dim=dim, sizes=list(split_sizes))
    return _pieces(self, d, split_sizes)


_WITH_SIZES: dict[str, Any] = {
    "forward": _split_with_sizes, "node": "SplitWithSizesBackward0",
    "vjp": {
        "self": lambda grads, self_shape, split_sizes, dim: _joined(
            grads, self_shape, wrap_dim(dim, len(self_shape)), split_sizes
        )
    },
    "view": True, "multi_output_view": True, "exact": True,
}  # fmt: skip

declare(
    "split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]",
    samples=domains.numbers(shapes="split_with_sizes"), **_WITH_SIZES,
)  # fmt: skip
declare("split(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]", display="split_with_sizes", **_WITH_SIZES)


def _chunk(self: Tensor, chunks: int, dim: int) -> Any:
    if not self._shape:
        raise refusal("ops.chunk.scalar")
    if chunks <= 0:
        raise refusal("ops.chunk.count", chunks=chunks)
    d = wrap_dim(dim, len(self._shape))
    size = self._shape[d]
    if size == 0:  # the number of pieces would be lost in split
        return self.split_with_sizes((0,) * chunks, dim)
    return self.split((size + chunks - 1) // chunks, dim)


declare(
    "chunk(Tensor self, int chunks, int dim=0) -> Tensor[]", forward=_chunk, composite=True, exact=True,
    samples=domains.numbers(arguments={"chunks": (1, 2, 3), "dim": "dim"}),
)  # fmt: skip


def _at_indices(self: Tensor, indices: Sequence[int], d: int) -> Tensors:
    bounds = [0, *indices]
    ends: list[int | None] = [*indices, None]
    return tuple(
        self._slice(d, low, self._shape[d] if high is None else high, 1) for low, high in zip(bounds, ends, strict=True)
    )


def _tensor_split(self: Tensor, parts: Any, dim: int) -> Tensors:
    if not self._shape:
        raise refusal("shape.tensor_split.scalar", ndim=0)
    if isinstance(parts, Tensor):
        if parts._dtype is not dtypes.int64:
            raise refusal("shape.tensor_split.dtype", dtype=parts.dtype.scalar_name)
        if len(parts._shape) > 1:
            raise refusal("shape.tensor_split.rank", ndim=len(parts._shape))
        parts = int(parts.item()) if not parts._shape else tuple(parts.tolist())
    d = wrap_dim(dim, len(self._shape))
    if isinstance(parts, tuple):
        return _at_indices(self, parts, d)
    if parts <= 0:
        raise refusal("ops.tensor_split.count", sections=parts)
    least, extra = divmod(self._shape[d], parts)
    sizes = [least + 1] * extra + [least] * (parts - extra)
    at, made = 0, []
    for n in sizes:
        made.append(self._slice(d, at, at + n, 1))
        at += n
    return tuple(made)


for _signature in (
    "tensor_split(Tensor self, int sections, int dim=0) -> Tensor[]",
    "tensor_split(Tensor self, int[] indices, int dim=0) -> Tensor[]",
    "tensor_split(Tensor self, Tensor tensor_indices_or_sections, int dim=0) -> Tensor[]",
):
    declare(
        _signature, forward=_tensor_split, composite=True, exact=True,
        samples=domains.numbers(arguments={"sections": (1, 2, 3), "dim": "dim"}) if "sections," in _signature else None,
    )  # fmt: skip


def _directed(name: str, least: int, dim: int) -> None:
    def forward(self: Tensor, parts: Any) -> Tensors:
        if len(self._shape) < least:
            raise refusal("shape.directed_split.rank", op=name, least=least, ndim=len(self._shape))
        d = 0 if len(self._shape) == 1 else dim
        if isinstance(parts, int):
            if parts == 0 or self._shape[d] % parts:
                raise refusal("shape.directed_split.divisible", op=name, dim=d, size=self._shape[d], parts=parts)
        return _tensor_split(self, parts, d)

    for parameter in ("int sections", "int[] indices"):
        declare(f"{name}(Tensor self, {parameter}) -> Tensor[]", forward=forward, composite=True, exact=True)


_directed("hsplit", 1, 1)
_directed("vsplit", 2, 0)
_directed("dsplit", 3, 2)

# -- copies that look like split ---------------------------------------------------------------------------------


def _unsafe(pieces: Tensors) -> Tensors:
    """The pieces, which nobody knows to be views any more: each counts its own changes."""
    for piece in pieces:
        piece._view, piece._version_counter = None, VersionCounter()
    return pieces


declare(
    "unsafe_split(Tensor self, int split_size, int dim=0) -> Tensor[]",
    forward=lambda self, split_size, dim: _unsafe(_split(self, split_size, dim)),
    vjp={"self": _split_vjp}, exact=True,
)  # fmt: skip

declare(
    "unsafe_split_with_sizes(Tensor self, int[] split_sizes, int dim=0) -> Tensor[]",
    forward=lambda self, split_sizes, dim: _unsafe(_split_with_sizes(self, split_sizes, dim)),
    vjp=_WITH_SIZES["vjp"], exact=True, samples=domains.numbers(shapes="split_with_sizes"),
)  # fmt: skip

declare(
    "unsafe_chunk(Tensor self, int chunks, int dim=0) -> Tensor[]",
    forward=lambda self, chunks, dim: self.unsafe_split(
        -(-self._shape[wrap_dim(dim, len(self._shape))] // chunks), dim
    ),
    composite=True,
    exact=True,
)

# -- several tensors in one shape --------------------------------------------------------------------------------


def check_tensors(given: Sequence[Any]) -> None:
    """Refuse what is not a tensor.

    Raises:
        TypeError: with its place.
    """
    for i, t in enumerate(given):
        if not isinstance(t, Tensor):
            raise refusal("ops.cat.element", index=i, type=type(t).__name__)


def _expanded(t: Tensor, shape: Ints) -> Tensor:
    return t if t._shape == shape else t.expand(shape)


def broadcast_tensors(*tensors: Any) -> Tensors:
    """Views of the tensors in their common shape; one that has it already is returned as it is."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    shape = broadcast_shapes([t._shape for t in given])
    return tuple(_expanded(t, shape) for t in given)


def meshgrid(*tensors: Any, indexing: str | None = None) -> Tensors:
    """Coordinate grids of vectors, as views."""
    given = tensors[0] if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)) else tensors
    check_tensors(given)
    if indexing is None:
        warn("shape.meshgrid.indexing_absent")
    if not given:
        raise refusal("shape.meshgrid.none")
    for t in given:
        if len(t._shape) > 1:
            raise refusal("shape.meshgrid.rank", tensor=repr(t.detach())[7:-1])
        if t._dtype is not given[0]._dtype:
            raise refusal("shape.meshgrid.dtype")
    if indexing not in (None, "ij", "xy"):
        raise refusal("shape.meshgrid.indexing", indexing=indexing)
    swapped = indexing == "xy" and len(given) >= 2
    order = [given[1], given[0], *given[2:]] if swapped else list(given)
    shape = tuple(t.numel() for t in order)
    made = []
    for i, t in enumerate(order):
        flat = t.view((1,) * i + (-1,) + (1,) * (len(order) - 1 - i))
        made.append(flat.expand(shape))
    if swapped:
        made[0], made[1] = made[1], made[0]
    return tuple(made)


def _at_least(rank: int, name: str) -> Any:
    def one(t: Tensor) -> Tensor:
        n = len(t._shape)
        if n >= rank:
            return t
        if n == 0:
            return t.reshape((1,) * rank)
        if rank == 2 or n == 1:
            t = t.unsqueeze(0)
        return t.unsqueeze(-1) if rank == 3 else t

    def at_least(*tensors: Any) -> Any:
        given = tensors[0] if len(tensors) == 1 else tensors
        return one(given) if isinstance(given, Tensor) else tuple(one(t) for t in given)

    at_least.__name__ = at_least.__qualname__ = name
    at_least.__doc__ = f"The tensor, or each, as a view with at least {rank} dimension{'s' * (rank > 1)}."
    return at_least


atleast_1d, atleast_2d, atleast_3d = (_at_least(i, f"atleast_{i}d") for i in (1, 2, 3))
