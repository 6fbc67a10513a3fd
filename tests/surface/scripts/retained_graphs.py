"""Keeping a graph, using part of it twice, and freeing it."""

import torch

x = torch.tensor(3.0, requires_grad=True)
y = x**2
z = y * 2
w = y + 1
z.backward(retain_graph=True)
print(x.grad)
w.backward()
print(x.grad)
try:
    z.backward()
except RuntimeError as error:
    print(error)
a = torch.tensor([1.0, 2.0], requires_grad=True)
loss = (a * a * a).sum()
(first,) = torch.autograd.grad(loss, a, create_graph=True)
print(first, first.requires_grad)
first.sum().backward()
print(a.grad)
b = torch.tensor([1.0], requires_grad=True)
c = b + 1
c.backward()
c.backward()
print(b.grad, "a sum saves nothing")
s = b.exp()
s.backward(retain_graph=True)
s.backward(retain_graph=True)
print(b.grad)
leaf = torch.ones(2, requires_grad=True)
same = leaf.view(2)
same.sum().backward()
same.sum().backward()
print(leaf.grad)
outs = [leaf.sum(), (leaf * 2).sum()]
torch.autograd.backward(outs)
print(leaf.grad)
gs = torch.autograd.grad([leaf.sum(), (leaf * 3).sum()], leaf, grad_outputs=[torch.tensor(1.0), torch.tensor(10.0)])
print(gs)
d = torch.ones(2, requires_grad=True)
mixed = torch.stack([d.sum(), torch.tensor(5.0)])
print(mixed, torch.autograd.grad(mixed, d, torch.tensor([2.0, 7.0])))
n = torch.tensor(2.0, requires_grad=True)
for _ in range(3):
    n2 = n * n
    n2.backward()
    with torch.no_grad():
        n -= 0.1 * n.grad
        n.grad.zero_()
    print(n)
