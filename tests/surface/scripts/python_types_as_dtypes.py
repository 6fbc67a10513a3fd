"""bool, int, float and complex where a dtype is wanted."""

import numpy as np
import torch

ones = torch.ones(2)
for kind in (bool, int, float, complex):
    print(kind.__name__, torch.zeros(2, dtype=kind).dtype, torch.full((2,), 1, dtype=kind).dtype, ones.to(kind).dtype)
    print(
        torch.zeros_like(ones, dtype=kind).dtype, ones.new_ones(2, dtype=kind).dtype, torch.tensor(1, dtype=kind).dtype
    )
    print(ones.sum(dtype=kind).dtype, torch.prod(ones, dtype=kind).dtype, ones.to(dtype=kind).dtype)
print(torch.arange(3, dtype=float), torch.randperm(1, dtype=int), torch.eye(2, dtype=int))
print(ones.view(int), torch.softmax(ones, 0, dtype=float), torch.nn.Linear(1, 1, dtype=float).weight.dtype)
print(torch.nn.Linear(1, 1).to(float).weight.dtype, torch.finfo(float).dtype, torch.iinfo(int).dtype)
print(torch.promote_types(int, torch.float32), torch.can_cast(float, int), torch.asarray([1], dtype=float))
x = torch.ones(2, requires_grad=True)
x.to(float).sum().backward()
print(x.grad.dtype)

for refused in (
    lambda: torch.ones(2, dtype="float"),
    lambda: torch.zeros_like(ones, dtype=np.float32),
    lambda: ones.new_zeros(2, dtype=str),
    lambda: torch.tensor(1, dtype=list),
    lambda: ones.type(int),
    lambda: ones.type(np.float32),
):
    try:
        print(refused())
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)
