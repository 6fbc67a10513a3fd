"""In-place operations and the checks that protect saved values."""

import torch

a = torch.tensor([1.0, 2.0], requires_grad=True)
try:
    a.add_(1)
except RuntimeError as error:
    print(error)
b = a.exp()
b.add_(1)
try:
    b.sum().backward()
except RuntimeError as error:
    print(error)
c = a * 2
d = c.sin()
c.mul_(3)
try:
    d.sum().backward()
except RuntimeError as error:
    print(error)
e = a + 1
e.mul_(2)
print(e)
e.sum().backward()
print(a.grad)
base = (a * 1).clone()
view = base[0]
base.mul_(5)
print(view, view.grad_fn.name())
view.zero_()
print(base, base.grad_fn.name())
a.grad = None
base.sum().backward()
print(a.grad)
x, y = (a * 2).unbind()
try:
    x.add_(1)
except RuntimeError as error:
    print(error)
with torch.no_grad():
    a.sub_(0.5)
print(a, a._version)
f = a.detach()
f.zero_()
print(a, a._version, f._version)
g = a.data
g.fill_(4)
print(a, a._version)
h = torch.zeros(3)
h[1] = (a * 2).sum()
print(h)
h.sum().backward()
print(a.grad)
m = torch.zeros(2, 2)
m[:, 0] = a
print(m, m.requires_grad)
try:
    torch.ones(1, requires_grad=True).expand(3).add_(1)
except RuntimeError as error:
    print(error)
try:
    torch.add(a, a, out=torch.empty(2))
except RuntimeError as error:
    print(error)
