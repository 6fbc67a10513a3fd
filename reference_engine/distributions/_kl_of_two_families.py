"""Kullback-Leibler divergences of distributions of two families: the negative entropy of p, less the mean of log q."""

from __future__ import annotations

import math
from typing import Any

import reference_engine as torch
from reference_engine.distributions._kl_of_one_family import infinite_where
from reference_engine.distributions.bernoulli import Bernoulli
from reference_engine.distributions.beta import Beta
from reference_engine.distributions.binomial import Binomial
from reference_engine.distributions.continuous_bernoulli import ContinuousBernoulli
from reference_engine.distributions.exponential import Exponential
from reference_engine.distributions.gamma import Gamma
from reference_engine.distributions.gumbel import Gumbel
from reference_engine.distributions.kl import register_kl
from reference_engine.distributions.laplace import Laplace
from reference_engine.distributions.normal import Normal
from reference_engine.distributions.pareto import Pareto
from reference_engine.distributions.poisson import Poisson
from reference_engine.distributions.uniform import Uniform
from reference_engine.distributions.utils import euler_constant

# -- infinite: p draws what q never draws ----------------------------------------------------------------------------

_ON_UNIT_INTERVAL = (Beta, ContinuousBernoulli)
_NEVER: tuple[tuple[type, str, tuple[type, ...]], ...] = (
    (Beta, "concentration1", (Pareto,)),
    (ContinuousBernoulli, "probs", (Pareto,)),
    (Exponential, "rate", (*_ON_UNIT_INTERVAL, Pareto, Uniform)),
    (Gamma, "concentration", (*_ON_UNIT_INTERVAL, Pareto, Uniform)),
    (Gumbel, "loc", (*_ON_UNIT_INTERVAL, Exponential, Gamma, Pareto, Uniform)),
    (Laplace, "loc", (*_ON_UNIT_INTERVAL, Exponential, Gamma, Pareto, Uniform)),
    (Normal, "loc", (*_ON_UNIT_INTERVAL, Exponential, Gamma, Pareto, Uniform)),
    (Pareto, "scale", (*_ON_UNIT_INTERVAL, Uniform)),
    (Poisson, "rate", (Bernoulli, Binomial)),
)


def _register_infinite(of_p: type, parameter: str, of_q: type) -> None:
    @register_kl(of_p, of_q)
    def _infinite(p: Any, q: Any) -> Any:
        return torch.full_like(getattr(p, parameter), torch.inf)


for _of_p, _parameter, _of_qs in _NEVER:
    for _of_q in _of_qs:
        _register_infinite(_of_p, _parameter, _of_q)


# -- of numbers in the unit interval ---------------------------------------------------------------------------------


@register_kl(Bernoulli, Poisson)
def _bernoulli_poisson(p: Any, q: Any) -> Any:
    return -p.entropy() - (p.probs * q.rate.log() - q.rate)


def _to_continuous_bernoulli(p: Any, q: Any) -> Any:
    return -p.entropy() - p.mean * q.logits - torch.log1p(-q.probs) - q._cont_bern_log_norm()


register_kl(Beta, ContinuousBernoulli)(_to_continuous_bernoulli)


def _beta_mean(p: Any) -> Any:
    return p.concentration1 / (p.concentration1 + p.concentration0)


@register_kl(Beta, Exponential)
def _beta_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - q.rate.log() + q.rate * _beta_mean(p)


@register_kl(Beta, Gamma)
def _beta_gamma(p: Any, q: Any) -> Any:
    a, total = p.concentration1, p.concentration1 + p.concentration0
    normalizer = q.concentration.lgamma() - q.concentration * q.rate.log()
    logs = (q.concentration - 1) * (a.digamma() - total.digamma())
    return -p.entropy() + normalizer - logs + q.rate * a / total


@register_kl(Beta, Normal)
def _beta_normal(p: Any, q: Any) -> Any:
    mean, variance = _beta_mean(p), q.scale.pow(2)
    squares = (mean * (1 - mean) / (p.concentration1 + p.concentration0 + 1) + mean.pow(2)) * 0.5
    normalizer = 0.5 * (variance * 2 * math.pi).log()
    return -p.entropy() + normalizer + (squares - q.loc * mean + q.loc.pow(2) * 0.5) / variance


@register_kl(Beta, Uniform)
def _beta_uniform(p: Any, q: Any) -> Any:
    outside = (q.low > p.support.lower_bound) | (q.high < p.support.upper_bound)
    return infinite_where(-p.entropy() + (q.high - q.low).log(), outside)


@register_kl(ContinuousBernoulli, Exponential)
def _continuous_bernoulli_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - torch.log(q.rate) + q.rate * p.mean


@register_kl(ContinuousBernoulli, Normal)
def _continuous_bernoulli_normal(p: Any, q: Any) -> Any:
    normalizer = 0.5 * (math.log(2.0 * math.pi) + torch.square(q.loc / q.scale)) + torch.log(q.scale)
    squares = p.variance + torch.square(p.mean) - 2.0 * q.loc * p.mean
    return -p.entropy() + normalizer + squares / (2.0 * torch.square(q.scale))


def _infinite_or(divergence: Any, one: Any, other: Any) -> Any:
    return torch.where(torch.max(one, other), torch.ones_like(divergence) * torch.inf, divergence)


@register_kl(ContinuousBernoulli, Uniform)
def _continuous_bernoulli_uniform(p: Any, q: Any) -> Any:
    divergence = -p.entropy() + (q.high - q.low).log()
    return _infinite_or(divergence, torch.ge(q.low, p.support.lower_bound), torch.le(q.high, p.support.upper_bound))


# -- of positive numbers ---------------------------------------------------------------------------------------------


@register_kl(Exponential, Gamma)
def _exponential_gamma(p: Any, q: Any) -> Any:
    ratio, b = q.rate / p.rate, q.concentration
    return -b * torch.log(ratio) + ratio + b.lgamma() + b * euler_constant - (1 + euler_constant)


@register_kl(Exponential, Gumbel)
def _exponential_gumbel(p: Any, q: Any) -> Any:
    product, ratio = p.rate * q.scale, q.loc / q.scale
    exponential = torch.exp(ratio) * product / (product + 1)
    return product.log() - 1 - ratio + exponential + product.reciprocal()


@register_kl(Exponential, Normal)
def _exponential_normal(p: Any, q: Any) -> Any:
    variance, square = q.scale.pow(2), p.rate.pow(2)
    normalizer = 0.5 * torch.log(square * variance * 2 * math.pi)
    return normalizer - 1 + (square.reciprocal() - q.loc / p.rate + q.loc.pow(2) * 0.5) / variance


@register_kl(Gamma, Exponential)
def _gamma_exponential(p: Any, q: Any) -> Any:
    return -p.entropy() - q.rate.log() + q.rate * p.concentration / p.rate


@register_kl(Gamma, Gumbel)
def _gamma_gumbel(p: Any, q: Any) -> Any:
    a, product, ratio = p.concentration, p.rate * q.scale, q.loc / q.scale
    of_p = (a - 1) * a.digamma() - a.lgamma() - a
    exponential = torch.exp(ratio) * (1 + product.reciprocal()).pow(-a)
    return of_p + (product.log() + a / product) + (exponential - ratio)


@register_kl(Gamma, Normal)
def _gamma_normal(p: Any, q: Any) -> Any:
    a, variance, square = p.concentration, q.scale.pow(2), p.rate.pow(2)
    normalizer = 0.5 * torch.log(square * variance * 2 * math.pi) - a - a.lgamma()
    squares = 0.5 * (a.pow(2) + a) / square - q.loc * a / p.rate + 0.5 * q.loc.pow(2)
    return normalizer + (a - 1) * a.digamma() + squares / variance


@register_kl(Pareto, Exponential)
def _pareto_exponential(p: Any, q: Any) -> Any:
    a, product = p.alpha, p.scale * q.rate
    divergence = (a / product).log() - a.reciprocal() + a * product / (a - 1) - 1
    return infinite_where(divergence, a <= 1)


@register_kl(Pareto, Gamma)
def _pareto_gamma(p: Any, q: Any) -> Any:
    a, mean_log = p.alpha, p.scale.log() + p.alpha.reciprocal()
    normalizer = q.concentration.lgamma() - q.concentration * q.rate.log()
    divergence = a.log() - mean_log + normalizer + (1 - q.concentration) * mean_log
    return infinite_where(divergence + q.rate * a * p.scale / (a - 1) - 1, a <= 1)


@register_kl(Pareto, Normal)
def _pareto_normal(p: Any, q: Any) -> Any:
    a, twice, common = p.alpha, 2 * q.scale.pow(2), p.scale / (p.alpha - 1)
    normalizer = (math.sqrt(2 * math.pi) * q.scale * a / p.scale).log()
    squares = a * common.pow(2) / (a - 2) + (a * common - q.loc).pow(2)
    return infinite_where(normalizer - a.reciprocal() + squares / twice - 1, a <= 2)


# -- of all numbers --------------------------------------------------------------------------------------------------


@register_kl(Gumbel, Normal)
def _gumbel_normal(p: Any, q: Any) -> Any:
    ratio = p.scale / q.scale
    log_ratio = (ratio / math.sqrt(2 * math.pi)).log()
    variance = (math.pi * ratio * 0.5).pow(2) / 3
    apart = ((p.loc + p.scale * euler_constant - q.loc) / q.scale).pow(2) * 0.5
    return -log_ratio + variance + apart - (euler_constant + 1)


@register_kl(Laplace, Normal)
def _laplace_normal(p: Any, q: Any) -> Any:
    variance = q.scale.pow(2)
    ratio = p.scale.pow(2) / variance
    squares = 0.5 * p.loc.pow(2) - p.loc * q.loc + 0.5 * q.loc.pow(2)
    return -(0.5 * torch.log(2 * ratio / math.pi)) + ratio + squares / variance - 1


@register_kl(Normal, Gumbel)
def _normal_gumbel(p: Any, q: Any) -> Any:
    mean, square, loc = p.loc / q.scale, (p.scale / q.scale).pow(2), q.loc / q.scale
    exponential = torch.exp(-mean + 0.5 * square + loc)
    return -(square.log() * 0.5) + (mean - loc) + exponential - (0.5 * (1 + math.log(2 * math.pi)))


@register_kl(Normal, Laplace)
def _normal_laplace(p: Any, q: Any) -> Any:
    apart = p.loc - q.loc
    ratio = apart / p.scale
    near = math.sqrt(2 / math.pi) * p.scale * torch.exp(-0.5 * ratio.pow(2))
    far = apart * torch.erf(math.sqrt(0.5) * ratio)
    return -torch.log(p.scale / q.scale) + (near + far) / q.scale - (0.5 * (1 + math.log(0.5 * math.pi)))


# -- of uniform numbers ----------------------------------------------------------------------------------------------


def _log_integral(low: Any, high: Any) -> Any:
    """x log x between the ends, which is the integral of 1 + log x."""
    return torch.special.xlogy(high, high) - torch.special.xlogy(low, low)


@register_kl(Uniform, Beta)
def _uniform_beta(p: Any, q: Any) -> Any:
    a, b, width = q.concentration1, q.concentration0, p.high - p.low
    logs = (a - 1) * (_log_integral(p.low, p.high) - width) / width
    other_logs = (b - 1) * (_log_integral(1 - p.low, 1 - p.high) + width) / width
    log_beta = a.lgamma() + b.lgamma() - (a + b).lgamma()
    outside = (p.high > q.support.upper_bound) | (p.low < q.support.lower_bound)
    return infinite_where(other_logs + log_beta - torch.log(width) - logs, outside)


@register_kl(Uniform, ContinuousBernoulli)
def _uniform_continuous_bernoulli(p: Any, q: Any) -> Any:
    divergence = _to_continuous_bernoulli(p, q)
    return _infinite_or(divergence, torch.ge(p.high, q.support.upper_bound), torch.le(p.low, q.support.lower_bound))


@register_kl(Uniform, Exponential)
def _uniform_exponential(p: Any, q: Any) -> Any:
    divergence = q.rate * (p.high + p.low) / 2 - ((p.high - p.low) * q.rate).log()
    return infinite_where(divergence, p.low < q.support.lower_bound)


@register_kl(Uniform, Gamma)
def _uniform_gamma(p: Any, q: Any) -> Any:
    b, width = q.concentration, p.high - p.low
    logs = (1 - b) * (_log_integral(p.low, p.high) - width) / width
    divergence = -width.log() + (b.lgamma() - b * q.rate.log()) + logs + q.rate * (p.high + p.low) / 2
    return infinite_where(divergence, p.low < q.support.lower_bound)


@register_kl(Uniform, Gumbel)
def _uniform_gumbel(p: Any, q: Any) -> Any:
    ratio, high, low = q.scale / (p.high - p.low), (p.high - q.loc) / q.scale, (p.low - q.loc) / q.scale
    return ratio.log() + 0.5 * (high + low) - ratio * (torch.exp(-high) - torch.exp(-low))


@register_kl(Uniform, Normal)
def _uniform_normal(p: Any, q: Any) -> Any:
    width = p.high - p.low
    apart = ((p.high + p.low - 2 * q.loc) / 2).pow(2)
    normalizer = (math.sqrt(math.pi * 2) * q.scale / width).log()
    return normalizer + 0.5 * (width.pow(2) / 12 + apart) / q.scale.pow(2)


@register_kl(Uniform, Pareto)
def _uniform_pareto(p: Any, q: Any) -> Any:
    width = p.high - p.low
    normalizer = (q.alpha * q.scale.pow(q.alpha) * width).log()
    logs = (_log_integral(p.low, p.high) - width) / width
    return infinite_where(logs * (q.alpha + 1) - normalizer, p.low < q.support.lower_bound)
