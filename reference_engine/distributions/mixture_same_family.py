"""A mixture of distributions of one family."""

from __future__ import annotations

from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.categorical import Categorical
from reference_engine.distributions.constraints import MixtureSameFamilyConstraint
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.modes import no_grad
from reference_engine.size import Size

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A value of one of several components, which is drawn first.

    Args:
        mixture_distribution: which of the components.
        component_distribution: the components, along the last dimension of the batch.

    Raises:
        ValueError: something else, or of other sizes.
    """

    arg_constraints: ClassVar[Any] = {}
    has_rsample = False
    _expands: ClassVar[Any] = {"_component_distribution": 1, "_mixture_distribution": 0}
    _keeps = ("_num_component", "_event_ndims")

    def __init__(
        self, mixture_distribution: Any, component_distribution: Any, validate_args: bool | None = None
    ) -> None:
        self._mixture_distribution, self._component_distribution = mixture_distribution, component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(" The Mixture distribution needs to be an  instance of torch.distributions.Categorical")
        if not isinstance(component_distribution, Distribution):
            raise ValueError("The Component distribution needs to be an instance of torch.distributions.Distribution")
        self._check_sizes()
        self._num_component = mixture_distribution.logits.shape[-1]
        event_shape = component_distribution.event_shape
        self._event_ndims = len(event_shape)
        super().__init__(component_distribution.batch_shape[:-1], event_shape, validate_args=validate_args)

    def _check_sizes(self) -> None:
        mixture, components = self._mixture_distribution.batch_shape, self._component_distribution.batch_shape
        for i, j in zip(reversed(mixture), reversed(components[:-1]), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(
                    f"`mixture_distribution.batch_shape` ({mixture}) is not compatible with "
                    f"`component_distribution.batch_shape`({components[:-1]})"
                )
        chosen, present = self._mixture_distribution.logits.shape[-1], components[-1]
        if chosen != present:
            raise ValueError(
                f"`mixture_distribution component` ({chosen}) does not equal "
                f"`component_distribution.batch_shape[-1]` ({present})"
            )

    @constraints.dependent_property
    def support(self) -> Any:
        return MixtureSameFamilyConstraint(self._component_distribution.support)

    @property
    def mixture_distribution(self) -> Any:
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        return self._component_distribution

    def _mixed(self, moments: Any) -> Any:
        """The mean over the components."""
        probs = self._pad_mixture_dimensions(self.mixture_distribution.probs)
        return torch.sum(probs * moments, dim=-1 - self._event_ndims)

    @property
    def mean(self) -> Any:
        return self._mixed(self.component_distribution.mean)

    @property
    def variance(self) -> Any:
        """That within the components, and that of their means."""
        within = self._mixed(self.component_distribution.variance)
        return within + self._mixed((self.component_distribution.mean - self._pad(self.mean)).pow(2.0))

    def cdf(self, x: Any) -> Any:
        return torch.sum(self.component_distribution.cdf(self._pad(x)) * self.mixture_distribution.probs, dim=-1)

    def log_prob(self, x: Any) -> Any:
        if self._validate_args:
            self._validate_sample(x)
        of_component = self.component_distribution.log_prob(self._pad(x))
        of_choice = torch.log_softmax(self.mixture_distribution.logits, dim=-1)
        return torch.logsumexp(of_component + of_choice, dim=-1)

    def sample(self, sample_shape: Any = _ONE) -> Any:
        with no_grad():
            dim, event = len(sample_shape) + len(self.batch_shape), self.event_shape
            chosen = self.mixture_distribution.sample(sample_shape)
            values = self.component_distribution.sample(sample_shape)
            shape = chosen.shape
            chosen = chosen.reshape(shape + Size([1] * (len(event) + 1)))
            chosen = chosen.repeat(Size([1] * (len(shape) + 1)) + event)
            return torch.gather(values, dim, chosen).squeeze(dim)

    def _pad(self, x: Any) -> Any:
        """With a dimension for the components."""
        return x.unsqueeze(-1 - self._event_ndims)

    def _pad_mixture_dimensions(self, x: Any) -> Any:
        """With dimensions for the batch and for values."""
        batch, of_mixture = len(self.batch_shape), len(self.mixture_distribution.batch_shape)
        missing = 0 if of_mixture == 1 else batch - of_mixture
        front, last = x.shape[:-1], x.shape[-1:]
        return x.reshape(front + Size(missing * [1]) + last + Size(self._event_ndims * [1]))

    def __repr__(self) -> str:
        return f"MixtureSameFamily(\n  {self.mixture_distribution},\n  {self.component_distribution})"
