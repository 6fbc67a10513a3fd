"""The continuous Bernoulli distribution, on the unit interval.

G. Loaiza-Ganem, J. P. Cunningham, "The continuous Bernoulli: fixing a pervasive error in variational
autoencoders", 2019
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions._probabilities import ByChance
from reference_engine.distributions.distribution import _ONE
from reference_engine.distributions.exp_family import ExponentialFamily
from reference_engine.distributions.utils import broadcast_all, clamp_probs, lazy_property, logits_to_probs
from reference_engine.modes import no_grad
from reference_engine.nn.functional import binary_cross_entropy_with_logits

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(ByChance, ExponentialFamily):
    """The density C probs^x (1 - probs)^(1 - x).

    Near one half the formulas divide zero by zero, and Taylor's are taken.

    Args:
        probs: a parameter in (0, 1), or
        logits: its log-odds.
        lims: between which probabilities that is.
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    _mean_carrier_measure = 0
    has_rsample = True
    _expands: ClassVar[Any] = {"probs": 0, "logits": 0, "_param": 0}
    _keeps = ("_lims",)

    def __init__(
        self, probs: Any = None, logits: Any = None, lims: Any = (0.499, 0.501), validate_args: bool | None = None
    ) -> None:
        batch_shape = self._take(probs, logits)
        if probs is not None:
            if validate_args is not None and not self.arg_constraints["probs"].check(self.probs).all():
                raise ValueError("The parameter probs has invalid values")
            self.probs = self._param = clamp_probs(self.probs)
        self._lims = lims
        super().__init__(batch_shape, validate_args=validate_args)

    # -- one half ----------------------------------------------------------------------------------------------------

    def _far(self) -> Any:
        """Where the probability is not near one half."""
        return torch.max(torch.le(self.probs, self._lims[0]), torch.gt(self.probs, self._lims[1]))

    def _cut_probs(self) -> Any:
        """The probabilities, those near one half moved to the lower limit, where no formula divides by zero."""
        return torch.where(self._far(), self.probs, self._lims[0] * torch.ones_like(self.probs))

    def _cont_bern_log_norm(self) -> Any:
        """log C"""
        cut = self._cut_probs()
        lower = torch.where(torch.le(cut, 0.5), cut, torch.zeros_like(cut))
        upper = torch.where(torch.ge(cut, 0.5), cut, torch.ones_like(cut))
        log_odds = torch.log(torch.abs(torch.log1p(-cut) - torch.log(cut)))
        apart = torch.where(torch.le(cut, 0.5), torch.log1p(-2.0 * lower), torch.log(2.0 * upper - 1.0))
        x = torch.pow(self.probs - 0.5, 2)
        return torch.where(self._far(), log_odds - apart, math.log(2.0) + (4.0 / 3.0 + 104.0 / 45.0 * x) * x)

    # -- moments -----------------------------------------------------------------------------------------------------

    @property
    def mean(self) -> Any:
        cut, x = self._cut_probs(), self.probs - 0.5
        mean = cut / (2.0 * cut - 1.0) + 1.0 / (torch.log1p(-cut) - torch.log(cut))
        return torch.where(self._far(), mean, 0.5 + (1.0 / 3.0 + 16.0 / 45.0 * torch.pow(x, 2)) * x)

    @property
    def stddev(self) -> Any:
        return torch.sqrt(self.variance)

    @property
    def variance(self) -> Any:
        cut, x = self._cut_probs(), torch.pow(self.probs - 0.5, 2)
        spread = 1.0 / torch.pow(torch.log1p(-cut) - torch.log(cut), 2)
        variance = cut * (cut - 1.0) / torch.pow(1.0 - 2.0 * cut, 2) + spread
        return torch.where(self._far(), variance, 1.0 / 12.0 - (1.0 / 15.0 - 128.0 / 945.0 * x) * x)

    @lazy_property
    def probs(self) -> Any:
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    # -- values ------------------------------------------------------------------------------------------------------

    def _uniform(self, sample_shape: Any) -> Any:
        return torch.rand(self._extended_shape(sample_shape), dtype=self.probs.dtype, device=self.probs.device)

    def sample(self, sample_shape: Any = _ONE) -> Any:
        with no_grad():
            return self.icdf(self._uniform(sample_shape))

    def rsample(self, sample_shape: Any = _ONE) -> Any:
        return self.icdf(self._uniform(sample_shape))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        return -binary_cross_entropy_with_logits(logits, value, reduction="none") + self._cont_bern_log_norm()

    def cdf(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        cut = self._cut_probs()
        powers = torch.pow(cut, value) * torch.pow(1.0 - cut, 1.0 - value)
        inside = torch.where(self._far(), (powers + cut - 1.0) / (2.0 * cut - 1.0), value)
        up_to_one = torch.where(torch.ge(value, 1.0), torch.ones_like(value), inside)
        return torch.where(torch.le(value, 0.0), torch.zeros_like(value), up_to_one)

    def icdf(self, value: Any) -> Any:
        cut = self._cut_probs()
        above = torch.log1p(-cut + value * (2.0 * cut - 1.0)) - torch.log1p(-cut)
        return torch.where(self._far(), above / (torch.log(cut) - torch.log1p(-cut)), value)

    def entropy(self) -> Any:
        log0, log1 = torch.log1p(-self.probs), torch.log(self.probs)
        return self.mean * (log0 - log1) - self._cont_bern_log_norm() - log0

    @property
    def _natural_params(self) -> Any:
        return (self.logits,)

    def _log_normalizer(self, x: Any) -> Any:
        """Of the log-odds, near zero by Taylor's formula."""
        lower, upper = (limit - 0.5 for limit in self._lims)
        far = torch.max(torch.le(x, lower), torch.gt(x, upper))
        cut = torch.where(far, x, lower * torch.ones_like(x))
        log_norm = torch.log(torch.abs(torch.special.expm1(cut))) - torch.log(torch.abs(cut))
        return torch.where(far, log_norm, 0.5 * x + torch.pow(x, 2) / 24.0 - torch.pow(x, 4) / 2880.0)
