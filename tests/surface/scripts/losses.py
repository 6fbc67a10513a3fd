"""Losses, each with its reductions and its gradient."""

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(3, 4, requires_grad=True)
target = torch.randn(3, 4)
for loss in (
    nn.MSELoss(),
    nn.MSELoss(reduction="sum"),
    nn.MSELoss(reduction="none"),
    nn.L1Loss(),
    nn.SmoothL1Loss(),
    nn.SmoothL1Loss(beta=0.5),
    nn.HuberLoss(delta=0.7),
):
    value = loss(x, target)
    print(loss, value)
    value.sum().backward()
    print(x.grad)
    x.grad = None
classes = torch.tensor([1, 0, 3])
weight = torch.tensor([1.0, 2.0, 0.5, 1.5])
for loss in (
    nn.CrossEntropyLoss(),
    nn.CrossEntropyLoss(weight=weight),
    nn.CrossEntropyLoss(label_smoothing=0.1),
    nn.CrossEntropyLoss(ignore_index=0, reduction="sum"),
):
    value = loss(x, classes)
    print(value)
    value.backward()
    print(x.grad)
    x.grad = None
print(nn.NLLLoss()(torch.log_softmax(x, 1), classes))
soft = torch.softmax(target, 1)
print(nn.CrossEntropyLoss()(x, soft), nn.KLDivLoss(reduction="batchmean")(torch.log_softmax(x, 1), soft))
bits = (target > 0).float()
print(nn.BCEWithLogitsLoss()(x, bits), nn.BCELoss()(torch.sigmoid(x), bits))
print(nn.BCEWithLogitsLoss(pos_weight=weight)(x, bits))
a, b = torch.randn(2, 3), torch.randn(2, 3)
print(nn.CosineSimilarity()(a, b), nn.PairwiseDistance()(a, b))
