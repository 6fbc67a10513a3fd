"""Hooks on modules: forward, forward-pre, full backward."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))


def show_forward(module, args, output):
    print(type(module).__name__, "in", tuple(args[0].shape), "out", tuple(output.shape))


def show_backward(module, grad_input, grad_output):
    print(type(module).__name__, "grad_in", [g if g is None else tuple(g.shape) for g in grad_input], grad_output)


handles = [m.register_forward_hook(show_forward) for m in model]
handles += [m.register_full_backward_hook(show_backward) for m in model]
x = torch.randn(4, 3, requires_grad=True)
out = model(x)
print(out)
out.mean().backward()
for handle in handles:
    handle.remove()
print(model(x))

double = nn.Linear(3, 3)
double.register_forward_pre_hook(lambda module, args: (args[0] * 2,))
double.register_forward_hook(lambda module, args, output: output + 100)
print(double(torch.ones(1, 3)))


def scale(module, grad_input, grad_output):
    return tuple(g * 0.5 if g is not None else None for g in grad_input)


lin = nn.Linear(2, 2)
lin.register_full_backward_hook(scale)
lin.register_full_backward_pre_hook(lambda module, grad_output: tuple(g + 1 for g in grad_output))
inp = torch.ones(1, 2, requires_grad=True)
lin(inp).sum().backward()
print(inp.grad, lin.weight.grad)

named = nn.Linear(1, 1)
named.register_forward_hook(lambda m, a, kw, o: print("kwargs", sorted(kw)), with_kwargs=True)
named(input=torch.ones(1, 1))
features = {}
net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2))
net[1].register_forward_hook(lambda m, a, o: features.__setitem__("relu", o.detach()))
net(torch.ones(1, 2))
print(features)
