"""Recurrent cells on a sample and on batches, and what they say to sizes that do not fit."""

import torch
from torch import nn

torch.manual_seed(0)
for kind in (nn.RNNCell, nn.GRUCell, nn.LSTMCell):
    cell = kind(2, 3)

    def state(*sizes, two=kind is nn.LSTMCell):
        return (torch.ones(*sizes), torch.ones(*sizes)) if two else torch.ones(*sizes)

    for inputs in (
        (torch.ones(2),), (torch.ones(2), state(3)), (torch.ones(1, 2),), (torch.ones(2, 2), state(2, 3)),
        (torch.ones(1, 1, 2),), (torch.ones(1, 2), state(1, 1, 3)), (torch.ones(2), state(1, 3)),
        (torch.ones(1, 2), state(3)), (torch.ones(4),), (torch.ones(1, 4),), (torch.ones(2, 2), state(1, 3)),
        (torch.ones(2, 2), state(2, 4)), (torch.ones(0, 2),), (torch.ones(()),),
    ):  # fmt: skip
        try:
            made = cell(*inputs)
            made = made if isinstance(made, tuple) else (made,)
            print([(tuple(x.shape), x.grad_fn.name(), round(float(x.sum().detach()), 4)) for x in made])
            print([tuple(g.shape) for g in torch.autograd.grad(sum(x.sum() for x in made), cell.weight_ih)])
        except Exception as error:
            print(kind.__name__, type(error).__name__, error)

ones = torch.ones(2, 4, 3)
for sizes in ((2, 4), (2, 4, 1), (2, 1, 3), (1, 4, 3), (1, 1, 3), (4, 3), (1,), ()):
    try:
        print(sizes, nn.GaussianNLLLoss()(ones, ones * 2, torch.full(sizes, 0.5)))
    except ValueError as error:
        print(sizes, error)
