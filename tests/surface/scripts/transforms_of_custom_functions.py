"""Custom Functions inside of transforms: a rule for vmap, a generated one, forward mode."""

import numpy as np
import torch
from torch.autograd import Function
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

torch.manual_seed(0)


class Sort(Function):
    @staticmethod
    def forward(x, dim):
        order = np.argsort(x.numpy(), axis=dim)
        back = np.argsort(order, axis=dim)
        return tuple(torch.tensor(a) for a in (np.take_along_axis(x.numpy(), order, dim), order, back))

    @staticmethod
    def setup_context(ctx, inputs, output):
        _, order, back = output
        ctx.mark_non_differentiable(order, back)
        ctx.save_for_backward(order, back)
        ctx.dim = inputs[1]

    @staticmethod
    def backward(ctx, grad, *unused):
        order, back = ctx.saved_tensors
        return Take.apply(grad, back, order, ctx.dim), None

    @staticmethod
    def vmap(info, in_dims, x, dim):
        print(info, in_dims)
        return Sort.apply(x.movedim(in_dims[0], 0), dim + 1), (0, 0, 0)


class Take(Function):
    @staticmethod
    def forward(x, index, back, dim):
        return torch.tensor(np.take_along_axis(x.numpy(), index.numpy(), dim))

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[1], inputs[2])
        ctx.dim = inputs[3]

    @staticmethod
    def backward(ctx, grad):
        index, back = ctx.saved_tensors
        return Take.apply(grad, back, index, ctx.dim), None, None, None

    @staticmethod
    def vmap(info, in_dims, x, index, back, dim):
        whole = [t.expand(info.batch_size, *t.shape) if d is None else t.movedim(d, 0)
                 for t, d in zip((x, index, back), in_dims)]  # fmt: skip
        return Take.apply(*whole, dim + 1), 0


def sort(x):
    return Sort.apply(x, 0)[0]


x = torch.randn(2, 3)
print(grad(lambda x: (sort(x[0]) ** 2).sum())(x))
print(vmap(sort)(x), vmap(sort, in_dims=1)(x), jacrev(sort)(x[0]))
print(vmap(grad(lambda x: (sort(x) * torch.arange(3.0)).sum()))(x))


class Cube(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**3, 3 * x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0], output[1])
        ctx.save_for_forward(inputs[0], output[1])

    @staticmethod
    def backward(ctx, grad, grad_slope):
        x, slope = ctx.saved_tensors
        return grad * slope + grad_slope * 6 * x

    @staticmethod
    def jvp(ctx, tangent):
        x, slope = ctx.saved_tensors
        return tangent * slope, tangent * 6 * x


def cube(x):
    return Cube.apply(x)[0]


v = torch.randn(3)
print(vmap(cube)(v), vmap(grad(cube))(v), vmap(grad(grad(cube)))(v), vmap(vmap(cube))(torch.stack([v, v])))
print(jvp(cube, (v,), (v,)), jacfwd(cube)(v), jacrev(cube)(v), hessian(lambda x: cube(x).sum())(v))
print(vmap(lambda x, t: jvp(cube, (x,), (t,)))(v, v.cos()), grad(lambda x: jvp(cube, (x,), (v,))[1].sum())(v))
print(grad(lambda x: vmap(cube)(torch.stack([x, x], 1)).sum())(v))
w = v.clone().requires_grad_()
out = vmap(cube)(w)
print(out)
out.sum().backward()
print(w.grad)


class Scale(Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x, factor, times):
        return x * factor * times

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, factor, ctx.times = inputs
        ctx.save_for_backward(x, factor)
        ctx.input = x
        print("needs", ctx.needs_input_grad)

    @staticmethod
    def backward(ctx, grad):
        x, factor = ctx.saved_tensors
        print("input", ctx.input)
        return grad * factor * ctx.times, (grad * x * ctx.times).sum(), None


factor = torch.tensor(2.0, requires_grad=True)
rows = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
vmap(lambda x, f: Scale.apply(x, f, 3), (0, None))(rows, factor).sum().backward()
print(rows.grad, factor.grad)


class Old(Function):
    @staticmethod
    def forward(ctx, x):
        return x * 2

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


class Silent(Scale):
    generate_vmap_rule = False


class Wrong(Silent):
    @staticmethod
    def vmap(info, in_dims, *args):
        return Wrong.apply(*args)


class Both(Wrong):
    generate_vmap_rule = True


class Short(Silent):
    @staticmethod
    def vmap(info, in_dims, *args):
        return Short.apply(*args), (0, 0)


for wrong in (
    lambda: grad(lambda x: Old.apply(x).sum())(v),
    lambda: vmap(lambda x: Silent.apply(x, v, 1))(v),
    lambda: vmap(lambda x: Wrong.apply(x, v[0], 1))(v),
    lambda: vmap(lambda x: Both.apply(x, v[0], 1))(v),
    lambda: vmap(lambda x: Short.apply(x, v[0], 1))(v),
):
    try:
        print(wrong())
    except RuntimeError as error:
        print(error)
