"""Which tensors get a gradient."""

import warnings

import torch

warnings.simplefilter("always")
a = torch.tensor([1.0, 2.0], requires_grad=True)
b = a * 3
c = b.sum()
print(a.is_leaf, b.is_leaf, c.is_leaf)
b.retain_grad()
c.backward()
print(a.grad, b.grad, b.retains_grad, a.retains_grad)
d = (a * 2).exp()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(d.grad)
    print(caught[0].category.__name__, str(caught[0].message)[:60])
made_later = torch.zeros(2)
made_later.requires_grad_()
print(made_later.is_leaf, made_later)
view_of_leaf = a.view(2, 1)
print(view_of_leaf.is_leaf, view_of_leaf)
detached = b.detach()
print(detached.is_leaf, detached.requires_grad)
with torch.no_grad():
    e = a * 2
print(e.is_leaf, e.requires_grad, e.grad_fn)
integers = torch.tensor([1, 2])
try:
    integers.requires_grad_()
except RuntimeError as error:
    print(error)
try:
    b.requires_grad = False
except RuntimeError as error:
    print(error)
try:
    e.retain_grad()
except RuntimeError as error:
    print(error)
