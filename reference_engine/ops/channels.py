"""Channels in another order.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ChannelShuffle.html
"""

from __future__ import annotations

from typing import Any

from reference_engine import strides
from reference_engine.ops import domains
from reference_engine.ops.declare import Op, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import cite, refusal
from reference_engine.tensor import Tensor


def _shuffled(self: Tensor, groups: int) -> Tensor:
    """The first channel of each group, then the second of each, and so on."""
    shape = self._shape
    if len(shape) < 3:
        raise refusal("nn.channel_shuffle.rank", shape=list(shape))
    channels = shape[1]
    if groups <= 0:
        raise refusal("nn.channel_shuffle.groups", groups=groups)
    if channels % groups:
        raise refusal("nn.channel_shuffle.divisible", channels=channels, groups=groups)
    parts = self._read().reshape(shape[0], groups, channels // groups, *shape[2:])
    layout = strides.channels_last(shape) if strides.suggests_channels_last(shape, self._strides) else None
    return from_array(parts.swapaxes(1, 2).reshape(shape), self._dtype, layout)


def _back(grad: Tensor, groups: int) -> Tensor:
    if not grad._shape[1]:  # of no channels there is no order
        cite("nn.channel_shuffle.no_channels")
        return grad
    made: Tensor = run(_SHUFFLE, [grad, grad._shape[1] // groups])
    return made


_TRAITS: dict[str, Any] = {
    "forward": _shuffled, "exact": True, "method": False,
    "samples": domains.numbers(shapes="shuffled", arguments={"groups": (1, 2)}),
}  # fmt: skip

_SHUFFLE: Op = declare(
    "nn.functional.channel_shuffle(Tensor self, int groups) -> Tensor",
    vjp={"self": _back}, aliases=("channel_shuffle",), when="nn.channel_shuffle.derived", **_TRAITS,
)  # fmt: skip
declare(
    "nn.functional.channel_shuffle(Tensor self, int groups) -> Tensor",
    underived="channel_shuffle", aliases=("channel_shuffle",), when="!nn.channel_shuffle.derived", **_TRAITS,
)  # fmt: skip
declare(
    "nn.functional.native_channel_shuffle(Tensor self, int groups) -> Tensor",
    underived=True, display="native_channel_shuffle", aliases=("native_channel_shuffle",), **_TRAITS,
)  # fmt: skip
