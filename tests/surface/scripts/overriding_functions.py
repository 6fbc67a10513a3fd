"""``__torch_function__`` in full: what reaches it, by which names, and what is said when nobody answers."""

import functools

import torch
import torch.nn.functional as F
from torch.overrides import (
    TorchFunctionMode,
    get_ignored_functions,
    get_overridable_functions,
    handle_torch_function,
    has_torch_function,
    is_tensor_like,
    is_tensor_method_or_property,
    redispatch_function,
    resolve_name,
    wrap_torch_function,
)


def say(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:400])


# a type that is no tensor: multiples of the identity
rules = {}


def rule(function):
    def register(f):
        functools.update_wrapper(f, function)
        rules[function] = f
        return f

    return register


class Multiple:
    def __init__(self, size, value):
        self.size, self.value = size, value

    def __repr__(self):
        return f"Multiple({self.size}, {self.value})"

    def dense(self):
        return self.value * torch.eye(self.size)

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func not in rules or not all(issubclass(t, (torch.Tensor, Multiple)) for t in types):
            return NotImplemented
        return rules[func](*args, **(kwargs or {}))


@rule(torch.mean)
def mean(m):
    return m.value / m.size


@rule(torch.add)
def add(a, b):
    if isinstance(a, Multiple) and isinstance(b, Multiple):
        return Multiple(a.size, a.value + b.value)
    return torch.add(*(m.dense() if isinstance(m, Multiple) else m for m in (a, b)))


@rule(F.relu)
def relu(m, inplace=False):
    return Multiple(m.size, max(m.value, 0)), inplace


m = Multiple(2, -3.0)
say(lambda: torch.mean(m))
say(lambda: torch.add(m, m))
say(lambda: torch.add(m, torch.ones(2, 2)))
say(lambda: F.relu(m))
say(lambda: torch.mul(m, 2))
say(lambda: F.softmax(m, 0))
say(lambda: F.linear(m, m))
say(lambda: torch.linalg.norm(m))
say(lambda: torch.ones(1).add(m))
say(lambda: torch.ones(1) + m)
say(lambda: (is_tensor_like(m), is_tensor_like(3), has_torch_function((m,)), has_torch_function((torch.ones(1),))))


def double(x):
    if has_torch_function((x,)):
        return handle_torch_function(double, (x,), x)
    return 2 * x


@wrap_torch_function(lambda x, **options: (x,))
def triple(x, sign=1):
    return 3 * sign * x


say(lambda: double(m))
rules[double] = lambda m: "twice"
rules[triple] = lambda m, sign=1: ("thrice", sign)
say(lambda: (double(m), double(2), triple(m), triple(m, sign=-1), triple(1)))


# a tensor that tells what is done to it
class Telling(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        print(resolve_name(func), func.__name__, [type(a).__name__ for a in args], kwargs, [t.__name__ for t in types])
        return super().__torch_function__(func, types, args, kwargs)


class Louder(Telling):
    pass


x = torch.tensor([1.0, 2.0]).as_subclass(Telling)
loud = torch.tensor([3.0, 4.0]).as_subclass(Louder)
for f in (
    lambda: torch.add(x, 1),
    lambda: torch.add(x, 1, alpha=2),
    lambda: x + torch.ones(2),
    lambda: 1 - x,
    lambda: 2**x,
    lambda: x**2,
    lambda: 1 / x,
    lambda: 7 // x,
    lambda: x @ x,
    lambda: x == 1,
    lambda: x.long() & 1,
    lambda: x.long() << 2,
    lambda: x.add_(0),
    lambda: x * loud,
    lambda: x[0],
    lambda: x.__setitem__(0, 3.0),
    lambda: x.shape,
    lambda: x.dtype,
    lambda: x.grad,
    lambda: x.requires_grad,
    lambda: x.T,
    lambda: x.size(),
    lambda: x.dim(),
    lambda: x.numel(),
    lambda: x.tolist(),
    lambda: x[0].item(),
    lambda: float(x[0]),
    lambda: bool(x[0]),
    lambda: len(x),
    lambda: 1 in x,
    lambda: f"{x.sum().item():.1f}",
    lambda: x.detach(),
    lambda: x.clone(),
    lambda: x.double(),
    lambda: x.to(torch.float16),
    lambda: x.new_zeros(1),
    lambda: x.split(1),
    lambda: x.unique(),
    lambda: x.norm(),
    lambda: x.mean(dim=0, keepdim=True),
    lambda: x.unflatten(0, (2, 1)),
    lambda: x.max(0),
    lambda: torch.stack([x, x]),
    lambda: torch.einsum("i,i->", x, x),
    lambda: torch.where(x > 1, x, x),
    lambda: torch.zeros_like(x),
    lambda: torch.linalg.norm(x),
    lambda: torch.special.expit(x),
    lambda: torch.norm(x),
    lambda: torch.meshgrid(x, x, indexing="ij"),
    lambda: torch.numel(x),
    lambda: F.relu(x),
    lambda: F.softmax(x, 0),
    lambda: F.gelu(x),
    lambda: F.sigmoid(x),
    lambda: F.mse_loss(x, x),
    lambda: F.mse_loss(x, torch.ones(2)),
    lambda: F.dropout(x, training=False),
    lambda: F.pad(x, (1, 1)),
    lambda: F.layer_norm(x, (2,)),
    lambda: F.one_hot(x.long()),
    lambda: torch.nn.Linear(2, 1, bias=False)(x).shape,
    lambda: x.as_subclass(torch.Tensor),
):
    say(f)
w = torch.tensor([1.0, 2.0], requires_grad=True).as_subclass(Telling)
w.sum().backward()
w.retain_grad()
handle = w.register_hook(lambda grad: grad)
(g,) = torch.autograd.grad(w.prod(), w)
print(type(g))
with torch._C.DisableTorchFunctionSubclass():
    print(x.shape, type(x + 1))


# modes see all of it
class Log(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        print("log", resolve_name(func), [type(a).__name__ for a in args], kwargs, types)
        return func(*args, **(kwargs or {}))


class Silent(TorchFunctionMode):
    def __repr__(self):
        return "Silent()"

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return NotImplemented


with Log():
    a = torch.rand(3, requires_grad=True)
    b = F.relu(a * 2)
    b.sum().backward()


def inside(f):
    with Silent():
        return f()


say(lambda: inside(lambda: torch.ones(1)))
say(lambda: inside(lambda: torch.mean(m)))
ones = torch.ones(2)
say(lambda: inside(lambda: ones + 1))
say(lambda: inside(lambda: F.relu(ones)))


# past one override
def shifted_product(a, b):
    if has_torch_function((a, b)):
        return handle_torch_function(shifted_product, (a, b), a, b)
    return a * b + 1


class Indented(torch.Tensor):
    depth = 0

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        print("  " * cls.depth + func.__name__)
        cls.depth += 1
        result = redispatch_function(func, types, args, kwargs)
        cls.depth -= 1
        return result


print(shifted_product(torch.tensor([3.0]).as_subclass(Indented), torch.tensor([4.0])))

# names
names = get_overridable_functions()
print(
    torch.add in names[torch], F.relu in names[F], torch.Tensor.add in names[torch.Tensor], torch.zeros in names[torch]
)
print(torch.zeros in get_ignored_functions(), torch.add in get_ignored_functions())
for f in (
    torch.add,
    torch.Tensor.add,
    F.relu,
    torch.linalg.norm,
    torch.einsum,
    torch.Tensor.shape.__get__,
    print,
    F.linear,
):
    print(resolve_name(f), is_tensor_method_or_property(f))
print(torch.linalg.norm.__name__, torch.fft.fft.__name__, torch.special.expit.__name__, torch.Tensor.__pow__.__name__)

# operators of numbers on the left, and shifts
n = torch.tensor([1, 2, 3])
for f in (
    lambda: 7 // n,
    lambda: 7.5 // n,
    lambda: 7 % n,
    lambda: n << 1,
    lambda: n >> 1,
    lambda: 1 << n,
    lambda: 16 >> n,
    lambda: ~n,
    lambda: ~torch.ones(1),
    lambda: n @ 2,
    lambda: 2 @ n,
    lambda: torch.ones(1) << 1,
):
    say(f)
n <<= 2
print(n)
