"""Mixed precision on the CPU, as in the recipes."""

import torch
import torch.nn.functional as F
from torch import nn
from torch.amp import GradScaler, autocast, custom_bwd, custom_fwd


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


torch.manual_seed(0)


class Mul(torch.autograd.Function):
    @staticmethod
    @custom_fwd(device_type="cpu")
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        return (g @ b.t(), a.t() @ g)


class Cast(torch.autograd.Function):
    @staticmethod
    @custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    def forward(ctx, a):
        print(a.dtype, torch.is_autocast_enabled("cpu"))
        ctx.save_for_backward(a)
        return a.exp()

    @staticmethod
    @custom_bwd(device_type="cpu")
    def backward(ctx, g):
        return g * ctx.saved_tensors[0].exp()


a = torch.randn(2, 2, requires_grad=True)
t(lambda: Mul.apply(a, a).sum().backward())
print(a.grad)
w = torch.randn(3, 2, requires_grad=True)
a.grad = None
with torch.autocast("cpu", dtype=torch.bfloat16):
    for f in (
        lambda: a @ a,
        lambda: a + a,
        lambda: F.linear(a, w),
        lambda: a.softmax(0),
        lambda: F.mse_loss(a.bfloat16(), a),
        lambda: torch.cat([a, a.bfloat16()]),
        lambda: torch.mm(a, a.double()),
        lambda: a.sum(),
        lambda: Mul.apply(a, a),
        lambda: Cast.apply(a.bfloat16()),
        lambda: F.cross_entropy(F.linear(a, w), torch.tensor([0, 1])),
        lambda: nn.Conv1d(1, 1, 1)(a[None]),
        lambda: torch.bmm(a[None], a[None]),
        lambda: a.bfloat16() * a,
        lambda: F.layer_norm(a, (2,)),
        lambda: a.matmul(a),
    ):
        t(lambda: (f().dtype, f().grad_fn.name()))
    t(lambda: torch.is_autocast_enabled("cpu"))
    t(lambda: torch.is_autocast_cpu_enabled())
    t(lambda: torch.get_autocast_dtype("cpu"))
    o = F.linear(a, w) + F.linear(a * 2, w)
    with torch.autocast("cpu", enabled=False):
        t(lambda: (a @ a).dtype)
o.float().pow(2).sum().backward()
print(a.grad, w.grad, o.dtype)
t(lambda: torch.is_autocast_enabled())
t(lambda: torch.is_autocast_enabled("cpu"))


@torch.autocast("cpu")
def run(x):
    return (x @ x).dtype


t(lambda: run(a))
t(lambda: torch.autocast("foo"))
t(lambda: torch.autocast(3))
s = GradScaler("cpu", enabled=False)
t(lambda: s.scale(a.sum()))
t(lambda: s.get_scale())
t(lambda: s.is_enabled())
t(lambda: s.state_dict())
torch.manual_seed(1)
net = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
opt = torch.optim.SGD(net.parameters(), 0.1)
s = GradScaler("cpu", init_scale=8.0, growth_interval=2)
x, y = (torch.randn(5, 2), torch.randn(5, 1))
for i in range(4):
    opt.zero_grad()
    with autocast("cpu"):
        out = net(x)
        loss = F.mse_loss(out, y)
    s.scale(loss).backward()
    if i == 2:
        net[0].weight.grad[0, 0] = float("inf")
    s.unscale_(opt)
    n = torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    s.step(opt)
    s.update()
    print(out.dtype, loss.dtype, round(loss.item(), 2), s.get_scale(), bool(n.isfinite()))
print(s.state_dict())
t(lambda: s.unscale_(opt))
t(lambda: s.unscale_(opt))
t(lambda: s.step(opt))
t(lambda: s.step(opt))
t(lambda: GradScaler("cpu").unscale_(opt))
t(lambda: GradScaler("cpu").update())
t(lambda: GradScaler("cpu").load_state_dict({}))
t(lambda: GradScaler("cpu", growth_factor=1.0))
s.load_state_dict({**s.state_dict(), "scale": 2.0})
t(s.get_scale)
