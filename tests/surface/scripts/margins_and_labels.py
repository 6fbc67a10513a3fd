"""Losses over classes with margins, over sequences of labels, and over very many classes."""

import torch
import torch.nn.functional as F
from torch import nn

scores = torch.tensor([[0.1, 0.2, 0.4, 0.8], [0.3, -0.5, 0.6, 0.2]], requires_grad=True)
target = torch.tensor([3, 0])
for layer in (
    nn.MultiMarginLoss(),
    nn.MultiMarginLoss(2, 0.5),
    nn.MultiMarginLoss(weight=torch.tensor([1.0, 2.0, 3.0, 4.0]), reduction="sum"),
):
    loss = layer(scores, target)
    print(layer, loss, torch.autograd.grad(loss, scores)[0])
labels = torch.tensor([[3, 0, -1, 1], [1, -1, 0, 0]])
for reduction in ("mean", "sum", "none"):
    loss = nn.MultiLabelMarginLoss(reduction=reduction)(scores, labels)
    print(loss, torch.autograd.grad(loss.sum(), scores)[0])
(gradient,) = torch.autograd.grad(F.multi_margin_loss(scores, target), scores, create_graph=True)
try:
    gradient.sum().backward()
except RuntimeError as error:
    print(error)
for wrong in (
    lambda: F.multi_margin_loss(scores, torch.tensor([4, 0])),
    lambda: F.multi_margin_loss(scores, target, p=3),
    lambda: F.multi_margin_loss(scores, target, weight=torch.ones(3)),
    lambda: F.multilabel_margin_loss(scores, labels[:, :2]),
    lambda: nn.MultiMarginLoss(weight=torch.ones(2, 2)),
):
    try:
        wrong()
    except (RuntimeError, ValueError) as error:
        print(type(error).__name__, error)

# labels without a time: padded, one after the other, and of a single sample
torch.manual_seed(0)
logits = torch.linspace(-1, 1, 5 * 2 * 4).sin().reshape(5, 2, 4).requires_grad_()
padded, lengths = torch.tensor([[1, 2], [3, 1]]), torch.tensor([2, 1])
for reduction in ("none", "mean", "sum"):
    loss = nn.CTCLoss(reduction=reduction)(logits.log_softmax(2), padded, torch.tensor([5, 4]), lengths)
    print(loss, torch.autograd.grad(loss.sum(), logits)[0].abs().sum((1, 2)))
print(F.ctc_loss(logits.log_softmax(2), torch.tensor([1, 2, 3]), (5, 4), (2, 1)))
print(F.ctc_loss(logits[:, 0].log_softmax(1), torch.tensor([1, 1]), (5,), (2,), reduction="none"))
short = torch.tensor([5, 1])
print(F.ctc_loss(logits.log_softmax(2), padded, short, torch.tensor([2, 2]), reduction="none"))
loss = nn.CTCLoss(zero_infinity=True)(logits.log_softmax(2), padded, short, torch.tensor([2, 2]))
print(loss, torch.autograd.grad(loss, logits)[0][:, 1].abs().max())
for wrong in (
    lambda: F.ctc_loss(logits, padded, (6, 4), lengths.tolist()),
    lambda: F.ctc_loss(logits, padded, (5, 4), (3, 1)),
    lambda: F.ctc_loss(logits, padded, (5, 4), (2, 1), blank=4),
    lambda: F.ctc_loss(logits, torch.tensor([1, 2]), (5, 4), (2, 1)),
):
    try:
        wrong()
    except RuntimeError as error:
        print(error)

# rare classes in clusters
model = nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 6], div_value=2.0)
print(model)
inputs, classes = torch.randn(5, 8), torch.tensor([0, 4, 11, 2, 7])
result = model(inputs, classes)
print(type(result).__name__, result.output, result.loss)
result.loss.backward()
print([tuple(p.grad.shape) for p in model.parameters()], model.head.weight.grad.norm())
print(
    torch.allclose(model.log_prob(inputs).exp().sum(1), torch.ones(5)), model.predict(inputs), model.predict(inputs[:2])
)
for wrong in (lambda: model(inputs, classes + 9), lambda: nn.AdaptiveLogSoftmaxWithLoss(8, 12, [3, 3])):
    try:
        wrong()
    except (RuntimeError, ValueError) as error:
        print(error)
