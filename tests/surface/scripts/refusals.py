"""What autograd refuses, and in which words."""

import torch


def attempt(what, call):
    try:
        print(what, "->", call())
    except Exception as error:
        print(what, "->", type(error).__name__, error)


x = torch.tensor([1.0, 2.0], requires_grad=True)
y = x * 2
attempt("not a scalar", lambda: y.backward())
attempt("no graph", lambda: torch.ones(1).backward())
attempt("wrong shape", lambda: y.backward(torch.ones(3)))
s = (y * y).sum()
s.backward()
attempt("twice", lambda: s.backward())
attempt("unused", lambda: torch.autograd.grad(x.sum(), torch.ones(1, requires_grad=True)))
attempt("unused allowed", lambda: torch.autograd.grad(x.sum(), torch.ones(1, requires_grad=True), allow_unused=True))
attempt(
    "materialised",
    lambda: torch.autograd.grad(x.sum(), torch.ones(1, requires_grad=True), materialize_grads=True),
)
attempt("does not require grad", lambda: torch.autograd.grad(x.sum(), torch.ones(1)))
attempt("integer output", lambda: torch.autograd.backward(torch.tensor(1)))
attempt("too few grads", lambda: torch.autograd.backward([y, y], [torch.ones(2)]))
attempt("grad of wrong type", lambda: setattr(x, "grad", 3))
attempt("grad of wrong shape", lambda: setattr(x, "grad", torch.ones(3)))
attempt("grad of wrong dtype", lambda: setattr(x, "grad", torch.ones(2, dtype=torch.double)))
attempt("numpy", lambda: x.numpy())
attempt("deepcopy", lambda: __import__("copy").deepcopy(y))
attempt("bool", lambda: bool(x))
attempt("item", lambda: x.item())
attempt("shapes", lambda: x + torch.ones(3))
attempt("matmul", lambda: torch.ones(2, 3) @ torch.ones(2, 3))
attempt("dim", lambda: x.sum(3))
attempt("index", lambda: x[5])
attempt("view", lambda: x.view(3))
attempt("cat", lambda: torch.cat([torch.ones(2, 2), torch.ones(3, 3)]))
attempt("complex", lambda: torch.ones(1, dtype=torch.cfloat, requires_grad=True).backward())
attempt("empty inputs", lambda: torch.autograd.backward(y, torch.ones(2), inputs=[]))
attempt("not a tensor", lambda: torch.autograd.grad(3, x))
