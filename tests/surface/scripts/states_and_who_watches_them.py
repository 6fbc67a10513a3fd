"""Hooks on states and steps, extra state, parameters that are swapped, and what the metadata of a state says."""

import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook


def told(call):
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, str(error)[:200])


parameter = nn.Parameter(torch.ones(2))
optimizer = torch.optim.SGD([parameter], lr=0.5)
parameter.grad = torch.ones(2)
seen = [
    register_optimizer_step_pre_hook(lambda o, args, kwargs: print("any, before", args[0] is o, len(args), kwargs)),
    register_optimizer_step_post_hook(lambda o, args, kwargs: print("any, after", len(args))),
    optimizer.register_step_pre_hook(lambda o, args, kwargs: print("this, before", len(args))),
    optimizer.register_step_post_hook(lambda o, args, kwargs: print("this, after", len(args))),
]
optimizer.step()
optimizer.step(lambda: 3)
print(optimizer.state_dict()["state"])
for handle in seen:
    handle.remove()
with optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: 7})):
    print(optimizer.step(), parameter)

layer = nn.Linear(2, 2)
layer.register_state_dict_post_hook(lambda *args: "something")
told(layer.state_dict)


class Takes(nn.Module):
    def set_extra_state(self, state):
        print("taken", state)


class Gives(nn.Module):
    def get_extra_state(self):
        return 3


told(lambda: Takes().load_state_dict({}))
told(lambda: Takes().load_state_dict({"_extra_state": 1}))
told(lambda: Gives().load_state_dict({"_extra_state": 3}))
normed = nn.utils.spectral_norm(nn.Linear(2, 2))
print(normed.state_dict()._metadata, type(normed._forward_pre_hooks).__name__)
nn.utils.remove_spectral_norm(normed)
print(normed.state_dict()._metadata)

print(torch.__future__.get_swap_module_params_on_conversion())
torch.__future__.set_swap_module_params_on_conversion(True)
layer = nn.Linear(2, 2)
weight = layer.weight
layer.double()
print(weight is layer.weight, weight.dtype)
print(layer.load_state_dict(nn.Linear(2, 2).state_dict()), weight is layer.weight, weight.dtype)
torch.__future__.set_swap_module_params_on_conversion(False)
torch.__future__.set_overwrite_module_params_on_conversion(True)
layer.float()
print(weight is layer.weight, weight.dtype, layer.weight.dtype)
torch.__future__.set_overwrite_module_params_on_conversion(False)


class Own(nn.Parameter):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return super().__torch_function__(func, types, args, kwargs)


class Mixed:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        print("asked", func.__name__)
        return super().__torch_function__(func, types, args, kwargs or {})


class Counted(Mixed, torch.Tensor):
    pass


class Plain(torch.Tensor):
    pass


print(type(Own(torch.ones(2)) * 2).__name__)
counted = torch.ones(2).as_subclass(Counted)
counted.size()
counted.new_zeros(2)
print([type(made).__name__ for made in (torch.ones(1).as_subclass(Plain).new_ones(2), counted.new_empty(0))])
told(lambda: torch.ones(1).as_subclass(int))
