"""Views of any strides: the gradient goes by places in memory, not by elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference_engine import strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import cite, refusal
from reference_engine.tensor import Tensor
from reference_engine.views import make_view

Ints = tuple[int, ...]


def _as_strided(self: Tensor, size: Ints, stride: Ints, storage_offset: int | None) -> Tensor:
    offset = self._offset if storage_offset is None else storage_offset
    if len(size) != len(stride):
        raise refusal("ops.as_strided.length", sizes=len(size), strides=len(stride))
    if any(s < 0 for s in stride):
        raise refusal("ops.as_strided.negative", stride=list(stride))
    if offset < 0:
        raise refusal("ops.as_strided.offset", offset=offset)
    need = (offset + strides.extent(size, stride)) * self._dtype.itemsize if strides.numel(size) else 0
    if need > self._storage.nbytes():
        raise refusal(
            "ops.as_strided.bounds", size=list(size), stride=list(stride), offset=offset, itemsize=self._dtype.itemsize,
            need=need, have=self._storage.nbytes(),
        )  # fmt: skip
    return make_view(self, tuple(size), tuple(stride), offset)


@dataclass(frozen=True)
class _Layout:
    """Where the elements of a tensor lie in its memory."""

    shape: Ints
    strides: Ints
    offset: int

    @property
    def end(self) -> int:
        return self.offset + strides.extent(self.shape, self.strides)

    def moved(self, by: int) -> _Layout:
        return _Layout(self.shape, self.strides, self.offset + by)

    @property
    def overlaps(self) -> bool:
        """Whether two elements may share a place: a stride does not reach past all that lies within smaller strides."""
        reach = 0
        for stride, n in sorted((s, n) for n, s in zip(self.shape, self.strides, strict=True) if n != 1):
            if stride <= reach:
                return True
            reach += stride * (n - 1)
        return False

    def of(self, memory: Tensor) -> Tensor:
        """The elements that lie so in a tensor of one dimension."""
        return memory.as_strided(self.shape, self.strides, self.offset)

    def places(self, memory: Tensor) -> Tensor:
        """The place of each element, in the order of the elements."""
        import reference_engine as engine

        return self.of(engine.arange(memory.numel())).reshape(-1)


def _gradient_of_base(grad: Tensor, view: _Layout, base: _Layout) -> Tensor:
    """Send a view's gradient to its base by place in memory; a place seen twice gets both contributions.

    An element of the base that shares its place with others gets its share of the place's total.
    """
    import reference_engine as engine

    if 0 in view.shape or 0 in base.shape:
        return grad.new_zeros(base.shape)
    for dim in reversed(range(len(view.shape))):
        if view.shape[dim] == 1:
            grad = grad.squeeze(dim)
        elif view.strides[dim] == 0:  # all of these elements are one
            grad = grad.sum(dim)
    seen = [(n, s) for n, s in zip(view.shape, view.strides, strict=True) if n != 1 and s != 0]
    view = _Layout(tuple(n for n, _ in seen), tuple(s for _, s in seen), view.offset)

    low = min(view.offset, base.offset)
    view, base = view.moved(-low), base.moved(-low)
    memory = grad.new_zeros(max(view.end, base.end))
    if view.overlaps:
        memory.index_add_(0, view.places(memory), grad.reshape(-1))
    else:
        view.of(memory).copy_(grad)
    if base.overlaps:
        at = base.places(memory)
        sharing = engine.zeros_like(memory).index_add_(0, at, engine.ones_like(at, dtype=memory.dtype))
        memory = memory._share(sharing)
    return base.of(memory)


declare(
    "as_strided(Tensor self, int[] size, int[] stride, int? storage_offset=None) -> Tensor",
    forward=_as_strided,
    vjp={
        "self": lambda grad, self_shape, self_strides, self_offset, size, stride, storage_offset: _gradient_of_base(
            grad,
            _Layout(size, stride, self_offset if storage_offset is None else storage_offset),
            _Layout(self_shape, self_strides, self_offset),
        )
    },
    view=True,
    exact=True,
    samples=domains.numbers(shapes="as_strided"),
)


def _slice_inverse(self: Tensor, src: Tensor, dim: int, start: int | None, end: int | None, step: int) -> Tensor:
    """What ``self`` was cut from: the same memory, looked at as ``src`` looks at its own."""
    return _as_strided(self, src._shape, src._strides, src._offset)


declare(
    "slice_inverse(Tensor self, Tensor src, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    forward=_slice_inverse, view=True, exact=True,
    vjp={"self": lambda grad, dim, start, end, step: grad._slice(dim, start, end, step)},
)  # fmt: skip


def _share(self: Tensor, counts: Tensor) -> Tensor:
    """What lies in each place, divided among the elements that share it; a place without elements is left alone."""
    cite("shape.as_strided.shared_place")
    shares = self._read() / np.maximum(counts._read(), 1)
    return from_array(shares.astype(self._dtype.compute), self._dtype)


declare(
    "_share(Tensor self, Tensor counts) -> Tensor",
    forward=_share,
    node="DivBackward0",
    # the counts never require a gradient; a division has an edge for them all the same
    vjp={"self": lambda grad, counts: grad._share(counts), "counts": lambda grad: None},
    function=False,
)
