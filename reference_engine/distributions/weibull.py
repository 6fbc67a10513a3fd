"""The Weibull distribution."""

from __future__ import annotations

from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.exponential import Exponential
from reference_engine.distributions.transformed_distribution import TransformedDistribution
from reference_engine.distributions.transforms import AffineTransform, PowerTransform
from reference_engine.distributions.utils import broadcast_all, euler_constant

__all__ = ["Weibull"]


class Weibull(TransformedDistribution):
    """scale x^(1 / concentration), of an exponential number x."""

    arg_constraints: ClassVar[Any] = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    _expands: ClassVar[Any] = {}

    def __init__(self, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self._take(*broadcast_all(scale, concentration))
        base = Exponential(torch.ones_like(self.scale), validate_args=validate_args)
        super().__init__(base, self._power_and_scale(), validate_args=validate_args)

    def _take(self, scale: Any, concentration: Any) -> None:
        self.scale, self.concentration = scale, concentration
        self.concentration_reciprocal = concentration.reciprocal()

    def _power_and_scale(self) -> Any:
        power = PowerTransform(exponent=self.concentration_reciprocal)
        return [power, AffineTransform(loc=0, scale=self.scale)]

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        new = self._get_checked_instance(Weibull, _instance)
        new._take(self.scale.expand(batch_shape), self.concentration.expand(batch_shape))
        base = self.base_dist.expand(batch_shape)
        TransformedDistribution.__init__(new, base, new._power_and_scale(), validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def mean(self) -> Any:
        return self.scale * torch.exp(torch.lgamma(1 + self.concentration_reciprocal))

    @property
    def mode(self) -> Any:
        return self.scale * ((self.concentration - 1) / self.concentration) ** self.concentration.reciprocal()

    @property
    def variance(self) -> Any:
        inverse = self.concentration_reciprocal
        square = torch.exp(torch.lgamma(1 + 2 * inverse))
        return self.scale.pow(2) * (square - torch.exp(2 * torch.lgamma(1 + inverse)))

    def entropy(self) -> Any:
        inverse = self.concentration_reciprocal
        return euler_constant * (1 - inverse) + torch.log(self.scale * inverse) + 1
