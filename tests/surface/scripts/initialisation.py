"""Seeds reproduce the default and the explicit initialisations."""

import torch
from torch import nn
from torch.nn import init

torch.manual_seed(7)
for layer in (
    nn.Linear(4, 3),
    nn.Linear(20, 2),
    nn.Conv1d(2, 3, 2),
    nn.Conv2d(2, 2, 3, groups=2),
    nn.ConvTranspose2d(1, 2, 2),
    nn.Embedding(4, 3),
    nn.Embedding(4, 5, padding_idx=1),
    nn.Bilinear(2, 2, 3),
    nn.LayerNorm(3),
    nn.BatchNorm1d(3),
    nn.PReLU(),
    nn.RNNCell(2, 3),
    nn.LSTMCell(2, 2),
    nn.GRUCell(2, 2),
):
    print(layer)
    for name, parameter in layer.named_parameters():
        print(name, parameter.data)
w = torch.empty(3, 5)
print(init.uniform_(w), init.normal_(w, 1.0, 0.1), init.constant_(w, 0.3), init.ones_(w), init.zeros_(w))
print(init.eye_(w))
print(init.xavier_uniform_(w, gain=init.calculate_gain("relu")))
print(init.xavier_normal_(w))
print(init.kaiming_uniform_(w, mode="fan_in", nonlinearity="relu"))
print(init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"))
print(init.trunc_normal_(torch.empty(2, 2)))
print(init.dirac_(torch.empty(2, 2, 3)))
print([init.calculate_gain(name) for name in ("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu")])
try:
    init.xavier_uniform_(torch.empty(3))
except ValueError as error:
    print(error)
print(init.trunc_normal_(torch.empty(20), mean=1.0, std=0.5, a=0.5, b=1.5))
print(init.trunc_normal_(torch.empty(6), mean=0.0, std=1.0, a=1.0, b=1.5))
print(init.orthogonal_(torch.empty(2, 3, dtype=torch.double)).shape)
