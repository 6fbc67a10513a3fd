"""Hooks on tensors and nodes: order, replacement, removal."""

import torch

x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x * 2
h1 = y.register_hook(lambda g: print("first", g))
h2 = y.register_hook(lambda g: g * 10)
h3 = y.register_hook(lambda g: print("third", g))
y.sum().backward()
print(x.grad)
h2.remove()
x.grad = None
y = x * 3
with y.register_hook(lambda g: g + 1):
    y.sum().backward()
print(x.grad)

x.grad = None
leaf_hook = x.register_hook(lambda g: g.clamp(max=1.0))
(x * torch.tensor([5.0, 0.5])).sum().backward()
print(x.grad)
leaf_hook.remove()

z = (x * 2).exp()
z.grad_fn.register_prehook(lambda grads: print("node pre", grads))
z.grad_fn.register_hook(lambda gi, go: print("node post", gi, go))
z.sum().backward()
x.grad = None
x.register_post_accumulate_grad_hook(lambda t: print("accumulated", t.grad))
(x * 4).sum().backward()
a = torch.ones(2, requires_grad=True)
b = a * 2
b.retain_grad()
b.register_hook(lambda g: g * 3)
b.sum().backward()
print(b.grad, a.grad)
a2 = torch.ones(2, requires_grad=True)
try:
    torch.ones(2).register_hook(lambda g: g)
except RuntimeError as error:
    print(error)
v = torch.ones(2, requires_grad=True)
w = v.clone()
w.register_hook(lambda g: print("hook of the clone before the change", g))
w.mul_(3)
w.register_hook(lambda g: print("hook after the change", g))
w.sum().backward()
print(v.grad)
torch.autograd.graph.register_multi_grad_hook((a2, v), lambda grads: print("all", grads))
(a2 * v).sum().backward()
