"""Operations on lists of tensors, kernels by their own names, rounding with a straight gradient, and rarer names."""

import warnings

import torch

warnings.simplefilter("ignore")


def show(values):
    for value in values if isinstance(values, (list, tuple)) else (values,):
        node = value.grad_fn.name() if value.grad_fn else None
        print("  ", tuple(value.shape), value.dtype, [round(v, 4) for v in value.double().flatten().tolist()], node)


def leaves():
    return [torch.tensor([0.3, 0.6], requires_grad=True), torch.tensor([[0.5], [0.2]], requires_grad=True)]


def changeable():
    return [leaf * 1 for leaf in leaves()]


def attempt(call):
    try:
        show(call())
    except Exception as error:
        print("  ", type(error).__name__, str(error).splitlines()[0])


simple = (
    "abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round "
    "rsqrt sigmoid sign sin sinh sqrt tan tanh trunc"
).split()
for name in simple:
    a = leaves()
    made = getattr(torch, f"_foreach_{name}")(a)
    print(name, type(made).__name__)
    show(made)
    show(torch.autograd.grad(sum(m.sum() for m in made), a))
    b = changeable()
    assert getattr(torch, f"_foreach_{name}_")(b) is not None
    show(b)
for name in ("add", "sub", "mul", "div", "clamp_max", "clamp_min", "maximum", "minimum", "pow"):
    for other in (0.5, [0.4, 0.7], leaves()):
        a = leaves()
        made = getattr(torch, f"_foreach_{name}")(a, other)
        print(name, type(other).__name__)
        show(made)
        show(torch.autograd.grad(sum((m * m).sum() for m in made), a))
        b = [leaf.detach().clone() for leaf in a]
        with torch.no_grad():
            getattr(torch, f"_foreach_{name}_")(b, other)
        show(b)
for name in ("addcmul", "addcdiv"):
    for value in (0.5, [0.4, 0.7], torch.tensor([0.4, 0.7])):
        b = [leaf.detach().clone() for leaf in leaves()]
        show(getattr(torch, f"_foreach_{name}")(b, b, b, value))
        getattr(torch, f"_foreach_{name}_")(b, b, b, value)
        show(b)
a = leaves()
show(torch._foreach_lerp(a, leaves(), 0.25))
show(torch._foreach_lerp(a, leaves(), leaves()))
show(torch._foreach_norm(a))
show(torch._foreach_norm(a, 1))
show(torch.autograd.grad(sum(torch._foreach_norm(a)), a))
show(torch._foreach_max(a))
show(torch._foreach_pow(2.0, a))
show(torch._foreach_add(a, leaves(), alpha=3))
show(torch._foreach_mul(a, torch.tensor(2.0)))
show(torch._foreach_clone(a))
b = changeable()
torch._foreach_mul_(b, 3)
torch._foreach_exp_(b)
show(b)
print([each._version for each in b])
c = [torch.ones(2), torch.ones(2, 1)]
torch._foreach_copy_(c, [leaf.detach() for leaf in a])
show(c)
torch._foreach_zero_(c)
show(c)
for call in (
    lambda: torch._foreach_exp([]),
    lambda: torch._foreach_add(a, a[:1]),
    lambda: torch._foreach_add(a, [1.0]),
    lambda: torch._foreach_mul(a, torch.ones(2)),
    lambda: torch._foreach_add_(a, 1),
):
    attempt(call)

x = torch.arange(24.0).reshape(2, 3, 4).sin().requires_grad_()
w, b = torch.arange(12.0).reshape(3, 4).cos().requires_grad_(), torch.ones(3, 4)
wc, bc = torch.tensor([1.0, 2.0, 3.0], requires_grad=True), torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
mean, var = torch.zeros(3), torch.ones(3)
for call in (
    lambda: torch.native_layer_norm(x, [3, 4], w, b, 1e-5),
    lambda: torch.native_group_norm(x, wc, bc, 2, 3, 4, 3, 1e-5),
    lambda: torch.native_batch_norm(x, wc, bc, mean, var, True, 0.1, 1e-5),
    lambda: torch.native_batch_norm(x, wc, bc, mean, var, False, 0.1, 1e-5),
    lambda: torch.native_dropout(x, 1.0, True),
    lambda: torch.native_dropout(x, 0.5, False),
    lambda: torch.fake_quantize_per_tensor_affine(x, 0.3, 1, 0, 4),
    lambda: torch.fake_quantize_per_tensor_affine(x, torch.tensor(0.3), torch.tensor(1), 0, 4),
    lambda: torch.fake_quantize_per_channel_affine(x, torch.tensor([0.1, 0.2, 0.3]), torch.zeros(3), 1, -3, 3),
):
    attempt(call)
    made = call()
    made = made[0] if isinstance(made, tuple) else made
    show(torch.autograd.grad((made * made.detach().cos()).sum(), x))
show([mean, var])
for call in (
    lambda: torch.native_layer_norm(x, [3], None, None, 1e-5),
    lambda: torch.native_group_norm(x, wc, bc, 2, 3, 4, 2, 1e-5),
    lambda: torch.native_group_norm(x, wc, bc, 2, 3, 5, 1, 1e-5),
    lambda: torch.fake_quantize_per_tensor_affine(x, 0.3, 9, 0, 4),
    lambda: torch.fake_quantize_per_tensor_affine(x, 0.3, 1, 5, 4),
    lambda: torch.fake_quantize_per_channel_affine(x, torch.ones(3), torch.zeros(3, dtype=torch.int64), 1, 0, 5),
):
    attempt(call)

print(torch.cond(True, lambda v: v * 2, lambda v: v * 3, (wc,)), torch.cond(False, lambda: wc * 2, lambda: wc * 3))
print(torch.while_loop(lambda i: i < 3, lambda i: (i + 1,), [0]))
print(isinstance(3, (int, torch.SymInt)), issubclass(torch.OutOfMemoryError, RuntimeError), torch.AcceleratorError("a"))
print(
    torch.cuda.OutOfMemoryError is torch.OutOfMemoryError,
    torch.Stream(),
    torch.Event(),
    torch.Stream() == torch.Stream(),
)
torch.set_anomaly_enabled(True, False)
print(torch.is_anomaly_enabled(), torch.is_anomaly_check_nan_enabled())
torch.set_anomaly_enabled(False)
print(torch.autograd.has_torch_function((wc,)), torch.autograd.is_tensor_like(wc), torch.random.thread_safe_generator())
with torch.DisableTorchFunctionSubclass():
    print(torch.nn.Parameter(torch.ones(1)) + 1)
sparse = torch.ones(2).to_sparse()
print(torch.sparse.FloatTensor, torch.sparse.FloatTensor(2, 3), isinstance(sparse, torch.sparse.FloatTensor))
print(
    isinstance(wc, torch.sparse.FloatTensor),
    isinstance(sparse, torch.sparse.DoubleTensor),
    torch.sparse.LongTensor.dtype,
)
print(torch.sparse.DoubleTensor(torch.tensor([[0, 1]]), torch.tensor([1.0, 2.0]).double(), torch.Size([3])))
print(mean.module_load(var), mean.module_load(var, assign=True) is var)
torch.set_default_dtype(torch.float64)
print(torch.range(1, 4).dtype)
torch.set_default_dtype(torch.float32)
