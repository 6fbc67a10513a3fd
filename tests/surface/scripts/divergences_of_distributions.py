"""Kullback-Leibler divergences: formulas by classes, gradients, registering new ones."""

import warnings

import torch
from torch.distributions import (
    Bernoulli,
    Beta,
    Binomial,
    Categorical,
    Cauchy,
    ContinuousBernoulli,
    Dirichlet,
    Distribution,
    Exponential,
    Gamma,
    Geometric,
    Gumbel,
    HalfNormal,
    Independent,
    Laplace,
    LogNormal,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
    OneHotCategorical,
    Pareto,
    Poisson,
    StudentT,
    Uniform,
    kl_divergence,
    register_kl,
)


def say(*names, f):
    try:
        print(*names, f())
    except Exception as e:
        print(*names, type(e).__name__, str(e)[:200])


def numbers(shares, sizes):
    a, b = (torch.tensor(v, requires_grad=True) for v in (shares, sizes))
    made = [
        Bernoulli(a), Beta(a, b), Binomial(4, a), Cauchy(a, b), ContinuousBernoulli(a), Exponential(a), Gamma(b, a),
        Geometric(a), Gumbel(a, b), HalfNormal(b), Laplace(a, b), LogNormal(a, b), Normal(b, a), Pareto(a, b),
        Poisson(b), StudentT(b), Uniform(a, b),
    ]  # fmt: skip
    return a, b, made


for i in range(17):
    for j in range(17):
        a, b, ps = numbers([0.3, 0.6, 0.9], [1.5, 2.5, 3.5])
        c, d, qs = numbers([0.2, 0.7, 0.8], [2.0, 2.25, 3.75])

        def answer():
            kl = kl_divergence(ps[i], qs[j])
            return kl, torch.autograd.grad(kl.sum(), [a, b, c, d], allow_unused=True) if kl.requires_grad else None

        say(type(ps[i]).__name__, type(qs[j]).__name__, f=answer)

# impossible values
say(f=lambda: kl_divergence(Bernoulli(torch.tensor([0.0, 0.5, 1.0])), Bernoulli(torch.tensor([0.5, 0.0, 1.0]))))
say(f=lambda: kl_divergence(Categorical(torch.tensor([0.5, 0.5, 0.0])), Categorical(torch.tensor([0.25, 0.0, 0.75]))))
say(f=lambda: kl_divergence(Categorical(torch.tensor([0.5, 0.5, 0.0])), Categorical(torch.tensor([0.25, 0.5, 0.25]))))
say(f=lambda: kl_divergence(Uniform(0.0, torch.tensor([1.0, 3.0])), Uniform(0.0, 2.0)))
say(f=lambda: kl_divergence(Uniform(torch.tensor([0.0, 0.25]), 0.75), Beta(2.0, 3.0)))
say(f=lambda: kl_divergence(Binomial(3, torch.tensor([0.5])), Binomial(4, torch.tensor([0.5]))))
say(f=lambda: kl_divergence(Binomial(4, torch.tensor([0.5])), Binomial(3, torch.tensor([0.5]))))
say(f=lambda: kl_divergence(Beta(torch.tensor([2.0]), 3.0), Uniform(0.0, torch.tensor([1.5]))))

# vectors
m = torch.tensor([0.5, 1.0, -1.0], requires_grad=True)
full = MultivariateNormal(m, torch.tensor([[2.0, 0.5, 0.0], [0.5, 1.0, 0.2], [0.0, 0.2, 1.0]]))
batch = MultivariateNormal(torch.zeros(3), torch.stack([torch.eye(3), 2 * torch.eye(3)]))
low = LowRankMultivariateNormal(m * 2, torch.tensor([[1.0], [0.5], [-1.0]]), torch.tensor([1.0, 2.0, 0.5]))
vectors = [
    full, batch, low, Dirichlet(m.exp()), Dirichlet(torch.tensor([1.0, 2.0, 3.0])), OneHotCategorical(logits=m),
    OneHotCategorical(torch.tensor([0.2, 0.3, 0.5])), Independent(Normal(m, 1.0), 1),
    Independent(Normal(torch.zeros(3), 2.0), 1), MultivariateNormal(torch.zeros(2), torch.eye(2)),
]  # fmt: skip
for p in vectors:
    for q in vectors:
        if p is not q:
            say(type(p).__name__, type(q).__name__, f=lambda: kl_divergence(p, q))
        if p is not q and type(p) is type(q) and p.event_shape == q.event_shape:
            kl = kl_divergence(p, q).sum()
            print(torch.autograd.grad(kl, m, retain_graph=True) if kl.requires_grad else None)


# new classes
class Narrow(Normal):
    pass


class Tall(Normal):
    pass


print(kl_divergence(Narrow(0.0, 1.0), Tall(1.0, 2.0)))


@register_kl(Narrow, Normal)
def of_narrow(p, q):
    return "narrow"


@register_kl(Normal, Tall)
def of_tall(p, q):
    return "tall"


print(kl_divergence(Narrow(0.0, 1.0), Normal(0.0, 1.0)), kl_divergence(Normal(0.0, 1.0), Tall(0.0, 1.0)))
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    print(kl_divergence(Narrow(0.0, 1.0), Tall(0.0, 1.0)))
print([(w.category.__name__, str(w.message)) for w in seen])
register_kl(Narrow, Tall)(of_narrow)
print(kl_divergence(Narrow(0.0, 1.0), Tall(0.0, 1.0)))


class Plain(Distribution):
    arg_constraints = {}


say(f=lambda: kl_divergence(Plain(), Normal(0.0, 1.0)))

# the same by samples
torch.manual_seed(0)
p, q = Gamma(torch.tensor(2.0), torch.tensor(1.0)), Gamma(torch.tensor(3.0), torch.tensor(2.0))
x = p.sample((20000,))
print(abs((p.log_prob(x) - q.log_prob(x)).mean() - kl_divergence(p, q)) < 0.01)
