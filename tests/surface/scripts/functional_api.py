"""Jacobians, Hessians and products with them."""

import torch
from torch.autograd.functional import hessian, hvp, jacobian, jvp, vhp, vjp


def exp_reducer(x):
    return x.exp().sum(dim=1)


def pow_adder(x, y):
    return 2 * x.pow(2) + 3 * y.pow(2)


torch.manual_seed(0)
x = torch.rand(2, 2)
print(jacobian(exp_reducer, x))
print(jacobian(exp_reducer, x, create_graph=True))
print(jacobian(pow_adder, (torch.rand(2), torch.rand(2))))


def cubic(x):
    return x.pow(3).sum()


print(hessian(cubic, torch.rand(2, 2)))
print(hessian(lambda a, b: (a * b).sum(), (torch.ones(2), torch.ones(2))))
v = torch.ones(2, 2)
print(vjp(exp_reducer, x, torch.ones(2)))
print(jvp(exp_reducer, x, v))
print(hvp(cubic, x, v))
print(vhp(cubic, x, v))
print(jacobian(lambda x: torch.zeros(2), x))
try:
    hessian(exp_reducer, x)
except RuntimeError as error:
    print(error)
try:
    jacobian(lambda x: torch.zeros(2), x, strict=True)
except RuntimeError as error:
    print(error)
