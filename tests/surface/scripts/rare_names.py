"""Names that are seldom used: copies of views, norms by name, removed functions, dtypes with few kernels."""

import warnings

import torch

warnings.simplefilter("ignore")


def show(what):
    try:
        print(what())
    except Exception as error:
        print(type(error).__name__, error)


t = torch.arange(6.0).view(2, 3).requires_grad_()
for copied in (
    lambda: torch.alias_copy(t), lambda: torch.detach_copy(t), lambda: torch.select_copy(t, 0, 1),
    lambda: torch.slice_copy(t, 1, 0, 2), lambda: torch.split_copy(t, 2, 1),
    lambda: torch.unsafe_split_with_sizes(t, [1, 1]),
):  # fmt: skip
    show(copied)
show(lambda: torch.detach_copy(t).sum().backward())
show(lambda: torch.slice_copy(torch.tensor(1.0)))
show(lambda: torch.slice_copy(t, 0, step=0))
show(lambda: torch.view_as_complex_copy(torch.ones(2, 2, requires_grad=True)))
show(lambda: torch.slice_inverse(torch.arange(6.0)[:3], torch.arange(6.0), 0, 0, 3))
show(lambda: torch.as_strided_(torch.zeros(4), (2, 2), (1, 1)))
show(lambda: (torch.celu_(torch.tensor([-1.0, 2])), torch.selu_(torch.tensor([-1.0, 2]))))
show(lambda: torch.empty_permuted((2, 3, 4), (0, 2, 1)).stride())
show(lambda: torch.empty_permuted((2, 3), (1, 1)))
show(lambda: torch.empty_permuted((2, 3), (1, -2)))
show(lambda: (torch.frobenius_norm(t, [0, 1]), torch.frobenius_norm(t, 1, True), torch.nuclear_norm(t)))
show(lambda: torch.nonzero_static(torch.tensor([[1, 0], [0, 2]]), size=3, fill_value=7))
show(lambda: torch.nonzero_static(torch.tensor([1]), size=-1))
show(lambda: (t.resize(3, 2), t.resize_as(torch.zeros(6))))
show(lambda: t.detach().resize(3, 3))
show(lambda: torch.tensor([1.0, 2]).map2_(torch.tensor([3.0, 4]), torch.tensor([5.0, 6]), lambda a, b, c: a + b * c))
show(lambda: t.map2_(t, t, lambda a, b, c: a))
show(lambda: (torch.empty(2, 3, 4, 5).to(memory_format=torch.channels_last).dim_order(), t.t().dim_order()))
show(lambda: torch.empty(2, 1).dim_order(ambiguity_check=True))
for removed in (torch.eig, torch.symeig, torch.solve, torch.lstsq, torch.matrix_rank, torch.Tensor.reinforce):
    show(lambda removed=removed: removed(t, t))
show(lambda: torch.linalg.matmul(t, torch.ones(3)))

few = torch.tensor([1, 2, 65535], dtype=torch.uint16)
show(lambda: (few, few.long(), few * few, few == 1, few & few, few.sum(), few.view(torch.int16), few.sqrt()))
show(lambda: few + 1)
show(lambda: few < few)
show(lambda: torch.promote_types(torch.uint16, torch.float16))
show(lambda: torch.promote_types(torch.uint16, torch.int64))
show(lambda: torch.promote_types(torch.float8_e5m2, torch.float32))
show(lambda: torch.iinfo(torch.uint32))
tiny = torch.tensor([1.0, 2.5, -3, 500, 1e6, 0.1]).to(torch.float8_e4m3fn)
show(lambda: (tiny, tiny.float(), tiny.view(torch.uint8), tiny.tolist(), tiny.abs(), tiny == tiny))
show(lambda: tiny + tiny)
show(lambda: (torch.finfo(torch.float8_e4m3fn), torch.finfo(torch.float8_e5m2)))
show(lambda: torch.ones(2, requires_grad=True).to(torch.float8_e5m2))
for name in ("uint64", "float8_e8m0fnu", "float4_e2m1fn_x2", "complex32", "int3", "uint7"):
    d = getattr(torch, name)
    print(d, d.itemsize, d.is_floating_point, d.is_complex, d.is_signed)
show(lambda: torch.bits16.is_signed)
show(lambda: torch.sort(torch.tensor([2.0, 1]), out=(torch.empty(0), torch.empty(0, dtype=torch.int64))))
show(lambda: torch.max(t, [1, 2]))
show(lambda: torch.cat([t, 2]))
show(lambda: t.sin(3))
show(lambda: t.sin(x=3))
