"""Distributions of vectors and matrices, and mixtures."""

import torch
from torch.distributions import (
    Categorical,
    Dirichlet,
    Independent,
    LKJCholesky,
    LogisticNormal,
    LowRankMultivariateNormal,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
    Wishart,
)


def say(name, f):
    try:
        print(name, f())
    except Exception as e:
        print(name, type(e).__name__, str(e)[:200])


def p(values):
    return torch.tensor(values, requires_grad=True)


covariance = [[2.0, 0.5], [0.5, 1.0]]
cases = [
    ([p([0.0, 1.0]), p(covariance)], lambda m, c: MultivariateNormal(m, c)),
    ([p([[0.0, 1.0], [3.0, 4.0]]), p(covariance)], lambda m, c: MultivariateNormal(m, precision_matrix=c)),
    (
        [p([0.0, 1.0]), p([[[2.0, 0.0], [0.5, 1.0]], [[1.0, 0.0], [2.0, 3.0]]])],
        lambda m, c: MultivariateNormal(m, scale_tril=c),
    ),
    (
        [p([0.0, 1.0, 2.0]), p([[1.0, 0.0], [0.5, 1.0], [-1.0, 1.0]]), p([1.0, 2.0, 0.5])],
        lambda m, w, d: LowRankMultivariateNormal(m, w, d),
    ),
    (
        [p([[0.0, 1.0], [2.0, 3.0]]), p([[1.0], [0.5]]), p([1.0, 2.0])],
        lambda m, w, d: LowRankMultivariateNormal(m, w, d),
    ),
    ([p([[0.5, 2.0, 1.0], [3.0, 5.0, 9.0]])], lambda a: Dirichlet(a)),
    ([p([0.0, 1.0]), p([1.0, 0.5])], lambda m, s: LogisticNormal(m, s)),
    ([p([[0.0, 1.0], [2.0, 3.0]]), p([1.0, 2.0])], lambda m, s: Independent(Normal(m, s), 1)),
    ([p([0.5, 1.5])], lambda a: LKJCholesky(3, a)),
    ([p([4.0, 5.0]), p(covariance)], lambda n, c: Wishart(n, c)),
    ([p([0.3, 0.7]), p([0.0, 3.0])], lambda w, m: MixtureSameFamily(Categorical(w), Normal(m, 0.5))),
    (
        [p([0.3, 0.7]), p([[0.0, 3.0], [1.0, 2.0]])],
        lambda w, m: MixtureSameFamily(Categorical(w), Independent(Normal(m, 0.5), 1)),
    ),
    (
        [p([[0.3, 0.7], [0.5, 0.5]]), p([[0.0, 3.0], [1.0, 2.0]])],
        lambda w, m: MixtureSameFamily(Categorical(logits=w), Normal(m, 0.5)),
    ),
]
for given, make in cases:

    def gradients(y):
        return torch.autograd.grad(y.sum(), given, allow_unused=True)

    d = make(*given)
    print("---", d, d.batch_shape, d.event_shape, d.has_rsample, d.support)
    for name in ("mean", "mode", "variance", "covariance_matrix", "precision_matrix", "scale_tril"):
        say(name, lambda: getattr(d, name))
    torch.manual_seed(1)
    x = d.sample((2,))
    print(x.shape, x)
    say("log_prob", lambda: d.log_prob(x))
    say("gradients", lambda: gradients(d.log_prob(x)))
    say("cdf", lambda: d.cdf(x))
    say("entropy", lambda: d.entropy())
    say("gradients of the entropy", lambda: gradients(d.entropy()))
    torch.manual_seed(2)
    say("rsample", lambda: d.rsample((2,)))
    torch.manual_seed(2)
    say("gradients of samples", lambda: gradients(d.rsample((2,)).cos()))
    wide = d.expand((3, *d.batch_shape))
    print(wide.batch_shape, wide.event_shape, wide.sample().shape)
    say("wide", lambda: wide.log_prob(x[0]))
    say("shape", lambda: d.log_prob(torch.zeros(7, 5)))

# one factor for many values, and many factors for one value
d = MultivariateNormal(torch.zeros(2), torch.tensor([covariance, [[1.0, 0.0], [0.0, 4.0]]]))
print(d.log_prob(torch.ones(5, 1, 2)).shape, d.log_prob(torch.ones(2)), d.batch_shape)
print(MultivariateNormal(torch.zeros(3, 1, 2), d.covariance_matrix).log_prob(torch.ones(4, 3, 2, 2)).shape)

# fit a correlation by the gradient
torch.manual_seed(3)
data = MultivariateNormal(torch.zeros(2), torch.tensor([[1.0, 0.8], [0.8, 1.0]])).sample((200,))
factor = torch.eye(2).requires_grad_()
optimizer = torch.optim.Adam([factor], lr=0.05)
for step in range(60):
    optimizer.zero_grad()
    loss = -MultivariateNormal(torch.zeros(2), scale_tril=factor.tril()).log_prob(data).mean()
    loss.backward()
    optimizer.step()
    if step % 20 == 0:
        print(f"{loss.item():.4f}")
print((factor.tril() @ factor.tril().T).detach().round(decimals=2))
