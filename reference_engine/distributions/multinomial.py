"""How often each of several events happens in a number of trials."""

from __future__ import annotations

from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions._probabilities import OfCategorical
from reference_engine.distributions.binomial import Binomial
from reference_engine.distributions.categorical import Categorical
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.utils import broadcast_all
from reference_engine.size import Size

__all__ = ["Multinomial"]


class Multinomial(OfCategorical, Distribution):
    """Counts of several events in `total_count` trials.

    Args:
        total_count: the number of trials, one for the whole batch.
        probs: relative probabilities of the events, or
        logits: their logarithms.

    Raises:
        NotImplementedError: a number of trials that is no int.
    """

    arg_constraints: ClassVar[Any] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    _expands: ClassVar[Any] = {"_categorical": 0}
    _keeps = ("total_count",)

    def __init__(
        self, total_count: int = 1, probs: Any = None, logits: Any = None, validate_args: bool | None = None
    ) -> None:
        if not isinstance(total_count, int):
            raise NotImplementedError("inhomogeneous total_count is not supported")
        self.total_count = total_count
        self._categorical = Categorical(probs=probs, logits=logits)
        self._binomial = Binomial(total_count=total_count, probs=self.probs)
        event_shape = self._categorical.param_shape[-1:]
        super().__init__(self._categorical.batch_shape, event_shape, validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.probs * self.total_count

    @property
    def variance(self) -> Any:
        return self.total_count * self.probs * (1 - self.probs)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Any:
        return constraints.multinomial(self.total_count)

    def sample(self, sample_shape: Any = _ONE) -> Any:
        sample_shape = Size(sample_shape)
        trials = self._categorical.sample(Size((self.total_count,)) + sample_shape)
        trials = trials.permute(*range(1, trials.dim()), 0)
        counts = trials.new(self._extended_shape(sample_shape)).zero_()
        counts.scatter_add_(-1, trials, torch.ones_like(trials))
        return counts.type_as(self.probs)

    def entropy(self) -> Any:
        """That of the trials, less that of their order; each count is binomial."""
        n = torch.tensor(self.total_count)
        of_trials = n * self._categorical.entropy() - torch.lgamma(n + 1)
        counts = self._binomial.enumerate_support(expand=False)[1:]
        chances = torch.exp(self._binomial.log_prob(counts))
        return of_trials + (chances * torch.lgamma(counts + 1)).sum([0, -1])

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value)
        logits = logits.clone(memory_format=torch.contiguous_format)
        orders = torch.lgamma(value.sum(-1) + 1) - torch.lgamma(value + 1).sum(-1)
        logits[(value == 0) & (logits == -torch.inf)] = 0  # what cannot happen, and did not
        return orders + (logits * value).sum(-1)
