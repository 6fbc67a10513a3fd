"""Scripts of generative models, implicit layers and meta-learning."""

import torch
import torch.nn.functional as F
from torch import nn, optim

torch.manual_seed(0)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 6)
        self.fc21 = nn.Linear(6, 2)
        self.fc22 = nn.Linear(6, 2)
        self.fc3 = nn.Linear(2, 6)
        self.fc4 = nn.Linear(6, 8)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return (self.fc21(h), self.fc22(h))

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, lv = self.encode(x.view(-1, 8))
        return (self.decode(self.reparameterize(mu, lv)), mu, lv)


m = VAE()
opt = optim.Adam(m.parameters(), lr=0.01)
data = torch.rand(16, 8)
for e in range(3):
    for i in range(0, 16, 4):
        x = data[i : i + 4]
        r, mu, lv = m(x)
        loss = F.binary_cross_entropy(r, x, reduction="sum") - 0.5 * torch.sum(1 + lv - mu.pow(2) - lv.exp())
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"{e} {loss.item():.3f}")
print(m)
G = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.LeakyReLU(0.2, inplace=True), nn.Linear(8, 4), nn.Tanh())
D = nn.Sequential(nn.Linear(4, 8), nn.LeakyReLU(0.2), nn.Dropout(0.3), nn.Linear(8, 1))


def weights_init(m):
    c = m.__class__.__name__
    if c.find("Linear") != -1:
        nn.init.normal_(m.weight.data, 0.0, 0.02)
        nn.init.constant_(m.bias.data, 0)
    elif c.find("BatchNorm") != -1:
        nn.init.normal_(m.weight.data, 1.0, 0.02)
        nn.init.constant_(m.bias.data, 0)


G.apply(weights_init)
D.apply(weights_init)
oG = optim.Adam(G.parameters(), 0.002, betas=(0.5, 0.999))
oD = optim.Adam(D.parameters(), 0.002, betas=(0.5, 0.999))
crit = nn.BCEWithLogitsLoss()
for it in range(4):
    real = torch.randn(8, 4)
    z = torch.randn(8, 3)
    fake = G(z)
    D.zero_grad()
    lr = crit(D(real).squeeze(1), torch.ones(8))
    lf = crit(D(fake.detach()).squeeze(1), torch.zeros(8))
    (lr + lf).backward()
    oD.step()
    G.zero_grad()
    lg = crit(D(fake).squeeze(1), torch.full((8,), 1.0))
    lg.backward()
    oG.step()
    print(f"{lr.item():.4f} {lf.item():.4f} {lg.item():.4f}")
alpha = torch.rand(8, 1)
inter = (alpha * real + (1 - alpha) * fake.detach()).requires_grad_(True)
D.eval()
gr = torch.autograd.grad(D(inter).sum(), inter, create_graph=True, retain_graph=True, only_inputs=True)[0]
gp = ((gr.norm(2, dim=1) - 1) ** 2).mean()
D.zero_grad()
gp.backward()
print(f"{gp.item():.5f}", [None if p.grad is None else round(p.grad.norm().item(), 5) for p in D.parameters()])


class DEQ(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.W = nn.Linear(d, d, bias=False)
        self.hook = None
        nn.init.normal_(self.W.weight, std=0.1)

    def forward(self, x):
        with torch.no_grad():
            z = torch.zeros_like(x)
            for k in range(50):
                zn = torch.tanh(self.W(z) + x)
                if torch.norm(zn - z) < 1e-06:
                    break
                z = zn
        z = torch.tanh(self.W(z) + x)
        if z.requires_grad:
            z0 = z.clone().detach().requires_grad_()
            f0 = torch.tanh(self.W(z0) + x)

            def bh(g):
                if self.hook is not None:
                    self.hook.remove()
                y = g
                for _ in range(50):
                    y = torch.autograd.grad(f0, z0, y, retain_graph=True)[0] + g
                return y

            self.hook = z.register_hook(bh)
        return z


deq = DEQ(3)
x = torch.randn(2, 3)
deq(x).pow(2).sum().backward()
print(deq.W.weight.grad)


class ODEAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx, f, z0, n, *params):
        with torch.no_grad():
            z = z0
            h = 1.0 / n
            for _ in range(n):
                z = z + h * f(z)
        ctx.f, ctx.n, ctx.params = (f, n, params)
        ctx.save_for_backward(z)
        return z

    @staticmethod
    def backward(ctx, g):
        (z,) = ctx.saved_tensors
        a = g
        h = 1.0 / ctx.n
        gp = [torch.zeros_like(p) for p in ctx.params]
        for _ in range(ctx.n):
            with torch.enable_grad():
                zz = z.detach().requires_grad_()
                out = ctx.f(zz)
            vs = torch.autograd.grad(out, (zz, *ctx.params), a)
            z = z - h * out.detach()
            a = a + h * vs[0]
            gp = [p + h * v for p, v in zip(gp, vs[1:])]
        return (None, a, None, *gp)


f = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 2))
z0 = torch.randn(3, 2, requires_grad=True)
zT = ODEAdjoint.apply(f, z0, 10, *f.parameters())
zT.pow(2).mean().backward()
print(z0.grad, f[0].bias.grad, zT.grad_fn.name())
net = nn.Sequential(nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 1))
mo = optim.SGD(net.parameters(), 0.01)
for it in range(3):
    mo.zero_grad()
    tot = 0
    for task in range(2):
        amp = torch.rand(1) * 2
        xs = torch.rand(5, 1)
        ys = amp * xs.sin()
        fast = dict(net.named_parameters())
        inner = F.mse_loss(torch.func.functional_call(net, fast, (xs,)), ys)
        gs = torch.autograd.grad(inner, fast.values(), create_graph=True)
        fast = {k: v - 0.1 * g for (k, v), g in zip(fast.items(), gs)}
        ql = F.mse_loss(torch.func.functional_call(net, fast, (xs + 1,)), amp * (xs + 1).sin())
        tot = tot + ql
    tot.backward()
    mo.step()
    print(f"{tot.item():.5f}")
policy = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
po = optim.Adam(policy.parameters(), 0.01)
s = torch.randn(5, 4)
probs = F.softmax(policy(s), -1)
acts = torch.multinomial(probs, 1)
logp = torch.log(probs.gather(1, acts)).squeeze(1)
ret = torch.arange(5.0)
ret = (ret - ret.mean()) / (ret.std() + 1e-08)
pl = -(logp * ret).sum()
po.zero_grad()
pl.backward()
po.step()
print(acts.squeeze(1).tolist(), f"{pl.item():.4f}")
q, tgt = (nn.Linear(4, 2), nn.Linear(4, 2))
tgt.load_state_dict(q.state_dict())
nq = tgt(s).max(1).values.detach()
exp = nq * 0.99 + 1
cur = q(s).gather(1, acts)
lo = nn.SmoothL1Loss()(cur, exp.unsqueeze(1))
lo.backward()
torch.nn.utils.clip_grad_value_(q.parameters(), 100)
print(f"{lo.item():.4f}", q.weight.grad)
for kp, (p1, p2) in enumerate(zip(tgt.parameters(), q.parameters())):
    p1.data.mul_(0.995).add_(p2.data, alpha=0.005)


def ntk(net, x1, x2):
    p = {k: v.detach() for k, v in net.named_parameters()}

    def fn(p, x):
        return torch.func.functional_call(net, p, (x.unsqueeze(0),)).squeeze(0)

    j1 = torch.func.vmap(torch.func.jacrev(fn), (None, 0))(p, x1)
    j2 = torch.func.vmap(torch.func.jacrev(fn), (None, 0))(p, x2)
    pairs = zip(j1.values(), j2.values())
    return sum(torch.einsum("Naf,Mbf->NMab", a.flatten(2), b.flatten(2)) for a, b in pairs)


print(ntk(nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2)), torch.randn(3, 3), torch.randn(2, 3)).shape)
x = torch.randn(4, 3)
tq = torch.tensor([0, 2, 1, 1])
W = torch.randn(3, 3, requires_grad=True)
for k in range(3):
    H = torch.autograd.functional.hessian(lambda w: F.cross_entropy(x @ w, tq) + 0.01 * w.pow(2).sum(), W)
    g = torch.autograd.grad(F.cross_entropy(x @ W, tq) + 0.01 * W.pow(2).sum(), W)[0]
    step = torch.linalg.solve(H.reshape(9, 9) + 0.001 * torch.eye(9), g.reshape(9))
    W = (W - step.view(3, 3)).detach().requires_grad_()
    print(f"{F.cross_entropy(x @ W, tq).item():.4f}")
