"""Leaving torch inside a Function."""

import numpy as np
import torch
from torch.autograd import Function
from torch.nn.parameter import Parameter


class NumpySoftplus(Function):
    @staticmethod
    def forward(ctx, input):
        values = input.detach().numpy()
        ctx.slope = 1 / (1 + np.exp(-values))
        return input.new_tensor(np.log1p(np.exp(values)))

    @staticmethod
    def backward(ctx, grad_output):
        result = grad_output.numpy() * ctx.slope
        return grad_output.new_tensor(result)


class Scaled(torch.nn.Module):
    def __init__(self, size):
        super().__init__()
        self.scale = Parameter(torch.full((size,), 0.5))

    def forward(self, x):
        return NumpySoftplus.apply(x * self.scale)


module = Scaled(3)
print(list(module.parameters()))
x = torch.tensor([[1.0, -1.0, 0.0], [2.0, 3.0, -4.0]], requires_grad=True)
out = module(x)
print(out)
out.backward(torch.ones(2, 3))
print(x.grad)
print(module.scale.grad)
try:
    x.numpy()
except RuntimeError as error:
    print(error)
