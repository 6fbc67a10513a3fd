"""Packing and unpacking what the graph keeps."""

import torch


def pack(tensor):
    print("packing", tensor.shape)
    return (tensor.shape, tensor.flatten().tolist())


def unpack(packed):
    shape, values = packed
    print("unpacking", shape)
    return torch.tensor(values).reshape(shape)


x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
    y = x.pow(2)
    z = y.exp()
print("recorded")
z.sum().backward()
print(x.grad)

a = torch.ones(2, requires_grad=True)
with torch.autograd.graph.saved_tensors_hooks(lambda t: t * 2, lambda t: t):
    b = a * torch.tensor([3.0, 4.0])
b.sum().backward()
print(a.grad)

w = torch.tensor([5.0], requires_grad=True)
prod = w * w
prod.grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t * 10)
prod.backward()
print(w.grad)
with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
    try:
        with torch.autograd.graph.saved_tensors_hooks(pack, unpack):
            x.pow(2)
    except RuntimeError as error:
        print(error)


class Selective:
    """Keeps big tensors elsewhere."""

    def __init__(self):
        self.storage = []

    def pack(self, t):
        if t.numel() < 4:
            return t
        self.storage.append(t)
        return len(self.storage) - 1

    def unpack(self, packed):
        return packed if isinstance(packed, torch.Tensor) else self.storage[packed]


keeper = Selective()
with torch.autograd.graph.saved_tensors_hooks(keeper.pack, keeper.unpack):
    big = torch.arange(5.0, requires_grad=True)
    small = torch.tensor(2.0, requires_grad=True)
    out = (big.sin() * small.exp()).sum()
out.backward()
print(len(keeper.storage), big.grad, small.grad)
