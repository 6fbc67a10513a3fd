"""Numerical checks of gradients."""

import torch
from torch.autograd import gradcheck, gradgradcheck

torch.manual_seed(0)
a = torch.randn(3, 2, dtype=torch.double, requires_grad=True)
b = torch.randn(2, 4, dtype=torch.double, requires_grad=True)
print(gradcheck(torch.mm, (a, b)))
print(gradcheck(lambda x: (x.tanh() ** 2).sum(), (a,)))
print(gradgradcheck(lambda x: (x.sigmoid() * x).sum(), (a,)))


class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g * 3 * x


c = torch.tensor([1.0, 2.0], dtype=torch.double, requires_grad=True)
try:
    gradcheck(Wrong.apply, (c,))
except RuntimeError as error:
    print(error)
print(gradcheck(Wrong.apply, (c,), raise_exception=False))
try:
    gradcheck(torch.exp, (torch.ones(2),))
except ValueError as error:
    print(error)
z = torch.randn(2, dtype=torch.cdouble, requires_grad=True)
print(gradcheck(lambda z: (z * z.conj()).real, (z,)), gradcheck(torch.exp, (z,)))
