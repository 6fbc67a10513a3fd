"""What ctx can hold, and what backward may return."""

import torch
from torch.autograd import Function


class Exp(Function):
    @staticmethod
    def forward(ctx, i):
        result = i.exp()
        ctx.save_for_backward(result)
        return result

    @staticmethod
    def backward(ctx, grad_output):
        (result,) = ctx.saved_tensors
        return grad_output * result


class LinearFunction(Function):
    @staticmethod
    def forward(ctx, input, weight, bias=None):
        ctx.save_for_backward(input, weight, bias)
        output = input.mm(weight.t())
        if bias is not None:
            output += bias.unsqueeze(0).expand_as(output)
        return output

    @staticmethod
    def backward(ctx, grad_output):
        input, weight, bias = ctx.saved_tensors
        print("needs", ctx.needs_input_grad)
        grad_input = grad_weight = grad_bias = None
        if ctx.needs_input_grad[0]:
            grad_input = grad_output.mm(weight)
        if ctx.needs_input_grad[1]:
            grad_weight = grad_output.t().mm(input)
        if bias is not None and ctx.needs_input_grad[2]:
            grad_bias = grad_output.sum(0)
        return grad_input, grad_weight, grad_bias


class MulConstant(Function):
    @staticmethod
    def forward(ctx, tensor, constant):
        ctx.set_materialize_grads(False)
        ctx.constant = constant
        return tensor * constant

    @staticmethod
    def backward(ctx, grad_output):
        if grad_output is None:
            return None, None
        return grad_output * ctx.constant, None


class SortWithIndices(Function):
    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        sorted_x, idx = x.sort()
        ctx.mark_non_differentiable(idx)
        ctx.save_for_backward(x, idx)
        return sorted_x, idx

    @staticmethod
    def backward(ctx, g1, g2):
        x, idx = ctx.saved_tensors
        print("second gradient:", g2)
        grad_input = torch.zeros_like(x)
        grad_input.index_add_(0, idx, g1)
        return grad_input


class InplaceDouble(Function):
    @staticmethod
    def forward(ctx, x):
        x.mul_(2)
        ctx.mark_dirty(x)
        return x

    @staticmethod
    def backward(ctx, grad):
        return grad * 2


class Square(Function):
    @staticmethod
    def forward(x):
        return x**2

    @staticmethod
    def setup_context(ctx, inputs, output):
        (x,) = inputs
        ctx.save_for_backward(x)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * 2 * x


x = torch.tensor([0.0, 1.0], requires_grad=True)
e = Exp.apply(x)
print(e)
e.sum().backward()
print(x.grad)

torch.manual_seed(1)
inp, w, b = torch.randn(2, 3), torch.randn(4, 3, requires_grad=True), torch.randn(4, requires_grad=True)
out = LinearFunction.apply(inp, w, b)
print(out)
out.sum().backward()
print(w.grad, b.grad)

m = MulConstant.apply(x, 3.0)
print(m, torch.autograd.grad(m.sum(), x))

v = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
s, idx = SortWithIndices.apply(v)
print(s, idx, idx.requires_grad)
s[0].backward()
print(v.grad)

leaf = torch.tensor([1.0, 2.0], requires_grad=True)
h = leaf.clone()
d = InplaceDouble.apply(h)
print(d is h, d)
d.sum().backward()
print(leaf.grad)

q = Square.apply(x)
print(q, q.grad_fn.name())
q.sum().backward()
print(x.grad)
try:
    Square()(x)
except RuntimeError as error:
    print(error)
