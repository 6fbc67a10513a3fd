"""Layers and functions that few models have: bags of embeddings, shuffled channels, random slopes, older names."""

import warnings

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)
table = torch.arange(10.0).reshape(5, 2).sin().requires_grad_()
words, starts = torch.tensor([1, 2, 4, 1, 4, 3]), torch.tensor([0, 4])
for mode in ("sum", "mean", "max"):
    bags = F.embedding_bag(words, table, starts, mode=mode)
    print(mode, bags, torch.autograd.grad(bags.square().sum(), table)[0])
rows = torch.tensor([[1, 2], [4, 2]])
weights = torch.tensor([[0.5, 1.5], [2.0, -1.0]], requires_grad=True)
bags = F.embedding_bag(rows, table, mode="sum", per_sample_weights=weights)
print(bags, torch.autograd.grad(bags.sum(), (table, weights)))
print(torch.embedding_bag(table, words, starts, mode=2))
layer = nn.EmbeddingBag(5, 2, mode="sum", padding_idx=0)
print(layer, layer(words, starts).shape, layer.weight[0])
print(nn.EmbeddingBag.from_pretrained(table.detach(), mode="max")(rows))
for wrong in (
    lambda: F.embedding_bag(words, table),
    lambda: F.embedding_bag(rows, table, starts),
    lambda: F.embedding_bag(words, table, torch.tensor([1, 4])),
    lambda: F.embedding_bag(rows, table, mode="mean", per_sample_weights=weights),
    lambda: F.embedding_bag(words, table, starts, mode="median"),
):
    try:
        wrong()
    except (RuntimeError, ValueError, NotImplementedError) as error:
        print(type(error).__name__, error)

image = torch.arange(16.0).reshape(1, 4, 2, 2).requires_grad_()
shuffled = nn.ChannelShuffle(2)(image)
print(nn.ChannelShuffle(2), shuffled.flatten(), torch.autograd.grad(shuffled[0, 1].sum(), image)[0].flatten())

x = torch.tensor([-2.0, -0.5, 0.0, 1.5], requires_grad=True)
for training in (True, False):
    layer = nn.RReLU(0.1, 0.3).train(training)
    y = layer(x)
    print(layer, y, y.grad_fn.name(), torch.autograd.grad(y.sum(), x)[0])
try:
    F.rrelu(x, 0.5, 0.1)
except RuntimeError as error:
    print(error)
print(F.prelu(x, torch.tensor([0.25])), x.prelu(torch.tensor([0.5])))

points = torch.tensor([[0.0, 0.0], [3.0, 4.0], [6.0, 8.0]], requires_grad=True)
for p in (2.0, 1.0, float("inf")):
    distances = F.pdist(points, p)
    print(distances, torch.autograd.grad(distances.sum(), points)[0])

# dropout, by every name that it has
for name in ("dropout", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"):
    torch.manual_seed(1)
    print(name, getattr(torch, name)(torch.ones(2, 3, 2), 0.5, True).flatten())
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    torch.manual_seed(1)
    print(F.dropout2d(torch.ones(2, 3, 1)).flatten(), F.dropout3d(torch.ones(2, 3)).shape)
    print([str(w.message).partition(",")[0] for w in caught])
try:
    F.dropout1d(torch.ones(3))
except RuntimeError as error:
    print(error)

# batch normalisation of several processes, where there is one
model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm2d(2)))
converted = nn.SyncBatchNorm.convert_sync_batchnorm(model)
print(converted, converted[:2](torch.arange(6.0).reshape(2, 3)).shape)
print(nn.DataParallel(nn.Linear(2, 1)), nn.DataParallel(nn.Linear(2, 1))(torch.ones(4, 2)).shape)

# gradients of convolutions by themselves
signal, kernel = torch.arange(6.0).reshape(1, 1, 6).requires_grad_(), torch.tensor([[[1.0, -2.0]]], requires_grad=True)
output = F.conv1d(signal, kernel, stride=2)
cotangent = torch.tensor([[[1.0, 2.0, 3.0]]])
print(torch.autograd.grad(output, (signal, kernel), cotangent))
print(nn.grad.conv1d_input(signal.shape, kernel, cotangent, stride=2))
print(nn.grad.conv1d_weight(signal, kernel.shape, cotangent, stride=2))
print(torch.convolution(signal, kernel, None, [1], [1], [2], False, [0], 1))

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    print(nn.init.constant(torch.empty(2), 3.0), nn.Container(a=nn.Linear(1, 1)))
    print([(w.category.__name__, str(w.message)) for w in caught])
print(nn.factory_kwargs({"dtype": torch.float64, "factory_kwargs": {"device": "cpu"}}))
