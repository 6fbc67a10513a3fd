"""Names from before there were dtypes, which old programs use."""

import torch
from torch.autograd import Variable

for name in ("Float", "Double", "Half", "Int", "Byte", "Bool"):
    kind = getattr(torch, f"{name}Tensor")
    made = kind(2, 3)
    print(kind, made.shape, made.dtype, isinstance(made, kind), isinstance(made, torch.LongTensor), kind.dtype)
    print(made.type())
print(torch.LongTensor([0, 2]), torch.FloatTensor([[1, 2]]), torch.LongTensor(torch.Size([2])).shape)
print(torch.FloatTensor())
x = torch.ones(2)
print(x.type(torch.LongTensor), x.type("torch.DoubleTensor"), x.type(torch.int16), x.type(torch.FloatTensor) is x)
print(x.type_as(torch.LongTensor(1)), x.new(2, 3).shape, x.new([1, 2]), x.double().new([3]).dtype, x.new().shape)
for call in (
    lambda: torch.LongTensor(3.5),
    lambda: torch.FloatTensor(2, "a"),
    lambda: torch.FloatTensor(torch.ones(2).long()),
    lambda: x.type("foo"),
    lambda: x.type(3),
    lambda: torch.set_default_tensor_type(torch.LongTensor),
):
    try:
        print(call())
    except (TypeError, ValueError) as error:
        print(type(error).__name__, error)

torch.set_default_tensor_type(torch.DoubleTensor)
print(torch.ones(1).dtype)
torch.set_default_tensor_type("torch.FloatTensor")

v = Variable(torch.FloatTensor([1, 2]), requires_grad=True)
v.double().sum().backward()
print(v.grad, type(v.grad), Variable(torch.LongTensor([1])).requires_grad)
print(torch.ones(4)[torch.LongTensor([0, 2])], torch.arange(4)[torch.BoolTensor([True, False, True, False])])
