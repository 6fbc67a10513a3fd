"""Sampling domains: what values and shapes an op's arguments are drawn from.

A domain is data; the generator in ``conformance/generate`` interprets it. ``special`` lists awkward values that are
mixed in now and then (non-differentiable points, infinities, nan).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

INF = math.inf
NAN = math.nan


@dataclass(frozen=True)
class Domain:
    """What to draw for an op.

    Attributes:
        low, high: the interval of ordinary values of tensor arguments.
        special: awkward values, drawn rarely.
        dtypes: categories that are supported: any of "float", "complex", "int", "bool".
        shapes: how the shapes of tensor arguments relate: "broadcast", "same", "matrix", "square", "vector", or the
            name of a special recipe of the generator.
        arguments: non-tensor argument name to the values it is drawn from (``"dim"``, ``"dims"``, ``"shape"``... name
            recipes that depend on the shape of the first tensor).
    """

    low: float = -3.0
    high: float = 3.0
    special: tuple[float, ...] = ()
    dtypes: tuple[str, ...] = ("float", "complex", "int")
    shapes: str = "broadcast"
    arguments: tuple[tuple[str, Any], ...] = ()


def real(low: float = -3.0, high: float = 3.0, special: tuple[float, ...] = (), **more: Any) -> Domain:
    """Real floating point arguments in an interval."""
    return Domain(low, high, special, ("float",), **_frozen(more))


def field(low: float = -3.0, high: float = 3.0, special: tuple[float, ...] = (), **more: Any) -> Domain:
    """Real or complex floating point arguments."""
    return Domain(low, high, special, ("float", "complex"), **_frozen(more))


def numbers(low: float = -3.0, high: float = 3.0, special: tuple[float, ...] = (), **more: Any) -> Domain:
    """Arguments of any numeric dtype."""
    return Domain(low, high, special, ("float", "complex", "int"), **_frozen(more))


def ordered(low: float = -3.0, high: float = 3.0, special: tuple[float, ...] = (), **more: Any) -> Domain:
    """Real or integer arguments: what can be compared."""
    return Domain(low, high, special, ("float", "int"), **_frozen(more))


def _frozen(more: dict[str, Any]) -> dict[str, Any]:
    arguments = more.pop("arguments", {})
    return {**more, "arguments": tuple(arguments.items())}
