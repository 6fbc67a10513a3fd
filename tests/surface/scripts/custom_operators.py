"""Operators of a program's own."""

import numpy as np
import torch


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


@torch.library.custom_op("mylib::sq", mutates_args=())
def sq(x: torch.Tensor) -> torch.Tensor:
    print("kernel", x.requires_grad, torch.is_grad_enabled())
    return torch.from_numpy(np.square(x.numpy(force=True)))


x = torch.ones(2, requires_grad=True) * 3
x.retain_grad()
t(lambda: sq(x))
t(lambda: sq(x).sum().backward())
t(lambda: sq(x.detach()))


def setup(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])
    print("setup", len(inputs), output.requires_grad)


def back(ctx, g):
    (x,) = ctx.saved_tensors
    print(ctx.needs_input_grad)
    return 2 * g * x


sq.register_autograd(back, setup_context=setup)


@sq.register_fake
def _(x):
    return torch.empty_like(x)


t(lambda: sq(x))
t(lambda: sq(x).sum().backward())
print(x.grad)
t(lambda: torch.ops.mylib.sq(x))
t(lambda: torch.ops.mylib.sq.default(x).grad_fn.name())
t(lambda: sq)


@torch.library.custom_op("mylib::muladd", mutates_args=(), schema="(Tensor a, Tensor b, float c) -> Tensor")
def muladd(a, b, c):
    return a * b + c


muladd.register_autograd(
    lambda ctx, g: (g * ctx.b, g * ctx.a, None),
    setup_context=lambda ctx, inputs, output: setattr(ctx, "a", inputs[0]) or setattr(ctx, "b", inputs[1]),
)
a = torch.tensor([1.0, 2.0], requires_grad=True)
b = torch.tensor([3.0, 4.0])
t(lambda: muladd(a, b, 0.5))
muladd(a, b, 1.0).sum().backward()
print(a.grad)
t(lambda: muladd(a, b))
t(lambda: muladd(a, b, c=2.0))


@torch.library.custom_op("mylib::two", mutates_args=())
def two(x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    return (x * k, x + k)


two.register_autograd(lambda ctx, g1, g2: (g1 * 3 + g2, None))
a.grad = None
p, q = two(a, 3)
print(p, q)
(p.sum() + q.sum()).backward()
print(a.grad)


@torch.library.custom_op("mylib::sin_", mutates_args={"out"})
def sin_(x: torch.Tensor, out: torch.Tensor) -> None:
    out.copy_(x.sin())


o = torch.zeros(2)
v = o._version
t(lambda: sin_(b, o))
print(o, o._version > v)
t(lambda: torch.autograd.gradcheck(sq, (torch.randn(2, dtype=torch.double, requires_grad=True),)))


def bad(x):
    return x


t(lambda: torch.library.custom_op("mylib::bad", mutates_args=())(bad))
t(lambda: torch.library.custom_op("bad", mutates_args=())(sq._init_fn))


@torch.library.custom_op("mylib::alias", mutates_args=())
def alias(x: torch.Tensor) -> torch.Tensor:
    return x


t(lambda: torch.ops.mylib.nothing)
t(lambda: torch.ops.aten.mm(torch.eye(2), torch.eye(2)))
t(lambda: torch.ops.aten.sin.default(b))
t(lambda: torch.ops.aten.add.Tensor(b, b))
t(lambda: (str(torch.ops.aten.mul.Tensor), str(torch.ops.aten.mm.default), torch.ops.aten.mm))
t(lambda: torch.ops.aten.mm.default == torch.ops.aten.mm.default)
t(lambda: torch.ops.aten.add.Tensor.name())
t(lambda: torch.ops.aten.sum.dim_IntList(torch.eye(2), [0]))
