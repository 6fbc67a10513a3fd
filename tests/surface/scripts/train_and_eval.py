"""Dropout and batch normalisation behave differently in the two modes."""

import torch
from torch import nn

torch.manual_seed(0)
drop = nn.Dropout(0.25)
x = torch.ones(4, 5)
print(drop(x))
drop.eval()
print(drop(x))
drop.train()
y = torch.ones(6, requires_grad=True)
z = drop(y)
print(z)
z.sum().backward()
print(y.grad)
print(nn.functional.dropout(torch.ones(3), p=1.0), nn.functional.dropout(torch.ones(3), p=0.0))
norm = nn.BatchNorm1d(3)
data = torch.randn(5, 3) * 2 + 1
print(norm(data))
print(norm.running_mean, norm.running_var, norm.num_batches_tracked)
norm(data)
norm.eval()
print(norm(data))
layer = nn.LayerNorm(4)
v = torch.randn(2, 4, requires_grad=True)
out = layer(v)
print(out)
out.pow(2).sum().backward()
print(layer.weight.grad, layer.bias.grad)
image = nn.BatchNorm2d(2)
print(image(torch.randn(2, 2, 2, 2)).shape, image.running_var)
try:
    norm(torch.randn(3))
except ValueError as error:
    print(error)
try:
    nn.Dropout(1.5)
except ValueError as error:
    print(error)
