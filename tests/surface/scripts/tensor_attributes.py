"""What a tensor says of itself, and what of it cannot be written or deleted."""

import torch

x = torch.ones(2, 2, requires_grad=True)
print(x.layout, x.is_cpu, x.is_cuda, x.is_sparse, x.is_quantized, x.is_meta, x.is_nested, x.is_mkldnn, x.is_mps)
print(x.is_pinned(), x.is_shared(), x.is_distributed(), x.share_memory_() is x, x.to_dense() is x, x.is_same_size(x))
print(torch.strided, torch.preserve_format, torch.channels_last, torch.cuda.is_available(), torch.cuda.device_count())
print(torch.backends.mps.is_available(), torch.accelerator.is_available(), torch.get_default_device())

names = "data requires_grad _grad_fn _backward_hooks _post_accumulate_grad_hooks grad_fn shape T"
for name in names.split():
    try:
        delattr(x, name)
    except (RuntimeError, AttributeError) as error:
        print(name, type(error).__name__, error)
names = "grad_fn is_leaf _base shape dtype _version output_nr device T is_cpu _grad_fn"
for name in names.split():
    try:
        setattr(x, name, 3)
    except (RuntimeError, AttributeError) as error:
        print(name, type(error).__name__, error)
del x.grad
print(x.grad)

for call in (
    lambda: x.cuda(),
    lambda: x.apply_(lambda v: v),
    lambda: x.map_(x, lambda a, b: a),
    lambda: x.is_nonzero(),
):
    try:
        print(call())
    except (RuntimeError, AssertionError) as error:
        print(type(error).__name__, error)
print(x.detach().clone().apply_(lambda v: v + 1), x.detach().clone().map_(x.detach(), lambda a, b: a - b))

y = torch.tensor([1.0, 2.0], requires_grad=True)
z = y.clone()
torch.autograd.grad(z.sum(), y)
z = y.clone()
with torch.no_grad():
    y.set_(torch.tensor([5.0, 6.0]))
try:
    torch.autograd.grad(z.sum(), y)
except RuntimeError as error:
    print("One of" in str(error) or "The differentiated" in str(error))
z.sum().backward()
print(y.grad)

low = torch.ones(2, requires_grad=True)
if hasattr(low, "grad_dtype"):
    low.clone()
    low.grad_dtype = torch.float16
    (low * 2).sum().backward()
    print(low.grad)
