"""Clipping gradients."""

import torch
from torch import nn
from torch.nn.utils import clip_grad_norm_, clip_grad_value_, parameters_to_vector, vector_to_parameters

torch.manual_seed(0)
model = nn.Linear(3, 2)
model(torch.ones(4, 3)).pow(2).sum().backward()
print(model.weight.grad, model.bias.grad)
print(clip_grad_norm_(model.parameters(), max_norm=1.0))
print(model.weight.grad, model.bias.grad)
print(clip_grad_norm_(model.parameters(), max_norm=10.0, norm_type=float("inf")))
clip_grad_value_(model.parameters(), 0.1)
print(model.weight.grad)
vector = parameters_to_vector(model.parameters())
print(vector)
vector_to_parameters(torch.arange(8.0), model.parameters())
print(model.weight, model.bias)
model.weight.grad.fill_(float("nan"))
try:
    clip_grad_norm_(model.parameters(), 1.0, error_if_nonfinite=True)
except RuntimeError as error:
    print(error)
print(clip_grad_norm_([], 1.0))
