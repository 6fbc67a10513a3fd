"""Modules met less often: instance normalisation, padding, those that wait for their first input."""

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(0)


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


img = torch.randn(2, 4, 5, 5)
seq = torch.randn(2, 4, 6)
vol = torch.randn(1, 2, 3, 3, 3)


def mod(make, x):
    try:
        torch.manual_seed(0)
        m = make()
        y = m(x)
        print(m, tuple(y.shape), y.double().pow(2).sum().item().__round__(3), y.grad_fn.name() if y.grad_fn else None)
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


mod(lambda: nn.InstanceNorm1d(4), seq)
mod(lambda: nn.InstanceNorm2d(4, affine=True), img.clone().mul(2))
mod(lambda: nn.InstanceNorm3d(2, track_running_stats=True), vol)
mod(lambda: nn.InstanceNorm1d(3), seq[0])
mod(lambda: nn.InstanceNorm2d(4), seq[0, 0])
mod(lambda: nn.InstanceNorm2d(3, affine=True), img)
mod(lambda: nn.CircularPad1d(1), seq)
mod(lambda: nn.CircularPad2d((1, 0, 1, 0)), img)
mod(lambda: nn.CircularPad3d(1), vol)
mod(lambda: nn.CircularPad3d(1), seq)
mod(lambda: nn.ConstantPad3d(1, 2.0), vol)
mod(lambda: nn.ZeroPad1d(1), seq)
mod(lambda: nn.ZeroPad3d(1), vol)
mod(lambda: nn.ReflectionPad3d(1), vol)
mod(lambda: nn.ReplicationPad3d(1), vol)
mod(lambda: nn.Softmax2d(), img)
mod(lambda: nn.Softmax2d(), img[0, 0])
mod(lambda: nn.FeatureAlphaDropout(), img)
mod(lambda: nn.LazyLinear(3), seq)
mod(lambda: nn.LazyConv1d(2, 3), seq)
mod(lambda: nn.LazyConv2d(2, 3, padding=1, bias=False), img)
mod(lambda: nn.LazyBatchNorm2d(), img)
mod(lambda: nn.LazyConvTranspose2d(2, 3), img)
mod(lambda: nn.LazyInstanceNorm2d(affine=True), img)
mod(lambda: nn.LazyConv2d(2, 3), seq[0, 0])
t(lambda: nn.LazyLinear(3))
t(lambda: nn.LazyLinear(3).weight)
t(lambda: nn.LazyLinear(3).weight.shape)
t(lambda: nn.LazyLinear(3).has_uninitialized_params())
t(lambda: nn.LazyConv2d(2, 3))
t(lambda: isinstance(nn.LazyLinear(3).weight, nn.Parameter))
t(lambda: nn.parameter.is_lazy(nn.LazyLinear(3).bias))


class LazyMLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.LazyLinear(4)
        self.fc2 = nn.LazyLinear(1)

    def forward(self, x):
        return self.fc2(self.fc1(x).relu())


torch.manual_seed(1)
m = LazyMLP()
print(m)
m(torch.ones(10, 2)).sum().backward()
print(m, m.fc1.weight.grad.shape, list(m.state_dict()))
opt = torch.optim.SGD(m.parameters(), 0.1)
opt.step()
print(m.fc1.weight)
t(lambda: F.leaky_relu_(torch.ones(1)))
t(lambda: F.elu_(torch.ones(1)))
t(lambda: F.selu_(torch.ones(1)))
t(lambda: F.hardtanh_(torch.ones(1)))
t(lambda: F.threshold_(torch.ones(1), 0, 0))
t(lambda: F.celu_(torch.ones(1)))
t(lambda: F.upsample(img, scale_factor=2).shape)
t(lambda: F.local_response_norm(img, 2).sum())
t(lambda: F.local_response_norm(seq, 3).sum())
t(lambda: F.local_response_norm(torch.ones(2, 2), 3))
t(lambda: F.feature_alpha_dropout(img, 0.5, True).sum())
t(lambda: nn.init.trunc_normal_(torch.empty(3)))
t(lambda: nn.init.dirac_(torch.empty(2, 2, 3)))
t(lambda: nn.init.orthogonal_(torch.empty(2, 2)).abs())
