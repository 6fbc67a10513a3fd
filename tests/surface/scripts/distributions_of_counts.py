"""Distributions of counts and choices: probabilities, all possible values, samples, score functions."""

import torch
from torch.distributions import (
    Bernoulli,
    Binomial,
    Categorical,
    Geometric,
    Independent,
    Multinomial,
    NegativeBinomial,
    OneHotCategorical,
    OneHotCategoricalStraightThrough,
    Poisson,
    RelaxedBernoulli,
    RelaxedOneHotCategorical,
)


def say(name, f):
    try:
        print(name, f())
    except Exception as e:
        print(name, type(e).__name__, str(e)[:200])


def p(values):
    return torch.tensor(values, requires_grad=True)


cases = [
    lambda t: Bernoulli(t),
    lambda t: Bernoulli(logits=t),
    lambda t: Geometric(t),
    lambda t: Geometric(logits=t),
    lambda t: Binomial(4, t),
    lambda t: Binomial(torch.tensor([4.0, 60.0]), logits=t),
    lambda t: Binomial(torch.tensor([[4.0], [60.0]]), t),
    lambda t: NegativeBinomial(5.5, t),
    lambda t: NegativeBinomial(torch.tensor([0.0, 3.0]), logits=t),
    lambda t: Poisson(t * 20),
    lambda t: Categorical(t),
    lambda t: Categorical(logits=torch.stack([t, -t])),
    lambda t: OneHotCategorical(torch.stack([t, 1 - t])),
    lambda t: OneHotCategoricalStraightThrough(logits=t),
    lambda t: Multinomial(6, t),
    lambda t: Multinomial(3, logits=torch.stack([t, -t])),
    lambda t: RelaxedBernoulli(torch.tensor(0.7), t),
    lambda t: RelaxedBernoulli(torch.tensor([0.7]), logits=t),
    lambda t: RelaxedOneHotCategorical(torch.tensor(0.8), t),
    lambda t: RelaxedOneHotCategorical(torch.tensor(0.8), logits=torch.stack([t, -t])),
    lambda t: Independent(Bernoulli(torch.stack([t, 1 - t])), 1),
]
for make in cases:
    t = p([0.2, 0.7])

    def gradient(y):
        return torch.autograd.grad(y.sum(), t)[0]

    d = make(t)
    print("---", d, d.batch_shape, d.event_shape, d.has_rsample, d.has_enumerate_support)
    say("support", lambda: (d.support, d.support.is_discrete, d.support.event_dim))
    for name in ("mean", "mode", "variance", "probs", "logits", "param_shape"):
        say(name, lambda: getattr(d, name))
    torch.manual_seed(1)
    say("sample", lambda: d.sample())
    x = d.sample((2,))
    print(x.dtype, x.shape, x)
    say("log_prob", lambda: d.log_prob(x))
    say("score", lambda: gradient(d.log_prob(x)))
    say("entropy", lambda: d.entropy())
    say("gradient of the entropy", lambda: gradient(d.entropy()))
    say("perplexity", lambda: d.perplexity())
    say("values", lambda: d.enumerate_support())
    say("values", lambda: d.enumerate_support(expand=False).shape)
    say("total", lambda: d.log_prob(d.enumerate_support()).exp().sum(0))
    torch.manual_seed(2)
    say("rsample", lambda: d.rsample((2,)))
    say("gradient of samples", lambda: gradient(d.rsample((2,)) ** 2))
    wide = d.expand((3, *d.batch_shape))
    print(wide.batch_shape, wide.event_shape, wide.sample().shape)
    say("wide", lambda: wide.log_prob(x[0])[1])
    say("outside", lambda: d.log_prob(torch.full(d.event_shape, 0.3)))
    say("shape", lambda: d.log_prob(torch.zeros(7, 5)))

# zeros and ones
print(
    Bernoulli(torch.tensor([0.0, 0.5, 1.0])).mode,
    Bernoulli(torch.tensor([0.0, 1.0])).log_prob(torch.tensor([1.0, 1.0])),
)
print(Geometric(torch.tensor([1.0, 0.3])).log_prob(torch.zeros(2)))
print(Multinomial(2, torch.tensor([1.0, 0.0, 1.0])).log_prob(torch.tensor([1.0, 0.0, 1.0])))
print(Categorical(torch.tensor([1.0, 0.0, 3.0])).entropy(), Categorical(torch.tensor([1.0, 0.0, 3.0])).logits)
print(NegativeBinomial(0.0, torch.tensor(0.5)).log_prob(torch.tensor([0.0, 1.0])))
print(Poisson(torch.tensor([0.0, 2.0])).log_prob(torch.zeros(2)))
torch.manual_seed(0)
print(Poisson(torch.tensor([0.3, 3.0, 30.0, 3000.0])).sample((3,)))
print(Binomial(torch.tensor([3.0, 30.0, 3000.0]), torch.tensor([0.3, 0.9, 0.4])).sample((3,)))
print(Multinomial(1000, torch.tensor([1.0, 2.0, 7.0])).sample((2,)))
