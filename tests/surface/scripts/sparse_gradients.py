"""Gradients of sparse tensors, and sparse gradients: where they come from, how they are added, who takes them."""

import copy
import pickle
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")


def attempt(call):
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, str(error).split("for possible resolutions.")[0])


def leaf():
    return torch.tensor([[0.0, 0.0, 3.0], [4.0, 0.0, 5.0]]).to_sparse().requires_grad_()


# the example of the documentation of torch.sparse.mm
a, b = torch.tensor([[1.0, 0, 2], [0, 3, 0]]).to_sparse().requires_grad_(), torch.tensor([[0, 1.0], [2, 0], [0, 0]])
b.requires_grad_()
y = torch.sparse.mm(a, b)
print(a, b, y)
y.sum().backward()
print(a.grad, b.grad)

# what is not specified is no variable
cotangent = torch.arange(1.0, 7.0).reshape(2, 3)
for masked in (True, False):
    s = leaf()
    s.to_dense(masked_grad=masked).backward(cotangent)
    print(s.grad)
for f in (
    lambda s: s * 2,
    lambda s: s * s,
    lambda s: -s,
    lambda s: s**2,
    lambda s: s.relu(),
    lambda s: s.abs(),
    lambda s: s.clone(),
    lambda s: s.double(),
    lambda s: s + s,
    lambda s: s.coalesce(),
    lambda s: s.to_sparse_csr(),
):
    s = leaf()
    made = f(s)
    made.to_dense().backward(cotangent.to(made.dtype))
    print(type(made.grad_fn).__name__, s.grad)
s = leaf()
s.t().to_dense().backward(cotangent.t())
print(s.grad)
for root in (
    torch.sparse.sum,
    lambda s: torch.sparse.sum(s, 0).to_dense().sum(),
    lambda s: s.sum(),
    lambda s: s.coalesce().values().sum(),
):
    s = leaf()
    root(s).backward()
    print(s.grad)
s = leaf()
(s * 3).backward(leaf().detach())
print(s.grad)
for f in (lambda s: s.sin(), lambda s: s.sqrt(), lambda s: s[0], lambda s: torch.cat([s, s])):
    attempt(lambda: f(leaf()).to_dense().sum().backward())
attempt(lambda: torch.smm(leaf(), b).to_dense().sum().backward())

# values of a tensor that is made of them
v = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
made = torch.sparse_coo_tensor(torch.tensor([[0, 0, 1]]), v, (2,))
print(made, made.coalesce(), made.coalesce().values())
made.coalesce().values().backward(torch.tensor([7.0, 8.0]))
print(v.grad)
x = torch.arange(6.0).reshape(2, 3).requires_grad_()
x.to_sparse().to_dense().mul(x).sum().backward()
x.sparse_mask(leaf().detach()).to_dense().sum().backward()
print(x.grad)

# second derivatives
s = leaf()
(g,) = torch.autograd.grad((s * s * s).to_dense().sum(), s, create_graph=True)
g.to_dense().sum().backward()
print(g, s.grad)

# a table whose gradient has the rows that were looked up
table = nn.Embedding(4, 2, sparse=True)
table.weight.data = torch.arange(8.0).reshape(4, 2)
print(table)
table(torch.tensor([1, 3, 1])).pow(2).sum().backward()
first = table.weight.grad
print(first, first.coalesce())
table(torch.tensor([[0, 1]])).sum().backward()
print(table.weight.grad, table.weight.grad is first)
table.weight.pow(2).sum().backward()
print(table.weight.grad, table.weight.grad is first)
first = table.weight.grad
table(torch.tensor([2])).sum().backward()
print(table.weight.grad, table.weight.grad is first)
padded = nn.Embedding(4, 2, padding_idx=1, sparse=True)
padded(torch.tensor([1, 3, 1])).sum().backward()
print(padded.weight.grad)
attempt(lambda: nn.functional.embedding(torch.tensor([1]), x, sparse=True, scale_grad_by_freq=True).sum().backward())

# hooks, retained gradients, assignment
w = torch.ones(3, 2, requires_grad=True)
u = w * 1
u.retain_grad()
w.register_hook(lambda g: print("hook", g.layout, g._nnz()) or g * 2)
w.register_post_accumulate_grad_hook(lambda p: print("after", p.grad.layout))
nn.functional.embedding(torch.tensor([2, 0]), u, sparse=True).sum().backward()
print(u.grad, w.grad)
for value in (torch.sparse_coo_tensor((3, 2)), torch.sparse_coo_tensor((3, 3)), torch.ones(3, 2).to_sparse_csr()):
    attempt(lambda: setattr(w, "grad", value))
s = leaf()
attempt(lambda: setattr(s, "grad", torch.ones(2, 3)))
attempt(lambda: s.mul_(2))
with torch.no_grad():
    s.mul_(2)
print(s, s._version)
saved = leaf()
squared = saved * saved
with torch.no_grad():
    saved.mul_(2)
attempt(lambda: squared.to_dense().sum().backward())

# who takes sparse gradients
for name, options in [
    ("SGD", {}), ("SGD", {"momentum": 0.9}), ("SGD", {"weight_decay": 0.1}), ("SparseAdam", {}), ("Adagrad", {}),
    ("Adagrad", {"weight_decay": 0.1}), ("Adam", {}), ("AdamW", {}), ("RMSprop", {}), ("Adadelta", {}), ("Adamax", {}),
    ("NAdam", {}), ("RAdam", {}), ("ASGD", {}), ("Rprop", {}),
]:  # fmt: skip
    rows = torch.arange(8.0).reshape(4, 2).requires_grad_()
    optimizer = getattr(torch.optim, name)([rows], lr=0.1, **options)

    def step():
        for _ in range(3):
            optimizer.zero_grad()
            nn.functional.embedding(torch.tensor([1, 3, 1]), rows, sparse=True).pow(2).sum().backward()
            optimizer.step()
        return rows

    print(name, options)
    attempt(step)
attempt(lambda: torch.optim.SparseAdam([leaf()]))
attempt(lambda: torch.optim.SparseAdam([torch.ones(1, requires_grad=True)], lr=0.0))
dense = torch.ones(2, requires_grad=True)
dense.sum().backward()
attempt(lambda: torch.optim.SparseAdam([dense]).step())
rows.grad = None
nn.functional.embedding(torch.tensor([1]), rows, sparse=True).sum().backward()
attempt(lambda: nn.utils.clip_grad_norm_([rows], 1.0))

# refused elsewhere
made = torch.sparse_coo_tensor(torch.tensor([[0, 0, 1]]), v, (2,))
attempt(lambda: torch.autograd.grad(made, v, torch.stack([made.detach(), made.detach()]), is_grads_batched=True))
attempt(lambda: torch.autograd.forward_ad.make_dual(leaf(), leaf(), level=0))
attempt(lambda: torch.autograd.grad(torch.sparse_coo_tensor([[0]], v[:1], (1,)), v))
print(torch.func.grad(lambda s: s.to_dense().pow(2).sum())(leaf().detach()))

# copies
print(copy.deepcopy(leaf()), pickle.loads(pickle.dumps(leaf())), copy.copy(leaf()))

# gradcheck of functions of sparse tensors
check = torch.sparse.as_sparse_gradcheck(torch.autograd.gradcheck)
double = leaf().detach().double().requires_grad_()
print(check(lambda s: s.to_sparse_csr(), (double,)), check(lambda s: (s * s).to_dense(), (double,), masked=True))
