"""A gradient for each sample, by a loop."""

import torch
from torch import nn
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)


class SimpleNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(6, 5)
        self.fc2 = nn.Linear(5, 3)

    def forward(self, x):
        return F.log_softmax(self.fc2(torch.relu(self.fc1(x))), dim=1)


torch.manual_seed(0)
data, targets = torch.randn(4, 6), torch.randint(3, (4,))
model = SimpleNet()
predictions = model(data)
loss = F.nll_loss(predictions, targets)
loss.backward()
print(predictions)
print(targets, loss)


def compute_grad(sample, target):
    sample = sample.unsqueeze(0)
    target = target.unsqueeze(0)
    loss = F.nll_loss(model(sample), target)
    return torch.autograd.grad(loss, list(model.parameters()))


def compute_sample_grads(data, targets):
    sample_grads = [compute_grad(data[i], targets[i]) for i in range(len(data))]
    return [torch.stack(shards) for shards in zip(*sample_grads)]


per_sample = compute_sample_grads(data, targets)
print([tuple(g.shape) for g in per_sample])
for p, g in zip(model.parameters(), per_sample):
    print(torch.allclose(p.grad, g.mean(0), atol=1e-6), g.flatten(1).norm(dim=1))
