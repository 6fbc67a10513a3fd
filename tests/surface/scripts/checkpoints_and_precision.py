"""A region that is computed again is computed in the precision that it was computed in, and leaves nothing behind."""

import gc
import weakref

import torch
from torch.utils.checkpoint import checkpoint

kinds = []


def region(x, w):
    product = torch.mm(x, w)
    kinds.append(product.dtype)
    return torch.mm(product, w).sin()


for reentrant in (False, True):
    for enabled in (True, False):
        for inner in (None, torch.float16):
            x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
            w = torch.tensor([[0.5, 0.25], [1.0, 2.0]], requires_grad=True)
            kinds.clear()
            with torch.autocast("cpu", dtype=inner or torch.bfloat16, enabled=enabled):
                loss = checkpoint(region, x, w, use_reentrant=reentrant).float().sum()
            loss.backward()
            print(reentrant, kinds, x.grad.dtype, w.grad.dtype)

references = []


class Keeps(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.clone()
        ctx.save_for_backward(y)
        references.append(weakref.ref(y))
        return y

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return grad * y


gc.disable()
x = torch.ones(2, requires_grad=True)
checkpoint(Keeps.apply, x, use_reentrant=False).sum().backward()
print(x.grad, [reference() is None for reference in references])
gc.enable()

saved = torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t)
enabled = torch._C._autograd._saved_tensors_hooks_is_enabled
print(enabled())
with torch.autograd.graph.disable_saved_tensors_hooks("not here"):
    print(enabled())
    try:
        with saved:
            pass
    except RuntimeError as error:
        print(error)
print(enabled())
