"""Dropout: a product with random zeros, of elements or of whole channels; and the form that suits SELU.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.dropout.html, and for the last
Klambauer et al., "Self-Normalizing Neural Networks", https://arxiv.org/abs/1706.02515
"""

from __future__ import annotations

import math
from typing import Any

from reference_engine import creation
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.semantics import refusal, warn
from reference_engine.tensor import Tensor

_LOWEST = 1.7580993408473766  # how far below zero SELU goes, times its scale


def _mask(input: Tensor, kept: float, channels: bool) -> Tensor:
    """Ones and zeros: one for each element, or for each channel of each sample."""
    if not channels:
        return creation.empty_like(input.detach()).bernoulli_(kept)
    if len(input._shape) < 2:
        raise refusal("nn.dropout.feature_rank")
    return input.detach().new_empty((*input._shape[:2], *[1] * (len(input._shape) - 2))).bernoulli_(kept)


def _drop(input: Tensor, p: float, train: bool, channels: bool, alpha: bool, inplace: bool) -> Tensor:
    if p < 0 or p > 1:
        raise refusal("nn.dropout.probability", p=f"{p:g}")
    if p == 0 or not train or input.numel() == 0:
        return input
    if p == 1:
        none = creation.zeros((), dtype=input.dtype)
        return input.mul_(none) if inplace else input.mul(none)
    noise = _mask(input, 1 - p, channels)
    if not alpha:
        noise.div_(1 - p)
        return input.mul_(noise) if inplace else input.mul(noise)
    # what is dropped goes to the lowest value; scale and shift restore mean and variance
    scale = 1.0 / math.sqrt((_LOWEST * _LOWEST * p + 1) * (1 - p))
    shift = noise.add(-1).mul_(_LOWEST * scale).add_(_LOWEST * scale * p)
    noise.mul_(scale)
    return (input.mul_(noise) if inplace else input.mul(noise)).add_(shift)


_KINDS = {
    "dropout": (False, False),
    "feature_dropout": (True, False),
    "alpha_dropout": (False, True),
    "feature_alpha_dropout": (True, True),
}
_SAMPLES = {"p": (0.0, 1.0), "train": (True, False)}  # nothing random


def _declare(name: str, channels: bool, alpha: bool) -> None:
    for inplace in (False, True):
        declare(
            f"{name}{'_' * inplace}(Tensor input, float p, bool train) -> Tensor",
            forward=lambda input, p, train, inplace=inplace: _drop(input, p, train, channels, alpha, inplace),
            composite=True, method=False,
            samples=None if inplace else domains.real(shapes="rows", arguments=_SAMPLES),
        )  # fmt: skip


for _name, _traits in _KINDS.items():
    _declare(_name, *_traits)

# -- the functions of nn.functional, which look at the rank ------------------------------------------------------------


def _refuse_probability(p: Any) -> None:
    if p < 0.0 or p > 1.0:
        raise refusal("nn.dropout.probability_value", p=p)


def _declare_functional(name: str, channels: bool, alpha: bool, training: bool) -> None:
    def forward(input: Tensor, p: Any, training: bool, inplace: bool) -> Tensor:
        _refuse_probability(p)
        return _drop(input, p, training, channels, alpha, inplace)

    declare(
        f"nn.functional.{name}(Tensor input, any p=0.5, bool training={training}, bool inplace=False) -> Tensor",
        forward=forward, composite=True,
    )  # fmt: skip


_declare_functional("dropout", False, False, True)
_declare_functional("alpha_dropout", False, True, False)
_declare_functional("feature_alpha_dropout", True, True, False)


def _look(input: Tensor, dims: int) -> bool:
    """Whether there is no batch, of an input that should have channels and ``dims`` dimensions of space."""
    rank, name = len(input._shape), f"dropout{dims}d"
    if dims == 1:
        if rank not in (2, 3):
            raise refusal("nn.dropout.rank1d", rank=rank)
        return rank == 2
    if rank not in (dims + 1, dims + 2):
        warn("nn.dropout.rank_deprecated", name=name, rank=rank, dims=dims, low=dims + 1, high=dims + 2)
    if dims == 2:
        if rank == 3:
            warn("nn.dropout.sequence")
        return False
    return rank != 5


def _declare_channels(dims: int) -> None:
    def forward(input: Tensor, p: Any, training: bool, inplace: bool) -> Tensor:
        _refuse_probability(p)
        if not _look(input, dims):
            return _drop(input, p, training, True, False, inplace)
        batch = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
        made = _drop(batch, p, training, True, False, inplace)
        return made.squeeze_(0) if inplace else made.squeeze(0)

    declare(
        f"nn.functional.dropout{dims}d(Tensor input, any p=0.5, bool training=True, bool inplace=False) -> Tensor",
        forward=forward, composite=True,
    )  # fmt: skip


for _dims in (1, 2, 3):
    _declare_channels(_dims)
