"""Backward in several threads at once, and backward within backward, very deep."""

import gc
import threading
import weakref

import torch
from torch.autograd import Function, Variable
from torch.autograd.graph import saved_tensors_hooks


class Deep(Function):
    @staticmethod
    def forward(ctx, x):
        with torch.enable_grad():
            ctx.x = Variable(x.detach(), requires_grad=True) - 1
        return ctx.x.detach()

    @staticmethod
    def backward(ctx, g):
        if ctx.x < 0:
            return g
        with torch.enable_grad():
            Deep.apply(ctx.x).sum().backward()
        return g


v = torch.tensor(300.0, requires_grad=True)
Deep.apply(v).sum().backward()
print(v.grad)


class Fails(Function):
    @staticmethod
    def forward(ctx, x, depth):
        ctx.depth = depth
        return x.clone()

    @staticmethod
    def backward(ctx, g):
        if ctx.depth == 0:
            raise ValueError("at the bottom")
        with torch.enable_grad():
            Fails.apply(torch.ones(1, requires_grad=True), ctx.depth - 1).backward()
        return g, None


try:
    Fails.apply(torch.ones(1, requires_grad=True), 100).backward()
except ValueError as error:
    print(error, torch.is_grad_enabled(), torch._C._current_graph_task_id())

modes = {}


def look(name):
    modes[name] = torch.is_grad_enabled(), torch.is_inference_mode_enabled()


def in_thread(target, *args):
    thread = threading.Thread(target=target, args=args)
    thread.start()
    thread.join()


with torch.no_grad():
    look("here")
    in_thread(look, "in a new thread")
    in_thread(torch.set_grad_enabled, True)
    look("here again")
print(modes)

packed = []
with saved_tensors_hooks(lambda t: packed.append(1) or t, lambda t: t):
    in_thread(lambda: torch.ones(1, requires_grad=True).exp())
    print(len(packed))
    torch.ones(1, requires_grad=True).exp()
    print(len(packed))

x = torch.ones(5, 5, requires_grad=True)


def train():
    y = (x + 3) * (x + 4) * 0.5
    y.sum().backward()


threads = [threading.Thread(target=train) for _ in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(torch.equal(x.grad, 10 * (x + 3.5)))

results = []
y = x * x * x


def differentiate():
    results.append(torch.autograd.grad(y.sum(), x, retain_graph=True)[0])


threads = [threading.Thread(target=differentiate) for _ in range(5)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(all(torch.equal(r, 3 * x * x) for r in results), len(results))


class Noted:
    pass


def graph_of(change):
    c = torch.ones(3, 3, requires_grad=True).clone()
    note = c.grad_fn.metadata["note"] = Noted()
    change(c)
    return weakref.ref(note)


gc.disable()
for change in (lambda c: c.exp(), lambda c: c.relu_(), lambda c: c.view(9).mul_(2), lambda c: c.exp().sum().backward()):
    print(graph_of(change)() is None)
gc.enable()
