"""Hooks of all modules, and the module names that torch has under torch.nn.modules."""

import torch
import torch.autograd.grad_mode
from torch import nn
from torch.autograd.grad_mode import no_grad
from torch.nn.modules import module as modules
from torch.nn.modules.linear import Linear

print(no_grad is torch.no_grad, Linear is nn.Linear, torch.nn.modules.Linear is nn.Linear, modules.Module is nn.Module)

handles = [
    modules.register_module_forward_pre_hook(lambda m, args: print("before", type(m).__name__)),
    modules.register_module_forward_hook(lambda m, args, out: print("after", type(m).__name__, tuple(out.shape))),
    modules.register_module_full_backward_pre_hook(lambda m, grad_out: print("backward before", type(m).__name__)),
    modules.register_module_full_backward_hook(lambda m, grad_in, grad_out: print("backward after", type(m).__name__)),
    modules.register_module_parameter_registration_hook(lambda m, name, value: print("parameter", name)),
    modules.register_module_buffer_registration_hook(lambda m, name, value: print("buffer", name)),
    modules.register_module_module_registration_hook(lambda m, name, value: print("module", name)),
]
model = nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.BatchNorm1d(2))
model[0].register_forward_hook(lambda m, args, out: print("own, after the global one"))
model(torch.randn(3, 2, requires_grad=True)).sum().backward()
try:
    modules.register_module_backward_hook(print)
except RuntimeError as error:
    print(error)
for handle in handles:
    handle.remove()
model(torch.randn(3, 2))

handle = modules.register_module_forward_hook(
    lambda m, args, kwargs, out: print(len(args), list(kwargs)), with_kwargs=True
)
nn.Linear(2, 2)(input=torch.ones(1, 2))
handle.remove()


class Failing(nn.Module):
    def forward(self, x):
        raise ValueError("inside of forward")


handle = modules.register_module_forward_hook(lambda m, args, out: print("even so:", out), always_call=True)
try:
    Failing()(1)
except ValueError as error:
    print(error)
handle.remove()
