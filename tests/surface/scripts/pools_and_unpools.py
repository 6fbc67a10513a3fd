"""Pools that pick, pools at random places, power pools, and back from them."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)

# the example of the documentation: what is not a maximum is zero
pool, unpool = nn.MaxPool2d(2, stride=2, return_indices=True), nn.MaxUnpool2d(2, stride=2)
input = torch.tensor(
    [[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 10.0, 11.0, 12.0], [13.0, 14.0, 15.0, 16.0]]]]
)
output, indices = pool(input)
print(unpool(output, indices))
print(unpool(output, indices, output_size=torch.Size([1, 1, 5, 5])).shape)

pool, unpool = nn.MaxPool1d(2, stride=2, return_indices=True), nn.MaxUnpool1d(2, stride=2)
input = torch.tensor([[[1.0, 2, 3, 4, 5, 6, 7, 8, 9]]])
output, indices = pool(input)
print(unpool(output, indices, output_size=input.size()))
print(unpool(output, indices), unpool)

pool, unpool = nn.MaxPool3d(3, stride=2, return_indices=True), nn.MaxUnpool3d(3, stride=2)
volume = torch.randn(2, 3, 5, 7, 5)
output, indices = pool(volume)
print(unpool(output, indices).shape)

values = torch.tensor([[[3.0, -1.0]]], requires_grad=True)
back = F.max_unpool1d(values, torch.tensor([[[1, 2]]]), 2)
(gradient,) = torch.autograd.grad(back, values, torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]), create_graph=True)
print(back, back.grad_fn.next_functions[0][0].name(), gradient)
for wrong in (
    lambda: F.max_unpool1d(values, torch.tensor([[[1, 9]]]), 2),
    lambda: F.max_unpool2d(values, torch.tensor([[[1, 2]]]), 2, output_size=(9, 9)),
    lambda: F.max_unpool2d(values, torch.tensor([[[1.0, 2.0]]]), 2),
):
    try:
        wrong()
    except (RuntimeError, ValueError) as error:
        print(type(error).__name__, error)

# where the windows begin is random, or given
samples = torch.tensor([[[0.25, 0.75]]])
image = torch.arange(25.0).reshape(1, 1, 5, 5).sin().requires_grad_()
pooled, indices = F.fractional_max_pool2d(image, 2, output_size=3, return_indices=True, _random_samples=samples)
print(pooled, indices)
(gradient,) = torch.autograd.grad(pooled.square().sum(), image, create_graph=True)
print(gradient, gradient.grad_fn.name())
print(nn.FractionalMaxPool2d(3, output_ratio=0.5)(torch.randn(1, 2, 8, 8)).shape)
print(nn.FractionalMaxPool3d(2, output_size=(3, 2, 2))(torch.randn(2, 6, 6, 6)).shape, nn.FractionalMaxPool2d(2, 2))
for arguments in ({}, {"output_size": 2, "output_ratio": 0.5}, {"output_ratio": 1.5}):
    try:
        nn.FractionalMaxPool2d(2, **arguments)
    except ValueError as error:
        print(error)

# every pool can give its indices
for name, shape in (("max_pool1d", (1, 6)), ("max_pool2d", (1, 4, 4)), ("max_pool3d", (1, 2, 4, 4))):
    data = torch.arange(float(torch.Size(shape).numel())).cos().reshape(shape)
    values, places = getattr(F, f"{name}_with_indices")(data, 2)
    print(name, values, places)
    values, places = getattr(F, f"adaptive_{name}_with_indices")(data, 2)
    print(name, values, places)
print(torch.adaptive_max_pool1d(torch.tensor([[3.0, 1.0, 2.0]]), 2))
print(torch.max_pool1d_with_indices(torch.tensor([[3.0, 1.0, 2.0, 5.0]]), 2))

# the norm of each window
cube = (torch.arange(16.0).reshape(1, 2, 2, 4) + 1).requires_grad_()
for layer in (nn.LPPool2d(2, 2), nn.LPPool3d(1, 2, ceil_mode=True), nn.LPPool3d(float("inf"), (1, 2, 2))):
    powers = layer(cube)
    print(layer, powers, torch.autograd.grad(powers.sum(), cube)[0])

# pools of images with their channels side by side stay such
image = torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last)
for name in ("max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"):
    print(name, getattr(F, name)(image, 2).stride())
for wrong in (
    lambda: F.max_pool2d(image, (2, 2, 2)),
    lambda: F.max_pool2d(image, 2, 0),
    lambda: F.avg_pool2d(image, 2, padding=2),
    lambda: F.avg_pool3d(image, 2, divisor_override=0),
    lambda: F.avg_pool1d(image[0, 0], (2, 2)),
    lambda: F.adaptive_avg_pool2d(image, (2, -1)),
    lambda: F.adaptive_max_pool2d(image[0, 0], 2),
    lambda: F.max_pool1d(image[0], 9),
    lambda: F.max_pool2d(image, 2.5),
):
    try:
        wrong()
    except (RuntimeError, TypeError) as error:
        print(type(error).__name__, error)
