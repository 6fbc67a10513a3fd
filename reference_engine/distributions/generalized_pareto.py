"""The generalised Pareto distribution: what is above a high threshold."""

from __future__ import annotations

from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.utils import _broadcast_parameters

__all__ = ["GeneralizedPareto"]


class GeneralizedPareto(Distribution):
    """Survival (1 + concentration z)^(-1 / concentration), or exp(-z), with z = (x - loc) / scale."""

    arg_constraints: ClassVar[Any] = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True
    _expands: ClassVar[Any] = {"loc": 0, "scale": 0, "concentration": 0}

    def __init__(self, loc: Any, scale: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.scale, self.concentration, batch_shape = _broadcast_parameters(loc, scale, concentration)
        super().__init__(batch_shape, validate_args=validate_args)

    def _nonzero_concentration(self) -> Any:
        """Where the concentration counts as zero, and the concentration, one there."""
        zero = torch.isclose(self.concentration, torch.zeros_like(self.concentration))
        return zero, torch.where(zero, torch.ones_like(self.concentration), self.concentration)

    def _z(self, x: Any) -> Any:
        return (x - self.loc) / self.scale

    def rsample(self, sample_shape: Any = _ONE) -> Any:
        shape = self._extended_shape(sample_shape)
        return self.icdf(torch.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        zero, concentration = self._nonzero_concentration()
        power = 1 / concentration + torch.ones_like(z)
        general = torch.where(power == 0, power, power * torch.log1p(concentration * z))
        return -self.scale.log() - torch.where(zero, z, general)

    def log_survival_function(self, value: Any) -> Any:
        """The logarithm of the probability of larger values."""
        if self._validate_args:
            self._validate_sample(value)
        z = self._z(value)
        zero, concentration = self._nonzero_concentration()
        return torch.where(zero, -z, -torch.log1p(concentration * z) / concentration)

    def log_cdf(self, value: Any) -> Any:
        """The logarithm of the probability of values up to this one."""
        return torch.log1p(-torch.exp(self.log_survival_function(value)))

    def cdf(self, value: Any) -> Any:
        return torch.exp(self.log_cdf(value))

    def icdf(self, value: Any) -> Any:
        zero, concentration = self._nonzero_concentration()
        log_survival = torch.log1p(-value)
        general = self.loc + self.scale / concentration * torch.expm1(-concentration * log_survival)
        return torch.where(zero, self.loc - self.scale * log_survival, general)

    def _below(self, bound: float) -> Any:
        """Where the concentration is below the one from which on a moment is infinite, and one that is, elsewhere."""
        exists = self.concentration < bound
        return exists, torch.where(exists, self.concentration, bound / 2)

    @property
    def mean(self) -> Any:
        exists, concentration = self._below(1)
        return torch.where(exists, self.loc + self.scale / (1 - concentration), torch.nan)

    @property
    def variance(self) -> Any:
        exists, concentration = self._below(0.5)
        variance = self.scale**2 / ((1 - concentration) ** 2 * (1 - 2 * concentration))
        return torch.where(exists, variance, torch.nan)

    def entropy(self) -> Any:
        return torch.broadcast_to(torch.log(self.scale) + self.concentration + 1, self._batch_shape)

    @property
    def mode(self) -> Any:
        return self.loc

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        end = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, torch.where(self.concentration < 0, end, torch.inf))
