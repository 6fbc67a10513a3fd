"""Second derivatives by differentiating gradients, three ways."""

import torch

torch.manual_seed(0)
x = torch.tensor([0.3, -0.7, 1.1], requires_grad=True)
v = torch.tensor([1.0, 2.0, -1.0])


def f(x):
    return (x.sin() * x.roll(1) + x**3).sum()


(g,) = torch.autograd.grad(f(x), x, create_graph=True)
print(g)
(hv,) = torch.autograd.grad(g, x, grad_outputs=v, retain_graph=True)
print(hv)
rows = [torch.autograd.grad(g[i], x, retain_graph=True)[0] for i in range(3)]
hessian = torch.stack(rows)
print(hessian)
print(torch.allclose(hessian, hessian.T), torch.allclose(hessian @ v, hv))
batched = torch.autograd.grad(g, x, torch.eye(3), is_grads_batched=True)[0]
print(torch.allclose(batched, hessian))
y = x.exp().sum()
for _ in range(4):
    (y,) = torch.autograd.grad(y.sum(), x, create_graph=True)
print(y)
steps = x.detach().clone().requires_grad_()
for _ in range(4):
    (g,) = torch.autograd.grad(((steps - 2) ** 4).sum(), steps, create_graph=True)
    h = torch.autograd.grad(g.sum(), steps)[0]
    with torch.no_grad():
        steps -= g / h
print(steps)
