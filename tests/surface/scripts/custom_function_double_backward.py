"""Custom Functions that can be differentiated twice."""

import torch
from torch.autograd import Function, grad, gradcheck, gradgradcheck


class Sinh(Function):
    @staticmethod
    def forward(ctx, x):
        expx = torch.exp(x)
        expnegx = torch.exp(-x)
        ctx.save_for_backward(expx, expnegx)
        return (expx - expnegx) / 2, expx, expnegx

    @staticmethod
    def backward(ctx, grad_out, _grad_out_exp, _grad_out_negexp):
        expx, expnegx = ctx.saved_tensors
        grad_input = grad_out * (expx + expnegx) / 2
        grad_input += _grad_out_exp * expx
        grad_input -= _grad_out_negexp * expnegx
        return grad_input


def sinh(x):
    return Sinh.apply(x)[0]


class Cube(Function):
    @staticmethod
    def forward(x):
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        result, dx = output
        ctx.save_for_backward(x, dx)

    @staticmethod
    def backward(ctx, grad_output, grad_dx):
        x, dx = ctx.saved_tensors
        return grad_output * dx + grad_dx * 6 * x


x = torch.tensor([0.5, -1.0, 2.0], dtype=torch.double, requires_grad=True)
out = sinh(x)
print(out)
(first,) = grad(out.sum(), x, create_graph=True)
print(first)
(second,) = grad(first.sum(), x, create_graph=True)
print(second)
print(gradcheck(sinh, x), gradgradcheck(sinh, x))
y = Cube.apply(x)[0]
(dy,) = grad(y.sum(), x, create_graph=True)
(ddy,) = grad(dy.sum(), x, create_graph=True)
(dddy,) = grad(ddy.sum(), x)
print(dy, ddy, dddy)
