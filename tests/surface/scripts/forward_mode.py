"""Forward-mode automatic differentiation with dual tensors."""

import torch
import torch.autograd.forward_ad as fwAD

torch.manual_seed(0)
primal = torch.randn(4, 4)
tangent = torch.randn(4, 4)


def fn(x, y):
    return x**2 + y**2


with fwAD.dual_level():
    dual_input = fwAD.make_dual(primal, tangent)
    assert fwAD.unpack_dual(dual_input).tangent is tangent
    dual_output = fn(dual_input, torch.ones(4, 4))
    jvp = fwAD.unpack_dual(dual_output).tangent
    print(dual_input)
print(jvp)
print(torch.allclose(jvp, 2 * primal * tangent))
print(fwAD.unpack_dual(dual_output).tangent)

plain = torch.rand(3)
with fwAD.dual_level():
    dual = fwAD.make_dual(plain, torch.ones(3))
    out = (dual.sin() * 2).sum()
    print(fwAD.unpack_dual(out).tangent, (2 * plain.cos()).sum())
    unpacked = fwAD.unpack_dual(plain)
    print(unpacked.tangent, type(unpacked).__name__)


class Fn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, foo):
        result = torch.exp(foo)
        ctx.result = result
        return result

    @staticmethod
    def jvp(ctx, gI):
        gO = gI * ctx.result
        del ctx.result
        return gO


with fwAD.dual_level():
    dual = fwAD.make_dual(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0]))
    print(fwAD.unpack_dual(Fn.apply(dual)))
try:
    fwAD.make_dual(plain, plain)
except RuntimeError as error:
    print(error)
with fwAD.dual_level():
    try:
        fwAD.make_dual(plain, torch.ones(2))
    except RuntimeError as error:
        print(error)
