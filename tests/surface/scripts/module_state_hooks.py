"""The state of modules: hooks, extra state, versions, and moving modules about."""

import pickle

import torch
from torch import nn

m = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:600])


class X(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(1, 1)
        self.k = 3

    def get_extra_state(self):
        return {"k": self.k}

    def set_extra_state(self, s):
        self.k = s["k"]


x = X()
sd = x.state_dict()
print(list(sd), sd["_extra_state"], dict(sd._metadata))
sd["_extra_state"] = {"k": 5}
print(x.load_state_dict(sd), x.k)
del sd["_extra_state"]
t(lambda: x.load_state_dict(sd))
t(lambda: x.load_state_dict({**x.state_dict(), "zz": 1}))
t(lambda: nn.Linear(1, 1).load_state_dict({"weight": torch.ones(1, 1), "bias": torch.ones(1), "_extra_state": 1}))
t(lambda: m.load_state_dict({"0.weight": 1}))
t(lambda: m.load_state_dict({"0.weight": torch.ones(3, 3)}, strict=False))
t(lambda: m.load_state_dict([1]))
h = m._register_state_dict_hook(lambda mod, sd, p, md: print("hook", type(mod).__name__, list(sd), p, md))
m.state_dict()
h.remove()
h = m._register_load_state_dict_pre_hook(lambda *a: print("pre", len(a), [type(i).__name__ for i in a]))
h2 = m._register_load_state_dict_pre_hook(
    lambda *a: print("prem", len(a), [type(i).__name__ for i in a]), with_module=True
)
h3 = m.register_load_state_dict_pre_hook(lambda *a: print("prer", len(a), [type(i).__name__ for i in a]))
h4 = m.register_load_state_dict_post_hook(lambda mod, k: print("post", type(mod).__name__, k))
print(m.load_state_dict(m.state_dict()))


class Y(nn.Linear):
    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ):
        print("loading", sorted(state_dict), prefix, local_metadata, strict)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )

    def _save_to_state_dict(self, destination, prefix, keep_vars):
        print("saving", prefix, keep_vars)
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + "more"] = torch.ones(1)


y = nn.Sequential(Y(1, 1), Y(1, 1))
s = y.state_dict()
print(list(s))
t(lambda: y.load_state_dict(s))
print(y.load_state_dict(s, strict=False))
sd = nn.BatchNorm1d(2).state_dict()
del sd["num_batches_tracked"]
t(lambda: nn.BatchNorm1d(2).load_state_dict(sd))
if hasattr(sd, "_metadata"):
    del sd._metadata
t(lambda: nn.BatchNorm1d(2).load_state_dict(sd))
layer = nn.Linear(2, 1)
print(layer.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, assign=True))
print(layer.weight)
layer.weight.requires_grad_(False)
layer.load_state_dict({"weight": torch.ones(1, 2), "bias": nn.Parameter(torch.zeros(1))}, assign=True)
print(layer.weight, layer.bias)
with torch.device("cpu"):
    print(nn.Linear(1, 1).weight.device)
net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU(), nn.Linear(2, 2)))
net.set_submodule("1.0", nn.Tanh())
print(net)
t(lambda: net.set_submodule("", nn.Tanh()))
t(lambda: net.set_submodule("5", nn.Tanh()))
t(lambda: net.set_submodule("1.9.2", nn.Tanh()))
t(lambda: net.set_submodule("1.0", 3))
t(lambda: net.set_submodule("0.weight", nn.Tanh()))
t(lambda: net.set_submodule("1.7", nn.Tanh(), strict=False))
t(lambda: net.set_submodule("1.7", nn.Tanh(), strict=True))
print(net)
t(lambda: net.to(torch.int32))
t(lambda: net.to("cuda") and 1)
t(lambda: net.to(device="cpu", dtype=torch.float64)[0].weight.dtype)
t(lambda: net.to(torch.zeros(1))[0].weight.dtype)
t(lambda: net.to("cpu", torch.float64)[0].weight.dtype)
t(lambda: net.to(dtype=torch.complex64)[0].weight.dtype)
t(lambda: net.to(memory_format=torch.channels_last) and 1)
t(lambda: net.to("foo"))
t(lambda: net.to())
t(lambda: net.float()[0].weight.dtype)
t(lambda: net.to_empty(device="cpu")[0].weight.shape)
t(lambda: net.cuda())
t(lambda: net.type(torch.float64)[0].weight.dtype)
t(lambda: net.compile())
t(lambda: net.get_extra_state())
t(lambda: net.set_extra_state(1))
t(lambda: pickle.loads(pickle.dumps(nn.Linear(1, 1))).weight.shape)
t(lambda: nn.Linear(1, 1).foo)
t(lambda: nn.Module.register_backward_hook.__name__)
t(lambda: nn.Linear.dump_patches)
t(lambda: nn.Linear(1, 1)._version)
t(lambda: nn.Module()._compiled_call_impl)
