"""Numbers where the first operand is a tensor, sizes and outputs that do not do, and functions of NumPy on tensors."""

import numpy as np
import torch

ones = torch.ones(2)
half, whole = torch.ones(2, dtype=torch.float16), torch.tensor([2], dtype=torch.uint8)
for name in ("add", "sub", "mul", "div", "floor_divide", "multiply", "subtract", "true_divide"):
    function = getattr(torch, name)
    print(name, function(1, 2), function(1.5, 2), function(3, ones), function(2.5, half), function(1000, whole))
print(torch.add(1, 2, alpha=3), torch.add(True, True), torch.div(7, 2, rounding_mode="floor"), torch.mul(2j, 3))
print(torch.add(1, 2, out=torch.empty(())), torch.mul(input=2, other=3))
leaf = torch.tensor([2.0, 4.0], requires_grad=True)
quotient = torch.div(3, leaf)
quotient.sum().backward()
print(quotient, leaf.grad)


def refused(make):
    try:
        print(make())
    except (TypeError, RuntimeError, AssertionError) as error:
        print(type(error).__name__, str(error).splitlines()[0][:120])


for make in (torch.zeros, torch.ones, torch.empty, ones.new_zeros, ones.new_ones):
    refused(lambda make=make: make())
    for size in ((1.5,), ("a",), (None,), ([1.5],), ([1, 1.5],), (1, "a"), ([[1]],), (True,), ((1,), 2), ({1},)):
        refused(lambda make=make, size=size: make(*size).shape)
    refused(lambda make=make: make(np.int64(2), torch.tensor(3)).shape)
    refused(lambda make=make: make(size=(2, 3)).shape)
    refused(lambda make=make: make(size=2).shape)
for size in (2, 1.5, [1.5], [1, "a"], torch.tensor(2), range(2), (2, 3)):
    refused(lambda size=size: torch.full(size, 1).shape)
    refused(lambda size=size: ones.new_full(size, 1).shape)
    refused(lambda size=size: torch.randint(3, size).shape)
for make in (torch.Tensor.new_ones, torch.full):
    refused(lambda make=make: make(*((ones, (1,)) if make is torch.Tensor.new_ones else ((1,), 1)), device="cuda"))
refused(lambda: torch.zeros_like(ones, device="cuda"))
refused(lambda: torch.arange(2, device="cuda"))
print(torch.arange(2, pin_memory=False), torch.eye(1, pin_memory=False), torch.ones_like(ones, pin_memory=False))

for sizes in ([1.5], ones, "ab", [[1]], [torch.tensor(2), np.int64(3)], torch.tensor([1, 2]), iter([1, 2]), ()):
    refused(lambda sizes=sizes: torch.Size(sizes))
refused(lambda: ones.size("a"))
refused(lambda: ones.stride(1.5))
print(ones.size(torch.tensor(0)), ones.stride(-1))

refused(lambda: torch.nanmedian(ones, 0, out=torch.empty(0)))
refused(lambda: torch.cummax(ones, 0, out=torch.empty(0)))
refused(lambda: torch.aminmax(ones, out=torch.empty(0)))
refused(lambda: torch.max(ones, 0, out=(torch.empty(0),) * 3))

print(type(np.add(ones, 1)).__name__, np.sin(ones), np.greater(ones, 0), np.float64(2) * ones)
print(ones + np.ones(2), np.add(ones, 1, dtype=np.float64))
