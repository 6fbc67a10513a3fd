"""Logistic regression from tensors, then the same with nn, optim and data loaders."""

import math

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

torch.set_default_dtype(torch.float64)

torch.manual_seed(0)
n, c, features = 64, 4, 10
centers = torch.randn(c, features) * 2
y_train = torch.randint(0, c, (n,))
x_train = centers[y_train] + torch.randn(n, features)
print(x_train.shape, y_train.min(), y_train.max())

weights = torch.randn(features, c) / math.sqrt(features)
weights.requires_grad_()
bias = torch.zeros(c, requires_grad=True)


def log_softmax(x):
    return x - x.exp().sum(-1).log().unsqueeze(-1)


def model(xb):
    return log_softmax(xb @ weights + bias)


def nll(input, target):
    return -input[range(target.shape[0]), target].mean()


def accuracy(out, yb):
    preds = torch.argmax(out, dim=1)
    return (preds == yb).double().mean()


bs = 16
preds = model(x_train[0:bs])
print(preds[0], preds.shape)
print(nll(preds, y_train[0:bs]), accuracy(preds, y_train[0:bs]))
for epoch in range(2):
    for i in range((n - 1) // bs + 1):
        xb, yb = x_train[i * bs : i * bs + bs], y_train[i * bs : i * bs + bs]
        loss = nll(model(xb), yb)
        loss.backward()
        with torch.no_grad():
            weights -= weights.grad * 0.5
            bias -= bias.grad * 0.5
            weights.grad.zero_()
            bias.grad.zero_()
print(f"{nll(model(x_train), y_train).item():.4f} {accuracy(model(x_train), y_train).item():.4f}")


class Logistic(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(features, c)

    def forward(self, xb):
        return self.lin(xb)


net = Logistic()
opt = optim.SGD(net.parameters(), lr=0.5)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=bs, shuffle=True)
print(net, len(loader))
for epoch in range(3):
    net.train()
    for xb, yb in loader:
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        opt.step()
        opt.zero_grad()
    net.eval()
    with torch.no_grad():
        valid = sum(
            F.cross_entropy(net(xb), yb) for xb, yb in DataLoader(TensorDataset(x_train, y_train), batch_size=32)
        )
    print(epoch, f"{(valid / 2).item():.4f}")
