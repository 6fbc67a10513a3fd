"""What pickling, saving and copying keep of a tensor."""

import copy
import io
import pathlib
import pickle
import warnings

import torch
from torch import nn

x = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
p = nn.Parameter(torch.ones(3))
for protocol in range(5):
    y, q = pickle.loads(pickle.dumps([x, p], protocol=protocol))
    print(y, q, type(q))

t = torch.arange(6.0).reshape(2, 3).t()
u, v = pickle.loads(pickle.dumps((t, t[0])))
print(u, u.stride(), v, u.data_ptr() == v.data_ptr())
print(pickle.loads(pickle.dumps(torch.ones(2, dtype=torch.complex64).conj())).is_conj())
print(pickle.loads(pickle.dumps(x * 2)))

x.grad = torch.ones(2, 2)
x.note = ["mine"]
print(pickle.loads(pickle.dumps(x)).grad, pickle.loads(pickle.dumps(x)).note)
print(copy.deepcopy(x).grad, copy.deepcopy(x).note, copy.copy(x).note is x.note, copy.deepcopy(x).note is x.note)

x.register_hook(lambda g: g)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    pickle.dumps(x)
print("will not be serialized" in str(seen[0].message))


@torch.utils.hooks.unserializable_hook
def quiet(grad):
    return grad


y = torch.ones(2, requires_grad=True)
y.register_hook(quiet)
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    pickle.dumps(y)
print(len(seen))

file = io.BytesIO()
model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
torch.save({"model": model.state_dict(), "step": 3, "views": (t, t[0])}, file)
file.seek(0)
read = torch.load(file)
print(read["step"], list(read["model"]), torch.equal(read["model"]["0.weight"], model[0].weight))
read["views"][0][0, 0] = 100.0
print(read["views"][1])
other = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
print(other.load_state_dict(read["model"]), torch.equal(other[0].bias, model[0].bias))


file = io.BytesIO()
torch.save(pathlib.PurePosixPath("a"), file)
file.seek(0)
try:
    torch.load(file)
except pickle.UnpicklingError as error:
    print(str(error).split(".")[0])
