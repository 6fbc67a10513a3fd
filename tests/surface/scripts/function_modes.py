"""A TorchFunctionMode sees every call of torch's functions, whatever their arguments."""

import threading

import torch
from torch.overrides import BaseTorchFunctionMode, TorchFunctionMode


class Log(TorchFunctionMode):
    def __init__(self, tag="log"):
        self.tag = tag

    def __torch_function__(self, func, types, args=(), kwargs=None):
        print(self.tag, func.__name__, len(args), sorted(kwargs or {}))
        return func(*args, **(kwargs or {}))


x = torch.ones(2, requires_grad=True)
with Log():
    total = (x * 3 + 1).sum()
    torch.add(x, 1, alpha=2)
    torch.zeros(1)
    torch.tensor([1.0])
    torch.cat([x, x])
    x.view(-1)[0]
    torch.einsum("i,i", x, x)
    total.backward()
print(x.grad)

with Log("outer"), Log("inner"):
    x + 1
x + 1


class Constant(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return -1


with Constant():
    print(torch.ones(1), x + 1, torch.mm(x, x))


class Sub(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        print("subclass", func.__name__)
        return super().__torch_function__(func, types, args, kwargs)


with Log():
    print(type(x.as_subclass(Sub) + 1).__name__)
    with torch._C.DisableTorchFunctionSubclass():
        x * 1
    with torch._C.DisableTorchFunction():
        x / 1
    thread = threading.Thread(target=lambda: x - 1)
    thread.start()
    thread.join()
with BaseTorchFunctionMode():
    print(x + 1)


class Swap(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.add:
            func = torch.Tensor.mul
        return func(*args, **(kwargs or {}))


with Swap():
    print(torch.full((2,), 3.0).add(4))
