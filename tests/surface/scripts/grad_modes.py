"""no_grad, enable_grad, set_grad_enabled and inference mode."""

import torch

x = torch.tensor([1.0], requires_grad=True)
with torch.no_grad():
    y = x * 2
    with torch.enable_grad():
        z = x * 2
print(y.requires_grad, z.requires_grad)


@torch.no_grad()
def doubler(x):
    return x * 2


@torch.no_grad
def tripler(x):
    return x * 3


print(doubler(x).requires_grad, tripler(x).requires_grad)
torch.set_grad_enabled(False)
print((x * 2).requires_grad, torch.is_grad_enabled())
torch.set_grad_enabled(True)
for flag in (True, False):
    with torch.set_grad_enabled(flag):
        print(flag, (x * 2).requires_grad)


@torch.enable_grad()
def generator():
    for _ in range(2):
        yield torch.is_grad_enabled()


with torch.no_grad():
    print(list(generator()), torch.is_grad_enabled())

with torch.inference_mode():
    i = x * x
    print(i.requires_grad, i.is_inference(), torch.is_inference_mode_enabled())
print(i)
try:
    i._version
except RuntimeError as error:
    print(error)
try:
    i.add_(1)
except RuntimeError as error:
    print(error)
try:
    x * i
except RuntimeError as error:
    print(error)


@torch.inference_mode()
def func(x):
    return x * x


out = func(x)
print(out.requires_grad, out.clone().is_inference())
with torch.no_grad():
    leaf = torch.ones(2, requires_grad=True)
print(leaf.requires_grad)
