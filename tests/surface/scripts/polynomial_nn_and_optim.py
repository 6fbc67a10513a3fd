"""The same as a model with layers, a loss and an optimizer."""

import math

import torch

torch.set_default_dtype(torch.float64)

torch.manual_seed(2)
x = torch.linspace(-math.pi, math.pi, 500)
y = torch.sin(x)
xx = x.unsqueeze(-1).pow(torch.tensor([1, 2, 3]))
model = torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0, 1))
loss_fn = torch.nn.MSELoss(reduction="sum")
optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
for t in range(300):
    y_pred = model(xx)
    loss = loss_fn(y_pred, y)
    if t % 100 == 99:
        print(t, f"{loss.item():.3f}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
linear = model[0]
print(linear.bias)
print(linear.weight)
print(loss)
