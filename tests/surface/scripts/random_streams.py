"""Seeds, generators and all the ways to draw."""

import torch

torch.manual_seed(42)
print(torch.rand(3), torch.randn(3), torch.randn(20))
print(torch.randint(0, 10, (5,)), torch.randint(5, (2, 2)), torch.randperm(6))
print(torch.rand(2, dtype=torch.double), torch.randn(2, dtype=torch.half), torch.rand(2, dtype=torch.bfloat16))
print(torch.bernoulli(torch.tensor([0.1, 0.5, 0.9])), torch.multinomial(torch.tensor([0.1, 0.3, 0.6]), 2))
print(torch.multinomial(torch.tensor([0.1, 0.3, 0.6]), 5, replacement=True))
print(
    torch.normal(torch.arange(1.0, 4.0), torch.ones(3)), torch.normal(2.0, 0.5, (2,)), torch.normal(0.0, torch.ones(2))
)
print(torch.empty(3).uniform_(-1, 1), torch.empty(3).normal_(5, 2), torch.empty(3).exponential_(2.0))
print(
    torch.empty(4).bernoulli_(0.5),
    torch.empty(3).random_(10),
    torch.empty(2).geometric_(0.3),
    torch.empty(2).log_normal_(),
)
print(torch.rand_like(torch.ones(2, 2)), torch.randn_like(torch.ones(2)), torch.randint_like(torch.ones(3), 7))
g = torch.Generator()
g.manual_seed(1)
a = torch.randn(2, generator=g)
g.manual_seed(1)
print(torch.equal(a, torch.randn(2, generator=g)), g.initial_seed(), torch.initial_seed(), g.device)
state = torch.get_rng_state()
b = torch.rand(2)
torch.set_rng_state(state)
print(torch.equal(b, torch.rand(2)), state.dtype, state.shape)
with torch.random.fork_rng():
    torch.rand(100)
torch.set_rng_state(state)
print(torch.rand(2).equal(b))
x = torch.ones(3, requires_grad=True)
y = (x * 2).normal_()
y.sum().backward()
print(y.grad_fn.name(), x.grad)
noise = torch.rand(3, requires_grad=True)
print(noise.is_leaf, noise)
print(torch.empty(2, 3).t().normal_(), torch.empty(5, 5)[::2, ::2].uniform_())
for attempt in (
    lambda: torch.randn(2, dtype=torch.long),
    lambda: torch.empty(2).normal_(0, -1),
    lambda: torch.randint(3, 3, (1,)),
    lambda: torch.multinomial(torch.ones(3), 5),
    lambda: torch.ones(2, requires_grad=True).uniform_(),
):
    try:
        print(attempt())
    except Exception as error:
        print(type(error).__name__, error)
