"""Each kind of layer once, forward and backward."""

import torch
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)


def try_out(layer, *shape, inputs=1):
    xs = [torch.randn(*shape, requires_grad=True) for _ in range(inputs)]
    out = layer(*xs)
    print(layer, tuple(out.shape), type(out.grad_fn).__name__)
    print(out.flatten()[:6])
    (out * torch.linspace(0.5, 1.5, out.numel()).view(out.shape)).sum().backward()
    print(xs[0].grad.flatten()[:6])
    for name, p in layer.named_parameters():
        print(" ", name, p.grad.flatten()[:4])


for activation in (
    nn.ReLU(),
    nn.ReLU6(),
    nn.LeakyReLU(0.1),
    nn.ELU(),
    nn.CELU(2.0),
    nn.SELU(),
    nn.GELU(),
    nn.GELU("tanh"),
    nn.SiLU(),
    nn.Mish(),
    nn.Softplus(beta=2),
    nn.Softsign(),
    nn.Softshrink(0.3),
    nn.Hardshrink(),
    nn.Tanhshrink(),
    nn.Hardtanh(-0.5, 0.5),
    nn.Hardsigmoid(),
    nn.Hardswish(),
    nn.LogSigmoid(),
    nn.Sigmoid(),
    nn.Tanh(),
    nn.Softmax(dim=1),
    nn.LogSoftmax(dim=0),
    nn.Softmin(dim=1),
    nn.GLU(),
    nn.Threshold(0.1, -2.0),
    nn.PReLU(),
    nn.Identity(),
):
    try_out(activation, 2, 4)
try_out(nn.Linear(4, 3), 2, 4)
try_out(nn.Linear(4, 3, bias=False), 2, 2, 4)
try_out(nn.Bilinear(3, 3, 2), 4, 3, inputs=2)
try_out(nn.Conv1d(2, 3, 2, stride=2), 1, 2, 6)
try_out(nn.Conv2d(2, 4, 3, padding=1, groups=2), 1, 2, 4, 4)
try_out(nn.Conv2d(1, 2, (2, 3), dilation=2, bias=False), 1, 1, 5, 6)
try_out(nn.Conv2d(1, 1, 3, padding="same"), 1, 1, 4, 4)
try_out(nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), 1, 1, 4, 4)
try_out(nn.ConvTranspose1d(2, 2, 3, stride=2, output_padding=1), 1, 2, 3)
try_out(nn.ConvTranspose2d(2, 1, 2, stride=2), 1, 2, 2, 2)
try_out(nn.MaxPool1d(2), 1, 2, 6)
try_out(nn.MaxPool2d(2, stride=1, padding=1), 1, 1, 3, 3)
try_out(nn.AvgPool1d(3, stride=2), 1, 2, 7)
try_out(nn.AvgPool2d(2), 1, 1, 4, 4)
try_out(nn.AdaptiveAvgPool1d(2), 1, 1, 5)
try_out(nn.AdaptiveAvgPool2d((1, 2)), 1, 2, 3, 4)
try_out(nn.LayerNorm((2, 3)), 2, 2, 3)
try_out(nn.GroupNorm(2, 4), 2, 4, 3)
try_out(nn.BatchNorm1d(3), 4, 3)
try_out(nn.BatchNorm2d(2, affine=False), 2, 2, 2, 2)
try_out(nn.Flatten(), 2, 2, 3)
try_out(nn.Unflatten(1, (2, 3)), 2, 6)
try_out(nn.PixelShuffle(2), 1, 4, 2, 2)
try_out(nn.ReflectionPad1d(2), 1, 2, 4)
try_out(nn.ZeroPad2d((1, 0, 2, 0)), 1, 1, 2, 2)
try_out(nn.ConstantPad1d(1, 3.5), 1, 1, 3)
try_out(nn.CosineSimilarity(dim=1), 3, 4, inputs=2)
try_out(nn.PairwiseDistance(p=2), 3, 4, inputs=2)
