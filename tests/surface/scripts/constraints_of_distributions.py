"""Constraints, checked parameters and values, and what distributions say when they are refused."""

import warnings

import torch
import torch.distributions as d
from torch.distributions import constraints as c
from torch.distributions.utils import (
    broadcast_all,
    clamp_probs,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
    tril_matrix_to_vec,
    vec_to_tril_matrix,
)


def say(name, f):
    try:
        print(name, f())
    except Exception as e:
        print(name, type(e).__name__, str(e)[:400])


values = [
    torch.tensor([[1.0, 0.0, -0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]]),
    torch.eye(3).expand(2, 3, 3),
    torch.tensor([0.25, 0.75]),
    torch.tensor([0.0, 1.0, 2.0]),
    torch.tensor([-1.0, 0.5, float("nan")]),
]
made = [
    c.greater_than(1.0), c.greater_than_eq(torch.ones(3)), c.less_than(0.5), c.interval(0, 1),
    c.half_open_interval(0.0, 1.0), c.integer_interval(0, 2), c.multinomial(2), c.independent(c.positive, 1),
    c.cat([c.positive, c.real], 0, [1, 2]), c.stack([c.positive, c.real, c.unit_interval], -1),
    c.MixtureSameFamilyConstraint(c.positive), c.dependent(is_discrete=True, event_dim=1),
]  # fmt: skip
for name in c.__all__:
    if isinstance(getattr(c, name), c.Constraint):
        made.append(getattr(c, name))
for constraint in made:
    say("---", lambda: constraint)
    say("kind", lambda: (constraint.is_discrete, constraint.event_dim, c.is_dependent(constraint)))
    for value in values:
        say("check", lambda: constraint.check(value))
for f in (
    lambda: c.independent(3, 1),
    lambda: c.independent(c.real, 1.0),
    lambda: c.independent(c.real, -1),
    lambda: c.independent(c.real, 2).check(torch.ones(1)),
    lambda: c.MixtureSameFamilyConstraint(2),
    lambda: c.cat([1]),
    lambda: c.cat([c.real], 0, [1, 2]),
    lambda: c.stack([c.real], 3).check(torch.ones(1)),
):
    say("refused", f)
print(d.Binomial.support, d.Uniform.support.event_dim, d.Normal.support, c.is_dependent(d.Pareto.support))
say("unknown", lambda: d.Independent.support.event_dim)

expressions = """
Bernoulli() | Bernoulli(0.5, 0.5) | Bernoulli(1.5) | Bernoulli(t(0.5, float('nan'))) | Beta(-1.0, 1.0)
Binomial(1.5, t(0.5)) | Binomial(-1, t(0.5)) | Binomial(1) | Categorical() | Categorical(torch.tensor(1.0))
Categorical(logits=torch.tensor(1.0)) | Categorical(t(-0.5, 0.5, 1.0)) | Cauchy(0.0, -1.0) | Chi2(t(-1.0))
ContinuousBernoulli(1.2, validate_args=True) | Dirichlet(torch.tensor(1.0)) | Dirichlet(t(-1.0, 1.0))
Exponential(0.0) | FisherSnedecor(-1.0, 1.0) | Gamma(t(1.0, -1.0), 1.0) | GeneralizedPareto(0.0, -1.0, 1.0)
Geometric(0.0) | Geometric(t(0.0, 0.5)) | Gumbel(0.0, -1.0) | HalfCauchy(-1.0) | HalfNormal(t(-1.0))
Independent(Normal(0.0, 1.0), 1) | InverseGamma(-1.0, 1.0) | Kumaraswamy(-1.0, 1.0) | Laplace(0.0, 0.0)
LKJCholesky(1) | LKJCholesky(3, -1.0) | LogisticNormal(0.0, -1.0) | LogNormal(0.0, -1.0)
LowRankMultivariateNormal(torch.tensor(1.0), e(1), e(1)) | LowRankMultivariateNormal(e(2), e(1), e(1))
LowRankMultivariateNormal(e(2), e(3, 1), e(1)) | LowRankMultivariateNormal(e(2), e(2, 1), e(1))
LowRankMultivariateNormal(e(3, 2), e(4, 2, 1), e(2)) | LowRankMultivariateNormal(e(2), e(2, 1), -0.1 * e(2))
MixtureSameFamily(Normal(0.0, 1.0), Normal(e(2), 1.0)) | MixtureSameFamily(Categorical(e(2)), 1)
MixtureSameFamily(Categorical(e(2)), Normal(e(3), 1.0)) | Multinomial(torch.tensor(3), e(2)) | Multinomial(3)
MixtureSameFamily(Categorical(e(4, 2)), Normal(e(3, 2), 1.0)) | MultivariateNormal(torch.tensor(1.0), torch.eye(1))
MultivariateNormal(e(2)) | MultivariateNormal(e(2), torch.eye(2), torch.eye(2)) | MultivariateNormal(e(2), e(2))
MultivariateNormal(e(2), scale_tril=e(2)) | MultivariateNormal(e(2), precision_matrix=e(2))
MultivariateNormal(e(2), -torch.eye(2)) | MultivariateNormal(e(2), torch.tensor([[1.0, 0.5], [0.0, 1.0]]))
MultivariateNormal(e(2), scale_tril=e(2, 2)) | MultivariateNormal(e(2), -torch.eye(2), validate_args=False)
NegativeBinomial(-1.0, t(0.5)) | NegativeBinomial(1.0, t(1.0)) | Normal(float('nan'), 1.0) | Normal('a', 1.0)
Normal(0.0, t(1.0, -1.0)) | Normal(0.0, -1.0, validate_args=False).sample() | OneHotCategorical(torch.tensor(1.0))
Pareto(-1.0, 1.0) | Poisson(-1.0) | RelaxedBernoulli(t(1.0), 1.5) | StudentT(-1.0) | Uniform(1.0, 0.0)
Uniform(t(0.0, 2.0), t(1.0, 1.0)) | VonMises(t(0.0), t(-1.0)) | Weibull(-1.0, 1.0) | Wishart(1.0, torch.eye(3))
Wishart(3.0, torch.eye(3), torch.eye(3)) | Wishart(3.0, e(3)) | Wishart(4.0, -torch.eye(3))
Bernoulli(0.5).rsample() | Bernoulli(0.5).log_prob(torch.tensor(0.3)) | Categorical(e(3)).log_prob(torch.tensor(3))
Uniform(0.0, 1.0).log_prob(torch.tensor(2.0)) | Gamma(1.0, 1.0).log_prob(torch.tensor(-1.0))
Normal(0.0, 1.0).cdf(torch.tensor(float('nan'))) | Dirichlet(e(2)).log_prob(e(2)) | Normal(0.0, 1.0).log_prob(1.0)
Multinomial(3, e(2)).log_prob(t(3.0, 4.0)) | Poisson(2.0).log_prob(torch.tensor(1.5)) | Normal(e(2), 1.0).log_prob(e(3))
OneHotCategorical(e(2)).log_prob(e(2)) | LKJCholesky(2).log_prob(e(2, 2)) | Beta(1.0, 1.0).log_prob(torch.tensor(1.2))
MultivariateNormal(e(2), torch.eye(2)).log_prob(e(3)) | VonMises(t(0.0), t(1.0)).rsample()
Normal(0.0, 1.0).enumerate_support() | Independent(Bernoulli(e(2) / 2), 1).enumerate_support()
Binomial(torch.tensor([1, 2]), t(0.5, 0.5)).enumerate_support() | Binomial(torch.tensor([1, 2]), t(0.5, 0.5)).entropy()
Uniform(e(2) - 1, 1.0).expand((3,)) | Normal(e(2), 1.0).sample(3) | Normal(e(2), 1.0).sample([3]).shape
Uniform(0.0, 1.0).mode | LogisticNormal(e(2), 1.0).mode | Distribution.set_default_validate_args(3)
"""
names = {**vars(d), "torch": torch, "e": torch.ones, "t": lambda *numbers: torch.tensor(numbers)}
for expression in expressions.replace("\n", " | ").strip(" |").split(" | "):
    say(expression, lambda: eval(expression, names))

print(d.Normal(0.0, -1.0, validate_args=False))
d.Distribution.set_default_validate_args(False)
print(d.Normal(0.0, -1.0).log_prob(torch.tensor(float("nan"))))
d.Distribution.set_default_validate_args(True)


class Constant(d.Distribution):
    def rsample(self, sample_shape=()):
        return torch.zeros(self._extended_shape(sample_shape))


class Shifted(d.Normal):
    def __init__(self, by):
        super().__init__(by, 1.0)


class Named(d.Normal):
    pass


with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    constant = Constant(torch.Size([2]))
    for name in ("mean", "mode", "variance", "stddev", "support", "arg_constraints"):
        say(name, lambda: getattr(constant, name))
    for call in ("log_prob", "cdf", "icdf", "expand"):
        say(call, lambda: getattr(constant, call)(torch.ones(2)))
    for call in ("entropy", "perplexity", "enumerate_support", "sample"):
        say(call, lambda: getattr(constant, call)())
    say("sample_n", lambda: constant.sample_n(3))
    say("validated", lambda: constant._validate_sample(torch.ones(2)))
print([(w.category.__name__, str(w.message)) for w in seen])
say("shifted", lambda: Shifted(torch.zeros(2)).expand((3, 2)))
print(Named(0.0, 1.0).expand((3,)), Named(torch.zeros(2), 1.0))
print(d.Normal.__name__, d.transforms.ExpTransform.__name__, type(c.real).__name__, d.Distribution.__name__)
print(sorted(name for name in dir(d) if not name.startswith("_")))

# parameters of one shape
say("broadcast", lambda: broadcast_all(1, torch.ones(2), torch.ones(3, 1).double()))
say("broadcast", lambda: broadcast_all(1, 2.0))
say("broadcast", lambda: broadcast_all("a", 2.0))
ends = torch.tensor([0.0, 0.5, 1.0])
print(clamp_probs(ends), probs_to_logits(ends), probs_to_logits(ends, is_binary=True), logits_to_probs(ends))
square = torch.arange(9.0).view(3, 3)
for diag in (0, -1, 1, 5):
    say("triangle", lambda: tril_matrix_to_vec(square, diag))
for count, diag in ((6, 0), (6, -1), (8, 1), (5, 0)):
    say("matrix", lambda: vec_to_tril_matrix(torch.arange(1.0, count + 1), diag))


class Once:
    @lazy_property
    def value(self):
        print("made")
        return torch.is_grad_enabled()


once = Once()
with torch.no_grad():
    print(once.value, once.value, isinstance(Once.value, property))
