"""Modules: registration, naming, state, printing, conversions."""

import copy

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width, bias=False)
        self.scale = nn.Parameter(torch.ones(width))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))
        self.register_buffer("scratch", torch.zeros(2), persistent=False)
        self.drop = nn.Dropout(0.1)

    def forward(self, x):
        self.count += 1
        return self.drop(self.linear(x)) * self.scale

    def extra_repr(self):
        return "a block"


torch.manual_seed(0)
model = nn.Sequential()
model.add_module("first", Block(2))
model.add_module("act", nn.ReLU(inplace=True))
model.append(nn.ModuleList([nn.Linear(2, 2) for _ in range(3)]))
print(model)
print([name for name, _ in model.named_parameters()])
print([name for name, _ in model.named_modules()])
print([name for name, _ in model.named_buffers()])
print([type(m).__name__ for m in model.children()])
print(sum(p.numel() for p in model.parameters()))
print(list(model.state_dict()))
first = model.first
first(torch.ones(1, 2))
print(first.count, first.training)
model.eval()
print(first.drop.training, first(torch.ones(1, 2)))
clone = copy.deepcopy(first)
with torch.no_grad():
    clone.linear.weight.zero_()
print(first.linear.weight, clone.linear.weight)
print(clone.load_state_dict(first.state_dict()))
print(torch.equal(clone.linear.weight, first.linear.weight))
state = first.state_dict()
state["extra"] = torch.ones(1)
del state["scale"]
try:
    clone.load_state_dict(state)
except RuntimeError as error:
    print(error)
print(clone.load_state_dict(state, strict=False))
print(first.double().scale.dtype, first.linear.weight.dtype, first.count.dtype)
for attempt in (
    lambda: first.missing,
    lambda: setattr(first, "scale", torch.ones(2)),
    lambda: first.register_buffer("scale", torch.ones(1)),
    lambda: nn.Module()(1),
    lambda: first.get_submodule("linear.nothing"),
):
    try:
        print(attempt())
    except Exception as error:
        print(type(error).__name__, error)
print(first.get_parameter("linear.weight").shape)
del first.scale
print([n for n, _ in first.named_parameters()])
shared = nn.Linear(2, 2)
tied = nn.ModuleDict({"a": shared, "b": shared})
print(len(list(tied.parameters())), tied)
tied.apply(lambda m: print("applied to", type(m).__name__))
p = nn.Parameter(torch.tensor([1.0, 2.0]))
print(p, p.requires_grad, p.is_leaf, isinstance(p, torch.Tensor), type(p * 2).__name__)
print(nn.ParameterList([p, p]), nn.ParameterDict({"w": p}))
print(
    nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.MaxPool2d(2), nn.Embedding(3, 4, padding_idx=0))
)
frozen = nn.Linear(2, 2).requires_grad_(False)
print(frozen.weight.requires_grad, frozen(torch.ones(1, 2)).requires_grad)
