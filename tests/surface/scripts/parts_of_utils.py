"""Samplers for several processes, weak dictionaries, hooks of modules by hand."""

import gc
import warnings

import torch
from torch.utils.data import DistributedSampler
from torch.utils.hooks import BackwardHook, warn_if_has_hooks
from torch.utils.weak import TensorWeakRef, WeakIdKeyDictionary, WeakTensorKeyDictionary


def t(f):
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(f())
    except Exception as e:
        print(type(e).__name__, str(e))
    for w in caught:
        print("warned", w.category.__name__, str(w.message).partition("0x")[0])


ten = list(range(10))
for rank in range(3):
    for options in ({"shuffle": False}, {"seed": 4}, {"shuffle": False, "drop_last": True}):
        sampler = DistributedSampler(ten, num_replicas=3, rank=rank, **options)
        print(list(sampler), len(sampler))
        sampler.set_epoch(2)
        print(list(sampler))
print(list(DistributedSampler([1, 2], num_replicas=5, rank=4, shuffle=False)))
t(lambda: DistributedSampler(ten, num_replicas=3, rank=3))

d = WeakTensorKeyDictionary()
x, y = torch.ones(2), torch.ones(2)
d[x] = 1
print(x in d, y in d, len(d), d[x], d.get(y), list(d.values()), d.setdefault(x, 5))
r = TensorWeakRef(x)
print(r() is x)
del x
gc.collect()
print(len(d), r())
e = WeakIdKeyDictionary({y: 2})
print(e.pop(y), len(e))

module = torch.nn.Linear(2, 2)
hook = BackwardHook(
    module,
    [lambda m, gi, go: print("hook", type(m).__name__, [g.shape for g in gi], [g.shape for g in go])],
    [lambda m, go: print("pre", go[0].shape)],
)
v = torch.ones(1, 2, requires_grad=True)
(inside,) = hook.setup_input_hook((v,))
out = hook.setup_output_hook(module(inside))
out.sum().backward()
print(v.grad is not None)
h = torch.ones(1, requires_grad=True)
h.register_hook(lambda g: g)
t(lambda: warn_if_has_hooks(h))
