"""``torch.distributions``: distributions whose densities and samples are differentiable in their parameters.

Source: https://docs.pytorch.org/docs/stable/distributions.html
"""

from reference_engine.distributions import transforms
from reference_engine.distributions.bernoulli import Bernoulli
from reference_engine.distributions.beta import Beta
from reference_engine.distributions.binomial import Binomial
from reference_engine.distributions.categorical import Categorical
from reference_engine.distributions.cauchy import Cauchy
from reference_engine.distributions.chi2 import Chi2
from reference_engine.distributions.constraint_registry import biject_to, transform_to
from reference_engine.distributions.continuous_bernoulli import ContinuousBernoulli
from reference_engine.distributions.dirichlet import Dirichlet
from reference_engine.distributions.distribution import Distribution
from reference_engine.distributions.exp_family import ExponentialFamily
from reference_engine.distributions.exponential import Exponential
from reference_engine.distributions.fishersnedecor import FisherSnedecor
from reference_engine.distributions.gamma import Gamma
from reference_engine.distributions.generalized_pareto import GeneralizedPareto
from reference_engine.distributions.geometric import Geometric
from reference_engine.distributions.gumbel import Gumbel
from reference_engine.distributions.half_cauchy import HalfCauchy
from reference_engine.distributions.half_normal import HalfNormal
from reference_engine.distributions.independent import Independent
from reference_engine.distributions.inverse_gamma import InverseGamma
from reference_engine.distributions.kl import kl_divergence, register_kl
from reference_engine.distributions.kumaraswamy import Kumaraswamy
from reference_engine.distributions.laplace import Laplace
from reference_engine.distributions.lkj_cholesky import LKJCholesky
from reference_engine.distributions.log_normal import LogNormal
from reference_engine.distributions.logistic_normal import LogisticNormal
from reference_engine.distributions.lowrank_multivariate_normal import LowRankMultivariateNormal
from reference_engine.distributions.mixture_same_family import MixtureSameFamily
from reference_engine.distributions.multinomial import Multinomial
from reference_engine.distributions.multivariate_normal import MultivariateNormal
from reference_engine.distributions.negative_binomial import NegativeBinomial
from reference_engine.distributions.normal import Normal
from reference_engine.distributions.one_hot_categorical import OneHotCategorical, OneHotCategoricalStraightThrough
from reference_engine.distributions.pareto import Pareto
from reference_engine.distributions.poisson import Poisson
from reference_engine.distributions.relaxed_bernoulli import RelaxedBernoulli
from reference_engine.distributions.relaxed_categorical import RelaxedOneHotCategorical
from reference_engine.distributions.studentT import StudentT
from reference_engine.distributions.transformed_distribution import TransformedDistribution
from reference_engine.distributions.transforms import *  # noqa: F403
from reference_engine.distributions.uniform import Uniform
from reference_engine.distributions.von_mises import VonMises
from reference_engine.distributions.weibull import Weibull
from reference_engine.distributions.wishart import Wishart

from reference_engine.distributions import _kl_multivariate, _kl_of_one_family, _kl_of_two_families  # isort: skip

__all__ = [
    "Bernoulli", "Beta", "Binomial", "Categorical", "Cauchy", "Chi2", "ContinuousBernoulli", "Dirichlet",
    "Distribution", "Exponential", "ExponentialFamily", "FisherSnedecor", "Gamma", "GeneralizedPareto", "Geometric",
    "Gumbel", "HalfCauchy", "HalfNormal", "Independent", "InverseGamma", "Kumaraswamy", "LKJCholesky", "Laplace",
    "LogNormal", "LogisticNormal", "LowRankMultivariateNormal", "MixtureSameFamily", "Multinomial",
    "MultivariateNormal", "NegativeBinomial", "Normal", "OneHotCategorical", "OneHotCategoricalStraightThrough",
    "Pareto", "RelaxedBernoulli", "RelaxedOneHotCategorical", "StudentT", "Poisson", "Uniform", "VonMises", "Weibull",
    "Wishart", "TransformedDistribution", "biject_to", "kl_divergence", "register_kl", "transform_to",
    *transforms.__all__,
]  # fmt: skip
