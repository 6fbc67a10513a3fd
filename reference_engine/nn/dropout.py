"""Dropout: random zeros while training."""

from __future__ import annotations

from typing import Any

from reference_engine.nn import functional as F
from reference_engine.nn.module import Module
from reference_engine.tensor import Tensor


class Dropout(Module):
    """Zeroes elements with probability `p` and scales the rest, in training mode only."""

    function = "dropout"

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0 <= p <= 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self.function)(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout1d(Dropout):
    """Zeroes whole channels of a sequence."""

    function = "dropout1d"


class Dropout2d(Dropout):
    """Zeroes whole channels of an image."""

    function = "dropout2d"


class Dropout3d(Dropout):
    """Zeroes whole channels of a volume."""

    function = "dropout3d"


class AlphaDropout(Dropout):
    """Dropout that keeps mean and variance for SELU."""

    function = "alpha_dropout"


class FeatureAlphaDropout(Dropout):
    """`AlphaDropout` of whole channels."""

    function = "feature_alpha_dropout"
