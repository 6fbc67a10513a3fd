"""How many of several trials succeed."""

from __future__ import annotations

from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions._probabilities import ByChance
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.utils import broadcast_all
from reference_engine.modes import no_grad

__all__ = ["Binomial"]


class ByChanceOfMany(ByChance):
    """The chance of an event in each of a number of trials, both tensors of one shape and dtype."""

    total_count: Any

    def _take_count(self, total_count: Any, probs: Any, logits: Any) -> Any:
        """Keep the parameters, and return the batch shape."""
        name = self._only_one(probs, logits)
        count, self._param = broadcast_all(total_count, logits if probs is None else probs)
        self.total_count = count.type_as(self._param)
        setattr(self, name, self._param)
        return self._param.size()


def _positive_part(x: Any) -> Any:
    """max(x, 0), with the slope one half at zero."""
    return (x.clamp(min=0) + x - x.clamp(max=0)) / 2


class Binomial(ByChanceOfMany, Distribution):
    """How many of `total_count` trials succeed.

    Args:
        total_count: the number of trials.
        probs: the probability of a success, or
        logits: its log-odds.
    """

    arg_constraints: ClassVar[Any] = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True
    _expands: ClassVar[Any] = {"total_count": 0, "probs": 0, "logits": 0, "_param": 0}

    def __init__(
        self, total_count: Any = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        super().__init__(self._take_count(total_count, probs, logits), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Any:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Any:
        return self.total_count * self.probs

    @property
    def mode(self) -> Any:
        return ((self.total_count + 1) * self.probs).floor().clamp(max=self.total_count)

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = _ONE) -> Any:
        shape = self._extended_shape(sample_shape)
        with no_grad():
            return torch.binomial(self.total_count.expand(shape), self.probs.expand(shape))

    def log_prob(self, value: Any) -> Any:
        """log (n over k) + k logit - n log(1 + e^logit), the last without overflow."""
        if self._validate_args:
            self._validate_sample(value)
        n, logits = self.total_count, self.logits
        orders, hits, misses = torch.lgamma(n + 1), torch.lgamma(value + 1), torch.lgamma(n - value + 1)
        normalizer = n * _positive_part(logits) + n * torch.log1p(torch.exp(-torch.abs(logits))) - orders
        return value * logits - hits - misses - normalizer

    def _one_count(self, method: str) -> int:
        """The number of trials.

        Raises:
            NotImplementedError: it is not the same in the whole batch.
        """
        most = int(self.total_count.max())
        if self.total_count.min() != most:
            raise NotImplementedError(f"Inhomogeneous total count not supported by `{method}`.")
        return most

    def entropy(self) -> Any:
        self._one_count("entropy")
        log_prob = self.log_prob(self.enumerate_support(False))
        return -(torch.exp(log_prob) * log_prob).sum(0)

    def enumerate_support(self, expand: bool = True) -> Any:
        count = self._one_count("enumerate_support")
        return self._over_batch(torch.arange(1 + count, dtype=self._param.dtype, device=self._param.device), expand)
