"""Pruning, after the tutorial."""

import torch
import torch.nn.functional as F
import torch.nn.utils.prune as prune
from torch import nn

torch.manual_seed(0)


def attempt(function):
    try:
        print(function())
    except Exception as error:
        print(type(error).__name__, error)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 3)
        self.fc1 = nn.Linear(3 * 2 * 2, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 2))
        return self.fc1(x.view(-1, int(x.nelement() / x.shape[0])))


model = LeNet()
module = model.conv1
prune.random_unstructured(module, name="weight", amount=0.3)
print([n for n, _ in module.named_parameters()], list(dict(module.named_buffers())))
print(module.weight_mask)
print(module.weight)
print(module._forward_pre_hooks.values().__len__(), prune.is_pruned(model))
prune.l1_unstructured(module, name="bias", amount=1)
print(module.bias)
prune.ln_structured(module, name="weight", amount=0.5, n=2, dim=0)
print(module.weight)
for hook in module._forward_pre_hooks.values():
    if hook._tensor_name == "weight":
        print([type(m).__name__ for m in hook], len(hook), type(hook[0]).__name__)
print(list(model.state_dict().keys()))
out = model(torch.randn(2, 1, 6, 6))
out.sum().backward()
print(module.weight_orig.grad.shape, (module.weight_orig.grad[module.weight_mask == 0]).abs().sum())
prune.remove(module, "weight")
print([n for n, _ in module.named_parameters()], list(dict(module.named_buffers())))
attempt(lambda: prune.remove(module, "weight"))
prune.random_structured(model.fc1, "weight", amount=2, dim=1)
print(model.fc1.weight_mask)
new = LeNet()
prune.global_unstructured(((new.conv1, "weight"), (new.fc1, "weight")), pruning_method=prune.L1Unstructured, amount=0.2)
print(100.0 * float(torch.sum(new.conv1.weight == 0)) / float(new.conv1.weight.nelement()))
print(float(torch.sum(new.fc1.weight == 0)))


class FooBarPruningMethod(prune.BasePruningMethod):
    """Prune every other entry in a tensor"""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        mask = default_mask.clone()
        mask.view(-1)[::2] = 0
        return mask


def foobar_unstructured(module, name):
    FooBarPruningMethod.apply(module, name)
    return module


m = LeNet()
foobar_unstructured(m.fc1, name="bias")
print(m.fc1.bias_mask)
print(prune.L1Unstructured(amount=2).prune(torch.tensor([3.0, -1, 2, -5])))
prune.identity(m.conv1, "bias")
print(m.conv1.bias.grad_fn.name(), m.conv1.bias_mask)
prune.custom_from_mask(m.conv1, "weight", torch.zeros(3, 1, 3, 3))
print(m.conv1.weight.sum())
attempt(lambda: prune.l1_unstructured(LeNet().fc1, "bias", amount=-1))
attempt(lambda: prune.l1_unstructured(LeNet().fc1, "bias", amount=1.5))
attempt(lambda: prune.l1_unstructured(LeNet().fc1, "bias", amount="a"))
attempt(lambda: prune.l1_unstructured(LeNet().fc1, "bias", amount=50))
attempt(lambda: prune.random_structured(LeNet().fc1, "bias", amount=1, dim=0))
attempt(lambda: prune.random_structured(LeNet().fc1, "weight", amount=1, dim=5))
attempt(lambda: prune.l1_unstructured(LeNet().fc1, "nope", amount=1))
