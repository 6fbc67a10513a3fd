"""Modes that see calls below autograd."""

import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import (
    BaseTorchDispatchMode,
    TorchDispatchMode,
    _get_current_dispatch_mode,
    _get_current_dispatch_mode_stack,
    is_in_torch_dispatch_mode,
)
from torch.utils._pytree import tree_map


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e).partition(" at 0x")[0])


def shown(values):
    def one(v):
        if isinstance(v, torch.Tensor):
            return f"{str(v.dtype)[6:]}{list(v.shape)}" + "*" * v.requires_grad
        return v

    return tree_map(one, values)


class Log(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        print("   ", func, shown(args), shown(kwargs or {}), "->", shown(out))
        return out


x = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]], requires_grad=True)
y = torch.tensor([[1.0, 2.0, -0.5], [0.5, 3.0, 1.25]], requires_grad=True)
w = torch.arange(12.0).reshape(4, 3).requires_grad_()
b = torch.arange(4.0, requires_grad=True)
img = torch.arange(50.0).reshape(1, 2, 5, 5).requires_grad_()
idx = torch.tensor([0, 1])
cases = {
    "add": lambda: (x + y).sum().backward(),
    "numbers": lambda: (x + 2, 2 + x, x - 1, 1 - x, x * 3, x / 2, 1 / x, x**2, 2**x, x > 0, x == y),
    "mul": lambda: (x * y).sum().backward(),
    "div": lambda: (x / y).sum().backward(),
    "exp": lambda: x.exp().sum().backward(),
    "log": lambda: x.abs().log().sum().backward(),
    "sin": lambda: x.sin().sum().backward(),
    "tanh": lambda: x.tanh().mean().backward(),
    "sigmoid": lambda: x.sigmoid().sum().backward(),
    "relu": lambda: F.relu(x).sum().backward(),
    "mean": lambda: x.mean(1).sum().backward(),
    "sum": lambda: x.sum(0, keepdim=True).sum().backward(),
    "mm": lambda: (x @ w.t()).sum().backward(),
    "linear": lambda: F.linear(x, w, b).sum().backward(),
    "bmm": lambda: (x[None] @ w.t()[None]).sum().backward(),
    "view": lambda: x.view(6).sum().backward(),
    "reshape": lambda: x.t().reshape(6).sum().backward(),
    "indexing": lambda: (x[0], x[:, 1:], x[None], x[..., 0], x[idx]),
    "select": lambda: x[0].sum().backward(),
    "slice": lambda: x[:, 1:].sum().backward(),
    "cat": lambda: torch.cat([x, y]).sum().backward(),
    "stack": lambda: torch.stack([x, y]).sum().backward(),
    "split": lambda: (x.unbind(), x.split(1), x.chunk(2)),
    "softmax": lambda: F.softmax(x, 1).sum().backward(),
    "log_softmax": lambda: F.log_softmax(x, 1).sum().backward(),
    "mse_loss": lambda: F.mse_loss(x, y).backward(),
    "gelu": lambda: F.gelu(x).sum().backward(),
    "leaky_relu": lambda: F.leaky_relu(x).sum().backward(),
    "embedding": lambda: F.embedding(idx, w).sum().backward(),
    "where": lambda: torch.where(x > 0, x, y).sum().backward(),
    "max": lambda: (x.max(1), x.sort(), x.topk(2), x.argmax()),
    "norm": lambda: x.norm().backward(),
    "cumsum": lambda: x.cumsum(0).sum().backward(),
    "dot": lambda: b.dot(b).backward(),
    "expand": lambda: b.expand(2, 4).sum().backward(),
    "repeat": lambda: b.repeat(2).sum().backward(),
    "transposed": lambda: (x.t(), x.T, x.mT, x.permute(1, 0), x.transpose(0, 1), x.movedim(0, 1)),
    "shapes": lambda: (x.unsqueeze(1), x[None].squeeze(0), img.flatten(1), x.unfold(1, 2, 1), x.diagonal()),
    "copies": lambda: (x.clone(), x.detach(), x.t().contiguous(), x.to(torch.double), x.data),
    "reading": lambda: (x[0, 0].item(), bool((x > 5).any()), float(x.detach()[1, 1])),
    "gather": lambda: x.gather(1, torch.zeros(2, 1, dtype=torch.long)).sum().backward(),
    "masked": lambda: x.masked_fill(x > 0, 0.0).sum().backward(),
    "rearranged": lambda: (x.tril(), x.flip(0), x.roll(1), torch.hstack([x, y])),
    "making": lambda: (
        torch.ones(2),
        torch.zeros(2, 3),
        torch.tensor([1.0, 2.0]),
        torch.arange(3),
        torch.arange(1, 5, 2.0),
        torch.full((2,), 3.0),
        torch.eye(2),
        torch.empty(2),
        torch.linspace(0, 1, 3),
        torch.as_tensor([1, 2]),
        torch.ones(2, dtype=torch.double, requires_grad=True),
    ),
    "random": lambda: (torch.rand(2), torch.randn(2, 3), torch.randint(5, (2,)), torch.randperm(3)),
    "like": lambda: (
        torch.zeros_like(x),
        torch.ones_like(x, dtype=torch.int),
        torch.full_like(x, 2.0),
        x.new_zeros(2),
        x.new_ones(2, 3),
    ),
    "in place": lambda: (
        x.detach().add_(1),
        x.detach().mul_(y.detach()),
        torch.ones(2).zero_(),
        torch.ones(2).fill_(2),
        torch.ones(2, 3).copy_(y),
    ),
    "assigning": lambda: (x.detach().__setitem__(0, 1.0), x.detach().__setitem__((slice(None), 1), y[:, 0])),
    "out": lambda: torch.add(x.detach(), 1, out=torch.empty(2, 3)),
    "double backward": lambda: torch.autograd.grad(
        torch.autograd.grad((x * x * x).sum(), x, create_graph=True)[0].sum(), x
    ),
    "squares": lambda: (x.abs().sqrt().sum().backward(), x.reciprocal().sum().backward()),
    "no grad": lambda: torch.no_grad()(lambda: x * 2)(),
}
for name, case in cases.items():
    print(name)
    with Log():
        t(lambda: case() and None)
    for leaf in (x, y, w, b, img):
        leaf.grad = None


class Look(TorchDispatchMode):
    """What a tensor is for autograd, inside."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        print(
            self.name,
            func,
            types,
            torch.is_grad_enabled(),
            [a.requires_grad for a in args if isinstance(a, torch.Tensor)],
        )
        r = func(*args, **(kwargs or {}))
        if isinstance(r, torch.Tensor):
            print(self.name, r.requires_grad, r.grad_fn, r._is_view(), r.is_leaf)
        return r

    def __init__(self, name="outer"):
        super().__init__()
        self.name = name


with Look():
    product = x * 2
    view = x.view(6)
    print(view._is_view(), view._base is x, view.grad_fn.name(), product.grad_fn.name())
    a = torch.ones(2)
    a.add_(1)
    print(a._version)
    a.view(2).mul_(2)
    print(a._version, a)
    with torch.no_grad():
        print(x.view(6)._is_view())
    p, q = x.unbind()
    t(lambda: p.mul_(2))
    t(lambda: x.mul_(2))
    with Look("inner"):
        x.sin()
    with torch._C._DisableTorchDispatch():
        x + 1


class Zeros(TorchDispatchMode):
    """Answers for one operator."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.sin.default:
            return torch.zeros_like(args[0])
        return func(*args, **(kwargs or {}))


with Zeros():
    r = x.sin()
    print(r)
    r.sum().backward()
    print(x.grad)


class Silent(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return NotImplemented


with Silent():
    t(lambda: torch.add(x, 1))
    t(lambda: x + 1)


class Bare(TorchDispatchMode):
    pass


with Bare():
    t(lambda: x.add(1))


class Count(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.calls = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls[func.overloadpacket] = self.calls.get(func.overloadpacket, 0) + 1
        return func(*args, **(kwargs or {}))


model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))
with Count() as count:
    model(x).sum().backward()
print({str(k): v for k, v in count.calls.items()})


class Refuse(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        raise ValueError(f"no {func.name()}")


with Refuse():
    t(lambda: x + 1)
    t(lambda: torch.ones(2))
print(_get_current_dispatch_mode(), _get_current_dispatch_mode_stack(), is_in_torch_dispatch_mode())
with BaseTorchDispatchMode() as base:
    print(_get_current_dispatch_mode() is base, len(_get_current_dispatch_mode_stack()), is_in_torch_dispatch_mode())
    print((x + 1).grad_fn.name())


class Reentrant(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        with torch.overrides.enable_reentrant_dispatch():
            v = args[0].detach().requires_grad_()
            print((v * 3).grad_fn.name(), (v * 3).requires_grad)
        print((v * 3).grad_fn)
        return func(*args, **(kwargs or {}))


with Reentrant():
    x.cos()
