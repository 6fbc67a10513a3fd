"""Calls in forms that are seldom seen today: numbers first, and factors between the tensors."""

import warnings

import torch

x = torch.tensor([1.0, 2.0, 4.0], requires_grad=True)
for function in (torch.add, torch.sub, torch.mul, torch.div, torch.floor_divide, torch.true_divide):
    print(function.__name__, function(8, x.detach()), function(2.5, torch.tensor([1, 2])).dtype)
y = torch.mul(2, x) + torch.sub(1, x) + torch.div(1.0, x)
y.sum().backward()
print(y.detach(), x.grad, torch.mul(3, x).grad_fn.name(), torch.add(1, 2), torch.mul(2.0, 3).dtype)
print(torch.mul(2.0, torch.tensor(3.0, dtype=torch.float16)).dtype, torch.add(1.5, torch.tensor(True)).dtype)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    a, m, v = torch.ones(2), torch.eye(2), torch.tensor([1.0, 2.0])
    print(torch.add(a, 3, v), a.clone().add_(2, v), a.sub(2, v))
    print(torch.addcmul(a, 2, v, v), a.clone().addcdiv_(2, v, v))
    print(torch.addmm(2, m, 3, m, m), torch.addmm(2, m, m, m), m.addmm(2, 3, m, m))
    print(torch.addmv(2, v, 3, m, v), torch.addr(2, m, 3, v, v), torch.baddbmm(2, m[None], m[None], m[None]))

torch.manual_seed(0)
print(torch.randint_like(a, 5), torch.randint_like(a, 2, 5), torch.randint_like(a, high=3))
print(torch.randint_like(a, low=1, high=3))
