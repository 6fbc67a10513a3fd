"""The memory of tensors, results written to tensors, layers fused and skipped, hooks of the state of optimizers."""

import torch
from torch import nn


def say(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


# storages
x = torch.arange(6.0).view(2, 3)
s = x.storage()
print(len(s), s[1], s.data_ptr() == x.data_ptr(), s.tolist(), s.dtype, s.size(), s.nbytes(), s.element_size())
print(s, type(s))
print(x.t().storage().tolist(), x[1].storage().data_ptr() == s.data_ptr(), x[1].storage_offset())
s[0] = 9.0
print(x[0, 0])
u = torch.tensor([1, 2], dtype=torch.int16).untyped_storage()
print(u, len(u), u.size(), u.nbytes(), type(u), u.tolist(), u[0])
s.fill_(2.0)
print(x, s.clone().tolist(), s.untyped().data_ptr() == x.data_ptr(), s.is_shared())

# out=
torch.manual_seed(0)
c, d, i = torch.zeros(2, 2), torch.empty(0), torch.zeros(3, dtype=torch.int64)
for f in (
    lambda: torch.rand(2, 2, out=c) is c,
    lambda: torch.randn(2, 2, out=c) is c,
    lambda: torch.randint(0, 5, (3,), out=i),
    lambda: torch.randperm(3, out=i),
    lambda: torch.normal(0.0, 1.0, (2, 2), out=c),
    lambda: torch.normal(torch.zeros(2), torch.ones(2), out=d),
    lambda: torch.normal(torch.zeros(2), 2.0, out=d),
    lambda: torch.multinomial(torch.ones(3), 2, out=torch.empty(0, dtype=torch.int64)),
    lambda: torch.zeros(2, 2, out=c),
    lambda: torch.full((2, 2), 3.0, out=c),
    lambda: torch.arange(3, out=torch.empty(3)),
    lambda: torch.linspace(0, 1, 4, out=torch.empty(4)),
    lambda: torch.logspace(0, 1, 2, out=torch.empty(2)),
    lambda: torch.eye(2, out=c),
    lambda: torch.zeros(2, out=c, dtype=torch.float64),
    lambda: torch.rand(3, out=i),
    lambda: torch.zeros(2, out=torch.empty(2, dtype=torch.int32)).dtype,
):
    say(f)
    print(c, d, i)
for f in (
    lambda: torch.finfo(torch.int64),
    lambda: torch.finfo(torch.float16).max,
    lambda: torch.finfo(3),
    lambda: torch.iinfo(torch.float32),
    lambda: torch.iinfo(torch.bool),
    lambda: torch.broadcast_shapes((2, 3), (4,)),
    lambda: torch.broadcast_shapes((2, 1), (3,), [5, 2, 4]),
    lambda: torch.broadcast_shapes((2, -1)),
    lambda: torch.broadcast_shapes((0,), (1,), 1),
):
    say(f)

# fused for evaluation
torch.manual_seed(1)
conv, bn = nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)
bn(conv(torch.randn(4, 2, 5, 5)))
conv.eval(), bn.eval()
image = torch.randn(1, 2, 5, 5)
fused = nn.utils.fuse_conv_bn_eval(conv, bn)
print(fused, torch.allclose(fused(image), bn(conv(image)), atol=1e-6), fused.weight.requires_grad)
linear, bn = nn.Linear(3, 2, bias=False), nn.BatchNorm1d(2)
bn(linear(torch.randn(6, 3)))
say(lambda: nn.utils.fuse_linear_bn_eval(linear, bn))
linear.eval(), bn.eval()
print(nn.utils.fuse_linear_bn_eval(linear, bn).bias)
say(lambda: nn.utils.fuse_linear_bn_eval(nn.Linear(3, 4).eval(), bn))
made = nn.utils.skip_init(nn.Linear, 5, 1)
print(made, made.weight.shape, made.weight.requires_grad, torch.rand(1))
say(lambda: nn.utils.skip_init(nn.ReLU))
say(lambda: nn.utils.skip_init(dict))

# swapped
a, b = torch.ones(2, requires_grad=True), torch.zeros(3)
same = a
torch.utils.swap_tensors(a, b)
print(a, b, same is a, a.requires_grad, b.requires_grad)

# the state of optimizers, seen by hooks
p = nn.Parameter(torch.tensor([1.0, 2.0]))
optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9)
optimizer.register_state_dict_pre_hook(lambda o: print("before saving"))
handle = optimizer.register_state_dict_post_hook(lambda o, state: {**state, "extra": 1})
optimizer.register_state_dict_post_hook(lambda o, state: print("first", "extra" in state), prepend=True)
(p**2).sum().backward()
optimizer.step()
state = optimizer.state_dict()
print(sorted(state), state["state"])
handle.remove()
print(sorted(optimizer.state_dict()))
other = torch.optim.SGD([p], lr=0.5, momentum=0.1)


def halve(o, state):
    state["param_groups"][0]["lr"] /= 2
    return state


other.register_load_state_dict_pre_hook(halve)
other.register_load_state_dict_post_hook(lambda o: print("loaded", o.param_groups[0]["lr"]))
other.load_state_dict(state)

# singular values made alike
torch.manual_seed(2)
for options in ({}, {"nesterov": False}, {"adjust_lr_fn": "match_rms_adamw"}, {"weight_decay": 0.0, "momentum": 0.5}):
    w = nn.Parameter(torch.randn(4, 3))
    muon = torch.optim.Muon([w], lr=0.1, **options)
    for _ in range(3):
        muon.zero_grad()
        (w @ torch.ones(3)).pow(2).sum().backward()
        muon.step()
    print(w.norm().round(decimals=2), sorted(muon.state[w]))
print(muon)
say(lambda: torch.optim.Muon([nn.Parameter(torch.ones(2))]))
say(lambda: torch.optim.Muon([w], lr=-1))
say(lambda: torch.optim.Muon([w], adjust_lr_fn="no"))
