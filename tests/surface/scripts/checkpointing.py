"""Trading computation for memory, in both variants."""

import warnings

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

calls = []


class Block(nn.Module):
    def __init__(self, name):
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.name = name

    def forward(self, x):
        calls.append(self.name)
        return torch.tanh(self.linear(x))


for reentrant in (True, False):
    torch.manual_seed(0)
    calls.clear()
    block = Block("block")
    x = torch.randn(2, 3, requires_grad=True)
    y = checkpoint(block, x, use_reentrant=reentrant)
    print(y, calls)
    y.sum().backward()
    print(x.grad, calls)
    print(block.linear.weight.grad)

torch.manual_seed(0)
drop = nn.Dropout(0.5)
x = torch.ones(8, requires_grad=True)
y = checkpoint(lambda t: drop(t) * 2, x, use_reentrant=False)
y.sum().backward()
print(torch.equal(y.detach(), x.grad))
y = checkpoint(lambda t: drop(t) * 2, x, use_reentrant=True)
print(y)

layers = nn.Sequential(*[Block(str(i)) for i in range(4)])
calls.clear()
out = checkpoint_sequential(layers, 2, torch.ones(1, 3, requires_grad=True), use_reentrant=False)
out.sum().backward()
print(calls)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    z = checkpoint(block, torch.randn(2, 3), use_reentrant=True)
    print([str(w.message) for w in caught], z.requires_grad)
x = torch.randn(2, 3, requires_grad=True)
y = checkpoint(block, x, use_reentrant=True)
try:
    torch.autograd.grad(y.sum(), x)
except RuntimeError as error:
    print(error)
y = checkpoint(block, x, use_reentrant=False)
print(torch.autograd.grad(y.sum(), x)[0].shape)

flip = [0]


def unstable(t):
    flip[0] += 1
    return t.sin() if flip[0] == 1 else t.sin().exp().exp()


y = checkpoint(unstable, x, use_reentrant=False, early_stop=False)
try:
    y.sum().backward()
except RuntimeError as error:
    print(type(error).__name__, str(error).split("\n")[0])
