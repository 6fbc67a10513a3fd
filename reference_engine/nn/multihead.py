"""Attention in several heads."""

from __future__ import annotations

from typing import Any

from reference_engine import creation, dtypes
from reference_engine.nn import functional as F
from reference_engine.nn import init
from reference_engine.nn.attention_function import canonical_mask
from reference_engine.nn.linear import Linear
from reference_engine.nn.module import Module
from reference_engine.nn.parameter import Parameter


class NonDynamicallyQuantizableLinear(Linear):
    """The projection of the result, under the name it is printed with."""


class MultiheadAttention(Module):
    """Attends to values by how alike queries and keys are, in `num_heads` parts of the features.

    Raises:
        ValueError: sizes that are not positive. AssertionError: features that cannot be parted.
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, "
                f"got embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        super().__init__()
        self.embed_dim, self.num_heads, self.dropout, self.batch_first = embed_dim, num_heads, dropout, batch_first
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == embed_dim and self.vdim == embed_dim
        self.head_dim = embed_dim // num_heads
        if self.head_dim * num_heads != embed_dim:
            raise AssertionError("embed_dim must be divisible by num_heads")
        sizes = {"q": embed_dim, "k": self.kdim, "v": self.vdim}
        if self._qkv_same_embed_dim:
            self.in_proj_weight = Parameter(creation.empty((3 * embed_dim, embed_dim), dtype=dtype))
            for name in sizes:
                self.register_parameter(f"{name}_proj_weight", None)
        else:
            for name, size in sizes.items():
                made = Parameter(creation.empty((embed_dim, size), dtype=dtype))
                self.register_parameter(f"{name}_proj_weight", made)
            self.register_parameter("in_proj_weight", None)
        wide = Parameter(creation.empty(3 * embed_dim, dtype=dtype)) if bias else None
        self.register_parameter("in_proj_bias", wide)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias=bias, dtype=dtype)
        for name in ("bias_k", "bias_v"):
            made_bias = Parameter(creation.empty((1, 1, embed_dim), dtype=dtype)) if add_bias_kv else None
            setattr(self, name, made_bias)
        self.add_zero_attn = add_zero_attn
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        names = ("in_proj_weight",) if self._qkv_same_embed_dim else tuple(f"{n}_proj_weight" for n in "qkv")
        for name in names:
            init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None:
            init.constant_(self.in_proj_bias, 0.0)
            init.constant_(self.out_proj.bias, 0.0)
        for bias in (self.bias_k, self.bias_v):
            if bias is not None:
                init.xavier_normal_(bias)

    def forward(
        self,
        query: Any,
        key: Any,
        value: Any,
        key_padding_mask: Any = None,
        need_weights: bool = True,
        attn_mask: Any = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Any, Any]:
        """The result, and the weights by which the values were added up (None if they are not needed)."""
        batched = query.dim() == 3
        key_padding_mask = canonical_mask(
            key_padding_mask, "key_padding_mask", None if attn_mask is None else attn_mask.dtype, "attn_mask",
            query.dtype,
        )  # fmt: skip
        attn_mask = canonical_mask(attn_mask, "attn_mask", None, "", query.dtype, check_other=False)
        if self.batch_first and batched:
            turned = {id(tensor): tensor.transpose(1, 0) for tensor in (query, key, value)}
            query, key, value = (turned[id(tensor)] for tensor in (query, key, value))
        separate: dict[str, Any] = {}
        if not self._qkv_same_embed_dim:
            separate = {f"{name}_proj_weight": getattr(self, f"{name}_proj_weight") for name in "qkv"}
            separate["use_separate_proj_weight"] = True
        made, weights = F.multi_head_attention_forward(
            query, key, value, self.embed_dim, self.num_heads, self.in_proj_weight, self.in_proj_bias, self.bias_k,
            self.bias_v, self.add_zero_attn, self.dropout, self.out_proj.weight, self.out_proj.bias,
            training=self.training, key_padding_mask=key_padding_mask, need_weights=need_weights, attn_mask=attn_mask,
            average_attn_weights=average_attn_weights, is_causal=is_causal, **separate,
        )  # fmt: skip
        return (made.transpose(1, 0) if self.batch_first and batched else made), weights

    def merge_masks(self, attn_mask: Any, key_padding_mask: Any, query: Any) -> tuple[Any, int | None]:
        """Both masks as one, and its kind: 0 for places, 1 for keys, 2 for both."""
        kind, merged = None, key_padding_mask
        if key_padding_mask is not None:
            kind = 1
        if attn_mask is not None:
            batch, length, _ = query.shape
            kind = 2
            spread = (
                attn_mask.view(batch, -1, length, length)
                if attn_mask.dim() == 3
                else attn_mask.view(1, 1, length, length).expand(batch, self.num_heads, -1, -1)
            )
            merged = spread
            if key_padding_mask is not None:
                merged = spread + key_padding_mask.view(batch, 1, 1, length).expand(-1, self.num_heads, -1, -1)
        return merged, kind


def causal_mask(size: int, dtype: Any = None) -> Any:
    """Minus infinity where a later place would be seen, else zero."""
    full: Any = creation.full((size, size), float("-inf"), dtype=dtype or dtypes.get_default_dtype())
    return full.triu(diagonal=1)
