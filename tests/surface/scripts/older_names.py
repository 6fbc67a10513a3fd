"""Names that are met in older scripts, and layers that are met seldom."""

import warnings

import torch
import torch.nn.functional as F
from torch import nn
from torch.cuda.amp import custom_bwd, custom_fwd

warnings.simplefilter("ignore")
torch.manual_seed(0)


class Square(torch.autograd.Function):
    @staticmethod
    @custom_fwd
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    @custom_bwd
    def backward(ctx, grad):
        return 2 * grad * ctx.saved_tensors[0]


x = torch.randn(3, requires_grad=True)
Square.apply(x).sum().backward()
print(torch.equal(x.grad, 2 * x))
with torch.cpu.amp.autocast():
    print((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
with torch.cuda.amp.autocast():
    print((torch.ones(2, 2) @ torch.ones(2, 2)).dtype)
scaler = torch.cuda.amp.GradScaler()
print(scaler.is_enabled(), scaler.scale(torch.ones(1)))
image, volume = torch.randn(2, 4, 5, 5, requires_grad=True), torch.randn(1, 2, 3, 3, 3)
for layer, value in (
    (nn.LocalResponseNorm(2), image),
    (nn.AdaptiveMaxPool3d(2), volume),
    (nn.LPPool2d(2, 2), image),
    (nn.LPPool1d(2, 3, stride=1), image[0]),
):
    made = layer(value)
    print(layer, made.shape, round(made.double().pow(2).sum().item(), 3))
F.lp_pool2d(image, 2, (2, 3)).sum().backward()
print(round(image.grad.double().abs().sum().item(), 3))
torch.manual_seed(1)
print(nn.init.sparse_(torch.empty(4, 3), 0.5))
torch.compiler.reset()
torch._dynamo.reset()
print(torch.compile(nn.Linear(2, 1))(torch.ones(1, 2)).shape)
