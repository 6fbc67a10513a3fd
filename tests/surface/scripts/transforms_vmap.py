"""What a function sees inside of vmap, what it may do there, and what is refused."""

import torch
from torch.func import grad, jvp, vmap

x = torch.arange(6.0).reshape(2, 3)
kept = []


def show(x):
    print(x)
    print(x.shape, x.stride(), x.dim(), x.requires_grad, x.is_leaf)
    return x


vmap(show)(x)
vmap(show, in_dims=1)(x)
vmap(lambda x: show(x * 2))(x.clone().requires_grad_())
vmap(grad(lambda x: show(x).sum()))(x)
grad(lambda x: vmap(show)(x).sum())(x)
vmap(vmap(show))(x)
jvp(lambda x: show(x * 2), (x,), (x,))
vmap(show, chunk_size=1)(x)
vmap(lambda x: kept.append(x) or x)(x)

index = torch.tensor([0, 1])
print(vmap(torch.dot)(x, x), vmap(torch.matmul, (None, 0))(torch.eye(3), x), vmap(torch.add, (0, -1), 1)(x, x.t()))
print(vmap(lambda d: {"s": d["a"].sum(), "p": (d["a"], 2 * d["b"])}, ({"a": 0, "b": None},))({"a": x, "b": x[0]}))
print(vmap(lambda x: (x, x.sum()), out_dims=(1, 0))(x), vmap(lambda x: x.expand(4, 3), out_dims=-1)(x).shape)
print(vmap(lambda x, i: x[i])(x, index), vmap(lambda x, i: x[i], (None, 0))(x, index))
print(vmap(lambda x: x.t_().unsqueeze_(0))(torch.ones(2, 3, 4)).shape, vmap(lambda x: torch.ones(2))(x))
print(vmap(lambda x: torch.ones(2), out_dims=None)(x), vmap(lambda x: x @ x.t())(torch.zeros(0, 3, 2)).shape)
print(vmap(lambda x: torch.zeros_like(x).add_(x))(x), vmap(lambda x: x.new_zeros(3).index_add_(0, index, x[:2]))(x))
changed = x.clone()
print(vmap(lambda x: x[1:].mul_(10))(changed), changed)
print(vmap(lambda x: x.sort(descending=True).indices)(x), vmap(lambda x: x.max(0))(x))
print(vmap(grad(lambda x: x.prod() + x.amax()))(x), vmap(grad(lambda x: x.clone().unsqueeze_(1).sin().sum()))(x))
for randomness in ("different", "same"):
    for draw in (
        lambda x: torch.rand(3) + x * 0,
        lambda x: torch.randn_like(x),
        lambda x: torch.randperm(3),
        lambda x: x.clone().normal_(),
        lambda x: torch.bernoulli(torch.full((3,), 0.5)) + x * 0,
        lambda x: torch.bernoulli(x.sigmoid()),
        lambda x: torch.zeros(3).normal_() + x,
        lambda x: torch.nn.functional.dropout(x),
    ):
        torch.manual_seed(0)
        try:
            print(vmap(draw, randomness=randomness)(x))
        except RuntimeError as error:
            print(error)

for refused in (
    lambda x: x.sum().item(),
    lambda x: x if x.sum() > 0 else -x,
    lambda x: float(x.sum()),
    lambda x: x.tolist(),
    lambda x: x.numpy(),
    lambda x: x.nonzero(),
    lambda x: x.masked_select(x > 1),
    lambda x: x[x > 1],
    lambda x: torch.where(x > 1),
    lambda x: torch.equal(x, x),
    lambda x: torch.allclose(x, x),
    lambda x: torch.zeros(3).add_(x),
    lambda x: torch.zeros(3).mul_(x),
    lambda x: torch.zeros(3).fill_(x.sum()),
    lambda x: torch.zeros(3).scatter_(0, torch.arange(3), x),
    lambda x: torch.add(x, x, out=torch.zeros(3)),
    lambda x: x + torch.rand(3),
    lambda x: x.data,
    lambda x: x.data_ptr(),
    lambda x: x.untyped_storage(),
    lambda x: x.requires_grad_(),
    lambda x: x.sum().backward(),
    lambda x: torch.autograd.grad(x.sum(), x),
    lambda x: None,
    lambda x: 1.0,
):
    try:
        print(vmap(refused)(x))
    except Exception as error:
        print(type(error).__name__, error)
for wrong in (
    lambda: kept[0] + 1,
    lambda: vmap(torch.sin, randomness="some"),
    lambda: vmap(torch.sin, chunk_size=0),
    lambda: vmap(torch.sin)(),
    lambda: vmap(torch.sin)(1.0),
    lambda: vmap(torch.sin, 2)(x),
    lambda: vmap(torch.sin, "a")(x),
    lambda: vmap(torch.sin, ("a",))(x),
    lambda: vmap(torch.sin, (0, 0))(x),
    lambda: vmap(torch.sin, None)(x),
    lambda: vmap(torch.add)(x, x.t()),
    lambda: vmap(torch.sin, 0, "a")(x),
    lambda: vmap(torch.sin, 0, (0, 0))(x),
    lambda: vmap(torch.sin, 0, None)(x),
    lambda: vmap(torch.sin, 0, 5)(x),
):
    try:
        print(wrong())
    except Exception as error:
        print(type(error).__name__, error)
