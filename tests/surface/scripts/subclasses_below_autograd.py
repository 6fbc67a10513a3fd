"""Subclasses of Tensor with __torch_dispatch__."""

import torch
from torch.testing._internal.logging_tensor import (
    LoggingTensor,
    LoggingTensorMode,
    capture_logs,
    capture_logs_with_logging_tensor_mode,
    log_input,
)
from torch.testing._internal.two_tensor import TwoTensor
from torch.utils._python_dispatch import (
    is_traceable_wrapper_subclass,
    is_traceable_wrapper_subclass_type,
    return_and_correct_aliasing,
    transform_subclass,
)
from torch.utils._pytree import tree_map


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:500])


with capture_logs() as logs:
    x = LoggingTensor(torch.tensor([3.0]), requires_grad=True)
    log_input("x", x)
    y = x * x
    saved_x = y.grad_fn._saved_self
    grad_y = LoggingTensor(torch.tensor([1.0]))
    log_input("grad_y", grad_y)
    (g,) = torch.autograd.grad((y,), (x,), (grad_y,))
    log_input("g", g)
    z = (x.exp() + x.view(1)[0]).sum()
    z.backward()
    log_input("x.grad", x.grad)
print("\n".join(logs))
print(x, y, type(y), type(x.grad), x.grad, saved_x is x)
with capture_logs(is_mode=True) as logs, LoggingTensorMode():
    a = torch.ones(2, 2, requires_grad=True)
    (a @ a).relu().sum().backward()
    a2 = torch.zeros(2)
    a2.add_(1)
    a2[0] = 5
    torch.add(a2, a2, out=torch.empty(2))
print("\n".join(logs))
with capture_logs_with_logging_tensor_mode() as logs:
    torch.tensor([1.0, 2.0]).sum()
print("\n".join(logs))
target = torch.tensor([0, 1, 2])
with capture_logs() as logs:
    p = LoggingTensor(torch.ones(3, 4), requires_grad=True)
    torch.nn.functional.cross_entropy(p, target).backward()
    torch.nn.functional.mse_loss(p, LoggingTensor(torch.zeros(3, 4))).backward()
print("\n".join(line.split("(")[0] for line in logs))

u = TwoTensor(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]), requires_grad=True)
v = (u * 2).sin().sum()
print(v, u)
v.backward()
print(u.grad, type(u.grad))
print(u.view(2, 1).shape, u[0], (u + u).grad_fn is not None, torch.stack([u, u]).shape)
w = TwoTensor(torch.zeros(2), torch.zeros(2))
w.add_(1)
print(w, w._version)
w.mul_(2).view(2)[0].fill_(7)
print(w, w._version)
print(torch.zeros_like(u), u.detach().requires_grad, u.clone().requires_grad)
rows = TwoTensor(torch.ones(3, 2), 2 * torch.ones(3, 2))
print(torch.nn.functional.linear(TwoTensor(torch.ones(1, 2), torch.ones(1, 2)), rows))
print(is_traceable_wrapper_subclass(u), is_traceable_wrapper_subclass(torch.ones(1)))
print(is_traceable_wrapper_subclass_type(TwoTensor), is_traceable_wrapper_subclass_type(torch.nn.Parameter))
print(transform_subclass(u.detach(), lambda name, inner: inner + 1))
print(u.max(), u.sort(), u.split(1), u.topk(1))
print(torch.softmax(u, 0), torch.nn.functional.layer_norm(u, (2,)))
print(torch.nn.Parameter(u.detach()), u.view(2).untyped_storage() is not None)
t(lambda: TwoTensor(torch.ones(2), torch.ones(3)))
t(lambda: TwoTensor(torch.ones(2), torch.ones(2).double()))


class Plain(torch.Tensor):
    """Over the memory of another tensor."""

    @staticmethod
    def __new__(cls, values, requires_grad=False):
        return torch.Tensor._make_subclass(cls, values, requires_grad)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        print(func, types, kwargs)
        with torch._C._DisableTorchDispatch():
            return func(*args, **(kwargs or {}))


s = Plain(torch.ones(2), True)
t(lambda: type(s + 1))
t(lambda: (s + 1).grad_fn.name())
s.sum().backward()
t(lambda: (s.grad, type(s.grad), s.requires_grad, s.is_leaf))
t(lambda: type(s.detach()))
t(lambda: s[0])
t(lambda: torch.add(s, s).grad_fn.name())
t(lambda: torch.ones(2) * s)
t(lambda: torch.cat([torch.ones(1), s.detach()]))


class A(torch.Tensor):
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        print("A", types)
        return NotImplemented


class B(A):
    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        print("B", types)
        return NotImplemented


t(lambda: torch.add(torch.ones(2).as_subclass(A), torch.ones(2).as_subclass(B)))


class Scaled(torch.Tensor):
    """Holds a tensor and a factor; operations see the product."""

    @staticmethod
    def __new__(cls, data, factor):
        return torch.Tensor._make_wrapper_subclass(
            cls, data.size(), strides=data.stride(), dtype=data.dtype, requires_grad=data.requires_grad
        )

    def __init__(self, data, factor):
        self._data, self._factor = data, factor

    def __repr__(self):
        return f"Scaled({self._data}, {self._factor})"

    def __tensor_flatten__(self):
        return ["_data"], self._factor

    @staticmethod
    def __tensor_unflatten__(inner, factor, size, stride):
        return Scaled(inner["_data"], factor)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        if func is torch.ops.aten.mul.Tensor and isinstance(args[1], (int, float)):
            return Scaled(args[0]._data, args[0]._factor * args[1])
        if func in (torch.ops.aten.detach.default, torch.ops.aten.t.default):
            out = Scaled(func(args[0]._data), args[0]._factor)
            return return_and_correct_aliasing(func, args, kwargs, out)
        plain = tree_map(lambda a: a._data * a._factor if isinstance(a, Scaled) else a, (args, kwargs or {}))
        return func(*plain[0], **plain[1])


s = Scaled(torch.tensor([[1.0, 2.0]]), 2.0)
print(s * 3, (s * 3).sum(), s + 1, s.t(), s.detach())
t(lambda: torch.mm(s, torch.ones(2, 1)))
r = Scaled(torch.tensor([1.0, 2.0], requires_grad=True), 2.0)
print(r.requires_grad, (r * 2).grad_fn.name(), (r + 1).grad_fn.name())


class Wrapper(torch.Tensor):
    @staticmethod
    def __new__(cls, size, **options):
        return torch.Tensor._make_wrapper_subclass(cls, size, **options)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        print(func)
        return torch.ones(2)


m = Wrapper((2, 3))
print(m.shape, m.stride(), m.storage_offset(), m.dtype, m.requires_grad, m.is_contiguous(), m.device, m.layout)
m = Wrapper((2, 3), strides=(1, 2), storage_offset=3, dtype=torch.double, requires_grad=True)
print(m.shape, m.stride(), m.storage_offset(), m.dtype, m.requires_grad, m.is_contiguous(), m._is_view(), m._version)
t(lambda: m.numpy())
t(lambda: m.tolist())
t(lambda: m.item())
t(lambda: bool(m))
t(lambda: (m + 1).grad_fn.name())
t(lambda: m.add_(1))
t(lambda: m.data)
t(lambda: Wrapper((2,), dtype=torch.long, requires_grad=True))
t(lambda: Wrapper(2))


class Without(torch.Tensor):
    pass


t(lambda: torch.Tensor._make_wrapper_subclass(Without, (2,)))
t(lambda: torch.Tensor._make_wrapper_subclass(Wrapper))
t(lambda: torch.Tensor._make_subclass(Without, torch.ones(2, requires_grad=True)))
t(lambda: torch.Tensor._make_subclass(Without, torch.ones(2), True))
t(lambda: torch.Tensor._make_subclass(int, torch.ones(2)))
t(lambda: torch.Tensor._make_subclass(Without, 3))
