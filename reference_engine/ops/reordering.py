"""Copies of one tensor in another order or form: roll, flip, rot90, tril, triu, diag and its kin.

Source: https://docs.pytorch.org/docs/stable/torch.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import strides
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import OVERLAPS, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import empty, from_array, refuse_other_out, wrap_dim, wrap_dims
from reference_engine.ops.supported import refuse_unsupported
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def _roll(self: Tensor, shifts: Ints, dims: Ints) -> Tensor:
    if not shifts:
        raise refusal("shape.roll.shifts")
    if not dims and len(shifts) == 1:
        return from_array(np.roll(self._read(), shifts[0]), self._dtype)
    if len(shifts) != len(dims):
        raise refusal("ops.roll.count", shifts=len(shifts), dims=len(dims))
    array = self._read()
    if array.size:
        for s, d in zip(shifts, dims, strict=True):
            array = np.roll(array, s, wrap_dim(d, len(self._shape), wrap_scalar=False))
    return from_array(array, self._dtype)


declare(
    "roll(Tensor self, int[] shifts, int[] dims=()) -> Tensor",
    forward=_roll,
    vjp={"self": lambda grad, shifts, dims: grad.roll(tuple(-s for s in reversed(shifts)), tuple(reversed(dims)))},
    exact=True,
    samples=domains.numbers(arguments={"shifts": (0, 1, -1, 3), "dims": "dim"}),
)


def _flip(self: Tensor, dims: Ints) -> Tensor:
    over = wrap_dims(dims, len(self._shape)) if dims else ()
    kernels.refuse_rare(self, "flip_cpu")
    array = np.flip(self._read(), over) if over else self._read()
    return from_array(array, self._dtype, strides.like(self._shape, self._strides))


declare(
    "flip(Tensor self, int[] dims) -> Tensor",
    forward=_flip, vjp={"self": lambda grad, dims: grad.flip(dims)}, exact=True,
    samples=domains.numbers(arguments={"dims": "dimensions"}),
)  # fmt: skip


def _mirrored(self: Tensor, dim: int) -> Tensor:
    if len(self._shape) <= dim:
        raise refusal("shape.flip.rank", least=dim + 1)
    return self.flip((dim,))


declare("fliplr(Tensor self) -> Tensor", forward=lambda self: _mirrored(self, 1), composite=True, exact=True,
        samples=domains.numbers(shapes="matrix"))  # fmt: skip
declare("flipud(Tensor self) -> Tensor", forward=lambda self: _mirrored(self, 0), composite=True, exact=True,
        samples=domains.numbers(shapes="matrix"))  # fmt: skip


def _rot90(self: Tensor, k: int, dims: Ints) -> Tensor:
    n = len(self._shape)
    if len(dims) != 2:
        raise refusal("shape.rot90.dims", count=len(dims))
    if n < 2:
        raise refusal("shape.rot90.rank", ndim=n)
    if dims[0] == dims[1] or abs(dims[0] - dims[1]) == n:
        raise refusal("ops.rot90.same", first=dims[0], second=dims[1])
    for at, d in enumerate(dims):
        if not -n <= d < n and not switch("shape.rot90.wraps"):
            raise refusal("shape.rot90.range", at=at, dim=d)
    a, b = (wrap_dim(d, n) for d in dims)
    quarter = k % 4
    array = np.rot90(self._read(), quarter, (a, b))
    kept = strides.like(self._shape, self._strides)
    if quarter % 2:  # the copy is a transposed flip, and is laid out like one
        turned = list(kept)
        turned[a], turned[b] = kept[b], kept[a]
        kept = tuple(turned)
    return from_array(array, self._dtype, kept)


declare(
    "rot90(Tensor self, int k=1, int[] dims=(0,1)) -> Tensor",
    forward=_rot90, vjp={"self": lambda grad, k, dims: grad.rot90(-k, dims)}, exact=True,
    samples=domains.numbers(shapes="matrix", arguments={"k": (0, 1, 2, 3, -1), "dims": "plane"}),
)  # fmt: skip


def _triangle(name: str, keep: Any) -> None:
    def forward(self: Tensor, diagonal: int) -> Tensor:
        if not self._shape and not switch("shape.tril_says_rank"):
            raise refusal("ops.dim.scalar", dim=-2)
        if len(self._shape) < 2:
            raise refusal("ops.tril.rank", op=name)
        refuse_other_out(self._dtype)
        zero = np.zeros((), self._dtype.np)
        rows, columns = self._shape[-2:]
        mask = np.tri(rows, columns, diagonal if name == "tril" else diagonal - 1, dtype=bool)
        return from_array(np.where(keep(mask), self._read(), zero), self._dtype)

    declare(
        f"{name}(Tensor self, int diagonal=0) -> Tensor",
        forward=forward, vjp={"self": lambda grad, diagonal: getattr(grad, name)(diagonal)}, inplace=True,
        overlap=lambda *values: (),
        out=OVERLAPS,
        exact=True, samples=domains.numbers(shapes="matrix", arguments={"diagonal": (0, 1, -1)}),
    )  # fmt: skip


_triangle("tril", lambda mask: mask)
_triangle("triu", np.logical_not)

# -- diagonals ---------------------------------------------------------------------------------------------------


def _diag_embed(self: Tensor, offset: int, dim1: int, dim2: int) -> Tensor:
    n = len(self._shape) + 1
    a, b = wrap_dim(dim1, n), wrap_dim(dim2, n)
    if a == b:
        raise refusal("ops.diagonal.same", first=dim1, second=dim2)
    side = self._shape[-1] + abs(offset)
    shape = list(self._shape[:-1])
    for d in sorted((a, b)):
        shape.insert(d, side)
    made = empty(tuple(shape), self._dtype)
    made.detach().diagonal(offset, a, b)._array()[...] = self._read()
    return made


declare(
    "diag_embed(Tensor self, int offset=0, int dim1=-2, int dim2=-1) -> Tensor",
    forward=_diag_embed, vjp={"self": lambda grad, offset, dim1, dim2: grad.diagonal(offset, dim1, dim2)}, exact=True,
    samples=domains.numbers(shapes="vector", arguments={"offset": (0, 1, -1)}),
)  # fmt: skip

declare(
    "_diagonal_copy(Tensor self, int offset=0, int dim1=0, int dim2=1) -> Tensor",
    forward=lambda self, offset, dim1, dim2: from_array(
        self.detach().diagonal(offset, dim1, dim2)._read(), self._dtype
    ),
    node="DiagonalBackward0_copy",
    vjp={
        "self": lambda grad, self_shape, offset, dim1, dim2: grad._diagonal_backward(self_shape, offset, dim1, dim2)
    },
    function=False, exact=True,
)  # fmt: skip


_HIDDEN: dict[str, Any] = {"underived": True, "out": True, "method": False, "function": False, "exact": True}
_EMBED_TO = declare(
    "_diag_embed_to(Tensor self, int offset) -> Tensor", display="diag_embed",
    forward=lambda self, offset: self.detach().diag_embed(offset), **_HIDDEN,
)  # fmt: skip
_DIAGONAL_TO = declare(
    "_diagonal_copy_to(Tensor self, int offset) -> Tensor", display="diagonal_copy",
    forward=lambda self, offset: self.detach()._diagonal_copy(offset), **_HIDDEN,
)  # fmt: skip


def _diag(self: Tensor, diagonal: int) -> Tensor:
    """A matrix with this diagonal, or the diagonal of this matrix. With ``out=`` neither has a derivative."""
    out = kernels.destination
    if len(self._shape) == 1:
        return self.diag_embed(diagonal) if out is None else run(_EMBED_TO, [self, diagonal], out=out)
    if len(self._shape) == 2:
        return self._diagonal_copy(diagonal) if out is None else run(_DIAGONAL_TO, [self, diagonal], out=out)
    raise refusal("ops.diag.rank", ndim=len(self._shape))


def _diag_alone(self: Tensor, diagonal: int) -> Tensor:
    """Before: an op of its own."""
    refuse_unsupported("diag", self._dtype, {"float16": "shape.diag_composed"})
    made: Tensor = _diag(self.detach(), diagonal).contiguous()
    return made


def _diag_alone_vjp(grad: Tensor, self_shape: tuple[int, ...], diagonal: int) -> Tensor:
    made: Tensor
    made = grad.diag(diagonal) if len(self_shape) == 1 else grad._diagonal_backward(self_shape, diagonal, 0, 1)
    return made


declare(
    "diag(Tensor self, int diagonal=0) -> Tensor", forward=_diag, composite=True, out=True, hands_out=True, exact=True,
    when="shape.diag_composed",
    samples=domains.numbers(shapes="matrix", arguments={"diagonal": (0, 1, -1)}),
)  # fmt: skip

declare(
    "diag(Tensor self, int diagonal=0) -> Tensor", forward=_diag_alone, vjp={"self": _diag_alone_vjp}, out=True,
    exact=True, when="!shape.diag_composed",
)  # fmt: skip

declare(
    "diagflat(Tensor self, int offset=0) -> Tensor",
    forward=lambda self, offset: self.contiguous().view(-1).diag(offset), composite=True, exact=True,
    samples=domains.numbers(arguments={"offset": (0, 1, -1)}),
)  # fmt: skip
