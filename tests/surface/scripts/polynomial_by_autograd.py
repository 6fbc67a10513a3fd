"""The same with gradients from autograd."""

import math

import torch

torch.manual_seed(10)
torch.set_default_dtype(torch.float64)
x = torch.linspace(-1, 1, 200)
y = torch.sin(math.pi * x)
coefficients = [torch.randn((), requires_grad=True) for _ in range(4)]
a, b, c, d = coefficients
print(a)
for t in range(200):
    y_pred = a + b * x + c * x**2 + d * x**3
    loss = (y_pred - y).pow(2).mean()
    if t == 0:
        print(loss)
    if t % 50 == 49:
        print(t, f"{loss.item():.6f}")
    loss.backward()
    with torch.no_grad():
        for value in coefficients:
            value -= 0.1 * value.grad
            value.grad = None
print([f"{value.item():.5f}" for value in coefficients])
print(a, a.grad)
