"""How many trials succeed before a number of them fails."""

from __future__ import annotations

from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.binomial import ByChanceOfMany
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.gamma import Gamma
from reference_engine.distributions.utils import lazy_property
from reference_engine.modes import no_grad
from reference_engine.nn.functional import logsigmoid

__all__ = ["NegativeBinomial"]


class NegativeBinomial(ByChanceOfMany, Distribution):
    """How many trials succeed before `total_count` (any nonnegative number) fail.

    Args:
        total_count: the number of failures.
        probs: the probability of a success, or
        logits: its log-odds.
    """

    arg_constraints: ClassVar[Any] = {
        "total_count": constraints.greater_than_eq(0),
        "probs": constraints.half_open_interval(0.0, 1.0),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer
    _expands: ClassVar[Any] = {"total_count": 0, "probs": 0, "logits": 0, "_param": 0}

    def __init__(
        self, total_count: Any, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(self._take_count(total_count, probs, logits), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.total_count * torch.exp(self.logits)

    @property
    def mode(self) -> Any:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0.0)

    @property
    def variance(self) -> Any:
        return self.mean / torch.sigmoid(-self.logits)

    @lazy_property
    def _gamma(self) -> Any:
        """The rate of the Poisson number that a value is; unchecked, as no failures are a concentration of zero."""
        return Gamma(concentration=self.total_count, rate=torch.exp(-self.logits), validate_args=False)

    def sample(self, sample_shape: Any = _ONE) -> Any:
        with no_grad():
            return torch.poisson(self._gamma.sample(sample_shape=sample_shape))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        n = self.total_count
        powers = n * logsigmoid(-self.logits) + value * logsigmoid(self.logits)
        orders = -torch.lgamma(n + value) + torch.lgamma(1.0 + value) + torch.lgamma(n)
        return powers - orders.masked_fill(n + value == 0.0, 0.0)  # no failure, no success: certain
