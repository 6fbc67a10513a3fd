"""Differentiating through a step of gradient descent."""

import torch

torch.set_default_dtype(torch.float64)

torch.manual_seed(0)
weight = torch.randn(3, 1, requires_grad=True)
log_rate = torch.tensor(-2.0, requires_grad=True)
outer = torch.optim.Adam([weight, log_rate], lr=0.05)


def predict(x, w):
    return torch.tanh(x @ w)


for step in range(6):
    meta_loss = 0
    for task in range(2):
        x, y = torch.randn(8, 3), torch.randn(8, 1)
        inner = ((predict(x, weight) - y) ** 2).mean()
        (gradient,) = torch.autograd.grad(inner, weight, create_graph=True)
        adapted = weight - log_rate.exp() * gradient
        meta_loss = meta_loss + ((predict(x, adapted) - y) ** 2).mean()
    outer.zero_grad()
    meta_loss.backward()
    outer.step()
    print(step, f"{meta_loss.item():.4f}")
print(weight.grad, log_rate.grad, log_rate)
