"""Attention by scaled products: the mean of the values, weighted by how alike queries and keys are.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
"""

from __future__ import annotations

import math
from typing import Any

from reference_engine import dtypes
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import some, times
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

_C_NAMES = {"float32": "float", "float64": "double", "int64": "long int", "int32": "int", "float16": "c10::Half"}


def _called(t: Tensor) -> str:
    return _C_NAMES.get(t._dtype.name, t._dtype.cpp_name)


def _refuse(query: Tensor, key: Tensor, value: Tensor, mask: Any, is_causal: bool) -> None:
    """Raise for arguments that do not go together, in the order of torch's checks."""
    if not query._dtype is key._dtype is value._dtype:
        raise refusal("nn.attention.dtypes", query=_called(query), key=_called(key), value=_called(value))
    ranks = [len(t._shape) for t in (query, key, value)]
    if min(ranks) < 2:
        raise refusal("nn.attention.ranks", query=ranks[0], key=ranks[1], value=ranks[2])
    if mask is not None:
        known = mask._dtype in (dtypes.bool_, query._dtype)
        known |= mask._dtype is dtypes.float32 and switch("nn.attention.float_mask")
        if not known:
            raise refusal("nn.attention.mask_dtype", mask=_called(mask), query=_called(query))
        if is_causal:
            raise refusal("nn.attention.two_masks")


def _shared_heads(query: Tensor, other: Tensor) -> Tensor:
    """Keys or values with a head for each of the query's, several of which share one."""
    heads, own = query._shape[-3], other._shape[-3]
    if not own or heads % own:
        raise refusal("nn.attention.heads")
    return other if heads == own else other.repeat_interleave(heads // own, -3)


def _softmax(scores: Tensor) -> Tensor:
    """The weights; of a query that may see nothing they are zero."""
    if not switch("nn.attention.nothing_seen"):
        return scores.softmax(-1)
    nothing = (scores == -math.inf).all(-1, keepdim=True)
    if not scores._shape[-1] or not some(nothing):
        return scores.softmax(-1)
    cite("nn.attention.nothing")
    return scores.masked_fill(nothing, 0).softmax(-1).masked_fill(nothing, 0)


def _attention(
    query: Tensor, key: Tensor, value: Tensor, attn_mask: Any, dropout_p: float, is_causal: bool, scale: Any,
    enable_gqa: bool,
) -> Tensor:  # fmt: skip
    """Both factors are scaled by the root, so that neither overflows."""
    import reference_engine as engine

    _refuse(query, key, value, attn_mask, is_causal)
    root = math.sqrt(1 / math.sqrt(query._shape[-1]) if scale is None else scale)
    if is_causal:
        attn_mask = engine.ones((query._shape[-2], key._shape[-2]), dtype=engine.bool).tril()
    if enable_gqa:
        key, value = _shared_heads(query, key), _shared_heads(query, value)
    scores = times(query, root).matmul(times(key.transpose(-2, -1), root))
    if attn_mask is not None:
        if attn_mask._dtype is dtypes.bool_:
            attn_mask = engine.zeros(attn_mask._shape, dtype=query.dtype).masked_fill(
                attn_mask.logical_not(), -math.inf
            )
        scores = scores + attn_mask
    weights = _softmax(scores)
    if dropout_p > 0:
        weights = engine.dropout(weights, dropout_p, True)
    return weights.matmul(value)


declare(
    "nn.functional.scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, "
    "float dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
    forward=_attention, composite=True,
)  # fmt: skip
