"""Lazy layers: what may be done with parameters that have no shape yet, and how they get one."""

import copy
import pickle

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter


def told(call):
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, str(error)[:150])


waiting = UninitializedParameter()
for call in (
    lambda: waiting.shape,
    lambda: waiting * 2,
    lambda: waiting.numel(),
    lambda: waiting.tolist(),
    lambda: waiting[0],
    lambda: waiting.share_memory_(),
    lambda: nn.init.ones_(waiting),
    lambda: waiting.to(torch.float64).dtype,
    lambda: UninitializedBuffer().double().dtype,
    lambda: (waiting.is_leaf, waiting.requires_grad, waiting.grad, waiting.device),
    lambda: copy.deepcopy(waiting),
    lambda: type(pickle.loads(pickle.dumps(waiting))).__name__,
):
    told(call)

lazy, made = nn.LazyLinear(3), nn.Linear(4, 3)
told(lambda: sum(p.numel() for p in lazy.parameters()))
told(lambda: lazy.share_memory())
told(lambda: copy.deepcopy(lazy))
told(lambda: lazy.double().weight.dtype)
told(lambda: nn.LazyLinear(3).load_state_dict(lazy.state_dict()))
told(lambda: made.load_state_dict(lazy.state_dict()))
told(lambda: lazy.load_state_dict(made.state_dict()))
print(lazy.weight.shape, type(lazy).__name__)
print(lazy(torch.ones(2, 4, dtype=torch.float64)).shape, type(lazy).__name__)
told(lambda: nn.LazyBatchNorm1d().load_state_dict(nn.BatchNorm1d(3).state_dict()))
torch.manual_seed(0)
print(nn.LazyConv2d(2, 2)(torch.ones(1, 1, 3, 3)))
