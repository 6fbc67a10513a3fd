"""``nn.functional.multi_head_attention_forward``: attention in several heads, from queries to the projected result."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.tensor import Tensor

Maybe: TypeAlias = Any  # a Tensor or None


def multi_head_attention_forward(
    query: Any,
    key: Any,
    value: Any,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Maybe,
    in_proj_bias: Maybe,
    bias_k: Maybe,
    bias_v: Maybe,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Any,
    out_proj_bias: Maybe,
    training: bool = True,
    key_padding_mask: Maybe = None,
    need_weights: bool = True,
    attn_mask: Maybe = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Maybe = None,
    k_proj_weight: Maybe = None,
    v_proj_weight: Maybe = None,
    static_k: Maybe = None,
    static_v: Maybe = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Any, Maybe]:
    """The result, and the attention weights if they are needed.

    Inputs are (length, batch, features), or without the batch. Masks hold True where nothing may be looked at, or
    numbers to be added to the scores.

    Raises:
        AssertionError, RuntimeError: shapes that do not fit.
    """
    batched = _check_ranks(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = _with_batch((query, key, value))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    length, batch, features = query.shape
    source = key.shape[0]
    key_padding_mask = canonical_mask(
        key_padding_mask, "key_padding_mask", None if attn_mask is None else attn_mask.dtype, "attn_mask", query.dtype
    )
    if is_causal and attn_mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module method "
            "`generate_square_subsequent_mask` to create this mask."
        )
    if is_causal and key_padding_mask is None and not need_weights:
        attn_mask = None  # the hint says it all
    else:
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, check_other=False)
        if key_padding_mask is not None:
            is_causal = False
    if features != embed_dim_to_check:
        raise AssertionError(f"was expecting embedding dimension of {embed_dim_to_check}, but got {features}")
    head = features // num_heads
    if head * num_heads != features:
        raise AssertionError(f"embed_dim {features} not divisible by num_heads {num_heads}")
    if use_separate_proj_weight:
        if key.shape[:2] != value.shape[:2]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
            )
        for name, weight in (("q", q_proj_weight), ("k", k_proj_weight), ("v", v_proj_weight)):
            if weight is None:
                raise AssertionError(f"use_separate_proj_weight is True but {name}_proj_weight is None")
        biases = (None,) * 3 if in_proj_bias is None else in_proj_bias.chunk(3)
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
        q, k, v = (_linear(*each) for each in zip((query, key, value), weights, biases, strict=True))
    else:
        if key.shape != value.shape:
            raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")
        if in_proj_weight is None:
            raise AssertionError("use_separate_proj_weight is False but in_proj_weight is None")
        q, k, v = _projected(query, key, value, in_proj_weight, in_proj_bias)
    attn_mask = _shaped_mask(attn_mask, length, source, batch * num_heads)
    if bias_k is not None and bias_v is not None:
        k, v = (torch.cat([t, bias.repeat(1, batch, 1)]) for t, bias in ((k, bias_k), (v, bias_v)))
        attn_mask, key_padding_mask = _one_more(attn_mask), _one_more(key_padding_mask)
    elif bias_k is not None or bias_v is not None:
        given, other = ("bias_k", "bias_v") if bias_k is not None else ("bias_v", "bias_k")
        raise AssertionError(f"{given} is set but {other} is None")
    for name, static in (("static_k", static_k), ("static_v", static_v)):
        for at, wanted in ((0, batch * num_heads), (2, head)):
            if static is not None and static.size(at) != wanted:
                raise AssertionError(f"expecting {name}.size({at}) of {wanted}, but got {static.size(at)}")
    q = q.view(length, batch * num_heads, head).transpose(0, 1)
    k = k.view(k.shape[0], batch * num_heads, head).transpose(0, 1) if static_k is None else static_k
    v = v.view(v.shape[0], batch * num_heads, head).transpose(0, 1) if static_v is None else static_v
    if add_zero_attn:
        none = (batch * num_heads, 1, head)
        k, v = (torch.cat([t, torch.zeros(none, dtype=t.dtype)], dim=1) for t in (k, v))
        attn_mask, key_padding_mask = _one_more(attn_mask), _one_more(key_padding_mask)
    source = k.size(1)
    if key_padding_mask is not None:
        for at, wanted in enumerate((batch, source)):
            if key_padding_mask.shape[at] != wanted:
                raise AssertionError(
                    f"Expected key_padded_mask.shape[{at}] to be {wanted}, but got {key_padding_mask.shape[at]}"
                )
        spread = key_padding_mask.view(batch, 1, 1, source).expand(-1, num_heads, -1, -1)
        spread = spread.reshape(batch * num_heads, 1, source)
        attn_mask = spread if attn_mask is None else attn_mask + spread
    dropout = dropout_p if training else 0.0
    if need_weights:
        weights = _weights(q, k, attn_mask, dropout)
        found = torch.bmm(weights, v).transpose(0, 1).contiguous().view(length * batch, features)
        made = _linear(found, out_proj_weight, out_proj_bias).view(length, batch, features)
        weights = weights.view(batch, num_heads, length, source)
        weights = weights.mean(dim=1) if average_attn_weights else weights
        return (made, weights) if batched else (made.squeeze(1), weights.squeeze(0))
    if attn_mask is not None:
        alone = attn_mask.size(0) == 1 and attn_mask.dim() == 3
        attn_mask = attn_mask.unsqueeze(0) if alone else attn_mask.view(batch, num_heads, -1, source)
    heads = (t.view(batch, num_heads, size, head) for t, size in ((q, length), (k, source), (v, source)))
    found = _functional().scaled_dot_product_attention(*heads, attn_mask, dropout, is_causal)
    found = found.permute(2, 0, 1, 3).contiguous().view(batch * length, features)
    made = _linear(found, out_proj_weight, out_proj_bias).view(length, batch, features)
    return (made if batched else made.squeeze(1)), None


def _functional() -> Any:
    return torch.nn.functional


def _linear(input: Any, weight: Any, bias: Maybe) -> Any:
    return _functional().linear(input, weight, bias)


def _with_batch(tensors: tuple[Any, ...]) -> list[Any]:
    """Batches of one; the same tensor for the same tensor, as the projection looks at identity."""
    made = {id(tensor): tensor.unsqueeze(1) for tensor in tensors}
    return [made[id(tensor)] for tensor in tensors]


def _weights(q: Any, k: Any, mask: Maybe, dropout: float) -> Any:
    scaled = q * math.sqrt(1.0 / float(q.shape[-1]))
    turned = k.transpose(-2, -1)
    scores = torch.bmm(scaled, turned) if mask is None else torch.baddbmm(mask, scaled, turned)
    weights = scores.softmax(dim=-1)
    return _functional().dropout(weights, p=dropout) if dropout > 0.0 else weights


def _projected(q: Any, k: Any, v: Any, weight: Any, bias: Maybe) -> tuple[Any, ...]:
    """Queries, keys and values by one weight of three blocks; what is the same tensor is multiplied once."""
    size = q.size(-1)

    def several(tensor: Any, weight: Any, bias: Maybe, count: int) -> Any:
        made = _linear(tensor, weight, bias).unflatten(-1, (count, size))
        return made.unsqueeze(0).transpose(0, -2).squeeze(-2).contiguous()

    if k is v and q is k:
        made = several(q, weight, bias, 3)
        return made[0], made[1], made[2]
    if k is v:
        weights = weight.split([size, size * 2])
        biases = (None, None) if bias is None else bias.split([size, size * 2])
        query = _linear(q, weights[0], biases[0])
        made = several(k, weights[1], biases[1], 2)
        return query, made[0], made[1]
    biases = (None,) * 3 if bias is None else bias.chunk(3)
    return tuple(_linear(*each) for each in zip((q, k, v), weight.chunk(3), biases, strict=True))


def _one_more(mask: Maybe) -> Maybe:
    return None if mask is None else _functional().pad(mask, (0, 1))


def canonical_mask(mask: Maybe, name: str, other: Any, other_name: str, target: Any, check_other: bool = True) -> Maybe:
    """A mask of numbers to be added: minus infinity where a mask of truth values is True.

    Raises:
        AssertionError: neither truth values nor floating point numbers.
    """
    if mask is None:
        return None
    if mask.dtype is not dtypes.bool_ and not mask.is_floating_point():
        raise AssertionError(f"only bool and floating types of {name} are supported")
    if check_other and other is not None and mask.dtype != other:
        import warnings

        warnings.warn(
            f"Support for mismatched {name} and {other_name} is deprecated. Use same type for both instead.",
            stacklevel=3,
        )
    if mask.is_floating_point():
        return mask
    return torch.zeros_like(mask, dtype=target).masked_fill_(mask, float("-inf"))


def _shaped_mask(mask: Maybe, length: int, source: int, heads: int) -> Maybe:
    if mask is None:
        return None
    if mask.dim() not in (2, 3):
        raise RuntimeError(f"attn_mask's dimension {mask.dim()} is not supported")
    wanted = (length, source) if mask.dim() == 2 else (heads, length, source)
    if mask.shape != wanted:
        raise RuntimeError(f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should be {wanted}.")
    return mask.unsqueeze(0) if mask.dim() == 2 else mask


def _check_ranks(q: Tensor, k: Tensor, v: Tensor, padding: Maybe, mask: Maybe, heads: int) -> bool:
    """Whether there is a batch."""
    if q.dim() not in (2, 3):
        raise AssertionError(f"query should be unbatched 2D or batched 3D tensor but received {q.dim()}-D query tensor")
    batched = q.dim() == 3
    kind, rank, padding_rank = ("batched (3-D)", 3, 2) if batched else ("unbatched (2-D)", 2, 1)
    if k.dim() != rank or v.dim() != rank:
        raise AssertionError(
            f"For {kind} `query`, expected `key` and `value` to be {rank}-D"
            f" but found {k.dim()}-D and {v.dim()}-D tensors respectively"
        )
    if padding is not None and padding.dim() != padding_rank:
        raise AssertionError(
            f"For {kind} `query`, expected `key_padding_mask` to be `None` or {padding_rank}-D"
            f" but found {padding.dim()}-D tensor instead"
        )
    if mask is not None and mask.dim() not in (2, 3):
        raise AssertionError(
            f"For {kind} `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found {mask.dim()}-D tensor instead"
        )
    if not batched and mask is not None and mask.dim() == 3 and mask.shape != (heads, q.shape[0], k.shape[0]):
        raise AssertionError(
            f"Expected `attn_mask` shape to be {(heads, q.shape[0], k.shape[0])} but got {tuple(mask.shape)}"
        )
    return batched
