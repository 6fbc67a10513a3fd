"""One training step, and differentiation of a vector-valued function."""

import torch

torch.manual_seed(1)
data = torch.rand(1, 3)
labels = torch.rand(1, 2)
weights = torch.rand(3, 2, requires_grad=True)
prediction = data @ weights
loss = (prediction - labels).sum()
print(loss)
loss.backward()
print(weights.grad)

a = torch.tensor([2.0, 3.0], requires_grad=True)
b = torch.tensor([6.0, 4.0], requires_grad=True)
q = 3 * a**3 - b**2
print(q)
external = torch.tensor([1.0, 1.0])
q.backward(gradient=external)
print(9 * a**2 == a.grad)
print(-2 * b == b.grad)

x = torch.rand(5, 5)
y = torch.rand(5, 5)
z = torch.rand((5, 5), requires_grad=True)
print(f"does a require gradients: {(x + y).requires_grad}")
print(f"does b require gradients: {(x + z).requires_grad}")
print((x + z).grad_fn.__class__.__name__)
