"""The base class of distributions.

Source: https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import reference_engine as torch
from reference_engine.distributions import constraints
from reference_engine.distributions.utils import lazy_property
from reference_engine.modes import no_grad
from reference_engine.naming import shown
from reference_engine.size import Size
from reference_engine.tensor import Tensor

__all__ = ["Distribution"]

#: The shape of one sample.
_ONE = Size()


class Distribution:
    """Parameters that are checked, and shapes: of a batch of distributions, and of a value (an event) of each.

    A class says in `_expands` what `expand` expands: attributes (tensors, or distributions inside) and how many of
    their last dimensions are no batch dimensions; in `_keeps`, what else belongs to an instance.

    Args:
        batch_shape: the shape of the batch.
        event_shape: the shape of a value.
        validate_args: whether parameters and values are checked; by default as `set_default_validate_args` said.

    Raises:
        ValueError: parameters that do not satisfy their constraints.
    """

    has_rsample: Any = False
    has_enumerate_support: Any = False
    _validate_args = __debug__
    _expands: ClassVar[Mapping[str, int]]
    _keeps: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def set_default_validate_args(value: bool) -> None:
        """Whether parameters and values are checked where nothing else was said."""
        if value not in (True, False):
            raise ValueError
        Distribution._validate_args = value

    def __init__(self, batch_shape: Any = _ONE, event_shape: Any = _ONE, validate_args: bool | None = None) -> None:
        self._batch_shape, self._event_shape = batch_shape, event_shape
        if validate_args is not None:
            self._validate_args = validate_args
        if self._validate_args:
            self._check_parameters()
        super().__init__()

    def _check_parameters(self) -> None:
        try:
            wanted = self.arg_constraints
        except NotImplementedError:
            warnings.warn(
                f"{shown(type(self))} does not define `arg_constraints`. Please set `arg_constraints = {{}}` or "
                "initialize the distribution with `validate_args=False` to turn off validation.",
                stacklevel=4,
            )
            return
        for name, constraint in wanted.items():
            if constraints.is_dependent(constraint):
                continue
            if name not in self.__dict__ and isinstance(getattr(type(self), name), lazy_property):
                continue  # it will be made of those that are checked
            value = getattr(self, name)
            if not constraint.check(value).all():
                raise ValueError(
                    f"Expected parameter {name} ({type(value).__name__} of shape {tuple(value.shape)}) of distribution "
                    f"{self!r} to satisfy the constraint {constraint!r}, but found invalid values:\n{value}"
                )

    def expand(self, batch_shape: Any, _instance: Any = None) -> Any:
        """The same distribution for a larger batch: parameters are expanded, and not checked again.

        Raises:
            NotImplementedError: a subclass with an `__init__` of its own does not say how.
        """
        home = self._says_how_to_expand()
        new = self._get_checked_instance(home, _instance)
        batch_shape = Size(batch_shape)
        for name, event_dims in home._expands.items():
            value = self.__dict__.get(name)
            if isinstance(value, (Tensor, Distribution)):
                shape = value.shape if isinstance(value, Tensor) else value.batch_shape
                setattr(new, name, value.expand(batch_shape + shape[len(shape) - event_dims :]))
        for name in home._keeps:
            setattr(new, name, getattr(self, name))
        return self._finish(new, batch_shape)

    def _says_how_to_expand(self) -> Any:
        """The nearest class that does, as all of ours with an `__init__` of their own do."""
        for cls in type(self).__mro__:
            if "_expands" in cls.__dict__:
                return cls
        raise NotImplementedError

    def _finish(self, new: Any, batch_shape: Any) -> Any:
        """Give an expanded distribution its shapes."""
        Distribution.__init__(new, batch_shape, self.event_shape, validate_args=False)
        new._validate_args = self._validate_args
        return new

    @property
    def batch_shape(self) -> Size:
        """The shape of the batch."""
        return self._batch_shape

    @property
    def event_shape(self) -> Size:
        """The shape of a value."""
        return self._event_shape

    @property
    def arg_constraints(self) -> Any:
        """What each parameter must satisfy, by name."""
        raise NotImplementedError

    @property
    def support(self) -> Any:
        """What values satisfy."""
        raise NotImplementedError

    @property
    def mean(self) -> Any:
        raise NotImplementedError

    @property
    def mode(self) -> Any:
        """The most likely value."""
        raise NotImplementedError(f"{shown(type(self))} does not implement mode")

    @property
    def variance(self) -> Any:
        raise NotImplementedError

    @property
    def stddev(self) -> Any:
        return self.variance.sqrt()

    def sample(self, sample_shape: Any = _ONE) -> Any:
        """Values, without gradients; of the shape `sample_shape + batch_shape + event_shape`."""
        with no_grad():
            return self.rsample(sample_shape)

    def rsample(self, sample_shape: Any = _ONE) -> Any:
        """Values as a differentiable function of the parameters."""
        raise NotImplementedError

    def sample_n(self, n: int) -> Any:
        """`n` values: what `sample((n,))` is."""
        words = "`sample_n(n)` will be deprecated. Use `sample((n,))` instead."
        warnings.warn(words, FutureWarning, stacklevel=2)
        return self.sample(Size((n,)))

    def log_prob(self, value: Any) -> Any:
        """The logarithm of the density, or of the probability of a value, of the shape of the batch."""
        raise NotImplementedError

    def cdf(self, value: Any) -> Any:
        """The probability of values up to this one."""
        raise NotImplementedError

    def icdf(self, value: Any) -> Any:
        """The value up to which the probability is this one."""
        raise NotImplementedError

    def enumerate_support(self, expand: bool = True) -> Any:
        """All values of a discrete distribution, along a new first dimension.

        Args:
            expand: give every distribution of the batch its own; else the dimensions of the batch have the size one.
        """
        raise NotImplementedError

    def entropy(self) -> Any:
        raise NotImplementedError

    def perplexity(self) -> Any:
        """The exponential of the entropy."""
        return torch.exp(self.entropy())

    def _extended_shape(self, sample_shape: Any = _ONE) -> Size:
        return Size(sample_shape) + self._batch_shape + self._event_shape

    def _over_batch(self, values: Any, expand: bool, event_dims: int = 0) -> Any:
        """Values along the first dimension, with dimensions for the batch behind it."""
        count, event = values.shape[:1], values.shape[1:]
        values = values.view(count + (1,) * len(self._batch_shape) + event)
        return values.expand(count + self._batch_shape + event) if expand else values

    def _validate_sample(self, value: Any) -> None:
        """Refuse a value that is outside of the support, or has no fitting shape."""
        if not isinstance(value, Tensor):
            raise ValueError("The value argument to log_prob must be a Tensor")
        actual, event = value.size(), self._event_shape
        if actual[len(actual) - len(event) :] != event:
            raise ValueError(f"The right-most size of value must match event_shape: {actual} vs {event}.")
        expected = self._batch_shape + event
        for i, j in zip(reversed(actual), reversed(expected), strict=False):
            if i != 1 and j != 1 and i != j:
                raise ValueError(f"Value is not broadcastable with batch_shape+event_shape: {actual} vs {expected}.")
        try:
            support = self.support
        except NotImplementedError:
            warnings.warn(
                f"{shown(type(self))} does not define `support` to enable sample validation. Please initialize the "
                "distribution with `validate_args=False` to turn off validation.",
                stacklevel=3,
            )
            return
        if support is None:
            raise AssertionError("support is unexpectedly None")
        if not support.check(value).all():
            raise ValueError(
                f"Expected value argument ({type(value).__name__} of shape {tuple(value.shape)}) to be within the "
                f"support ({support!r}) of the distribution {self!r}, but found invalid values:\n{value}"
            )

    def _get_checked_instance(self, cls: Any, _instance: Any = None) -> Any:
        """What `expand` fills: an instance that it was given, or one made past an `__init__` that is `cls`'s own."""
        if _instance is None and type(self).__init__ != cls.__init__:
            raise NotImplementedError(
                f"Subclass {type(self).__name__} of {cls.__name__} that defines a custom __init__ method must also "
                "define a custom .expand() method."
            )
        return self.__new__(type(self)) if _instance is None else _instance

    def __repr__(self) -> str:
        shown = {name: self.__dict__[name] for name in self.arg_constraints if name in self.__dict__}
        parameters = (f"{name}: {v if v.numel() == 1 else v.size()}" for name, v in shown.items())
        return f"{type(self).__name__}({', '.join(parameters)})"
