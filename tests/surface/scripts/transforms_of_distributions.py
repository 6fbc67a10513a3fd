"""Transforms of values, what they make of distributions, and unconstrained parameters."""

import pickle

import torch
from torch.distributions import (
    AffineTransform,
    CatTransform,
    ComposeTransform,
    CorrCholeskyTransform,
    CumulativeDistributionTransform,
    Exponential,
    ExpTransform,
    IndependentTransform,
    LKJCholesky,
    LogNormal,
    LowerCholeskyTransform,
    MultivariateNormal,
    Normal,
    PositiveDefiniteTransform,
    PowerTransform,
    ReshapeTransform,
    SigmoidTransform,
    SoftmaxTransform,
    SoftplusTransform,
    StackTransform,
    StickBreakingTransform,
    TanhTransform,
    Transform,
    TransformedDistribution,
    Uniform,
    biject_to,
    constraints,
    identity_transform,
    transform_to,
)
from torch.distributions.transforms import AbsTransform


def say(name, f):
    try:
        print(name, f())
    except Exception as e:
        print(name, type(e).__name__, str(e)[:300])


torch.manual_seed(0)
x = torch.randn(3, 4)
cases = [
    (ExpTransform(), x),
    (ExpTransform().inv, x.exp()),
    (ExpTransform(cache_size=1), x),
    (AbsTransform(), x),
    (AffineTransform(1.0, -2.0), x),
    (AffineTransform(torch.ones(4), torch.arange(1.0, 5.0), event_dim=1), x),
    (PowerTransform(torch.tensor(-1.5)), x.exp()),
    (SigmoidTransform(), x),
    (SoftplusTransform(), x),
    (TanhTransform(), x / 2),
    (SoftmaxTransform(), x),
    (StickBreakingTransform(), x),
    (ComposeTransform([ExpTransform(), AffineTransform(0.0, 2.0), PowerTransform(0.5)]), x),
    (ComposeTransform([AffineTransform(0.0, 2.0), StickBreakingTransform()]), x),
    (identity_transform, x),
    (IndependentTransform(ExpTransform(), 1), x),
    (ReshapeTransform((4,), (2, 2)), x),
    (LowerCholeskyTransform(), x[:, :3]),
    (PositiveDefiniteTransform(), x[:, :3]),
    (CorrCholeskyTransform(), x[:, :3]),
    (CatTransform([ExpTransform(), identity_transform], dim=1, lengths=[1, 3]), x),
    (CatTransform([ExpTransform(), SigmoidTransform(), TanhTransform()], dim=0), x),
    (StackTransform([ExpTransform(), identity_transform, SigmoidTransform(), AffineTransform(1.0, 3.0)], dim=-1), x),
    (CumulativeDistributionTransform(Normal(0.0, 1.0)), x),
]
for t, given in cases:
    v = given.clone().requires_grad_()
    print("---", t, t.inv, t.inv.inv is t)
    say("domain", lambda: (t.domain, t.codomain, t.bijective))
    say("sign", lambda: t.sign)
    say("event_dim", lambda: t.event_dim)
    say("value", lambda: t(v))
    say("back", lambda: t.inv(t(v)))
    say("itself", lambda: t.inv(t(v)) is v)

    def stretch():
        y = t(v)
        return t.log_abs_det_jacobian(v, y), t.inv.log_abs_det_jacobian(y, v)

    say("stretch", stretch)
    say("gradient", lambda: torch.autograd.grad(t.log_abs_det_jacobian(v, t(v)).sum() + t(v).cos().sum(), v))
    say("shapes", lambda: (t.forward_shape(v.shape), t.inverse_shape(t(v).shape)))
    say("shape", lambda: t.forward_shape(torch.Size([])))
    say("cached", lambda: (t.with_cache(), t.with_cache()._cache_size, t.with_cache(0) is t))
    say("equal", lambda: [t == other for other, _ in cases].count(True))
    say("number", lambda: t(torch.tensor(0.5)))
    say("pickled", lambda: pickle.loads(pickle.dumps(t)))

# the stretch is the determinant of the Jacobian
for t in (StickBreakingTransform(), CorrCholeskyTransform()):
    v = torch.tensor([0.2, -0.5, 0.3])
    kept = (lambda u: t(u)[:-1]) if t.codomain is constraints.simplex else (lambda u: t(u)[[1, 2, 2], [0, 0, 1]])
    jacobian = torch.autograd.functional.jacobian(kept, v)
    print(torch.allclose(torch.linalg.slogdet(jacobian).logabsdet, t.log_abs_det_jacobian(v, t(v)), atol=1e-5))

# a logistic distribution
a, b = torch.tensor(1.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
logistic = TransformedDistribution(Uniform(0.0, 1.0), [SigmoidTransform().inv, AffineTransform(loc=a, scale=b)])
print(logistic, logistic.support, logistic.has_rsample)
torch.manual_seed(1)
z = logistic.rsample((3,))
print(z, logistic.log_prob(z), logistic.cdf(z), logistic.icdf(torch.tensor(0.25)))
print(torch.autograd.grad(z.sum(), [a, b]))

falling = TransformedDistribution(Normal(torch.zeros(2), 1.0), [AffineTransform(0.0, torch.tensor([-2.0, 3.0]))])
print(falling.cdf(torch.tensor([1.0, 1.0])), falling.icdf(torch.tensor([0.2, 0.2])))
flow = TransformedDistribution(
    Normal(torch.zeros(2), torch.ones(2)),
    [StickBreakingTransform(), AffineTransform(torch.zeros(3), 2 * torch.ones(3))],
)
print(flow.batch_shape, flow.event_shape, flow.support, flow.sample((2,)).shape, flow.expand((4,)).sample().shape)
print(TransformedDistribution(Normal(torch.zeros(4), 1.0), ReshapeTransform((4,), (2, 2))).log_prob(torch.zeros(2, 2)))
torch.manual_seed(2)
copula = TransformedDistribution(
    MultivariateNormal(torch.zeros(2), scale_tril=LKJCholesky(2).sample()),
    [CumulativeDistributionTransform(Normal(0.0, 1.0))],
)
print(copula.sample((2,)), copula.log_prob(torch.tensor([0.3, 0.6])))


class Twice(Transform):
    domain = codomain = constraints.real
    bijective = True
    sign = 1

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def _call(self, x):
        return self.factor * x


for f in (
    lambda: Twice(2)(x[0]),
    lambda: Twice(2),
    lambda: Twice(2).inv(x),
    lambda: Twice(2).log_abs_det_jacobian(x, x),
    lambda: Twice(2).with_cache(),
    lambda: hash(Twice(2)),
    lambda: ExpTransform(cache_size=2),
    lambda: TransformedDistribution(Normal(0.0, 1.0), 3),
    lambda: TransformedDistribution(Normal(0.0, 1.0), [3]),
    lambda: TransformedDistribution(Normal(0.0, 1.0), StickBreakingTransform()),
    lambda: ReshapeTransform((2,), (3,)),
    lambda: ReshapeTransform((4,), (2, 2)).forward_shape(torch.Size([3])),
    lambda: CatTransform([ExpTransform()], lengths=[1, 2]),
    lambda: StackTransform([3]),
    lambda: StackTransform([ExpTransform()])(x),
):
    say("new", f)

# unconstrained parameters
c = constraints
for constraint in (
    c.real, c.positive, c.nonnegative, c.greater_than(2.0), c.less_than(3.0), c.unit_interval, c.interval(-1.0, 2.0),
    c.half_open_interval(0.0, torch.ones(3)), c.simplex, c.lower_cholesky, c.positive_definite, c.corr_cholesky,
    c.real_vector, c.independent(c.positive, 1), c.cat([c.positive, c.real], 0), c.stack([c.positive, c.real], 0),
    c.boolean, c.dependent,
):  # fmt: skip
    say("biject_to", lambda: biject_to(constraint))
    say("transform_to", lambda: transform_to(constraint))
    say("at zero", lambda: constraint.check(transform_to(constraint)(torch.zeros(2, 2))))
say("register", lambda: biject_to.register(3, lambda constraint: constraint))


class Even(c.Constraint):
    is_discrete = True

    def check(self, value):
        return value % 2 == 0


@transform_to.register(Even)
def to_even(constraint):
    return AffineTransform(0.0, 2.0)


print(transform_to(Even()), transform_to(Even())(torch.arange(3.0)))
say("biject_to", lambda: biject_to(Even()))

# rates by gradient descent on their logarithm
torch.manual_seed(4)
data = Exponential(torch.tensor([0.5, 3.0])).sample((500,))
free = torch.zeros(2, requires_grad=True)
optimizer = torch.optim.SGD([free], lr=0.3)
for _ in range(40):
    optimizer.zero_grad()
    rate = transform_to(Exponential.arg_constraints["rate"])(free)
    loss = -Exponential(rate).log_prob(data).mean()
    loss.backward()
    optimizer.step()
print(f"{loss.item():.4f}", (1 / data.mean(0) - rate).abs().max() < 0.05)
print(LogNormal(torch.zeros(2), 1.0).transforms, LogNormal(torch.zeros(2), 1.0).expand((3, 2)))
