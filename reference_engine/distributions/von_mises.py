"""The von Mises distribution: around a point of a circle.

D. J. Best, N. I. Fisher, "Efficient simulation of the von Mises distribution", 1979
"""

from __future__ import annotations

import math
from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.utils import broadcast_all, lazy_property
from reference_engine.dtypes import float64
from reference_engine.modes import no_grad

__all__ = ["VonMises"]

#: M. Abramowitz, I. A. Stegun, "Handbook of mathematical functions", 9.8.1 to 9.8.4: below 3.75 and above it, by order.
_SMALL = (
    (1.0, 3.5156229, 3.0899424, 1.2067492, 0.2659732, 0.360768e-1, 0.45813e-2),
    (0.5, 0.87890594, 0.51498869, 0.15084934, 0.2658733e-1, 0.301532e-2, 0.32411e-3),
)
_LARGE = (
    (0.39894228, 0.1328592e-1, 0.225319e-2, -0.157565e-2, 0.916281e-2, -0.2057706e-1, 0.2635537e-1, -0.1647633e-1,
     0.392377e-2),
    (0.39894228, -0.3988024e-1, -0.362018e-2, 0.163801e-2, -0.1031555e-1, 0.2282967e-1, -0.2895312e-1, 0.1787654e-1,
     -0.420059e-2),
)  # fmt: skip


def _polynomial(y: Any, coefficients: Any) -> Any:
    *lower, total = coefficients
    for coefficient in reversed(lower):
        total = coefficient + y * total
    return total


def _log_modified_bessel_fn(x: Any, order: int = 0) -> Any:
    """log I(x), of the order zero or one, for positive x."""
    ratio = x / 3.75
    small = _polynomial(ratio * ratio, _SMALL[order])
    if order == 1:
        small = x.abs() * small
    large = x - 0.5 * x.log() + _polynomial(3.75 / x, _LARGE[order]).log()
    return torch.where(x < 3.75, small.log(), large)


class VonMises(Distribution):
    """The density exp(concentration cos(x - loc)), normalised; values are angles in [-pi, pi)."""

    arg_constraints: ClassVar[Any] = {"loc": constraints.real, "concentration": constraints.positive}
    support = constraints.real
    has_rsample = False

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = broadcast_all(loc, concentration)
        super().__init__(self.loc.shape, _ONE, validate_args)

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        height = self.concentration * torch.cos(value - self.loc)
        return height - math.log(2 * math.pi) - _log_modified_bessel_fn(self.concentration, order=0)

    # Low concentrations need double precision.

    @lazy_property
    def _loc(self) -> Any:
        return self.loc.to(float64)

    @lazy_property
    def _concentration(self) -> Any:
        return self.concentration.to(float64)

    @lazy_property
    def _proposal_r(self) -> Any:
        """The parameter of the wrapped Cauchy distribution that is proposed from."""
        kappa = self._concentration
        tau = 1 + (1 + 4 * kappa**2).sqrt()
        rho = (tau - (2 * tau).sqrt()) / (2 * kappa)
        return torch.where(kappa < 1e-5, 1 / kappa + kappa, (1 + rho**2) / (2 * rho))

    def sample(self, sample_shape: Any = _ONE) -> Any:
        """Proposals are drawn for the whole batch until each of it has accepted one, the last one counting."""
        with no_grad():
            x = torch.empty(self._extended_shape(sample_shape), dtype=float64, device=self.loc.device)
            done = torch.zeros(x.shape, dtype=torch.bool, device=self.loc.device)
            while not done.all():
                u, v, side = torch.rand((3, *x.shape), dtype=float64, device=self.loc.device).unbind()
                z = torch.cos(math.pi * u)
                cosine = (1 + self._proposal_r * z) / (self._proposal_r + z)
                c = self._concentration * (self._proposal_r - cosine)
                accepted = (c * (2 - c) - v > 0) | ((c / v).log() + 1 - c >= 0)
                x = torch.where(accepted, (side - 0.5).sign() * cosine.acos(), x)
                done = done | accepted
            return ((x + math.pi + self._loc) % (2 * math.pi) - math.pi).to(self.loc.dtype)

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        parameters = self.loc.expand(batch_shape), self.concentration.expand(batch_shape)
        return type(self)(*parameters, validate_args=self.__dict__.get("_validate_args"))

    @property
    def mean(self) -> Any:
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @lazy_property
    def variance(self) -> Any:
        """The circular variance."""
        one, zero = (_log_modified_bessel_fn(self.concentration, order=order) for order in (1, 0))
        return 1 - (one - zero).exp()
