"""Gradients sample by sample, ensembles, and kernels of networks, with modules called as functions."""

import torch
from torch import nn
from torch.func import functional_call, grad, grad_and_value, jacrev, jvp, stack_module_state, vjp, vmap

torch.manual_seed(0)
functional = nn.functional


class Small(nn.Module):
    def __init__(self, outputs=3):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.head = nn.Linear(8, outputs)

    def forward(self, x):
        return functional.log_softmax(self.head(functional.max_pool2d(self.conv(x).relu(), 2).flatten(1)), dim=1)


model = Small()
images, labels = torch.randn(4, 1, 6, 6), torch.tensor([0, 2, 1, 1])
parameters = {name: p.detach() for name, p in model.named_parameters()}


def loss_of(parameters, image, label):
    return functional.nll_loss(functional_call(model, parameters, (image[None],)), label[None])


each = vmap(grad(loss_of), in_dims=(None, 0, 0))(parameters, images, labels)
for name, found in each.items():
    one_by_one = [torch.autograd.grad(functional.nll_loss(model(i[None]), k[None]), model.get_parameter(name))[0]
                  for i, k in zip(images, labels)]  # fmt: skip
    print(name, found.shape, torch.allclose(found, torch.stack(one_by_one), atol=1e-6))
print(each["head.bias"])
_, losses = vmap(grad_and_value(loss_of), in_dims=(None, 0, 0), chunk_size=3)(parameters, images, labels)
print(losses)

models = [Small() for _ in range(3)]
stacked, buffers = stack_module_state(models)
print({name: (p.shape, p.requires_grad, p.is_leaf) for name, p in stacked.items()}, buffers)


def called(parameters, buffers, x):
    return functional_call(model, (parameters, buffers), (x,))


out = vmap(called, in_dims=(0, 0, None))(stacked, buffers, images)
print(out.shape, torch.allclose(out, torch.stack([m(images) for m in models]), atol=1e-6))
out.sum().backward()
print(stacked["head.bias"].grad)


def single(parameters, x):
    return functional_call(model, parameters, (x[None],))[0]


def contracted(x1, x2):
    first, second = (vmap(jacrev(single), (None, 0))(parameters, x) for x in (x1, x2))
    pairs = zip(first.values(), second.values())
    return sum(torch.einsum("naf,mbf->nmab", a.flatten(2), b.flatten(2)) for a, b in pairs)


def by_products(x1, x2):
    def kernel(x1, x2):
        _, pull_back = vjp(lambda p: single(p, x1), parameters)
        return vmap(lambda v: jvp(lambda p: single(p, x2), (parameters,), pull_back(v))[1])(torch.eye(3))

    return vmap(vmap(kernel, (None, 0)), (0, None))(x1, x2)


kernel = contracted(images, images[:2])
print(kernel.shape, torch.allclose(kernel, by_products(images, images[:2]), atol=1e-5))

x = torch.randn(2, 4)
tiny = nn.Linear(4, 1)
normed = nn.Sequential(nn.BatchNorm1d(4), tiny)
counts = dict(normed.named_buffers())
functional_call(normed, ({}, counts), x)
print(counts["0.num_batches_tracked"], normed[0].running_mean.abs().sum() > 0)
dropping = nn.Dropout(0.5)
for randomness in ("different", "same", "error"):
    try:
        torch.manual_seed(3)
        print(vmap(dropping, randomness=randomness)(x))
    except RuntimeError as error:
        print(error)
for wrong in (
    lambda: functional_call(tiny, 1, x),
    lambda: functional_call(tiny, [1], x),
    lambda: functional_call(tiny, ({"weight": x}, {"weight": x}), x),
    lambda: functional_call(tiny, {"no.such": x}, x),
    lambda: functional_call(tiny, {"other": x}, x, strict=True),
    lambda: functional_call(tiny, {"weight": 1}, x),
    lambda: stack_module_state([]),
    lambda: stack_module_state([tiny, normed]),
    lambda: stack_module_state([nn.Linear(4, 1).eval(), tiny]),
    lambda: stack_module_state([tiny, nn.Linear(4, 1).requires_grad_(False)]),
):
    try:
        print(wrong())
    except Exception as error:
        print(type(error).__name__, error)
