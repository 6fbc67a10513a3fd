"""Complex tensors: printing, parts, and gradients with the conjugate convention."""

import torch

z = torch.tensor([1 + 2j, 3 - 1j, -0.5j])
print(z, z.real, z.imag)
print(torch.view_as_real(z))
print(z.abs(), z.conj(), z * z.conj())
print(torch.tensor([1.5 + 0j], dtype=torch.complex128), z.dtype, torch.tensor(2j))
w = torch.tensor([1 + 1j, 2 - 3j], requires_grad=True)
loss = (w * w.conj()).real.sum()
loss.backward()
print(w.grad)
w.grad = None
(w**2).abs().sum().backward()
print(w.grad)
target = torch.tensor([0.5 + 0.5j, -1 + 0j])
p = torch.zeros(2, dtype=torch.cfloat, requires_grad=True)
optimizer = torch.optim.SGD([p], lr=0.25)
for _ in range(5):
    optimizer.zero_grad()
    (p - target).abs().pow(2).sum().backward()
    optimizer.step()
print(p)
real = torch.tensor([1.0, 2.0], requires_grad=True)
out = (real * (1 + 2j)).exp()
print(out)
out.real.sum().backward()
print(real.grad)
try:
    (w * 1j).sum().backward()
except RuntimeError as error:
    print(error)
(w * 1j).backward(torch.ones(2, dtype=torch.cfloat))
print(w.grad)
print(torch.randn(2, 2, dtype=torch.cfloat, generator=torch.Generator().manual_seed(0)))
print(torch.polar(torch.tensor([1.0, 2.0]), torch.tensor([0.0, 1.5])), torch.complex(torch.ones(1), torch.zeros(1)))
