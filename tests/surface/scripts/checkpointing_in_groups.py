"""Checkpoints that stop early or not, several backwards as one, and what a node shows of what it kept."""

import contextlib

import torch
from torch.utils.checkpoint import GraphExecGroup, checkpoint, set_checkpoint_early_stop

count = [0]


def region(x):
    for _ in range(3):
        x = x.exp()
        count[0] += 1
    return x


x = torch.tensor(0.1, requires_grad=True)
checkpoint(region, x, use_reentrant=False).backward()
print(count, x.grad)
count[0] = 0
with set_checkpoint_early_stop(False):
    out = checkpoint(region, x, use_reentrant=False)
out.backward()
print(count)


def two(x):
    count[0] += 1
    y = x.sin().cos()
    return y, y.sin().cos()


for group in (GraphExecGroup(), contextlib.nullcontext()):
    count[0] = 0
    x = torch.tensor([1.0, 2.0], requires_grad=True)
    y, z = checkpoint(two, x, use_reentrant=False)
    with group:
        (gy,) = torch.autograd.grad(z, y, torch.ones(2))
        (gx,) = torch.autograd.grad(y, x, gy)
    print(count, gx)

out = checkpoint(lambda x: x.sin().cos(), x, use_reentrant=False)
with GraphExecGroup():
    out.sum().backward(retain_graph=True)
    try:
        out.sum().backward()
    except RuntimeError as error:
        print(error)
    try:
        with GraphExecGroup():
            pass
    except RuntimeError as error:
        print(str(error).split(" <")[0])

a = torch.ones(2, 2, requires_grad=True)
print(a.mean().grad_fn._saved_self_sym_sizes, a[:, torch.tensor([0, 1])].grad_fn._saved_self_sym_sizes)
print(torch.logit(a / 2).grad_fn._saved_eps, a.as_strided((3,), (1,)).grad_fn._saved_storage_offset)
print(torch.div(a, 2.0, rounding_mode=None).grad_fn._saved_rounding_mode, a.sum(0).grad_fn._saved_dim)

with torch.autograd.graph.saved_tensors_hooks(lambda t: ("packed", t), lambda kept: kept[1]):
    b = a**2
c = b.exp()
d = c**2
print(b.grad_fn._raw_saved_self.data[0], b.grad_fn._raw_saved_self.unpack_hook is not None)
print(c.grad_fn._raw_saved_result.data is c, d.grad_fn._raw_saved_self.data is c, d.grad_fn._raw_saved_self.unpack_hook)
