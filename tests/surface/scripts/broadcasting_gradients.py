"""Gradients are summed back to the shape of each input."""

import torch

a = torch.ones(3, 1, requires_grad=True)
b = torch.arange(4.0, requires_grad=True)
c = torch.tensor(2.0, requires_grad=True)
out = a * b + c
print(out)
out.sum().backward()
print(a.grad, b.grad, c.grad)
x = torch.arange(6.0).reshape(2, 3).requires_grad_()
for name, result in {
    "sum": x.sum(0),
    "mean": x.mean(1, keepdim=True),
    "max": x.max(1).values,
    "amax": x.amax(),
    "prod": x.prod(1),
    "norm": x.norm(),
    "logsumexp": x.logsumexp(0),
    "cumsum": x.cumsum(1),
    "var": x.var(1),
    "softmax": x.softmax(1),
    "min": x.min(),
    "index": x[:, [0, 0, 2]],
    "mask": x[x > 2],
    "gather": x.gather(1, torch.tensor([[0, 2], [1, 1]])),
    "transpose": x.t() * 2,
    "reshape": x.reshape(3, 2).sum(1),
    "expand": x.unsqueeze(0).expand(2, 2, 3),
    "repeat": x.repeat(1, 2),
    "where": torch.where(x > 2, x, -x),
    "clamp": x.clamp(1, 4),
    "cat": torch.cat([x, x * 2]),
    "matmul": x @ x.t(),
    "einsum": torch.einsum("ij,kj->ik", x, x),
    "flip": x.flip(1),
    "sort": x.sort(1, descending=True).values,
    "topk": x.topk(2).values,
    "tril": x.tril(),
    "abs": (x - 2).abs(),
    "sign": (x - 2).sign(),
    "pow": x.pow(torch.tensor([1.0, 2.0, 3.0])),
    "std": x.std(),
}.items():
    (g,) = torch.autograd.grad(result.sum(), x)
    print(name, result.grad_fn.name(), g.tolist() if name != "std" else "")
