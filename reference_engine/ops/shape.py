"""Views and rearrangements: what changes how memory is looked at, and the copies that change its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reference_engine import strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.kernels import empty, from_array, wrap_dim
from reference_engine.semantics import refusal, switch
from reference_engine.size import Size
from reference_engine.tensor import Tensor
from reference_engine.views import make_view

Ints = tuple[int, ...]


def infer_size(size: Sequence[int], numel: int) -> Ints:
    """Fill in the one -1 of a requested shape.

    Raises:
        RuntimeError: two -1, another negative size, an ambiguous -1, or another number of elements.
    """
    known, unknown = 1, None
    for i, s in enumerate(size):
        if s == -1:
            if unknown is not None:
                raise refusal("ops.view.two_unknown")
            unknown = i
        elif s < 0:
            raise refusal("ops.view.negative", size=s, index=i, shape=list(size))
        else:
            known *= s
    if numel == known or (unknown is not None and known > 0 and numel % known == 0):
        if unknown is None:
            return tuple(size)
        if known == 0:
            raise refusal("ops.view.ambiguous", shape=list(size))
        return tuple(numel // known if i == unknown else s for i, s in enumerate(size))
    raise refusal("ops.view.size", shape=list(size), numel=numel)


def _view(self: Tensor, size: Ints) -> Tensor:
    shape = infer_size(size, self.numel())
    found = strides.of_view(self._shape, self._strides, shape)
    if found is None:
        raise refusal("ops.view.incompatible")
    return make_view(self, shape, found, self._offset)


declare(
    "view(Tensor self, int[] size) -> Tensor",
    forward=_view,
    vjp={"self": lambda grad, self_shape: grad.reshape(self_shape)},
    view=True, function=False, exact=True, samples=domains.numbers(shapes="view"),
)  # fmt: skip


def _reshape(self: Tensor, shape: Ints) -> Tensor:
    wanted = infer_size(shape, self.numel())
    if self.is_contiguous() and switch("shape.reshape.views_contiguous"):
        return self.view(wanted)
    if strides.of_view(self._shape, self._strides, wanted) is not None:
        return self._reshape_alias(wanted)
    return self.clone(memory_format="contiguous")._unsafe_view(wanted)


declare(
    "reshape(Tensor self, int[] shape) -> Tensor", forward=_reshape, composite=True, exact=True,
    samples=domains.numbers(shapes="view"),
)  # fmt: skip


declare(
    "_reshape_alias(Tensor self, int[] size) -> Tensor",
    forward=_view, node="ReshapeAliasBackward0", vjp={"self": lambda grad, self_shape: grad.reshape(self_shape)},
    view=True, function=False, exact=True,
)  # fmt: skip


declare(
    "_view_alias(Tensor self) -> Tensor",
    forward=lambda self: make_view(self, self._shape, self._strides, self._offset),
    node="AliasBackward0", vjp={"self": lambda grad: grad}, view=True, function=False, exact=True,
)  # fmt: skip


def _unsafe_view(self: Tensor, size: Ints) -> Tensor:
    """A view that is not tracked as one: the tensor it looks into is about to be forgotten."""
    shape = infer_size(size, self.numel())
    found = strides.of_view(self._shape, self._strides, shape)
    if found is None:  # one slice of a batch, in whatever memory order
        return from_array(self._read().reshape(shape), self._dtype)
    made = self._alias()
    made._shape, made._strides = shape, found
    return made


declare(
    "_unsafe_view(Tensor self, int[] size) -> Tensor",
    forward=_unsafe_view, node="UnsafeViewBackward0",
    vjp={"self": lambda grad, self_shape: grad.reshape(self_shape)}, exact=True,
)  # fmt: skip


def _transpose(self: Tensor, dim0: int, dim1: int) -> Tensor:
    n = len(self._shape)
    a, b = wrap_dim(dim0, n), wrap_dim(dim1, n)
    shape, st = list(self._shape), list(self._strides)
    if n:
        shape[a], shape[b], st[a], st[b] = shape[b], shape[a], st[b], st[a]
    return make_view(self, tuple(shape), tuple(st), self._offset)


declare(
    "transpose(Tensor self, int dim0, int dim1) -> Tensor",
    forward=_transpose,
    vjp={"self": lambda grad, dim0, dim1: grad.transpose(dim0, dim1)},
    view=True, exact=True, aliases=("swapaxes", "swapdims"),
    samples=domains.numbers(arguments={"dim0": "dim", "dim1": "dim"}),
)  # fmt: skip


def _t(self: Tensor) -> Tensor:
    if len(self._shape) > 2:
        raise refusal("ops.t.rank", ndim=len(self._shape))
    return make_view(self, self._shape[::-1], self._strides[::-1], self._offset)


declare(
    "t(Tensor self) -> Tensor",
    forward=_t, node="TBackward0", vjp={"self": lambda grad: grad.t()}, view=True, exact=True,
    samples=domains.numbers(shapes="matrix"),
)  # fmt: skip


def _permute(self: Tensor, dims: Ints) -> Tensor:
    n = len(self._shape)
    if len(dims) != n:
        raise refusal("ops.permute.count", dims=len(dims), ndim=n)
    order = [wrap_dim(d, n) for d in dims]
    if len(set(order)) != len(order):
        raise refusal("ops.permute.duplicate")
    return make_view(self, tuple(self._shape[d] for d in order), tuple(self._strides[d] for d in order), self._offset)


declare(
    "permute(Tensor self, int[] dims) -> Tensor",
    forward=_permute,
    vjp={"self": lambda grad, dims: grad.permute(_inverse(dims))},
    view=True, exact=True, samples=domains.numbers(arguments={"dims": "permutation"}),
)  # fmt: skip


def _inverse(dims: Ints) -> Ints:
    n = len(dims)
    inverse = [0] * n
    for i, d in enumerate(dims):
        inverse[d % n] = i
    return tuple(inverse)


def _expand(self: Tensor, size: Ints, implicit: bool) -> Tensor:
    if len(size) < len(self._shape):
        raise refusal(
            "ops.expand.rank", type=self.dtype.cpp_type_name, shape=list(self._shape), size=list(size), sizes=len(size),
            ndim=len(self._shape),
        )  # fmt: skip
    lead = len(size) - len(self._shape)
    wanted = list(size)
    for i in range(len(size) - 1, -1, -1):
        j = i - lead
        have = self._shape[j] if j >= 0 else 1
        if wanted[i] == -1:
            if j < 0:
                raise refusal("ops.expand.minus_one", dim=i)
            wanted[i] = have
        elif wanted[i] < 0:
            raise refusal("ops.expand.negative", size=list(size))
        elif have != wanted[i] and have != 1:
            raise refusal(
                "ops.expand.size", size=wanted[i], have=have, dim=i, target=list(size), shape=list(self._shape)
            )  # fmt: skip
    return make_view(self, tuple(wanted), strides.expanded(self._shape, self._strides, wanted), self._offset)


declare(
    "expand(Tensor self, int[] size, *, bool implicit=False) -> Tensor",
    forward=_expand,
    vjp={"self": lambda grad, self_shape: grad.sum_to_size(self_shape)},
    view=True, function=False, exact=True, samples=domains.numbers(shapes="expand"),
)  # fmt: skip

declare(
    "broadcast_to(Tensor self, int[] size) -> Tensor",
    forward=lambda self, size: self.expand(size), composite=True, exact=True, samples=domains.numbers(shapes="expand"),
)  # fmt: skip


def sum_to(t: Tensor, shape: Sequence[int]) -> Tensor:
    """Undo broadcasting: sum the dimensions that were added or repeated."""
    shape = tuple(shape)
    if t._shape == shape:
        return t
    if not shape:
        return t.sum()
    lead = len(t._shape) - len(shape)
    dims = [*range(lead), *(i + lead for i, s in enumerate(shape) if s == 1 and t._shape[i + lead] != 1)]
    if dims:
        t = t.sum(tuple(dims), keepdim=True)
    return t.view(shape) if lead else t


def _sum_to_size(self: Tensor, size: Ints) -> Tensor:
    if not strides.is_expandable_to(size, self._shape):
        raise refusal("ops.sum_to_size", size=list(size), shape=list(self._shape))
    return sum_to(self, size)


declare(
    "sum_to_size(Tensor self, int[] size) -> Tensor", forward=_sum_to_size, composite=True, function=False,
)  # fmt: skip

# -- one index, a range ------------------------------------------------------------------------------------------


def _select(self: Tensor, dim: int, index: int) -> Tensor:
    n = len(self._shape)
    if n == 0:
        raise refusal("ops.select.scalar")
    d = wrap_dim(dim, n)
    size = self._shape[d]
    if not -size <= index < size:
        raise refusal("ops.select.range", index=index, shape=list(self._shape), dim=d)
    at = index + size if index < 0 else index
    shape, st = self._shape[:d] + self._shape[d + 1 :], self._strides[:d] + self._strides[d + 1 :]
    return make_view(self, shape, st, self._offset + at * self._strides[d])


declare(
    "select(Tensor self, int dim, int index) -> Tensor",
    forward=_select,
    vjp={"self": lambda grad, self_shape, dim, index: grad._select_backward(self_shape, dim, index)},
    view=True, exact=True, samples=domains.numbers(arguments={"dim": "dim", "index": "index"}),
)  # fmt: skip


def _embedded(grad: Tensor, shape: Ints, look: Any) -> Tensor:
    """Zeros of ``shape`` with ``grad`` written where ``look`` looks."""
    made = empty(shape, grad._dtype)
    look(made)._array()[...] = grad._read()
    return made


declare(
    "_select_backward(Tensor self, int[] shape, int dim, int index) -> Tensor",
    forward=lambda self, shape, dim, index: _embedded(self, shape, lambda z: _select(z, dim, index)),
    node="SelectBackwardBackward0", vjp={"self": lambda grad, dim, index: grad.select(dim, index)}, exact=True,
)  # fmt: skip


def slice_bounds(size: int, start: int | None, end: int | None, step: int) -> tuple[int, int]:
    """First index and length of ``start:end:step`` along a dimension, clamped as Python does."""
    low = 0 if start is None else max(start + size, 0) if start < 0 else min(start, size)
    high = size if end is None else max(end + size, 0) if end < 0 else min(end, size)
    high = max(high, low)
    return low, (high - low + step - 1) // step


def _slice(self: Tensor, dim: int, start: int | None, end: int | None, step: int) -> Tensor:
    d = wrap_dim(dim, len(self._shape), False)
    if step <= 0:
        raise refusal("ops.slice.step")
    low, length = slice_bounds(self._shape[d], start, end, step)
    shape = (*self._shape[:d], length, *self._shape[d + 1 :])
    st = (*self._strides[:d], self._strides[d] * step, *self._strides[d + 1 :])
    return make_view(self, shape, st, self._offset + low * self._strides[d])


declare(
    "_slice(Tensor self, int dim=0, int? start=None, int? end=None, int step=1) -> Tensor",
    forward=_slice,
    node="SliceBackward0",
    vjp={
        "self": lambda grad, self_shape, dim, start, end, step: grad._slice_backward(self_shape, dim, start, end, step)
    },
    view=True,
    exact=True,
)

declare(
    "_slice_backward(Tensor self, int[] shape, int dim, int? start, int? end, int step) -> Tensor",
    forward=lambda self, shape, dim, start, end, step: _embedded(
        self, shape, lambda z: _slice(z, dim, start, end, step)
    ),
    node="SliceBackwardBackward0",
    vjp={"self": lambda grad, dim, start, end, step: grad._slice(dim, start, end, step)},
    exact=True,
)


def _narrow(self: Tensor, dim: int, start: int, length: int) -> Tensor:
    if not self._shape:
        raise refusal("ops.narrow.scalar")
    if length < 0 and switch("ops.narrow.length_checked"):
        raise refusal("ops.narrow.length")
    d = wrap_dim(dim, len(self._shape))
    size = self._shape[d]
    if not -size <= start <= size:
        raise refusal("ops.narrow.start_range", low=-size, last=size - 1, high=size, start=start)
    begin = start + size if start < 0 else start
    if length < 0 or begin + length > size:
        raise refusal("ops.narrow.range", start=begin, length=length, size=size)
    return self._slice(dim, begin, begin + length, 1)


declare(
    "narrow(Tensor self, int dim, int start, int length) -> Tensor", forward=_narrow, composite=True, exact=True,
    samples=domains.numbers(shapes="narrow"),
)  # fmt: skip

# -- dimensions of size one --------------------------------------------------------------------------------------


def _unsqueeze(self: Tensor, dim: int) -> Tensor:
    n = len(self._shape)
    d = wrap_dim(dim, n + 1)
    st = 1 if d >= n else self._shape[d] * self._strides[d]
    return make_view(
        self, (*self._shape[:d], 1, *self._shape[d:]), (*self._strides[:d], st, *self._strides[d:]), self._offset
    )


declare(
    "unsqueeze(Tensor self, int dim) -> Tensor",
    forward=_unsqueeze, vjp={"self": lambda grad, dim: grad.squeeze(dim)},
    view=True, exact=True, samples=domains.numbers(arguments={"dim": "dim"}),
)  # fmt: skip


def _squeezed(self: Tensor, dims: Sequence[int]) -> Tensor:
    keep = [i for i, s in enumerate(self._shape) if not (i in dims and s == 1)]
    return make_view(self, tuple(self._shape[i] for i in keep), tuple(self._strides[i] for i in keep), self._offset)


def unsqueeze_to(grad: Tensor, shape: Ints, dims: Sequence[int]) -> Tensor:
    """Put back the dimensions of size one that a squeeze of ``shape`` removed."""
    for d in dims:
        if shape[d] == 1:
            grad = grad.unsqueeze(d)
    return grad


declare(
    "squeeze(Tensor self) -> Tensor",
    forward=lambda self: _squeezed(self, range(len(self._shape))),
    vjp={"self": lambda grad, self_shape: unsqueeze_to(grad, self_shape, range(len(self_shape)))},
    view=True, exact=True, samples=domains.numbers(),
)  # fmt: skip

declare(
    "squeeze(Tensor self, int dim) -> Tensor",
    node="SqueezeBackward1",
    forward=lambda self, dim: _squeezed(self, [wrap_dim(dim, len(self._shape))]),
    vjp={
        "self": lambda grad, self_shape, dim: unsqueeze_to(
            grad, self_shape, [wrap_dim(dim, len(self_shape))] if self_shape else []
        )
    },
    view=True,
    exact=True,
    samples=domains.numbers(arguments={"dim": "dim"}),
)

declare(
    "_alias_view(Tensor self) -> Tensor",
    forward=lambda self: make_view(self, self._shape, self._strides, self._offset), node="AliasBackward0",
    vjp={"self": lambda grad: grad}, view=True, exact=True, function=False,
)  # fmt: skip

# -- several views, several tensors ------------------------------------------------------------------------------


def _unbind(self: Tensor, dim: int) -> tuple[Tensor, ...]:
    d = wrap_dim(wrap_dim(dim, len(self._shape)), len(self._shape), False)  # of a scalar: dimension 0 is missing
    shape, st = self._shape[:d] + self._shape[d + 1 :], self._strides[:d] + self._strides[d + 1 :]
    return tuple(
        make_view(self, shape, st, self._offset + i * self._strides[d], multi_output=True)
        for i in range(self._shape[d])
    )


def _unbind_vjp(grads: Sequence[Tensor | None], self_shape: Ints, dim: int) -> Tensor:
    import reference_engine as engine

    some = next(g for g in grads if g is not None)
    return engine.stack([engine.zeros_like(some) if g is None else g for g in grads], dim)


declare(
    "unbind(Tensor self, int dim=0) -> Tensor[]",
    forward=_unbind, vjp={"self": _unbind_vjp}, view=True, multi_output_view=True, exact=True,
    samples=domains.numbers(arguments={"dim": "dim"}),
)  # fmt: skip

__all__ = ["Size", "infer_size", "sum_to", "unsqueeze_to", "slice_bounds"]
