"""Finding where a nan came from."""

import warnings

import torch
from torch import autograd


class MyFunc(autograd.Function):
    @staticmethod
    def forward(ctx, inp):
        return inp.clone()

    @staticmethod
    def backward(ctx, gO):
        raise RuntimeError("Some error in backward")


def run_fn(a):
    out = MyFunc.apply(a)
    return out.sum()


inp = torch.rand(10, 10, requires_grad=True)
out = run_fn(inp)
try:
    out.backward()
except RuntimeError as error:
    print(error)
warnings.simplefilter("ignore")
with autograd.detect_anomaly():
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    y = torch.sqrt(x) * 0
    try:
        y.sum().backward()
    except RuntimeError as error:
        print(error)
with autograd.detect_anomaly(check_nan=False):
    x = torch.tensor([0.0, 1.0], requires_grad=True)
    (torch.sqrt(x) * 0).sum().backward()
    print(x.grad)
with autograd.detect_anomaly():
    a = torch.tensor([1.0], requires_grad=True)
    b = a.exp()
    b.add_(1)
    try:
        b.backward()
    except RuntimeError as error:
        print(error)
print(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
