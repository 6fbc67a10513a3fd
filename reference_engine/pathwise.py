"""How a random number moves with the parameter of its distribution, the random choices staying the same.

Where F(x; a) is the distribution function and f the density, x(a) is such that F stays what it is: dx/da is
-(dF/da) / f. Neither the gamma nor the beta distribution has a closed form for it, so these are approximations, good to
two or three digits, by region: a Taylor series near the ends, an expansion about the saddle point for large parameters,
and a rational function between. They are the ones that torch computes.

Source: M. Jankowiak, F. Obermeyer, "Pathwise derivatives beyond the reparameterization trick", 2018
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sp

Array = Any


def _by_region(
    regions: tuple[tuple[Array, Callable[..., Array]], ...], otherwise: Callable[..., Array], *arguments: Array
) -> Array:
    """Each element by the formula of the first region that it lies in."""
    done, made = np.zeros(arguments[0].shape, bool), np.empty(arguments[0].shape)
    for mask, formula in (*regions, (np.ones_like(done), otherwise)):
        here = mask & ~done
        made[here] = formula(*(argument[here] for argument in arguments))
        done |= here
    return made


def _nan_to_zero(x: Array) -> Array:
    return np.where(np.isnan(x), 0.0, x)


# -- gamma -----------------------------------------------------------------------------------------------------------


def gamma_slope(concentration: Array, x: Array) -> Array:
    """dx/da of a number drawn from the standard gamma distribution; arrays of float64 of one shape."""
    large = concentration > 8
    near = (0.9 * concentration <= x) & (x <= 1.1 * concentration)
    regions = ((x < 0.8, _gamma_series), (large & near, _gamma_at_the_mean), (large, _gamma_saddle_point))
    return _by_region(regions, _gamma_rational, concentration, x)


def _gamma_series(a: Array, x: Array) -> Array:
    term, shifted = np.ones_like(a), a.copy()
    series, squares = term / shifted, term / (shifted * shifted)
    for i in range(1, 6):
        term = term * (-x / i)
        shifted = shifted + 1
        series, squares = series + term / shifted, squares + term / (shifted * shifted)
    power = x**a
    density, distribution = x ** (a - 1) * np.exp(-x), power * series
    return _nan_to_zero(-((np.log(x) - sp.digamma(a)) * distribution - power * squares) / density)


def _gamma_at_the_mean(a: Array, x: Array) -> Array:
    first = 1 + 24 * a * (1 + 12 * a)
    second = 1440 * (a * a) + 6 * x * (53 - 120 * x) - 65 * x * x / a + a * (107 + 3600 * x)
    return first * second / (1244160 * (a * a) * (a * a))


def _gamma_saddle_point(a: Array, x: Array) -> Array:
    root, log_ratio = np.sqrt(8 * a), np.log(x / a)
    pole, correction = root / (a - x), (x - a - a * log_ratio) ** -1.5
    sum_ = np.where(x < a, pole - correction, pole + correction)
    term = log_ratio * sum_ - np.sqrt(2 / a) * (a + x) / ((a - x) * (a - x))
    stirling = 1 + 1 / (12 * a) * (1 + 1 / (24 * a))
    return -stirling * (x * term) / root


#: By power of log(x / a), then numerator and denominator in log a.
_GAMMA = (
    ((0.16009398, -0.094634809, 0.025146376, -0.0030648343), (1, 0.32668115, 0.10406089, 0.0014179084)),
    ((0.53487893, 0.1298071, 0.065735949, -0.0015649758), (0.16639465, 0.020070113, -0.0035938915, -0.00058392623)),
    ((0.040121004, -0.0065914022, -0.0026286047, -0.0013441777),
     (0.017050642, -0.0021309326, 0.00085092367, -1.5247877e-07)),
)  # fmt: skip


def _gamma_rational(a: Array, x: Array) -> Array:
    u, v = np.log(x / a), np.log(a)

    def polynomial(part: int) -> Array:
        in_v = [_horner([_GAMMA[i][part][j] for i in range(3)], u) for j in range(4)]
        return _horner(in_v, v)

    return np.exp(polynomial(0) / polynomial(1))


def _horner(coefficients: Any, x: Array) -> Array:
    total: Array = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient + x * total
    return total


# -- beta ------------------------------------------------------------------------------------------------------------


def beta_slope(x: Array, alpha: Array, total: Array) -> Array:
    """dx/dalpha / (1 - x) of a number drawn from the beta distribution of `alpha` and `total - alpha`; float64."""
    beta = total - alpha
    middle = total * x * (1 - x)
    regions = (
        ((x <= 0.5) & (middle < 2.5), _beta_near_zero),
        ((x >= 0.5) & (middle < 0.75), lambda x, alpha, beta: -_other_beta_near_zero(1 - x, beta, alpha)),
        ((alpha > 6) & (beta > 6), _beta_saddle_point),
    )
    return _by_region(regions, _beta_rational, x, alpha, beta)


def _beta_near_zero(x: Array, alpha: Array, beta: Array) -> Array:
    factor = sp.digamma(alpha) - sp.digamma(alpha + beta) - np.log(x)
    term = np.ones_like(x)
    series = term / alpha * (factor + 1 / alpha)
    for i in range(1, 11):
        term = term * ((i - beta) * x / i)
        series = series + term / (alpha + i) * (factor + 1 / (alpha + i))
    return _nan_to_zero(x * (1 - x) ** -beta * series)


def _other_beta_near_zero(x: Array, alpha: Array, beta: Array) -> Array:
    """The same for the other parameter."""
    factor = sp.digamma(alpha + beta) - sp.digamma(beta)
    term, products, slopes, series = np.ones_like(x), np.ones_like(x), np.zeros_like(x), factor / alpha
    for i in range(1, 9):
        term = term * (-x / i)
        slopes = slopes * (beta - i) + products
        products = products * (beta - i)
        series = series + term / (alpha + i) * (slopes + factor * products)
    return _nan_to_zero(-((1 - x) ** (1 - beta)) * series)


def _beta_saddle_point(x: Array, alpha: Array, beta: Array) -> Array:
    total = alpha + beta
    mean = alpha / total
    stddev = np.sqrt(alpha * beta / (total + 1)) / total
    near = (mean - 0.1 * stddev <= x) & (x <= mean + 0.1 * stddev)
    return np.where(near, _beta_at_the_mean(x, alpha, beta), _beta_off_the_mean(x, alpha, beta))


def _beta_at_the_mean(x: Array, alpha: Array, beta: Array) -> Array:
    total = alpha + beta
    in_alpha = (
        47 * x * (beta * beta) * (beta * beta),
        (43 + 20 * (16 + 27 * beta) * x) * (beta * beta) * beta,
        3 * (59 + 180 * beta - 90 * x) * (beta * beta),
        (453 + 1620 * beta * (1 - x) - 455 * x) * beta,
        8 * (1 - x) * (135 * beta - 11),
    )
    above = (1 + 12 * alpha) * (1 + 12 * beta) / (total * total)
    below = 12960 * alpha * alpha * alpha * beta * beta * (1 + 12 * total)
    return above / (1 - x) * _horner(in_alpha, alpha) / below


def _beta_off_the_mean(x: Array, alpha: Array, beta: Array) -> Array:
    total = alpha + beta
    stirling = [1 + 1 / (12 * each) + 1 / (288 * each * each) for each in (alpha, beta, total)]
    off = alpha * (x - 1) + beta * x
    first = (2 * (alpha * alpha) * (x - 1) + alpha * beta * (x - 1) - x * (beta * beta)) / (
        np.sqrt(2 * alpha / beta) * total**1.5 * off * off
    )
    pole = np.sqrt(8 * alpha * beta / total) / off
    log_ratio = np.log(alpha / (total * x))
    correction = (beta * np.log(beta / (total * (1 - x))) + alpha * log_ratio) ** -1.5
    sum_ = first + 0.5 * log_ratio * (pole + np.where(x < alpha / total, correction, -correction))
    return stirling[0] * stirling[1] / stirling[2] * (-x / np.sqrt(2 * alpha * beta / total)) * sum_


#: Numerator and denominator, by power of log x, by power of log(alpha / x), in log(total x / alpha).
_BETA = (
    (((1.003668233, -0.01061107488, -0.0657888334, 0.01201642863),
      (0.6336835991, -0.3557432599, 0.05486251648, -0.001465281033),
      (-0.03276231906, 0.004474107445, 0.002429354597, -0.0001557569013)),
     ((0.221950385, -0.3187676331, 0.01799915743, 0.01074823814),
      (-0.2951249643, 0.06219954479, 0.01535556598, 0.001550077057),
      (0.02155310298, 0.004170831599, 0.001292462449, 6.976601077e-05)),
     ((-0.05980841433, 0.008441916499, 0.01085618172, 0.002319392565),
      (0.02911413504, 0.01400243777, -0.002721828457, 0.000751041181),
      (0.005900514878, -0.001936558688, -9.495446725e-06, 5.385558597e-05))),
    (((1, -0.02924021934, -0.04438342661, 0.007285809825),
      (0.6357567472, -0.3473456711, 0.05454656494, -0.002407477521),
      (-0.03301322327, 0.004845219414, 0.00231480583, -0.0002307248149)),
     ((0.5925320577, -0.1757678135, 0.01505928619, 0.000564515273),
      (0.1014815858, -0.06589186703, 0.01272886114, -0.0007316646956),
      (-0.007258481865, 0.001096195486, 0.0003934994223, -4.12701925e-05)),
     ((0.06469649321, -0.0236701437, 0.002902096474, -5.896963079e-05),
      (0.001925008108, -0.002869809258, 0.0008000589141, -6.063713228e-05),
      (-0.0003477407336, 6.959756487e-05, 1.097287507e-05, -1.650964693e-06))),
)  # fmt: skip


def _beta_rational(x: Array, alpha: Array, beta: Array) -> Array:
    total = alpha + beta
    u = np.log(x)
    a = np.log(alpha) - u
    b = np.log(total) - a
    above, below = (_horner([_horner([_horner(row, b) for row in rows], a) for rows in part], u) for part in _BETA)
    return above / below * x * (sp.digamma(total) - sp.digamma(alpha)) / beta
