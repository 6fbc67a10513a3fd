"""Random numbers that are proposed until one is accepted: gamma, Poisson and binomial.

How many words of the stream a number uses up depends on what was proposed, so they are drawn one by one, in double
precision. The methods are published ones:

- gamma: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", 2000
- Poisson: W. Hörmann, "The transformed rejection method for generating Poisson random variables", 1993; for small rates
  D. Knuth's product of uniform numbers
- binomial: W. Hörmann, "The generation of binomial random variates", 1993; where few successes are to be expected, the
  waiting times between them are added up
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine.random import Generator, fractions, normal_one_by_one

_THIRD = float(np.float32(1) / np.float32(3))
_SQUEEZE = float(np.float32(0.0331))

#: From this expected number on, numbers are proposed instead of counted.
_FEW = 10


def _uniform(generator: Generator) -> float:
    return float(fractions(generator, 1, np.float64)[0])


def gamma(generator: Generator, concentration: float, dtype: Any = np.float64) -> float:
    """A number with the density x^(concentration - 1) exp(-x); what is made of the parameter alone is a `dtype`."""
    number = np.dtype(dtype).type
    scale = 1.0
    if concentration < 1:  # a larger one, made smaller by a power
        if concentration == 0:
            return 0.0
        scale = math.pow(1 - _uniform(generator), float(number(1) / number(concentration)))
        concentration = number(concentration) + number(1)
    d = float(number(concentration) - number(_THIRD))
    c = 1 / math.sqrt(9 * d) if d > 0 else math.nan
    while True:
        x = float(normal_one_by_one(generator, 1, 0.0, 1.0)[0])
        root = 1 + c * x
        if root <= 0:
            continue
        cube, u, square = root * root * root, 1 - _uniform(generator), x * x
        if u < 1 - _SQUEEZE * square * square:
            return scale * d * cube
        if math.isnan(cube):
            return math.nan
        if math.log(u) < 0.5 * square + d * (1 - cube + math.log(cube)):
            return scale * d * cube


def poisson(generator: Generator, rate: float) -> int:
    """How often something happens that is expected to happen `rate` times."""
    if rate == 0:
        return 0
    if rate < _FEW:
        happened, left, end = 0, _uniform(generator), math.exp(-rate)
        while left > end:
            happened, left = happened + 1, left * _uniform(generator)
        return happened
    root, log_rate = math.sqrt(rate), math.log(rate)
    b = 0.931 + 2.53 * root
    a = -0.059 + 0.02483 * b
    log_inverse_alpha, box = math.log(1.1239 + 1.1328 / (b - 3.4)), 0.9277 - 3.6224 / (b - 2)
    while True:
        u, v = _uniform(generator) - 0.5, _uniform(generator)
        edge = 0.5 - abs(u)
        if edge == 0:
            continue
        k = math.floor((2 * a / edge + b) * u + rate + 0.43)
        if edge >= 0.07 and v <= box:
            return k
        if k < 0 or (edge < 0.013 and v > edge):
            continue
        log_v = math.log(v) if v else -math.inf
        if log_v + log_inverse_alpha - math.log(a / (edge * edge) + b) <= -rate + k * log_rate - math.lgamma(k + 1.0):
            return k


def binomial(generator: Generator, count: float, probability: float) -> float:
    """How many of `count` trials succeed."""
    if count <= 0 or probability <= 0:
        return 0.0
    if probability >= 1:
        return count
    if math.isnan(probability):
        return math.nan
    rarer = min(probability, 1 - probability)
    draw = _binomial_proposed if count * rarer >= _FEW else _binomial_counted
    drawn = draw(generator, count, rarer)
    return drawn if probability <= 0.5 else count - drawn


def _binomial_counted(generator: Generator, count: float, probability: float) -> float:
    passed, successes, log_failure = 0.0, 0.0, math.log1p(-probability)
    while True:
        u = _uniform(generator)
        passed += math.ceil(math.log(u) / log_failure) if u else math.inf
        if passed > count:
            return successes
        successes += 1


def _binomial_proposed(generator: Generator, count: float, probability: float) -> float:
    stddev = math.sqrt(count * probability * (1 - probability))
    b = 1.15 + 2.53 * stddev
    a = -0.0873 + 0.0248 * b + 0.01 * probability
    center, box, odds = count * probability + 0.5, 0.92 - 4.2 / b, probability / (1 - probability)
    alpha, mode = (2.83 + 5.1 / b) * stddev, math.floor((count + 1) * probability)
    while True:
        u, v = _uniform(generator) - 0.5, _uniform(generator)
        edge = 0.5 - abs(u)
        if edge == 0:
            continue
        k = float(math.floor((2 * a / edge + b) * u + center))
        if k < 0 or k > count:
            continue
        if edge >= 0.07 and v <= box:
            return k
        log_ratio = math.log(v * alpha / (a / (edge * edge) + b)) if v else -math.inf
        bound = (
            (mode + 0.5) * math.log((mode + 1) / (odds * (count - mode + 1)))
            + (count + 1) * math.log((count - mode + 1) / (count - k + 1))
            + (k + 0.5) * math.log(odds * (count - k + 1) / (k + 1))
            + _stirling_tail(mode)
            + _stirling_tail(count - mode)
            - _stirling_tail(k)
            - _stirling_tail(count - k)
        )
        if log_ratio <= bound:
            return k


#: What Stirling's formula leaves out of log k!, for k below ten.
_TAILS = (
    *(0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211),
    *(0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287),
)


def _stirling_tail(k: float) -> float:
    if k < len(_TAILS):
        return _TAILS[int(k)]
    square = (k + 1) * (k + 1)
    return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1)
