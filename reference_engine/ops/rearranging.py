"""More views: dimensions moved, merged and taken apart; diagonals, sliding windows; the same memory as another dtype.

Source: https://docs.pytorch.org/docs/stable/tensor_view.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import strides
from reference_engine.dtypes import dtype
from reference_engine.modes import state
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import OVERLAPS, declare
from reference_engine.ops.kernels import empty, from_array, wrap_dim, wrap_dims
from reference_engine.ops.shape import infer_size, unsqueeze_to
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor
from reference_engine.views import make_view

Ints = tuple[int, ...]

# -- another dtype -----------------------------------------------------------------------------------------------


def _view_dtype(self: Tensor, dtype: dtype) -> Tensor:
    """The same bytes read as another dtype. No view in autograd's sense and never recorded, like detach()."""
    cite("view.dtype.not_recorded")
    old, new = self._dtype.itemsize, dtype.itemsize
    words = {"dtype": self.dtype.scalar_name, "target": dtype.scalar_name}
    if (self._conj or self._neg) and self._dtype is not dtype:
        raise refusal("shape.view_dtype.lazy", kind="conjugate" if self._conj else "negative")
    made = self._alias()
    made._tangent = None
    made._inference = self._inference or state.inference  # no view, but a tensor made here
    made._dtype = dtype
    if old == new:
        return made
    if not self._shape:
        raise refusal("shape.view_dtype.scalar", **words)
    if new > old:
        factor = new // old
        if self._shape[-1] % factor:
            raise refusal("ops.view.dtype_size", factor=factor, size=self._shape[-1], **words)
        if self._offset % factor:
            raise refusal("shape.view_dtype.offset", factor=factor, offset=self._offset, **words)
        if self._strides[-1] != 1:
            raise refusal("shape.view_dtype.stride", stride=self._strides[-1], **words)
        for i, s in enumerate(self._strides[:-1]):
            if s % factor:
                raise refusal("shape.view_dtype.strides", dim=i, factor=factor, stride=s, **words)
        made._shape = (*self._shape[:-1], self._shape[-1] // factor)
        made._strides = (*(s // factor for s in self._strides[:-1]), 1)
        made._offset = self._offset // factor
    else:
        factor = old // new
        if self._strides[-1] != 1:
            raise refusal("shape.view_dtype.stride", stride=self._strides[-1], **words)
        made._shape = (*self._shape[:-1], self._shape[-1] * factor)
        made._strides = (*(s * factor for s in self._strides[:-1]), 1)
        made._offset = self._offset * factor
    return made


declare("view(Tensor self, dtype dtype) -> Tensor", forward=_view_dtype, function=False, exact=True, composite=True)

# -- dimensions moved --------------------------------------------------------------------------------------------


def _movedim(self: Tensor, source: Ints, destination: Ints) -> Tensor:
    if len(source) != len(destination):
        raise refusal("shape.movedim.count", source=list(source), destination=list(destination))
    n = len(self._shape)
    src, dst = [wrap_dim(d, n) for d in source], [wrap_dim(d, n) for d in destination]
    if len(set(src)) != len(src):
        raise refusal("shape.movedim.repeated", which="source", dims=list(source))
    if len(set(dst)) != len(dst):
        raise refusal("shape.movedim.repeated", which="destination", dims=list(destination))
    if not n:
        return self._alias_view()
    order = [-1] * n
    for s, d in zip(src, dst, strict=True):
        order[d] = s
    rest = iter(i for i in range(n) if i not in src)
    return self.permute(tuple(next(rest) if o < 0 else o for o in order))


declare(
    "movedim(Tensor self, int[] source, int[] destination) -> Tensor",
    forward=_movedim, composite=True, exact=True, aliases=("moveaxis",),
    samples=domains.numbers(arguments={"source": "dim", "destination": "dim"}),
)  # fmt: skip


def _warn_of_scalar(clause: str) -> None:
    if switch("shape.transpose.scalar_warns"):
        warn(clause)


def matrix_transpose(self: Tensor, name: str) -> Any:
    """``x.mT``, ``x.mH``, ``x.adjoint()``: the last two dimensions swapped; a number is left as it is."""
    if not self._shape:
        _warn_of_scalar("shape.matrix_transpose.scalar" if name == "mT" else "shape.adjoint.scalar")
        return self if name == "mT" or not self.is_complex() else self.conj()
    if len(self._shape) < 2:
        raise refusal("shape.matrix_transpose.rank", name=name, ndim=len(self._shape))
    turned = self.transpose(-2, -1)
    return turned if name == "mT" or not self.is_complex() else turned.conj()


def hermitian(self: Tensor) -> Any:
    """``x.H``: the conjugate transpose of a matrix."""
    if not self._shape:
        _warn_of_scalar("shape.hermitian.scalar")
        return self.conj()
    if len(self._shape) != 2:
        raise refusal("shape.hermitian.rank", ndim=len(self._shape))
    return self.transpose(0, 1).conj()


def reversed_dimensions(self: Tensor) -> Any:
    """``x.T``: all dimensions in reverse order."""
    if not self._shape:
        _warn_of_scalar("shape.transpose_attribute.scalar")
    elif len(self._shape) != 2:
        warn("ops.transpose_attribute.rank")
    return self.permute(tuple(range(len(self._shape) - 1, -1, -1)))


declare(
    "adjoint(Tensor self) -> Tensor", forward=lambda self: matrix_transpose(self, "adjoint()"), composite=True,
    exact=True, samples=domains.numbers(shapes="matrix"),
)  # fmt: skip

# -- dimensions merged and taken apart ---------------------------------------------------------------------------


def _flatten(self: Tensor, start_dim: int, end_dim: int) -> Tensor:
    n = len(self._shape)
    start, end = wrap_dim(start_dim, n), wrap_dim(end_dim, n)
    if start > end:
        raise refusal("ops.flatten.order")
    if not n:
        return self.reshape((1,))
    if start == end:
        return self
    merged = strides.numel(self._shape[start : end + 1])
    return self.reshape((*self._shape[:start], merged, *self._shape[end + 1 :]))


declare(
    "flatten(Tensor self, int start_dim=0, int end_dim=-1) -> Tensor",
    forward=_flatten, composite=True, exact=True, samples=domains.numbers(),
)  # fmt: skip

declare(
    "ravel(Tensor self) -> Tensor",
    forward=lambda self: self.contiguous().view(-1), composite=True, exact=True, samples=domains.numbers(),
)  # fmt: skip


def _unflatten(self: Tensor, dim: int, sizes: Ints) -> Tensor:
    if not sizes:
        raise refusal("ops.unflatten.empty")
    d = wrap_dim(dim, len(self._shape))
    if not self._shape:
        raise refusal("ops.dim.scalar", dim=d)
    known = strides.numel([s for s in sizes if s != -1])
    fits = self._shape[d] == known if -1 not in sizes else known and self._shape[d] % known == 0
    if not fits:
        raise refusal("ops.unflatten.sizes", sizes=list(sizes), dim=d, size=self._shape[d])
    pieces = infer_size(sizes, self._shape[d])
    return self.view((*self._shape[:d], *pieces, *self._shape[d + 1 :]))


declare(
    "unflatten(Tensor self, int dim, int[] sizes) -> Tensor", forward=_unflatten, composite=True, exact=True,
    samples=domains.numbers(shapes="unflatten"),
)  # fmt: skip


def _squeeze(self: Tensor, dim: Ints) -> Tensor:
    gone = wrap_dims(dim, len(self._shape)) if dim else ()
    keep = [i for i, n in enumerate(self._shape) if not (i in gone and n == 1)]
    return make_view(self, tuple(self._shape[i] for i in keep), tuple(self._strides[i] for i in keep), self._offset)


declare(
    "squeeze(Tensor self, int[] dim) -> Tensor",
    forward=_squeeze, node="SqueezeBackward2",
    vjp={
        "self": lambda grad, self_shape, dim: unsqueeze_to(
            grad, self_shape, sorted(wrap_dims(dim, len(self_shape))) if dim else ()
        )
    },
    view=True, exact=True, when="ops.squeeze.tuple", samples=domains.numbers(arguments={"dim": "dims"}),
)  # fmt: skip


def _narrow_copy(self: Tensor, dim: int, start: int, length: int) -> Tensor:
    out = kernels.destination
    if out is not None and out._dtype is not self._dtype:
        raise refusal("shape.narrow_copy.out_dtype")
    piece = self.detach().narrow(dim, start, length)
    if out is not None and out._shape != piece._shape:
        kernels.resize(out, piece._shape)  # without the warning that others have
    return from_array(piece._read(), self._dtype)


declare(
    "narrow_copy(Tensor self, int dim, int start, int length) -> Tensor",
    forward=_narrow_copy,
    vjp={
        "self": lambda grad, self_shape, dim, start, length: grad._slice_backward(
            self_shape, dim, start, start + length, 1
        )
    },
    out=OVERLAPS,
    exact=True,
    when="shape.narrow_copy.derived",
    samples=domains.numbers(shapes="narrow"),
)
declare(
    "narrow_copy(Tensor self, int dim, int start, int length) -> Tensor",
    forward=_narrow_copy, underived=True, out=OVERLAPS, exact=True, when="!shape.narrow_copy.derived",
)  # fmt: skip

# -- diagonals and windows ---------------------------------------------------------------------------------------


def _diagonal(self: Tensor, offset: int, dim1: int, dim2: int) -> Tensor:
    n = len(self._shape)
    a, b = wrap_dim(dim1, n), wrap_dim(dim2, n)
    if a == b:
        raise refusal("ops.diagonal.same", first=dim1, second=dim2)
    across, down = max(offset, 0), max(-offset, 0)
    length = max(min(self._shape[a] - down, self._shape[b] - across), 0)
    keep = [i for i in range(n) if i not in (a, b)]
    start = self._offset + (across * self._strides[b] + down * self._strides[a] if length else 0)
    return make_view(
        self, (*(self._shape[i] for i in keep), length),
        (*(self._strides[i] for i in keep), self._strides[a] + self._strides[b]), start,
    )  # fmt: skip


def _embed(grad: Tensor, shape: Ints, offset: int, dim1: int, dim2: int) -> Tensor:
    made = empty(shape, grad._dtype)
    _diagonal(made, offset, dim1, dim2)._array()[...] = grad._read()
    return made


declare(
    "diagonal(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
    forward=_diagonal,
    vjp={
        "self": lambda grad, self_shape, offset, dim1, dim2: grad._diagonal_backward(self_shape, offset, dim1, dim2)
    },
    view=True, exact=True, samples=domains.numbers(shapes="matrix", arguments={"offset": (0, 1, -1)}),
)  # fmt: skip

declare(
    "_diagonal_backward(Tensor self, int[] shape, int offset, int dim1, int dim2) -> Tensor",
    forward=_embed, node="DiagonalBackwardBackward0",
    vjp={"self": lambda grad, offset, dim1, dim2: grad.diagonal(offset, dim1, dim2)}, function=False, exact=True,
)  # fmt: skip

declare(
    "linalg.diagonal(Tensor A, *, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
    forward=lambda A, offset, dim1, dim2: A.diagonal(offset, dim1, dim2),
    composite=True, method=False, exact=True, samples=domains.numbers(shapes="matrix"),
)  # fmt: skip


def _unfold(self: Tensor, dimension: int, size: int, step: int) -> Tensor:
    d = wrap_dim(dimension, len(self._shape))
    have = self._shape[d] if self._shape else 1
    if size < 0:
        raise refusal("ops.unfold.negative", size=size, count=have + 1, stride=1)
    if size > have:
        raise refusal("ops.unfold.size", dim=d, have=have, size=size)
    if step <= 0:
        raise refusal("ops.unfold.step", step=step)
    if not self._shape:
        return make_view(self, (size,), (1,), self._offset)
    count = (have - size) // step + 1
    shape = (*self._shape[:d], count, *self._shape[d + 1 :], size)
    st = (*self._strides[:d], step * self._strides[d], *self._strides[d + 1 :], self._strides[d])
    return make_view(self, shape, st, self._offset)


def _unfold_backward(grad: Tensor, shape: Ints, dim: int, size: int, step: int) -> Tensor:
    """Each element gets the sum over the windows that show it."""
    total = np.zeros(shape or (1,), grad._dtype.compute)
    d = wrap_dim(dim, len(shape))
    moved = np.moveaxis(total, d, -1)
    values = np.moveaxis(grad._read().astype(total.dtype), d, -2) if shape else grad._read().astype(total.dtype)[None]
    for i in range(values.shape[-2]):
        moved[..., i * step : i * step + size] += values[..., i, :]
    return from_array(total.reshape(shape), grad._dtype)


declare(
    "unfold(Tensor self, int dimension, int size, int step) -> Tensor",
    forward=_unfold,
    vjp={
        "self": lambda grad, self_shape, dimension, size, step: grad._unfold_backward(self_shape, dimension, size, step)
    },
    view=True, function=False, exact=True, samples=domains.numbers(shapes="unfold"),
)  # fmt: skip

declare(
    "_unfold_backward(Tensor self, int[] shape, int dim, int size, int step) -> Tensor",
    forward=_unfold_backward, node="UnfoldBackwardBackward0",
    vjp={"self": lambda grad, dim, size, step: grad.unfold(dim, size, step)}, function=False,
)  # fmt: skip
