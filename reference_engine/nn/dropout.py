"""Dropout: random zeros while training."""

from __future__ import annotations

from typing import Any

from reference_engine.nn import functional as F
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.tensor import Tensor


class _DropoutNd(Module):
    """Zeroes elements with probability `p` and scales the rest, in training mode only."""

    function: str

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Tensor) -> Any:
        return getattr(F, self.function)(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


@own_methods("forward")
class Dropout(_DropoutNd):
    """Zeroes elements by themselves."""

    function = "dropout"


@own_methods("forward")
class Dropout1d(_DropoutNd):
    """Zeroes whole channels of a sequence."""

    function = "dropout1d"


@own_methods("forward")
class Dropout2d(_DropoutNd):
    """Zeroes whole channels of an image."""

    function = "dropout2d"


@own_methods("forward")
class Dropout3d(_DropoutNd):
    """Zeroes whole channels of a volume."""

    function = "dropout3d"


@own_methods("forward")
class AlphaDropout(_DropoutNd):
    """Dropout that keeps mean and variance for SELU."""

    function = "alpha_dropout"


@own_methods("forward")
class FeatureAlphaDropout(_DropoutNd):
    """`AlphaDropout` of whole channels."""

    function = "feature_alpha_dropout"
