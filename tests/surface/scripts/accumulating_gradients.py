"""Micro-batches, zero_grad and partial backward."""

import torch
from torch import nn

torch.manual_seed(0)
model = nn.Linear(3, 1)
x, y = torch.randn(8, 3), torch.randn(8, 1)
full = nn.functional.mse_loss(model(x), y)
full.backward()
whole = model.weight.grad.clone()
model.zero_grad()
print(model.weight.grad)
for xs, ys in zip(x.chunk(4), y.chunk(4)):
    (nn.functional.mse_loss(model(xs), ys) / 4).backward()
print(torch.allclose(whole, model.weight.grad), model.weight.grad)
model.zero_grad(set_to_none=False)
print(model.weight.grad, model.bias.grad)

a = torch.ones(2, requires_grad=True)
b = torch.ones(2, requires_grad=True)
loss = (a * b).sum()
loss.backward(inputs=[a], retain_graph=True)
print(a.grad, b.grad)
loss.backward()
print(a.grad, b.grad)
g = a.grad
(a * 2).sum().backward()
print(g is a.grad, a.grad)
total = torch.tensor([1.0], requires_grad=True)
for _ in range(3):
    (total * 2).backward()
    print(total.grad)
torch.autograd.backward([(a * 2).sum(), (b * 3).sum()])
print(a.grad, b.grad)
