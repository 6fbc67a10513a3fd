"""Distributions of real numbers: moments, densities, quantiles, samples, and gradients of all of them."""

import torch
from torch.distributions import (
    Beta,
    Cauchy,
    Chi2,
    ContinuousBernoulli,
    Exponential,
    FisherSnedecor,
    Gamma,
    GeneralizedPareto,
    Gumbel,
    HalfCauchy,
    HalfNormal,
    InverseGamma,
    Kumaraswamy,
    Laplace,
    LogNormal,
    Normal,
    Pareto,
    StudentT,
    Uniform,
    VonMises,
    Weibull,
)


def say(name, f):
    try:
        print(name, f())
    except Exception as e:
        print(name, type(e).__name__, str(e)[:200])


def parameters(*rows):
    return [torch.tensor(row, requires_grad=True) for row in rows]


families = [
    (Normal, parameters([0.0, 1.0], [1.0, 2.0])),
    (Cauchy, parameters([0.0, 1.0], [1.0, 2.0])),
    (Laplace, parameters([0.0, 1.0], [1.0, 2.0])),
    (Gumbel, parameters([0.0, 1.0], [1.0, 2.0])),
    (StudentT, parameters([1.5, 3.0], [0.0, 1.0], [1.0, 2.0])),
    (Uniform, parameters([0.0, 1.0], [1.0, 3.0])),
    (Exponential, parameters([0.5, 2.0])),
    (Gamma, parameters([0.5, 2.0], [1.0, 3.0])),
    (Chi2, parameters([1.0, 3.0])),
    (InverseGamma, parameters([1.5, 3.0], [2.0, 3.0])),
    (FisherSnedecor, parameters([1.0, 3.0], [5.0, 9.0])),
    (Beta, parameters([0.5, 2.0], [0.7, 3.0])),
    (Kumaraswamy, parameters([0.5, 3.0], [2.0, 3.0])),
    (ContinuousBernoulli, parameters([0.2, 0.9])),
    (HalfNormal, parameters([1.0, 2.0])),
    (HalfCauchy, parameters([1.0, 2.0])),
    (LogNormal, parameters([0.0, 1.0], [1.0, 0.5])),
    (Pareto, parameters([1.0, 2.0], [1.5, 3.0])),
    (GeneralizedPareto, parameters([0.0, 1.0], [1.0, 2.0], [0.0, 0.3])),
    (Weibull, parameters([1.0, 2.0], [0.5, 3.0])),
    (VonMises, parameters([0.0, -2.0], [1.0, 20.0])),
]

for family, given in families:

    def gradients(y, given=given):
        return torch.autograd.grad(y.sum(), given, allow_unused=True)

    d = family(*given)
    print("---", d, d.batch_shape, d.event_shape, d.has_rsample, d.has_enumerate_support)
    print(d.support, d.arg_constraints)
    for moment in ("mean", "mode", "variance", "stddev"):
        say(moment, lambda: getattr(d, moment))
    say("gradients of the mean", lambda: gradients(d.mean))
    torch.manual_seed(3)
    say("sample", lambda: d.sample())
    say("samples", lambda: d.sample((2, 1)).shape)
    x = d.sample((3,))
    print(x.requires_grad, x)
    say("log_prob", lambda: d.log_prob(x))
    say("gradients", lambda: gradients(d.log_prob(x)))
    z = x.clone().requires_grad_()
    say("slope", lambda: torch.autograd.grad(d.log_prob(z).sum(), z))
    say("cdf", lambda: d.cdf(x))
    say("icdf", lambda: d.icdf(torch.tensor([0.3, 0.8])))
    say("gradients of a quantile", lambda: gradients(d.icdf(torch.tensor([0.3, 0.8]))))
    say("entropy", lambda: d.entropy())
    say("gradients of the entropy", lambda: gradients(d.entropy()))
    torch.manual_seed(4)
    say("rsample", lambda: d.rsample((2,)))
    torch.manual_seed(4)
    say("gradients of samples", lambda: gradients(d.rsample((2,))))
    wide = d.expand((3, 2))
    print(wide, wide.batch_shape)
    say("samples", lambda: wide.sample().shape)
    say("log_prob", lambda: wide.log_prob(x[0]))
    say("outside", lambda: d.log_prob(torch.tensor([-1.5, float("nan")])))

for d in (
    Normal(0, 1),
    Gamma(2.0, 1.0),
    Beta(1.0, 2.0),
    Uniform(-1.0, 1.0),
    StudentT(4.0),
    HalfNormal(2.0),
    Gumbel(0.0, 1),
):
    torch.manual_seed(5)
    print(d, d.batch_shape, d.sample(), d.sample((2,)), d.log_prob(torch.tensor(0.5)))
    print(d.expand((2,)).sample())

wide = torch.tensor([0.5, 4.0, 20.0], dtype=torch.float64, requires_grad=True)
torch.manual_seed(6)
x = Gamma(wide, 1.0).rsample()
print(x, torch.autograd.grad(x.sum(), wide))
x = StudentT(wide).rsample()
print(x.dtype, torch.autograd.grad(x.sum(), wide))
x = Beta(wide, wide.flip(0)).rsample((2,))
print(torch.autograd.grad(x.sum(), wide))
