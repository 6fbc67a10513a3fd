"""Finetuning: only the new head of a network learns."""

import torch
from torch import nn, optim

torch.set_default_dtype(torch.float64)

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 4))
for parameter in model.parameters():
    parameter.requires_grad = False
model[4] = nn.Linear(16, 2)
print(model)
optimizer = optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1e-1, momentum=0.9)
print(optimizer)
before = {name: p.detach().clone() for name, p in model.named_parameters()}
inputs, targets = torch.randn(6, 8), torch.randint(0, 2, (6,))
for step in range(4):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(inputs), targets)
    loss.backward()
    optimizer.step()
    print(f"step {step}: {loss.item():.4f}")
for name, p in model.named_parameters():
    print(name, "changed" if not torch.equal(before[name], p) else "same", p.grad is None)
