"""Bernoulli and categorical distributions."""

from __future__ import annotations

from typing import Any, ClassVar

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.distributions import constraints
from reference_engine.distributions.distribution import Distribution, as_tensors, logits_of
from reference_engine.modes import no_grad
from reference_engine.nn import functional as F
from reference_engine.size import Size

_ONE_OF = "Either `probs` or `logits` must be specified, but not both."


class _ByProbability(Distribution):
    """Given by probabilities or by their logarithms; the others are computed when they are asked for."""

    probs: Any
    logits: Any
    is_binary: ClassVar[bool]

    def __getattr__(self, name: str) -> Any:
        if name == "logits" and "probs" in self.__dict__:
            self.logits = logits_of(self.probs, self.is_binary)
            return self.logits
        if name == "probs" and "logits" in self.__dict__:
            self.probs = torch.sigmoid(self.logits) if self.is_binary else F.softmax(self.logits, dim=-1)
            return self.probs
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


class Bernoulli(_ByProbability):
    """One with a probability, else zero."""

    arg_constraints: ClassVar[dict[str, Any]] = {"probs": constraints.unit_interval, "logits": constraints.real}
    support: Any = constraints.boolean
    is_binary = True

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError(_ONE_OF)
        given = probs if logits is None else logits
        (made,) = as_tensors(given)
        self.__dict__["probs" if logits is None else "logits"] = made
        super().__init__(() if isinstance(given, (int, float)) else made.size(), validate_args=validate_args)

    @property
    def mean(self) -> Any:
        return self.probs

    @property
    def variance(self) -> Any:
        return self.probs * (1 - self.probs)

    def sample(self, sample_shape: Any = ()) -> Any:
        with no_grad():
            return torch.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        logits, value = as_tensors(self.logits, value)
        return -F.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Any:
        return F.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")


class Categorical(_ByProbability):
    """One of several, by probabilities along the last dimension."""

    arg_constraints: ClassVar[dict[str, Any]] = {"probs": constraints.simplex, "logits": constraints.real_vector}
    is_binary = False

    def __init__(self, probs: Any = None, logits: Any = None, validate_args: bool | None = None) -> None:
        if (probs is None) == (logits is None):
            raise ValueError(_ONE_OF)
        given = probs if logits is None else logits
        if given.dim() < 1:
            name = "probs" if logits is None else "logits"
            raise ValueError(f"`{name}` parameter must be at least one-dimensional.")
        if logits is None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = logits - logits.logsumexp(dim=-1, keepdim=True)
        self._num_events = given.size()[-1]
        super().__init__(given.size()[:-1], validate_args=validate_args)

    @property
    def support(self) -> Any:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mode(self) -> Any:
        return self.probs.argmax(dim=-1)

    def sample(self, sample_shape: Any = ()) -> Any:
        shape = Size(sample_shape)
        with no_grad():
            drawn = torch.multinomial(self.probs.reshape(-1, self._num_events), shape.numel(), True).T
        return drawn.reshape(self._extended_shape(shape))

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        value = value.long().unsqueeze(-1)
        value, logs = torch.broadcast_tensors(value, self.logits)
        return logs.gather(-1, value[..., :1]).squeeze(-1)

    def entropy(self) -> Any:
        smallest = dtypes.finfo(self.logits.dtype).min
        return -(torch.clamp(self.logits, min=smallest) * self.probs).sum(-1)
