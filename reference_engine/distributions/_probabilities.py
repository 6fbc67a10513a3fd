"""Distributions that are given by probabilities or by their logits; the others are computed when they are asked for."""

from __future__ import annotations

from typing import Any

from reference_engine.distributions.utils import _broadcast_parameters, lazy_property, logits_to_probs, probs_to_logits


class _Either:
    """Has one of two parameters, `_param`."""

    _param: Any

    @staticmethod
    def _only_one(probs: Any, logits: Any) -> str:
        """Which was given.

        Raises:
            ValueError: none, or both.
        """
        if (probs is None) == (logits is None):
            raise ValueError("Either `probs` or `logits` must be specified, but not both.")
        return "logits" if probs is None else "probs"


class _Shown(_Either):
    """Shows it."""

    def _new(self, *args: Any, **kwargs: Any) -> Any:
        return self._param.new(*args, **kwargs)

    @property
    def param_shape(self) -> Any:
        return self._param.size()


class Chance(_Either):
    """The chance of an event, against that of its contrary."""

    def _take(self, probs: Any, logits: Any) -> Any:
        """Keep the parameter, and return the batch shape."""
        name = self._only_one(probs, logits)
        self._param, batch_shape = _broadcast_parameters(logits if probs is None else probs)
        setattr(self, name, self._param)
        return batch_shape

    @lazy_property
    def logits(self) -> Any:
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Any:
        return logits_to_probs(self.logits, is_binary=True)


class ByChance(_Shown, Chance):
    """The same, shown."""


class ByChoice(_Shown):
    """The chances of each of several events, along the last dimension."""

    @lazy_property
    def logits(self) -> Any:
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Any:
        return logits_to_probs(self.logits)


class OfCategorical:
    """Built on a categorical distribution, from which it has the parameters."""

    _categorical: Any

    def _new(self, *args: Any, **kwargs: Any) -> Any:
        return self._categorical._new(*args, **kwargs)

    @property
    def _param(self) -> Any:
        return self._categorical._param

    @property
    def logits(self) -> Any:
        return self._categorical.logits

    @property
    def probs(self) -> Any:
        return self._categorical.probs

    @property
    def param_shape(self) -> Any:
        return self._categorical.param_shape
