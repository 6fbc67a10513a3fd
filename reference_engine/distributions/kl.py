"""Kullback-Leibler divergences, by the classes of the two distributions."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar

from reference_engine.distributions.distribution import Distribution

__all__ = ["register_kl", "kl_divergence"]

Formula = TypeVar("Formula", bound=Callable[..., Any])

_KL_REGISTRY: dict[tuple[type, type], Callable[..., Any]] = {}
_KL_MEMOIZE: dict[tuple[type, type], Any] = {}


def register_kl(type_p: Any, type_q: Any) -> Callable[[Formula], Formula]:
    """A decorator of the function that gives the divergence of two classes, and of their subclasses.

    Raises:
        TypeError: something else than classes of distributions.
    """
    for name, given in (("type_p", type_p), ("type_q", type_q)):
        if not (isinstance(given, type) and issubclass(given, Distribution)):
            raise TypeError(f"Expected {name} to be a Distribution subclass but got {given}")

    def decorator(fun: Formula) -> Formula:
        _KL_REGISTRY[type_p, type_q] = fun
        _KL_MEMOIZE.clear()  # another function may be the nearest now
        return fun

    return decorator


def _nearest(matches: list[tuple[type, type]], first: int) -> tuple[type, type]:
    """Of pairs of base classes the one that is nearest, above all in the class that is looked at `first`."""

    def distance(pair: tuple[type, type]) -> tuple[int, int]:
        # a class has fewer bases than its subclasses
        return -len(pair[first].__mro__), -len(pair[1 - first].__mro__)

    return min(matches, key=distance)


def _dispatch_kl(type_p: type, type_q: type) -> Any:
    """The function for the nearest base classes; a warning where one is nearer for p, and another one for q."""
    matches = [pair for pair in _KL_REGISTRY if issubclass(type_p, pair[0]) and issubclass(type_q, pair[1])]
    if not matches:
        return NotImplemented
    by_p, by_q = _nearest(matches, 0), _nearest(matches, 1)
    if _KL_REGISTRY[by_p] is not _KL_REGISTRY[by_q]:
        warnings.warn(
            f"Ambiguous kl_divergence({type_p.__name__}, {type_q.__name__}). "
            f"Please register_kl({by_p[0].__name__}, {by_q[1].__name__})",
            RuntimeWarning,
            stacklevel=3,
        )
    return _KL_REGISTRY[by_p]


def kl_divergence(p: Any, q: Any) -> Any:
    """How much worse `q` describes what `p` draws: the mean of log p(x) - log q(x), of the shape of the batch.

    Raises:
        NotImplementedError: no formula for the two classes.
    """
    pair = type(p), type(q)
    if pair not in _KL_MEMOIZE:
        _KL_MEMOIZE[pair] = _dispatch_kl(*pair)
    fun = _KL_MEMOIZE[pair]
    if fun is NotImplemented:
        raise NotImplementedError(
            f"No KL(p || q) is implemented for p type {type(p).__name__} and q type {type(q).__name__}"
        )
    return fun(p, q)
