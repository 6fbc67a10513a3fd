"""The custom Functions that torch's own suites try everything on, and an operator with arguments by keyword."""

import numpy as np
import torch
from torch.testing._internal.autograd_function_db import (
    CubeGenVmap,
    ForwardHasDefaultArgs,
    MulGenVmap,
    NumpyCube,
    NumpyExp_,
    NumpyMul,
    NumpySort,
    NumpyTake,
    ScaleGradGenVmap,
    Select,
    autograd_function_db,
)
from torch.testing._internal.opinfo.core import SampleInput


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.double, requires_grad=True)
y = torch.tensor([0.5, -1.0, 2.0], dtype=torch.double, requires_grad=True)
m = torch.arange(6.0, dtype=torch.double).reshape(2, 3).requires_grad_()
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck
t(lambda: NumpyCube.apply(x))
t(lambda: gradcheck(NumpyCube.apply, (x,), check_forward_ad=True) and gradgradcheck(NumpyCube.apply, (x,)))
t(lambda: gradcheck(NumpyMul.apply, (x, y), check_forward_ad=True) and gradgradcheck(NumpyMul.apply, (x, y)))
t(lambda: gradcheck(lambda v: NumpyExp_.apply(v.clone()), (x,)))
t(lambda: NumpySort.apply(m, 1))
t(lambda: gradcheck(lambda v: NumpySort.apply(v, 1)[0], (m,)))
t(lambda: gradcheck(lambda v: Select.apply(v, 1), (m,)))
t(lambda: ForwardHasDefaultArgs.apply(x).sum())
t(lambda: torch.func.vmap(NumpyCube.apply)(m.detach()))
t(lambda: torch.func.vmap(NumpyMul.apply, (0, None))(m.detach(), y.detach()))
t(lambda: torch.func.vmap(MulGenVmap.apply)(m.detach(), m.detach()))
t(lambda: torch.func.vmap(lambda v: NumpySort.apply(v, 0)[1])(m.detach()))
t(lambda: torch.func.grad(lambda v: NumpyCube.apply(v)[0].sum())(y.detach()))
t(lambda: torch.func.vmap(torch.func.grad(lambda v: NumpyCube.apply(v)[0].sum()))(m.detach()))
t(lambda: torch.func.jvp(lambda v: NumpyMul.apply(v, v), (y.detach(),), (torch.ones(3, dtype=torch.double),)))
t(lambda: torch.func.jacrev(lambda v: ScaleGradGenVmap.apply(v))(y.detach()))
t(lambda: CubeGenVmap.apply(y.detach()))
ind = torch.tensor([2, 0, 1])
inv = torch.tensor([1, 2, 0])
t(lambda: NumpyTake.apply(y, ind, inv, 0))
t(lambda: gradcheck(lambda v: NumpyTake.apply(v, ind, inv, 0), (y,)))
names = {info.name for info in autograd_function_db}
print({"NumpyCubeAutogradFunction", "NumpySortAutogradFunction", "SelectAutogradFunction"} <= names)
for info in autograd_function_db:
    if info.name == "NumpyMulAutogradFunction":
        for sample in info.sample_inputs("cpu", torch.double, requires_grad=True):
            print(sample.input.shape, [a.shape for a in sample.args], sample.kwargs)
            t(lambda: gradcheck(info.op, (sample.input, *sample.args)))
t(lambda: SampleInput(torch.ones(2), 3, a=4))
t(lambda: SampleInput(torch.ones(2), args=(1,), kwargs={"b": [torch.ones(1)]}))


@torch.library.custom_op("db::scaled", mutates_args=())
def scaled(x: torch.Tensor, *, scalar: float) -> torch.Tensor:
    return torch.tensor(x.numpy(force=True) * scalar)


def setup(ctx, inputs, keyword_only_inputs, output):
    print(len(inputs), keyword_only_inputs)
    ctx.scalar = keyword_only_inputs["scalar"]


scaled.register_autograd(lambda ctx, g: g * ctx.scalar, setup_context=setup)


@scaled.register_vmap
def _(info, in_dims, x, *, scalar):
    print(in_dims, scalar)
    return scaled(x, scalar=scalar), in_dims[0]


x.grad = None
scaled(x, scalar=3.0).sum().backward()
print(x.grad, scaled._opoverload._schema)
t(lambda: torch.func.vmap(lambda v: scaled(v, scalar=2.0))(m.detach()))
t(lambda: scaled(x, 3.0))
t(lambda: scaled(x))


@torch.library.custom_op("db::cat", mutates_args=())
def cat(xs: list[torch.Tensor], dim: int) -> torch.Tensor:
    return torch.tensor(np.concatenate([x.numpy(force=True) for x in xs], axis=dim))


def cat_setup(ctx, inputs, output):
    xs, dim = inputs
    ctx.sizes, ctx.dim = [x.shape[dim] for x in xs], dim


cat.register_autograd(lambda ctx, g: (list(g.split(ctx.sizes, ctx.dim)), None), setup_context=cat_setup)
x.grad = None
(cat([x, y, x], 0) * torch.arange(9.0, dtype=torch.double)).sum().backward()
print(x.grad, y.grad)
t(lambda: gradcheck(lambda a, b: cat([a, b], 0), (x, y)))
