"""Transposed convolutions that are asked for a size; layers made on another device; layers that begin afresh."""

import torch
from torch import nn


def attempt(what, function):
    try:
        print(what, tuple(function().shape))
    except Exception as error:
        print(what, type(error).__name__, error)


x = torch.arange(75.0).reshape(1, 3, 5, 5)
layer = nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1)
for size in ([9, 9], [10, 9], (10, 10), [1, 2, 10, 10], torch.Size([9, 10]), [12, 9], [9], [8, 8]):
    attempt(size, lambda size=size: layer(x, output_size=size))
for size in ([9, 10], [2, 9, 10], [1, 2, 9, 10], [1, 9]):
    attempt(size, lambda size=size: layer(x[0], size))
attempt("volume", lambda: nn.ConvTranspose3d(1, 2, 3, stride=3, dilation=2)(x[None], [12, 18, 18]))

arguments = {
    "LayerNorm": (3,), "RMSNorm": (3,), "GroupNorm": (2, 4), "BatchNorm1d": (3,), "BatchNorm2d": (3,), "PReLU": (),
    "InstanceNorm1d": (3,), "Linear": (3, 2), "Conv1d": (2, 2, 3), "ConvTranspose2d": (2, 2, 3), "Embedding": (3, 2),
    "LSTM": (2, 3), "GRUCell": (2, 3), "MultiheadAttention": (4, 2), "LazyBatchNorm1d": (),
}  # fmt: skip
for name, given in arguments.items():
    options = {"affine": True, "track_running_stats": True} if name == "InstanceNorm1d" else {}
    for device in (None, "meta"):
        made = getattr(nn, name)(*given, device=device, dtype=torch.float64, **options)
        for key, value in sorted((*made.named_parameters(), *made.named_buffers())):
            print(name, device, key, value.device, value.dtype, value.requires_grad)

for made in (nn.LayerNorm(3), nn.RMSNorm(3), nn.GroupNorm(1, 3), nn.BatchNorm1d(3), nn.PReLU(2, init=0.5)):
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(3).add_(2)
    if isinstance(made, nn.BatchNorm1d):
        made(torch.arange(6.0).reshape(2, 3))
    made.reset_parameters()
    print(made, {key: value.tolist() for key, value in made.state_dict().items()})


class Wide(nn.LayerNorm):
    def reset_parameters(self):
        super().reset_parameters()
        nn.init.constant_(self.weight, 7)


print(Wide(2).weight)
