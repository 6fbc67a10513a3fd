"""The meta device: shapes without values, models that are made and loaded without being initialised."""

import copy

import torch
import torch.nn.functional as F
from torch import nn
from torch.func import functional_call


def say(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


torch.manual_seed(0)
m, c = torch.ones(2, 3, device="meta"), torch.ones(2, 3)
for f in (
    lambda: m,
    lambda: (m.device, m.is_meta, c.is_meta, m.is_cpu, m.data_ptr(), m.get_device(), m.type()),
    lambda: m + 1,
    lambda: m @ m.T,
    lambda: m.sum(),
    lambda: (m.t().stride(), m.view(6).shape, m[0].shape, len(m)),
    lambda: m.to(torch.float64),
    lambda: m > 0,
    lambda: m.item(),
    lambda: m.sum().item(),
    lambda: m.tolist(),
    lambda: m.numpy(),
    lambda: bool(m.sum()),
    lambda: float(m.sum()),
    lambda: m.cpu(),
    lambda: m.to("cpu"),
    lambda: c.to("meta"),
    lambda: c.to(device="meta", dtype=torch.float16),
    lambda: m + c,
    lambda: torch.add(c, m),
    lambda: m + torch.tensor(1.0),
    lambda: torch.cat([m, c]),
    lambda: m.add_(c),
    lambda: m.copy_(c),
    lambda: c.copy_(m),
    lambda: m.nonzero(),
    lambda: m[m > 0],
    lambda: torch.allclose(m, m),
    lambda: torch.equal(m, m),
    lambda: m.unique(),
    lambda: m.max(0),
    lambda: m.detach().clone(),
    lambda: copy.deepcopy(m),
    lambda: torch.zeros_like(m),
    lambda: torch.zeros_like(c, device="meta"),
    lambda: torch.zeros_like(m, device="cpu"),
    lambda: m.new_ones(2),
    lambda: m.new_ones(2, device="cpu"),
    lambda: torch.rand(2, device="meta"),
    lambda: torch.randn_like(m),
    lambda: F.dropout(m),
    lambda: m.normal_(),
    lambda: torch.rand(1),
    lambda: torch.arange(3, device="meta"),
    lambda: torch.tensor([1.0], device="meta"),
    lambda: torch.randint(3, (2,), device="meta"),
    lambda: f"{m.sum()} {m.shape}",
):
    say(f)

x = torch.ones(3, device="meta", requires_grad=True)
y = (x * 2).sum()
print(y)
y.backward()
print(x.grad, torch.autograd.grad((x**2).sum(), x))

with torch.device("meta"):
    layer = nn.Linear(2, 3)
    print(layer.weight, torch.empty(2).device, torch.ones(2, device="cpu").device, torch.get_default_device())
print(torch.get_default_device(), torch.ones(1).device)
print(layer(torch.ones(1, 2, device="meta")))
say(lambda: layer(torch.ones(1, 2)))
say(lambda: layer.to("cpu"))
say(lambda: layer.cpu())
print(layer.to_empty(device="cpu") is layer, layer.weight.device, type(layer.weight).__name__)

source, target = nn.Linear(2, 3), nn.Linear(2, 3, device="meta")
say(lambda: target.load_state_dict(source.state_dict()))
print(target.weight.device)
target.load_state_dict(source.state_dict(), assign=True)
print(torch.equal(target.weight, source.weight), target.weight.requires_grad)
say(lambda: nn.Linear(2, 3).load_state_dict(nn.Linear(2, 3, device="meta").state_dict()))

base = copy.deepcopy(source).to("meta")
print(base.weight)
print(torch.equal(functional_call(base, dict(source.named_parameters()), torch.eye(2)), source(torch.eye(2))))

model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(8, 2)).to("meta")
out = model(torch.ones(2, 1, 4, 4, device="meta"))
print(out, model[1].running_mean)
out.sum().backward()
print(model[0].weight.grad)
for optimizer in (torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), torch.optim.Adam(model.parameters())):
    optimizer.step()
    print(sorted({str(v.device) for s in optimizer.state.values() for v in s.values() if v.dim()}))
with torch.device("meta"):
    encoder = nn.TransformerEncoderLayer(4, 2, 8)
    print(encoder(torch.ones(2, 1, 4)).shape, sum(p.numel() for p in encoder.parameters()))
print(nn.LSTM(2, 3, device="meta")(torch.ones(4, 1, 2, device="meta"))[0].shape)
print(nn.Embedding(3, 2, device="meta")(torch.tensor([0, 1], device="meta")))

torch.set_default_device("meta")
print(torch.ones(2), torch.get_default_device())
torch.set_default_device(None)
print(torch.ones(2))
say(lambda: torch.ones(1, device="cuda"))
say(lambda: torch.device("nowhere"))
