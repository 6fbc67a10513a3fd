"""Kullback-Leibler divergences of two distributions of one family."""

from __future__ import annotations

from typing import Any

import reference_engine as torch
from reference_engine.autograd import grad
from reference_engine.distributions.bernoulli import Bernoulli
from reference_engine.distributions.beta import Beta
from reference_engine.distributions.binomial import Binomial
from reference_engine.distributions.categorical import Categorical
from reference_engine.distributions.cauchy import Cauchy
from reference_engine.distributions.continuous_bernoulli import ContinuousBernoulli
from reference_engine.distributions.dirichlet import Dirichlet
from reference_engine.distributions.exp_family import ExponentialFamily
from reference_engine.distributions.exponential import Exponential
from reference_engine.distributions.gamma import Gamma
from reference_engine.distributions.geometric import Geometric
from reference_engine.distributions.gumbel import Gumbel
from reference_engine.distributions.half_normal import HalfNormal
from reference_engine.distributions.independent import Independent
from reference_engine.distributions.kl import kl_divergence, register_kl
from reference_engine.distributions.laplace import Laplace
from reference_engine.distributions.normal import Normal
from reference_engine.distributions.one_hot_categorical import OneHotCategorical
from reference_engine.distributions.pareto import Pareto
from reference_engine.distributions.poisson import Poisson
from reference_engine.distributions.transformed_distribution import TransformedDistribution
from reference_engine.distributions.uniform import Uniform
from reference_engine.distributions.utils import _sum_rightmost, euler_constant
from reference_engine.nn.functional import softplus


def infinite_where(divergence: Any, mask: Any) -> Any:
    """Infinite where q does not draw what p draws."""
    divergence[mask] = torch.inf
    return divergence


@register_kl(Bernoulli, Bernoulli)
def _bernoulli(p: Any, q: Any) -> Any:
    ones = p.probs * (softplus(-q.logits) - softplus(-p.logits))
    infinite_where(ones, q.probs == 0)
    ones[p.probs == 0] = 0
    zeros = (1 - p.probs) * (softplus(q.logits) - softplus(p.logits))
    infinite_where(zeros, q.probs == 1)
    zeros[p.probs == 1] = 0
    return ones + zeros


@register_kl(Beta, Beta)
def _beta(p: Any, q: Any) -> Any:
    (a, b), (c, d) = (p.concentration1, p.concentration0), (q.concentration1, q.concentration0)
    of_p, of_q = a + b, c + d
    of_q_to_p = c.lgamma() + d.lgamma() + of_p.lgamma()
    of_p_to_q = a.lgamma() + b.lgamma() + of_q.lgamma()
    slopes = (a - c) * torch.digamma(a), (b - d) * torch.digamma(b), (of_q - of_p) * torch.digamma(of_p)
    return of_q_to_p - of_p_to_q + slopes[0] + slopes[1] + slopes[2]


@register_kl(Binomial, Binomial)
def _binomial(p: Any, q: Any) -> Any:
    if (p.total_count < q.total_count).any():
        raise NotImplementedError("KL between Binomials where q.total_count > p.total_count is not implemented")
    of_one = p.probs * (p.logits - q.logits) + (-p.probs).log1p() - (-q.probs).log1p()
    divergence, more = p.total_count * of_one, p.total_count > q.total_count
    divergence[more] = torch.full_like(divergence[more], torch.inf)
    return divergence


@register_kl(Categorical, Categorical)
def _categorical(p: Any, q: Any) -> Any:
    terms = p.probs * (p.logits - q.logits)
    infinite_where(terms, (q.probs == 0).expand_as(terms))
    terms[(p.probs == 0).expand_as(terms)] = 0
    return terms.sum(-1)


@register_kl(OneHotCategorical, OneHotCategorical)
def _one_hot(p: Any, q: Any) -> Any:
    return _categorical(p._categorical, q._categorical)


@register_kl(Cauchy, Cauchy)
def _cauchy(p: Any, q: Any) -> Any:
    """F. Chyzak, F. Nielsen, 2019"""
    apart = (p.scale + q.scale).pow(2) + (p.loc - q.loc).pow(2)
    return apart.log() - (4 * p.scale * q.scale).log()


@register_kl(ContinuousBernoulli, ContinuousBernoulli)
def _continuous_bernoulli(p: Any, q: Any) -> Any:
    of_p = p._cont_bern_log_norm() + torch.log1p(-p.probs)
    of_q = -q._cont_bern_log_norm() - torch.log1p(-q.probs)
    return p.mean * (p.logits - q.logits) + of_p + of_q


@register_kl(Dirichlet, Dirichlet)
def _dirichlet(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    of_p, of_q = a.sum(-1), b.sum(-1)
    slopes = a.digamma() - of_p.digamma().unsqueeze(-1)
    return of_p.lgamma() - of_q.lgamma() - (a.lgamma() - b.lgamma()).sum(-1) + ((a - b) * slopes).sum(-1)


@register_kl(Exponential, Exponential)
def _exponential(p: Any, q: Any) -> Any:
    ratio = q.rate / p.rate
    return -ratio.log() + ratio - 1


@register_kl(ExponentialFamily, ExponentialFamily)
def _exponential_family(p: Any, q: Any) -> Any:
    """The Bregman divergence of the log normalizer."""
    if type(p) is not type(q):
        raise NotImplementedError(
            "The cross KL-divergence between different exponential families cannot"
            "                             be computed using Bregman divergences"
        )
    of_p, of_q = [parameter.detach().requires_grad_() for parameter in p._natural_params], q._natural_params
    normalizer = p._log_normalizer(*of_p)
    slopes = grad(normalizer.sum(), of_p, create_graph=True)
    divergence = q._log_normalizer(*of_q) - normalizer
    for a, b, slope in zip(of_p, of_q, slopes, strict=True):
        divergence = divergence - _sum_rightmost((b - a) * slope, len(q.event_shape))
    return divergence


@register_kl(Gamma, Gamma)
def _gamma(p: Any, q: Any) -> Any:
    a, b = p.concentration, q.concentration
    orders = torch.lgamma(b) - torch.lgamma(a)
    return b * (p.rate / q.rate).log() + orders + (a - b) * torch.digamma(a) + (q.rate - p.rate) * (a / p.rate)


@register_kl(Geometric, Geometric)
def _geometric(p: Any, q: Any) -> Any:
    return -p.entropy() - torch.log1p(-q.probs) / p.probs - q.logits


@register_kl(Gumbel, Gumbel)
def _gumbel(p: Any, q: Any) -> Any:
    ratio, of_q, of_p = p.scale / q.scale, q.loc / q.scale, p.loc / q.scale
    linear = -ratio.log() - of_q + of_p
    exponential = torch.exp(of_q + (1 + ratio).lgamma() - of_p)
    return linear + ratio * euler_constant + exponential - (1 + euler_constant)


@register_kl(Normal, Normal)
def _normal(p: Any, q: Any) -> Any:
    ratio = (p.scale / q.scale).pow(2)
    apart = ((p.loc - q.loc) / q.scale).pow(2)
    return 0.5 * (ratio + apart - 1 - ratio.log())


@register_kl(HalfNormal, HalfNormal)
def _half_normal(p: Any, q: Any) -> Any:
    return _normal(p.base_dist, q.base_dist)


@register_kl(Laplace, Laplace)
def _laplace(p: Any, q: Any) -> Any:
    """M. Gil, 2011"""
    ratio, apart = p.scale / q.scale, (p.loc - q.loc).abs()
    return -ratio.log() + apart / q.scale + ratio * torch.exp(-apart / p.scale) - 1


@register_kl(Pareto, Pareto)
def _pareto(p: Any, q: Any) -> Any:
    """M. Gil, 2011"""
    ratio = q.alpha / p.alpha
    divergence = q.alpha * (p.scale / q.scale).log() + -ratio.log() + ratio - 1
    return infinite_where(divergence, p.support.lower_bound < q.support.lower_bound)


@register_kl(Poisson, Poisson)
def _poisson(p: Any, q: Any) -> Any:
    return p.rate * (p.rate.log() - q.rate.log()) - (p.rate - q.rate)


@register_kl(Uniform, Uniform)
def _uniform(p: Any, q: Any) -> Any:
    divergence = ((q.high - q.low) / (p.high - p.low)).log()
    return infinite_where(divergence, (q.low > p.low) | (q.high < p.high))


@register_kl(Independent, Independent)
def _independent(p: Any, q: Any) -> Any:
    if p.reinterpreted_batch_ndims != q.reinterpreted_batch_ndims:
        raise NotImplementedError
    return _sum_rightmost(kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)


@register_kl(TransformedDistribution, TransformedDistribution)
def _transformed(p: Any, q: Any) -> Any:
    """The same transforms change nothing."""
    if p.transforms != q.transforms or p.event_shape != q.event_shape:
        raise NotImplementedError
    return kl_divergence(p.base_dist, q.base_dist)
