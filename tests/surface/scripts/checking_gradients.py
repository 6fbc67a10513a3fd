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

# -- a batch of tangents, and Jacobians as old programs ask for them -----------------------------------------------

import warnings  # noqa: E402

calls = [0, None]


def wrong_for_the_batch(x):
    calls[0] += 1
    return x * (3 if calls[0] == calls[1] else 2)


forward_only = {"check_forward_ad": True, "check_backward_ad": False, "check_undefined_grad": False}
x = torch.rand(2, dtype=torch.double, requires_grad=True)
print(torch.autograd.gradcheck(wrong_for_the_batch, (x,), check_batched_forward_grad=True, **forward_only))
calls[0], calls[1] = 0, calls[0]
try:
    torch.autograd.gradcheck(wrong_for_the_batch, (x,), check_batched_forward_grad=True, **forward_only)
except RuntimeError as error:
    print(str(error).split("Got:")[0])

from torch.autograd.gradcheck import get_analytical_jacobian, get_numerical_jacobian  # noqa: E402

a = torch.tensor([1.0, 2.0], dtype=torch.double, requires_grad=True)
b = torch.tensor([3.0, 4.0], dtype=torch.double, requires_grad=True)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    print([m.round(decimals=4) for m in get_numerical_jacobian(lambda given: 2 * given[0] + given[1], (a, b))])
    print([m.round(decimals=4) for m in get_numerical_jacobian(lambda given: given[0] * given[1], (a, b), target=b)])
    print(get_analytical_jacobian((a, b), a * b))
    for function in (
        lambda: get_numerical_jacobian(lambda given: given[0], (a,), grad_out=2.0),
        lambda: get_analytical_jacobian((a,), a * 2, grad_out=2.0),
    ):
        try:
            function()
        except ValueError as error:
            print(error)
print([str(w.message).split(".")[0] for w in seen])
