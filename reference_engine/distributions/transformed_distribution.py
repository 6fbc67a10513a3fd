"""What becomes of a distribution when its values are transformed."""

from __future__ import annotations

from typing import Any, ClassVar

from reference_engine.distributions import constraints
from reference_engine.distributions.distribution import _ONE, Distribution
from reference_engine.distributions.independent import Independent
from reference_engine.distributions.transforms import ComposeTransform, Transform
from reference_engine.distributions.utils import _sum_rightmost
from reference_engine.modes import no_grad
from reference_engine.size import Size

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of y = f(x), whose density is that of x by |dy/dx|.

    Args:
        base_distribution: the distribution of x.
        transforms: f, or the transforms that it is made of, the first one first.

    Raises:
        ValueError: transforms that are none, or that need more dimensions than x has.
    """

    base_dist: Any
    arg_constraints: ClassVar[Any] = {}
    _expands: ClassVar[Any] = {}

    def __init__(self, base_distribution: Any, transforms: Any, validate_args: bool | None = None) -> None:
        if isinstance(transforms, Transform):
            transforms = [transforms]
        elif not isinstance(transforms, list):
            raise ValueError(f"transforms must be a Transform or list, but was {transforms}")
        if not all(isinstance(t, Transform) for t in transforms):
            raise ValueError("transforms must be a Transform or a list of Transforms")
        self.transforms = transforms
        whole = ComposeTransform(transforms)
        shape, event_dims = self._expand_base(base_distribution, whole)
        split = len(shape) - max(whole.codomain.event_dim, event_dims)
        super().__init__(shape[:split], shape[split:], validate_args=validate_args)

    def _expand_base(self, base: Any, whole: Any) -> Any:
        """Give x the dimensions that the transforms work on; return the shape of y, and how many dimensions of it x
        makes depend on each other."""
        shape, own = base.batch_shape + base.event_shape, len(base.event_shape)
        needed, change = whole.domain.event_dim, whole.codomain.event_dim - whole.domain.event_dim
        if len(shape) < needed:
            raise ValueError(f"base_distribution needs to have shape with size at least {needed}, but got {shape}.")
        transformed = whole.forward_shape(shape)
        expanded = whole.inverse_shape(transformed)
        if shape != expanded:
            base = base.expand(expanded[: len(expanded) - own])
        self.base_dist = Independent(base, needed - own) if needed > own else base
        return transformed, own + change

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        home = self._says_how_to_expand()
        new = self._get_checked_instance(home, _instance)
        batch_shape = Size(batch_shape)
        for name in home._expands:
            if name not in new.__dict__:
                setattr(new, name, getattr(self, name).expand(batch_shape))
        shape = batch_shape + self.event_shape
        for transform in reversed(self.transforms):
            shape = transform.inverse_shape(shape)
        new.base_dist = self.base_dist.expand(shape[: len(shape) - len(self.base_dist.event_shape)])
        new.transforms = self.transforms
        return self._finish(new, batch_shape)

    @constraints.dependent_property(is_discrete=False)
    def support(self) -> Any:
        if not self.transforms:
            return self.base_dist.support
        support = self.transforms[-1].codomain
        missing = len(self.event_shape) - support.event_dim
        return constraints.independent(support, missing) if missing > 0 else support

    @property
    def has_rsample(self) -> Any:
        return self.base_dist.has_rsample

    def _transformed(self, x: Any) -> Any:
        for transform in self.transforms:
            x = transform(x)
        return x

    def sample(self, sample_shape: Any = _ONE) -> Any:
        with no_grad():
            return self._transformed(self.base_dist.sample(sample_shape))

    def rsample(self, sample_shape: Any = _ONE) -> Any:
        return self._transformed(self.base_dist.rsample(sample_shape))

    def log_prob(self, value: Any) -> Any:
        if self._validate_args:
            self._validate_sample(value)
        event_dim, y = len(self.event_shape), value
        log_prob: Any = 0.0
        for transform in reversed(self.transforms):
            x = transform.inv(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            change = transform.log_abs_det_jacobian(x, y)
            log_prob = log_prob - _sum_rightmost(change, event_dim - transform.domain.event_dim)
            y = x
        return log_prob + _sum_rightmost(self.base_dist.log_prob(y), event_dim - len(self.base_dist.event_shape))

    def _monotonize_cdf(self, value: Any) -> Any:
        """The probability from above, where the transforms turn the order round."""
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        return value if isinstance(sign, int) and sign == 1 else sign * (value - 0.5) + 0.5

    def cdf(self, value: Any) -> Any:
        for transform in reversed(self.transforms):
            value = transform.inv(value)
        if self._validate_args:
            self.base_dist._validate_sample(value)
        return self._monotonize_cdf(self.base_dist.cdf(value))

    def icdf(self, value: Any) -> Any:
        return self._transformed(self.base_dist.icdf(self._monotonize_cdf(value)))
