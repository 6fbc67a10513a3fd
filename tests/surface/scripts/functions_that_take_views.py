"""Functions of one's own that return views, change views, or say what they should not about either."""

import gc
import warnings
import weakref

import torch
from torch.autograd import Function


def tell(action):
    try:
        print(action())
    except Exception as error:
        print(type(error).__name__, error)


class Head(Function):
    @staticmethod
    def forward(ctx, x, pure):
        ctx._is_pure_view = pure
        return x[:2]

    @staticmethod
    def backward(ctx, grad):
        print("backward of Head")
        return torch.cat([grad, grad.new_zeros(1)]), None


for pure in (True, False):
    w = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    x = w.clone()
    y = Head.apply(x, pure)
    print(y._is_view(), y._base is x, y.grad_fn.name())
    tell(lambda: y.mul_(3))
    y.sum().backward()
    print(w.grad, y._version)
    v = Head.apply(w.clone().view(1, 3).unbind()[0], pure)
    tell(lambda: v.mul_(3))


class Two(Function):
    @staticmethod
    def forward(ctx, x, y):
        ctx._is_pure_view = True
        return x[:1]

    @staticmethod
    def backward(ctx, grad):
        return grad, None


class Odd(Function):
    @staticmethod
    def forward(ctx, x):
        ctx._is_pure_view = 1
        return x


tell(lambda: Two.apply(torch.ones(2), torch.ones(2)))
tell(lambda: Two.apply(torch.ones(2), 3))
tell(lambda: Odd.apply(torch.ones(2)))


class Marks(Function):
    @staticmethod
    def forward(ctx, x, view):
        y = x.clone()
        y = y.view(2) if view else y
        ctx.mark_dirty(y)
        return y

    @staticmethod
    def backward(ctx, grad):
        return grad, None


for view in (True, False):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tell(lambda: Marks.apply(torch.ones(2, requires_grad=True), view))
    print(len(caught))


class Adds(Function):
    @staticmethod
    def forward(ctx, x):
        x.add_(1)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    def backward(ctx, grad):
        print(ctx.saved_tensors[0], ctx.dirty_tensors, ctx.non_differentiable)
        return grad


leaf = torch.tensor([1.0, 2.0], requires_grad=True)
Adds.apply(leaf.clone().view(2)).sum().backward()
with torch.no_grad():
    unseen = leaf.clone().view(2)
seen = leaf.clone()
with torch.no_grad():
    hidden = seen.view(2)
for changed in (leaf, leaf.view(2), leaf.clone().unbind()[0], unseen, hidden):
    tell(lambda: Adds.apply(changed))

gc.disable()
x = leaf.clone().view(2)
y = Adds.apply(x)
seen = weakref.ref(x)
x = y = None
print(seen() is None)
gc.enable()

Node = torch.autograd.graph.Node
print(isinstance(leaf.exp().grad_fn, Node), Node in type(leaf.exp().grad_fn).__mro__, issubclass(int, Node))
print(issubclass(torch._C._functions.DelayedError, Node), isinstance(torch._C._functions.AccumulateGrad, Node))
for piece in (leaf * 2).unsafe_split_with_sizes((1, 1)):
    print(piece, piece._is_view(), piece.mul_(2).grad_fn.name())
