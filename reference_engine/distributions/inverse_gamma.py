"""The inverse of a gamma number."""

from __future__ import annotations

from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.gamma import Gamma
from reference_engine.distributions.transformed_distribution import TransformedDistribution
from reference_engine.distributions.transforms import PowerTransform

__all__ = ["InverseGamma"]


class InverseGamma(TransformedDistribution):
    """1 / x, of a gamma number x."""

    arg_constraints: ClassVar[Any] = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive
    has_rsample = True
    _expands: ClassVar[Any] = {}

    def __init__(self, concentration: Any, rate: Any, validate_args: bool | None = None) -> None:
        base = Gamma(concentration, rate, validate_args=validate_args)
        super().__init__(base, PowerTransform(-base.rate.new_ones(())), validate_args=validate_args)

    @property
    def concentration(self) -> Any:
        return self.base_dist.concentration

    @property
    def rate(self) -> Any:
        return self.base_dist.rate

    def _if_above(self, bound: int, moment: Any) -> Any:
        return torch.where(self.concentration > bound, moment, torch.inf)

    @property
    def mean(self) -> Any:
        return self._if_above(1, self.rate / (self.concentration - 1))

    @property
    def mode(self) -> Any:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Any:
        a = self.concentration
        return self._if_above(2, self.rate.square() / ((a - 1).square() * (a - 2)))

    def entropy(self) -> Any:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()
