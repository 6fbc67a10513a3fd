"""Linear maps, tables, and what is written in them: linear, bilinear, embedding, similarity, attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import Op, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import plus, some, where
from reference_engine.ops.kernels import broadcast_shapes, from_array
from reference_engine.ops.norm import OLD_NORM
from reference_engine.semantics import refusal, switch
from reference_engine.sparse import memory
from reference_engine.sparse.embedding import rows_looked_up
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _linear(input: Tensor, weight: Tensor, bias: Any) -> Tensor:
    """One fused product where rank and memory allow it."""
    import reference_engine as engine

    rank = len(input._shape)
    if bias is None:
        return input.matmul(weight.t())
    if rank == 2:
        return engine.addmm(bias, input, weight.t())
    if _fuses(rank, bias) and input.is_contiguous():
        flat = engine.addmm(bias, input.view((-1, input._shape[-1])), weight.t())
        shape = (*input._shape[:-1], flat._shape[1])
        return flat._unsafe_view(shape) if switch("nn.linear.unsafe_view") else flat.view(shape)
    return input.matmul(weight.t()).add_(bias)


def _fuses(rank: int, bias: Tensor) -> bool:
    """Whether the bias can be added to each row of the input taken as one matrix."""
    row = len(bias._shape) == 1 and switch("nn.linear.any_rank")
    if switch("nn.linear.bias_of_one_row"):
        return (row or sum(n != 1 for n in bias._shape) == 1) and bias.is_contiguous()
    return row or rank == 3


declare(
    "nn.functional.linear(Tensor input, Tensor weight, Tensor? bias=None) -> Tensor",
    forward=_linear, composite=True, samples=domains.field(shapes="linear"),
)  # fmt: skip


def _bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Any) -> Tensor:
    import reference_engine as engine

    made = engine.einsum("...i,oij,...j->...o", input1, weight, input2)
    return made if bias is None else made + bias


declare(
    "nn.functional.bilinear(Tensor input1, Tensor input2, Tensor weight, Tensor? bias=None) -> Tensor",
    forward=_bilinear, composite=True,
)  # fmt: skip

# -- a table looked up by index ----------------------------------------------------------------------------------------


def _rows(weight: Tensor, indices: Tensor, padding_idx: int, scale_grad_by_freq: bool, sparse: bool) -> Tensor:
    memory.refuse_complex("embedding", weight)
    at = indices._read()
    if at.size and (at.min() < 0 or at.max() >= weight._shape[0]):
        raise refusal("nn.embedding.range")
    return from_array(weight._read()[at], weight._dtype)


def _collected(grad_output: Tensor, indices: Tensor, rows: int, padding_idx: int, scale_grad_by_freq: bool) -> Tensor:
    d = grad_output._dtype
    at = indices._read().ravel()
    g = grad_output._read().astype(d.compute).reshape(at.size, grad_output._shape[-1])
    if scale_grad_by_freq and at.size:
        g = g / np.bincount(at)[at][:, None].astype(g.dtype)
    made = np.zeros((rows, g.shape[1]), g.dtype)
    kept = at != padding_idx
    np.add.at(made, at[kept], g[kept])
    return from_array(made, d)


_TABLE_BACKWARD = declare(
    "_embedding_dense_backward(Tensor grad_output, Tensor indices, int rows, int padding_idx, "
    "bool scale_grad_by_freq) -> Tensor",
    forward=_collected,
    node="EmbeddingDenseBackwardBackward0",
    vjp={
        "grad_output": lambda grad, indices, padding_idx: (
            grad.index_select(0, indices.reshape((-1,)))
            .masked_fill_((indices == padding_idx).reshape((-1, 1)), 0)
            .view((*indices._shape, grad._shape[-1]))
        )
    },
    **_HIDDEN,
)


def _table_gradient(
    grad: Tensor,
    weight_shape: tuple[int, ...],
    indices: Tensor,
    padding_idx: int,
    scale_grad_by_freq: bool,
    sparse: bool,
) -> Tensor:
    if sparse:
        return rows_looked_up(grad, indices, weight_shape[0], padding_idx, scale_grad_by_freq)
    made: Tensor = run(_TABLE_BACKWARD, [grad, indices, weight_shape[0], padding_idx, scale_grad_by_freq])
    return made


_TABLE = declare(
    "_embedding(Tensor weight, Tensor indices, int padding_idx, bool scale_grad_by_freq, bool sparse) -> Tensor",
    forward=_rows, node="EmbeddingBackward0", exact=True, vjp={"weight": _table_gradient},
    **_HIDDEN,
)  # fmt: skip


def _embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: Any,
    max_norm: Any,
    norm_type: float,
    scale_grad_by_freq: bool,
    sparse: bool,
) -> Tensor:
    if len(weight._shape) != 2:
        raise refusal("nn.embedding.rank")
    rows = weight._shape[0]
    if padding_idx is None:
        padding_idx = -1
    elif not -rows <= padding_idx < rows:
        raise refusal("nn.embedding.padding")
    elif padding_idx < 0:
        padding_idx += rows
    if max_norm is not None:
        renormalised(weight, input, max_norm, norm_type)
    if input._dtype not in (dtypes.int64, dtypes.int32):
        raise refusal("nn.embedding.dtype", type=input.dtype.tensor_name)
    return run(_TABLE, [weight, input, padding_idx, scale_grad_by_freq, sparse])


def renormalised(weight: Tensor, indices: Tensor, max_norm: float, norm_type: float) -> None:
    """Rows that are looked up and longer than ``max_norm`` are shortened in place."""
    from reference_engine import views

    rows = np.unique(indices._read())
    values = weight._read()[rows]
    norms = np.sum(np.abs(values) ** norm_type, axis=1) ** (1 / norm_type)
    scale = np.where(norms > max_norm, max_norm / (norms + 1e-7), 1).astype(values.dtype)
    weight._array()[rows] = values * scale[:, None]
    views.bump(weight)


declare(
    "nn.functional.embedding(Tensor input, Tensor weight, int? padding_idx=None, float? max_norm=None, "
    "float norm_type=2.0, "
    "bool scale_grad_by_freq=False, bool sparse=False) -> Tensor",
    forward=_embedding,
    composite=True,
)

# -- how alike two vectors are -----------------------------------------------------------------------------------------


def _cosine_similarity(x1: Tensor, x2: Tensor, dim: int, eps: float) -> Tensor:
    """The dot product of the directions; a vector shorter than ``eps`` counts as that long."""
    d = dtypes.promote_types(x1._dtype, x2._dtype)
    if d.category != 2:
        raise refusal("nn.cosine_similarity.dtype", dtype=d.scalar_name)
    shape = broadcast_shapes([x1._shape, x2._shape])
    apart = switch("nn.cosine_similarity.own_dtypes")
    vectors = []
    for given in (x1, x2):
        t = given if apart and given._dtype.category == 2 else given.to(d)
        vectors.append(t if apart and x1._shape == x2._shape else t.expand(shape))
    norms = [t.norm(2, dim, keepdim=True) for t in vectors]
    second = vectors[1] / _length(vectors[1], norms[1], dim, eps)
    return (vectors[0] / _length(vectors[0], norms[0], dim, eps) * second).sum(dim)


def _length(t: Tensor, norm: Tensor, dim: int, eps: float) -> Tensor:
    """At least ``eps``. What counts as longer than it is has a length that does not move, nor has it a pole at zero."""
    short = norm.detach() < eps
    if not some(short):
        return norm.clone()
    safe = where(short, 1.0, t).norm(2, dim, keepdim=True)
    return differentiated(where(short, eps, safe), "nn.cosine_similarity.short")


declare(
    "nn.functional.cosine_similarity(Tensor x1, Tensor x2, int dim=1, float eps=1e-08) -> Tensor",
    forward=_cosine_similarity, composite=True, aliases=("cosine_similarity",), method=False,
    samples=domains.real(shapes="same", arguments={"dim": "dim", "eps": (1e-8,)}),
)  # fmt: skip


def _pairwise_distance(x1: Tensor, x2: Tensor, p: float, eps: float, keepdim: bool) -> Tensor:
    rank = max(len(x1._shape), len(x2._shape))
    return run(OLD_NORM, [plus(x1 - x2, eps), p, rank - 1 if rank else 0, keepdim, None])


declare(
    "nn.functional.pairwise_distance(Tensor x1, Tensor x2, float p=2.0, float eps=1e-06, bool keepdim=False) -> Tensor",
    forward=_pairwise_distance, composite=True, aliases=("pairwise_distance",), method=False,
    samples=domains.real(shapes="same", arguments={"p": (2.0, 1.0, 3.0), "eps": (1e-6,)}),
)  # fmt: skip

# -- pixels from channels, and back ------------------------------------------------------------------------------------


def _pixel_shuffle(self: Tensor, upscale_factor: int) -> Tensor:
    r, shape = upscale_factor, self._shape
    if len(shape) < 3:
        raise refusal("nn.pixel_shuffle.rank", op="pixel_shuffle", ndim=len(shape))
    lead, (c, h, w) = shape[:-3], shape[-3:]
    if c % (r * r):
        raise refusal("nn.pixel_shuffle.channels", channels=c, square=r * r)
    n = len(lead)
    parts = self._read().reshape((*lead, c // (r * r), r, r, h, w))
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return from_array(parts.transpose(order).reshape((*lead, c // (r * r), h * r, w * r)), self._dtype)


def _pixel_unshuffle(self: Tensor, downscale_factor: int) -> Tensor:
    r, shape = downscale_factor, self._shape
    if len(shape) < 3:
        raise refusal("nn.pixel_shuffle.rank", op="pixel_unshuffle", ndim=len(shape))
    lead, (c, h, w) = shape[:-3], shape[-3:]
    n = len(lead)
    parts = self._read().reshape((*lead, c, h // r, r, w // r, r))
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return from_array(parts.transpose(order).reshape((*lead, c * r * r, h // r, w // r)), self._dtype)


_PIXEL_SHUFFLE = declare(
    "nn.functional.pixel_shuffle(Tensor self, int upscale_factor) -> Tensor",
    forward=_pixel_shuffle, exact=True, aliases=("pixel_shuffle",), method=False,
    vjp={"self": lambda grad, upscale_factor: run(_PIXEL_UNSHUFFLE, [grad, upscale_factor])},
)  # fmt: skip
_PIXEL_UNSHUFFLE: Op = declare(
    "nn.functional.pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor",
    forward=_pixel_unshuffle, exact=True, aliases=("pixel_unshuffle",), method=False,
    vjp={"self": lambda grad, downscale_factor: run(_PIXEL_SHUFFLE, [grad, downscale_factor])},
)  # fmt: skip
