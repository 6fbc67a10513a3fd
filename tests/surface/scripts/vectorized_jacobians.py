"""torch.autograd.functional with vectorize=True, row by row and column by column: what is called, nested, refused."""

import torch
from torch.autograd.functional import hessian, jacobian

x, y = torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])


def nesting(j):
    if isinstance(j, (tuple, list)):
        return f"{type(j).__name__}[{', '.join(nesting(part) for part in j)}]"
    return f"{list(j.shape)} {j.sum().item():.2f}"


for strategy in ("forward-mode", "reverse-mode"):
    for f in (lambda x, y=y: x**2 * y[0], lambda x, y=y: (x**2 * y[0],), lambda x, y=y: (x**2 * y[0], x.sum())):
        for inputs in (x, (x,), (x, y)):
            print(nesting(jacobian(f, inputs, vectorize=True, strategy=strategy)))


def scalar(x, y):
    print("called", x.shape, x.requires_grad)
    return (x * y).sum() ** 2


for strategy in ("forward-mode", "reverse-mode"):
    print(nesting(hessian(scalar, (x, y), vectorize=True, outer_jacobian_strategy=strategy)))
for f in (
    lambda x: torch.ones(2),
    lambda x: 1.0,
    lambda x: x * x.sum().item(),
    lambda x: x if x.sum() > 0 else -x,
    lambda x: x[x > 1],
    lambda x: x.clone().mul_(x),
    lambda x: x + torch.rand(2),
    lambda x: x.long(),
    lambda x: torch.nn.functional.linear(x, torch.ones(3, 2), torch.ones(3)),
):
    try:
        print(jacobian(f, x, vectorize=True, strategy="forward-mode"))
    except Exception as error:
        print(type(error).__name__, error)
print(jacobian(torch.exp, x[:0], vectorize=True, strategy="forward-mode"))
