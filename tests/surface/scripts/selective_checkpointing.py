"""Checkpointing that keeps the results of some operations."""

import functools

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    checkpoint,
    create_selective_checkpoint_contexts,
)

aten = torch.ops.aten


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


class Count(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.seen = {}

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func is not aten.detach.default:
            self.seen[str(func)] = self.seen.get(str(func), 0) + 1
        return func(*args, **(kwargs or {}))


def fn(x, y):
    return torch.sigmoid(torch.matmul(torch.matmul(x, y), y)) * y


def leaves():
    x = torch.arange(4.0).reshape(2, 2).div(10).requires_grad_()
    y = torch.arange(4.0).reshape(2, 2).div(7).requires_grad_()
    return x, y


def run(context_fn=None, **options):
    x, y = leaves()
    if context_fn is not None:
        options["context_fn"] = context_fn
    with Count() as forward:
        out = checkpoint(fn, x, y, use_reentrant=False, **options)
    with Count() as backward:
        out.sum().backward()
    print(forward.seen)
    print(backward.seen)
    print(x.grad, y.grad)


x, y = leaves()
fn(x, y).sum().backward()
print(x.grad, y.grad)
run()


def policy(ctx, op, *args, **kwargs):
    print("policy", op, ctx.is_recompute, type(ctx).__name__)
    if op is aten.mm.default:
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE


run(functools.partial(create_selective_checkpoint_contexts, policy))
run(functools.partial(create_selective_checkpoint_contexts, [aten.mm.default]))
run(functools.partial(create_selective_checkpoint_contexts, [aten.mm.default, aten.sigmoid.default]))
run(functools.partial(create_selective_checkpoint_contexts, lambda ctx, op, *args, **kwargs: True))
run(functools.partial(create_selective_checkpoint_contexts, lambda ctx, op, *a, **k: CheckpointPolicy.PREFER_RECOMPUTE))
run(functools.partial(create_selective_checkpoint_contexts, []))
t(lambda: create_selective_checkpoint_contexts([aten.mm]))
t(lambda: create_selective_checkpoint_contexts([3]))
t(lambda: create_selective_checkpoint_contexts(3))
print(list(CheckpointPolicy))
t(lambda: SelectiveCheckpointContext(is_recompute=True).is_recompute)
x, y = leaves()
context = functools.partial(create_selective_checkpoint_contexts, [aten.mm.default])
out = checkpoint(fn, x, y, use_reentrant=False, context_fn=context)
out.sum().backward(retain_graph=True)
t(lambda: out.sum().backward())


def changes(x):
    z = torch.mm(x, x)
    z.mul_(2)
    return z.sin()


for allow in (False, True):
    contexts = functools.partial(create_selective_checkpoint_contexts, [aten.mm.default], allow)
    x, _ = leaves()
    t(lambda: checkpoint(changes, x, use_reentrant=False, context_fn=contexts).sum().backward())
calls = []


def differs(x):
    calls.append(1)
    return (x.sin() if len(calls) == 1 else x.cos()).exp()


x, _ = leaves()
t(lambda: checkpoint(differs, x, use_reentrant=False, context_fn=context).sum().backward())
x, _ = leaves()


def views(x):
    return x.view(4).view(2, 2).t().sin() @ x


checkpoint(
    views,
    x,
    use_reentrant=False,
    context_fn=functools.partial(create_selective_checkpoint_contexts, lambda ctx, op, *args, **kwargs: True),
).sum().backward()
print(x.grad)
