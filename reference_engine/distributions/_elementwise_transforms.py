"""Transforms of single numbers."""

from __future__ import annotations

import math
from typing import Any

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions._transform import Transform, _dependent
from reference_engine.distributions.utils import _NUMBERS, broadcast_all, lazy_property
from reference_engine.dtypes import finfo
from reference_engine.nn.functional import softplus


class _Alike(Transform):
    """All of a class do the same."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self))


class _Broadcasting(Transform):
    """Has parameters, with which values broadcast."""

    def _parameters(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def forward_shape(self, shape: Any) -> Any:
        return torch.broadcast_shapes(shape, *(getattr(p, "shape", ()) for p in self._parameters()))

    def inverse_shape(self, shape: Any) -> Any:
        return self.forward_shape(shape)


class ExpTransform(_Alike):
    """exp x"""

    domain, codomain = constraints.real, constraints.positive
    bijective = True
    sign = +1

    def _call(self, x: Any) -> Any:
        return x.exp()

    def _inverse(self, y: Any) -> Any:
        return y.log()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return x


class PowerTransform(_Broadcasting):
    """x^exponent"""

    domain, codomain = constraints.positive, constraints.positive
    bijective = True

    def __init__(self, exponent: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        (self.exponent,) = broadcast_all(exponent)

    def _parameters(self) -> tuple[Any, ...]:
        return (self.exponent,)

    def _recached(self, cache_size: int) -> Any:
        return PowerTransform(self.exponent, cache_size=cache_size)

    @lazy_property
    def sign(self) -> Any:
        return self.exponent.sign()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PowerTransform) and self.exponent.eq(other.exponent).all().item()

    def _call(self, x: Any) -> Any:
        return x.pow(self.exponent)

    def _inverse(self, y: Any) -> Any:
        return y.pow(1 / self.exponent)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return (self.exponent * y / x).abs().log()


def _clipped_sigmoid(x: Any) -> Any:
    """Inside of the open interval (0, 1)."""
    limits = finfo(x.dtype)
    return torch.clamp(torch.sigmoid(x), min=limits.tiny, max=1.0 - limits.eps)


class SigmoidTransform(_Alike):
    """1 / (1 + exp -x), kept inside of (0, 1); the inverse is the logit."""

    domain, codomain = constraints.real, constraints.unit_interval
    bijective = True
    sign = +1

    def _call(self, x: Any) -> Any:
        return _clipped_sigmoid(x)

    def _inverse(self, y: Any) -> Any:
        limits = finfo(y.dtype)
        y = y.clamp(min=limits.tiny, max=1.0 - limits.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x) - softplus(x)


class SoftplusTransform(_Alike):
    """log(1 + exp x)"""

    domain, codomain = constraints.real, constraints.positive
    bijective = True
    sign = +1

    def _call(self, x: Any) -> Any:
        return softplus(x)

    def _inverse(self, y: Any) -> Any:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -softplus(-x)


class TanhTransform(_Alike):
    """tanh x"""

    domain, codomain = constraints.real, constraints.interval(-1.0, 1.0)
    bijective = True
    sign = +1

    def _call(self, x: Any) -> Any:
        return x.tanh()

    def _inverse(self, y: Any) -> Any:
        return torch.atanh(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """log(1 - tanh² x), without cancellation."""
        return 2.0 * (math.log(2.0) - x - softplus(-2.0 * x))


class AbsTransform(_Alike):
    """|x|, of which one inverse image is returned."""

    domain, codomain = constraints.real, constraints.positive

    def _call(self, x: Any) -> Any:
        return x.abs()

    def _inverse(self, y: Any) -> Any:
        return y


def _equal(one: Any, other: Any) -> bool:
    """Of numbers or tensors."""
    if isinstance(one, _NUMBERS) and isinstance(other, _NUMBERS):
        return one == other
    return (one == other).all().item()


class AffineTransform(_Broadcasting):
    """loc + scale x; `event_dim` dimensions are counted as one value."""

    bijective = True

    def __init__(self, loc: Any, scale: Any, event_dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.loc, self.scale, self._event_dim = loc, scale, event_dim

    def _parameters(self) -> tuple[Any, ...]:
        return self.loc, self.scale

    @property
    def event_dim(self) -> Any:
        return self._event_dim

    def _reals(self) -> Any:
        return constraints.independent(constraints.real, self.event_dim) if self.event_dim else constraints.real

    @_dependent
    def domain(self) -> Any:
        return self._reals()

    @_dependent
    def codomain(self) -> Any:
        return self._reals()

    def _recached(self, cache_size: int) -> Any:
        return AffineTransform(self.loc, self.scale, self.event_dim, cache_size=cache_size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AffineTransform) and _equal(self.loc, other.loc) and _equal(self.scale, other.scale)

    @property
    def sign(self) -> Any:
        if isinstance(self.scale, _NUMBERS):
            return (self.scale > 0) - (self.scale < 0)
        return self.scale.sign()

    def _call(self, x: Any) -> Any:
        return self.loc + self.scale * x

    def _inverse(self, y: Any) -> Any:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        shape, scale = x.shape, self.scale
        if isinstance(scale, _NUMBERS):
            stretch = torch.full_like(x, math.log(abs(scale)))
        else:
            stretch = torch.abs(scale).log()
        if self.event_dim:
            stretch = stretch.view((*stretch.size()[: -self.event_dim], -1)).sum(-1)
            shape = shape[: -self.event_dim]
        return stretch.expand(shape)


class CumulativeDistributionTransform(Transform):
    """The distribution function of a distribution; the inverse is its quantile."""

    bijective = True
    codomain = constraints.unit_interval
    sign = +1

    def __init__(self, distribution: Any, cache_size: int = 0) -> None:
        super().__init__(cache_size=cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Any:
        return self.distribution.support

    def _call(self, x: Any) -> Any:
        return self.distribution.cdf(x)

    def _inverse(self, y: Any) -> Any:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return self.distribution.log_prob(x)

    def _recached(self, cache_size: int) -> Any:
        return CumulativeDistributionTransform(self.distribution, cache_size=cache_size)
