"""``torch.distributions``: those that scripts about gradients draw from."""

from __future__ import annotations

from reference_engine.distributions import constraints
from reference_engine.distributions.composed import Independent, kl_divergence
from reference_engine.distributions.continuous import Normal, Uniform
from reference_engine.distributions.discrete import Bernoulli, Categorical
from reference_engine.distributions.distribution import Distribution

__all__ = [
    "Bernoulli",
    "Categorical",
    "Distribution",
    "Independent",
    "Normal",
    "Uniform",
    "constraints",
    "kl_divergence",
]
