"""Where modules keep their hooks: the registries, what handles remove, and modules that are gone."""

import copy
import gc
import pickle
import weakref
from collections import OrderedDict

import torch
from torch import nn
from torch.nn.modules import module as home

linear = nn.Linear(1, 1)
print([name for name in vars(linear) if "hook" in name])
print(
    [name for name in vars(home) if name.startswith("_global_")]
    == sorted((name for name in vars(home) if name.startswith("_global_")), key=list(vars(home)).index)
)

handle = linear.register_forward_hook(lambda m, args, kwargs, out: out + 1, with_kwargs=True, always_call=True)
before = linear.register_forward_pre_hook(lambda m, args, kwargs: None, with_kwargs=True)
print(handle.id in linear._forward_hooks_with_kwargs, handle.id in linear._forward_hooks_always_called)
print(before.id in linear._forward_pre_hooks_with_kwargs, before.id in linear._forward_hooks_with_kwargs)
handle.remove()
before.remove()
print(len(linear._forward_hooks), len(linear._forward_hooks_with_kwargs), len(linear._forward_hooks_always_called))
print(len(linear._forward_pre_hooks_with_kwargs))

# global hooks: who puts another registry in the place of one removes its hooks
seen = []
home.register_module_forward_hook(lambda m, args, out: seen.append(type(m).__name__))
linear(torch.ones(1))
home._global_forward_hooks = OrderedDict()
linear(torch.ones(1))
print(seen)


# hooks that know their module do not keep it alive; pickle finds the hook here by its name
held = nn.Linear(1, 1)
held._register_load_state_dict_pre_hook(print, True)
copied = pickle.loads(pickle.dumps(held))
twin = copy.deepcopy(held)
print(len(copied._load_state_dict_pre_hooks), len(twin._load_state_dict_pre_hooks))
gone = weakref.ref(held)
gc.disable()
del held
print(gone() is None)
gc.enable()

sigmoid = nn.Sigmoid()
sigmoid.register_backward_hook(lambda m, grads, outs: None)
out = sigmoid(torch.ones(2, requires_grad=True))
del sigmoid
try:
    out.sum().backward()
except RuntimeError as error:
    print(error)

# a module that an older version saved lacks some registries
state = nn.Linear(1, 1).__dict__.copy()
for name in ("_load_state_dict_post_hooks", "_forward_pre_hooks_with_kwargs", "_backward_pre_hooks"):
    del state[name]
old = nn.Linear.__new__(nn.Linear)
old.__setstate__(state)
old.load_state_dict(old.state_dict())
print(old(torch.ones(1)).shape, len(old._load_state_dict_post_hooks))

linear.register_load_state_dict_post_hook(lambda m, keys: keys)
try:
    linear.load_state_dict(linear.state_dict())
except AssertionError as error:
    print(error)

# handles can be pickled together with what they remove from
box = pickle.loads(pickle.dumps((copied._load_state_dict_pre_hooks, next(iter(copied._load_state_dict_pre_hooks)))))
print(len(box[0]))


# what forward saves for forward mode counts as saved when an input is returned as it is
class Same(torch.autograd.Function):
    @staticmethod
    def forward(x):
        return x

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_forward(output)

    @staticmethod
    def backward(ctx, grad):
        return grad


try:
    print(Same.apply(torch.ones(2, requires_grad=True)))
except RuntimeError as error:
    print(error)
