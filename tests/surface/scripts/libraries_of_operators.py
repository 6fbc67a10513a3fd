"""torch.library: defining operators, kernels for dispatch keys, schemas, checks; torch.ops.aten."""

import warnings
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.library import Library, custom_op, define, impl, infer_schema, opcheck


def t(f):
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:700])
    for w in caught:
        print("warned", w.category.__name__, str(w.message)[:300])


ONE = torch.ones(1)


# -- schemas
def f0(x: Tensor) -> Tensor: ...
def f1(x: Tensor, y: Tensor | None = None, *, k: int = 3) -> tuple[Tensor, Tensor]: ...
def f2(xs: Sequence[Tensor], s: str, b: bool = True, f: float = 0.5) -> list[Tensor]: ...
def f3(x: Tensor, out: Tensor) -> None: ...
def f4(x: list[int], y: Sequence[float], z: int | None, d: torch.dtype, v: torch.device) -> int: ...
def f5(x, y: int) -> Tensor: ...
def f6(x: dict) -> Tensor: ...
def f7(x: Tensor): ...
def f8(*xs: Tensor) -> Tensor: ...
def f9(x: Tensor, **kw) -> Tensor: ...
def f10(x: Tensor) -> dict: ...
def f11(x: Tensor, n: int | float | bool = 2) -> Tensor: ...
def f12(x: Tensor, xs: Sequence[int] = (1, 2)) -> Tensor: ...
def f13(x: Tensor, y: Tensor = ONE) -> Tensor: ...
def f14(x: "Tensor | None", n: "int | None" = None) -> "Tensor": ...
def f15(x: Tensor, s: str = "mean") -> bool: ...
def f16(out: int) -> Tensor: ...


for f in (f0, f1, f2, f4, f5, f6, f7, f8, f9, f10, f11, f12, f13, f14, f15, f16):
    t(lambda: infer_schema(f, mutates_args=()))
t(lambda: infer_schema(f3, mutates_args=("out",)))
t(lambda: infer_schema(f3, mutates_args={"x", "out"}))
t(lambda: infer_schema(f3, mutates_args="unknown"))
t(lambda: infer_schema(f3, mutates_args=("nothing",)))
t(lambda: infer_schema(f4, mutates_args=("x",)))
t(lambda: infer_schema(f0, mutates_args=(), op_name="named"))
t(lambda: infer_schema(f0))


# -- custom_op
@custom_op("lib1::sq", mutates_args=())
def sq(x: Tensor, k: int = 1) -> Tensor:
    return x * x * k


print(sq, sq._qualname, sq._opoverload, torch.ops.lib1.sq, torch.ops.lib1.sq.default._schema)
x = torch.tensor([1.0, 2.0], requires_grad=True)
t(lambda: sq(x))
t(lambda: sq(x).sum().backward())
t(lambda: sq(x, 2, 3))
t(lambda: sq())
t(lambda: sq("x"))
t(lambda: sq(x, k="a"))
t(lambda: sq(x, j=1))
t(lambda: custom_op("noname", mutates_args=())(f0))
t(lambda: custom_op("a::b::c", mutates_args=())(f0))
t(lambda: custom_op("lib1::unmutated", f0, mutates_args=(), schema="(Tensor x) -> Tensor"))
t(lambda: custom_op("lib1::dict", f10, mutates_args=()))


def keep(ctx, inputs, output):
    ctx.save_for_backward(inputs[0])
    ctx.k = inputs[1]


sq.register_autograd(lambda ctx, g: (2 * g * ctx.saved_tensors[0] * ctx.k, None), setup_context=keep)
t(lambda: sq(x, 3).sum().backward())
print(x.grad, sq(x).grad_fn.name(), sq(x, k=2))
t(lambda: torch.autograd.gradcheck(sq, (torch.tensor([1.0, 2.0], dtype=torch.double, requires_grad=True), 3)))
t(lambda: sq.register_autograd(lambda ctx, g: g))
t(lambda: torch.vmap(sq)(torch.arange(6.0).reshape(3, 2)))


@sq.register_vmap
def _(info, in_dims, x, k=1):
    print("vmap", info.batch_size, info.randomness, in_dims)
    return sq(x, k), in_dims[0]


t(lambda: torch.vmap(sq, in_dims=1)(torch.arange(6.0).reshape(3, 2)))
t(lambda: torch.func.grad(lambda v: sq(v).sum())(torch.tensor([3.0, 4.0])))
t(lambda: torch.func.vmap(torch.func.grad(lambda v: sq(v).sum()))(torch.arange(4.0).reshape(2, 2)))


@sq.register_kernel("cpu")
def _(x, k=1):
    print("cpu kernel")
    return x * x * k


t(lambda: sq(torch.ones(2)))
with sq.set_kernel_enabled("cpu", False):
    t(lambda: sq(torch.ones(2)))


@sq.register_fake
def _(x, k=1):
    return torch.empty_like(x)


@custom_op("lib1::add_", mutates_args={"x"})
def add_(x: Tensor, y: Tensor) -> None:
    x.add_(y)


a = torch.zeros(2)
v = a._version
t(lambda: add_(a, torch.ones(2)))
print(a, a._version - v, add_._opoverload._schema)
t(lambda: add_(x, torch.ones(2)))
t(lambda: add_.register_autograd(lambda ctx, g: None))


@custom_op("lib1::returns_input", mutates_args=())
def returns_input(x: Tensor) -> Tensor:
    return x


@custom_op("lib1::lists", mutates_args=())
def lists(xs: Sequence[Tensor], n: float = 1.5) -> tuple[Tensor, Tensor]:
    return xs[0] * n, xs[1].clone()


print(lists._opoverload._schema)
t(lambda: lists([torch.ones(1), torch.zeros(1)]))


def lists_back(ctx, g0, g1):
    return [g0 * 2.0, g1], None


lists.register_autograd(lists_back)
p, q = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
r0, r1 = lists([p, q], 2.0)
(r0 + r1).backward()
print(p.grad, q.grad)


# -- Library, define, impl
lib = Library("lib2", "DEF")
t(lambda: lib.define("mysum(Tensor x, int dim=0) -> Tensor"))
t(lambda: lib)
try:
    torch.ops.lib2.mysum(torch.ones(2, 2))
except NotImplementedError as e:
    print(str(e).partition(" is only available")[0])
lib.impl("mysum", lambda x, dim=0: x.sum(dim), "CPU")
t(lambda: torch.ops.lib2.mysum(torch.ones(2, 2)))
t(lambda: torch.ops.lib2.mysum(torch.ones(2, 2), 1))
t(lambda: torch.ops.lib2.mysum.default._schema)
t(lambda: torch.ops.lib2.mysum.overloads())
y = torch.ones(2, 2, requires_grad=True)
t(lambda: torch.ops.lib2.mysum(y).grad_fn is not None)
t(lambda: torch.ops.lib2.mysum(y).sum().backward())
try:
    lib.define("mysum(Tensor x, int dim=0) -> Tensor")
except RuntimeError as e:
    print(str(e).partition(" Duplicate")[0])
t(lambda: Library("prim", "DEF"))
t(lambda: Library("lib2", "WHAT"))
t(lambda: lib.impl("nothing", lambda x: x, "CPU"))
t(lambda: lib.impl("mysum", 3, "CPU"))


class MySum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, dim):
        ctx.shape = x.shape
        with torch._C._AutoDispatchBelowAutograd():
            return torch.ops.lib2.mysum(x, dim)

    @staticmethod
    def backward(ctx, g):
        return g.unsqueeze(0).expand(ctx.shape) * 10, None


lib.impl("mysum", lambda x, dim=0: MySum.apply(x, dim), "Autograd")
t(lambda: torch.ops.lib2.mysum(y).sum().backward())
print(y.grad)
define("lib3::twice", "(Tensor x) -> Tensor")


@impl("lib3::twice", "CompositeImplicitAutograd")
def twice(x):
    return x * 2


t(lambda: torch.ops.lib3.twice(x).grad_fn.name())
define("lib3::thrice", "(Tensor x) -> Tensor")
impl("lib3::thrice", "cpu", lambda x: x * 3)
t(lambda: torch.ops.lib3.thrice(torch.ones(1)))
torch.library.register_autograd("lib3::thrice", lambda ctx, g: g * 3)
t(lambda: torch.ops.lib3.thrice(x).grad_fn.name())
t(lambda: torch.library.register_fake("lib3::thrice", lambda x: torch.empty_like(x)) is not None)
t(lambda: torch.library.register_fake("lib3::unknown", lambda x: x))
t(lambda: torch.library.register_autograd("lib3::unknown", lambda ctx, g: g))
t(lambda: torch.library.register_kernel("lib3::thrice", "cpu", lambda x: x * 30))
t(lambda: torch.library.register_kernel("lib3::unknown", "cpu", lambda x: x))
t(lambda: define("lib3::bad", "Tensor x"))
t(lambda: define("lib3bad", "(Tensor x) -> Tensor"))
t(lambda: define(3, "(Tensor x) -> Tensor"))
t(lambda: torch.ops.lib3.unknown)
t(lambda: torch.ops.lib3.twice.other)
with torch.library._scoped_library("lib4", "FRAGMENT") as scoped:
    scoped.define("f(Tensor x) -> Tensor")
    scoped.impl("f", lambda x: x + 1, "CompositeExplicitAutograd")
    t(lambda: torch.ops.lib4.f(torch.ones(1)))
t(lambda: torch.ops.lib4.f(torch.ones(1)))
t(lambda: opcheck(lists, ([torch.ones(2), torch.ones(2)], 2.0), test_utils="test_schema"))
t(lambda: opcheck(torch.ops.lib3.thrice.default, (torch.ones(2, requires_grad=True),)))
t(lambda: opcheck(sq, (torch.ones(2),), test_utils="nothing"))

# -- torch.ops.aten
aten = torch.ops.aten
s = aten.add.Tensor._schema
print(s, s.name, s.overload_name, [a.name for a in s.arguments], s.is_mutable, aten.add_.Tensor._schema.is_mutable)
for a in s.arguments:
    print(a.name, a.type, a.default_value, a.has_default_value(), a.kwarg_only, a.is_out, a.N, a.alias_info)
for a in aten.convolution.default._schema.arguments + aten.sum.dim_IntList._schema.arguments:
    print(a.name, a.type, a.real_type, a.default_value)
info = aten.add_.Tensor._schema.arguments[0].alias_info
print(info.before_set, info.after_set, info.is_write)
print(aten.add.Tensor, repr(aten.add.Tensor), aten.add, repr(aten.add), aten.add.Tensor.overloadpacket)
print(aten.add.Tensor.name(), aten.add.Tensor.__name__, aten.add.Tensor.__module__, aten.add.Tensor.namespace)
print(aten.sin.default.name(), aten.sin.default.__name__, aten.sin.__name__, aten.sin._qualified_op_name)
print(aten.add.Tensor.tags, aten.view.default.is_view, aten.add.Tensor.is_view, aten.view.default.tags)
print(aten.add.Tensor is aten.add.Tensor, hash(aten.add.Tensor) == hash(aten.add.Tensor))
one = torch.ones(2)
t(lambda: aten.add.nothing)
t(lambda: aten.nothing)
t(lambda: torch.ops.nothing.x)
t(lambda: aten.add.Tensor())
t(lambda: aten.add.Tensor(one))
t(lambda: aten.add.Tensor(one, 1, 2))
t(lambda: aten.add.Tensor(one, 1, foo=2))
t(lambda: aten.add.Tensor(1, one))
t(lambda: aten.add(one, 1))
t(lambda: aten.add.Tensor(one, one, alpha=3))
t(lambda: aten.sin.default("x"))
t(lambda: aten.matmul.default.decompose(torch.ones(2, 2), torch.ones(2, 2)))
t(lambda: aten.sin.default.decompose(one))
t(lambda: aten.sum.dim_IntList(torch.ones(2, 3), [0]))
t(lambda: aten.sum.dim_IntList(torch.ones(2, 3), [0], True))
t(lambda: aten.native_layer_norm.default(torch.ones(2, 3), [3], None, None, 1e-5))
t(
    lambda: aten.convolution.default(
        torch.ones(1, 1, 2, 2), torch.ones(1, 1, 2, 2), None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1
    )
)
t(lambda: aten._softmax.default(one, 0, False))
t(lambda: aten.max.dim(torch.eye(2), 1))
t(lambda: aten.split.Tensor(torch.ones(4), 2))
t(lambda: aten.t.default(torch.ones(2, 3)).shape)
t(lambda: aten.add_.Tensor(torch.ones(2), 1))
t(lambda: aten.add.out(one, one, out=torch.empty(2)))
t(lambda: aten.tanh_backward.default(one, one * 0.5))
t(lambda: aten.threshold_backward.default(one, torch.tensor([-1.0, 1.0]), 0))
t(lambda: aten.ones.default([2], dtype=torch.int64))
t(lambda: aten.zeros_like.default(one))
t(lambda: aten.arange.start(1, 4))
t(lambda: aten.expand.default(torch.ones(1), [3]))
t(lambda: aten.sin.default(x).grad_fn.name())
t(lambda: aten.detach.default(x).requires_grad)
t(lambda: aten.clone.default(x).grad_fn.name())
t(lambda: aten.scalar_tensor.default(2.0))
t(lambda: aten.nll_loss_forward.default(torch.zeros(2, 3), torch.tensor([0, 1]), None, 1, -100))
t(lambda: aten.index.Tensor(torch.arange(4.0), [torch.tensor([1, 2])]))
t(lambda: aten.where.self(torch.tensor([True, False]), one, one * 2))
t(lambda: torch._C.parse_schema("foo::bar(Tensor x, int[] y=[1,2]) -> (Tensor, Tensor)"))
