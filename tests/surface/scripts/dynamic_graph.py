"""Control flow and shared weights: the graph is whatever ran."""

import math
import random

import torch

torch.set_default_dtype(torch.float64)


class DynamicNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.a = torch.nn.Parameter(torch.randn(()))
        self.b = torch.nn.Parameter(torch.randn(()))
        self.e = torch.nn.Parameter(torch.randn(()))

    def forward(self, x):
        y = self.a + self.b * x
        for exp in range(4, random.randint(4, 6)):
            y = y + self.e * x**exp
        return y


random.seed(0)
torch.manual_seed(0)
x = torch.linspace(-1, 1, 100)
y = torch.cos(math.pi * x)
model = DynamicNet()
optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
for t in range(60):
    loss = torch.nn.functional.mse_loss(model(x), y, reduction="sum")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if t % 20 == 19:
        print(t, f"{loss.item():.4f}", model.e.grad is None)


def collatz_like(x):
    steps = 0
    while x.abs().max() < 100:
        x = x * 3 + 1 if steps % 2 else x * 2
        steps += 1
    return x, steps


v = torch.tensor([0.5, 1.5], requires_grad=True)
out, steps = collatz_like(v)
out.sum().backward()
print(out, steps, v.grad)
