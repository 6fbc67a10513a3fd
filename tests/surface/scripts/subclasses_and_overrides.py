"""Types that take over torch's functions, and subclasses of Tensor."""

import torch


class Scalar:
    handled = {}

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"Scalar({self.value})"

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        if func not in cls.handled or not all(issubclass(t, (torch.Tensor, Scalar)) for t in types):
            return NotImplemented
        return cls.handled[func](*args, **(kwargs or {}))


def implements(function):
    def decorate(mine):
        Scalar.handled[function] = mine
        return mine

    return decorate


@implements(torch.mean)
def mean(input):
    return float(input.value)


@implements(torch.add)
def add(a, b):
    return Scalar(getattr(a, "value", a) + getattr(b, "value", b))


print(torch.mean(Scalar(2)), torch.add(Scalar(1), Scalar(2)))
try:
    torch.mul(Scalar(1), 2)
except TypeError as error:
    print("torch.mul" in str(error), "Scalar" in str(error))


class Logged(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        print("called", func.__name__, [t.__name__ for t in types])
        return super().__torch_function__(func, types, args, kwargs or {})


plain = torch.tensor([1.0, 2.0])
logged = plain.as_subclass(Logged)
result = logged * 2
print(type(result).__name__)
torch.stack([logged, plain])
torch.nn.functional.relu(logged)
print(isinstance(logged, torch.Tensor), type(plain), type(torch.nn.Parameter(plain)), type(plain.shape))


class WithMetadata(torch.Tensor):
    @staticmethod
    def __new__(cls, data, unit):
        return super().__new__(cls, data)

    def __init__(self, data, unit):
        self.unit = unit


metres = WithMetadata([1.0, 2.0], "m")
print(metres, metres.unit, type(metres + 1).__name__, hasattr(metres + 1, "unit"))
leaf = torch.ones(2, requires_grad=True)
special = leaf.as_subclass(WithMetadata)
print(special, special.is_leaf, type(special.detach()).__name__)
(special * torch.tensor([2.0, 3.0])).sum().backward()
print(leaf.grad, type(leaf.grad).__name__)


class Silent(torch.Tensor):
    __torch_function__ = torch._C._disabled_torch_function_impl


quiet = plain.as_subclass(Silent)
print(type(quiet).__name__, type(quiet + 1).__name__)
