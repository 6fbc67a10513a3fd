"""Stepping each parameter as soon as its gradient is there."""

import torch
from torch import nn

torch.set_default_dtype(torch.float64)

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
optimizers = {p: torch.optim.Adam([p], lr=0.01) for p in model.parameters()}
order = {p: name for name, p in model.named_parameters()}


def step(parameter):
    optimizers[parameter].step()
    optimizers[parameter].zero_grad()
    print("stepped", order[parameter])


for p in model.parameters():
    p.register_post_accumulate_grad_hook(step)
x, y = torch.randn(16, 4), torch.randn(16, 1)
for _ in range(2):
    loss = ((model(x) - y) ** 2).mean()
    print(f"{loss.item():.4f}")
    loss.backward()
print([p.grad for p in model.parameters()])
print(model[0].weight)
