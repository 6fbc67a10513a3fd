"""Exponential families: densities exp(<t(x), theta> - F(theta) + k(x))."""

from __future__ import annotations

from typing import Any

from reference_engine.autograd import grad
from reference_engine.distributions.distribution import Distribution

__all__ = ["ExponentialFamily"]


class ExponentialFamily(Distribution):
    """One with natural parameters theta and a log normalizer F.

    The gradient of F is the mean of the sufficient statistic t, so the entropy is the mean of -k, plus F, less the
    product of theta and its gradient.
    """

    @property
    def _natural_params(self) -> Any:
        """The natural parameters, a tuple of tensors."""
        raise NotImplementedError

    def _log_normalizer(self, *natural_params: Any) -> Any:
        """F of them."""
        raise NotImplementedError

    @property
    def _mean_carrier_measure(self) -> Any:
        """The mean of k."""
        raise NotImplementedError

    def entropy(self) -> Any:
        parameters = [p.detach().requires_grad_() for p in self._natural_params]
        normalizer = self._log_normalizer(*parameters)
        slopes = grad(normalizer.sum(), parameters, create_graph=True)
        total = -self._mean_carrier_measure + normalizer
        for parameter, slope in zip(parameters, slopes, strict=True):
            total = total - (parameter * slope).reshape((*self._batch_shape, -1)).sum(-1)
        return total
