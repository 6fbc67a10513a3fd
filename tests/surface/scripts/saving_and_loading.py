"""torch.save and torch.load: archives, locations, what may be loaded."""

import collections
import io
import pickle
import tempfile
import warnings
import zipfile
from fractions import Fraction
from pathlib import Path

import torch
from torch.serialization import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals

FOLDER = Path(tempfile.mkdtemp())


def t(f):
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(f())
    except Exception as e:
        print(type(e).__name__, str(e).replace(str(FOLDER), "FOLDER"))
    for w in caught:
        print("warned", w.category.__name__, str(w.message))


def again(value, **options):
    file = io.BytesIO()
    torch.save(value, file)
    file.seek(0)
    return torch.load(file, **options)


x = torch.arange(6.0).reshape(2, 3)
p = torch.nn.Parameter(torch.ones(2))
values = [
    x,
    x.t(),
    x[0],
    x[:, 1],
    p,
    torch.tensor(3),
    torch.tensor([True]),
    torch.ones(2, dtype=torch.bfloat16),
    torch.ones(2, dtype=torch.complex64),
    torch.ones(2, requires_grad=True),
    torch.zeros(0),
    x.expand(2, 2, 3),
    {"a": x, "b": [1, 2.5, "text", None, True, b"bytes"]},
    (1, (2,)),
    torch.float32,
    torch.Size([2, 3]),
    collections.OrderedDict(a=x),
    {1, 2},
    3 + 4j,
    torch.device("cpu"),
    torch.strided,
    collections.Counter("aab"),
    collections.defaultdict(None, {1: 2}),
    slice(1, 2),
    bytearray(b"xy"),
]
for value in values:
    t(lambda: again(value))
a, b = again((x, x[0]))
print(a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr(), b.storage_offset(), b.stride())
a.fill_(9)
print(b)
print(again(p).requires_grad, type(again(p)), again(torch.ones(1, requires_grad=True)).is_leaf)
model = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
state = again(model.state_dict())
print(type(state), list(state), all(torch.equal(v, model.state_dict()[k]) for k, v in state.items()))
print(model.load_state_dict(state))
opt = torch.optim.Adam(model.parameters())
model(torch.ones(3, 2)).sum().backward()
opt.step()
print(sorted(again(opt.state_dict())["state"][0]))
path = FOLDER / "x.pt"
torch.save(x, path)
print(zipfile.is_zipfile(path), sorted(zipfile.ZipFile(path).namelist()))
for name in ("x/byteorder", "x/version", "x/.format_version"):
    print(name, zipfile.ZipFile(path).read(name))
t(lambda: torch.load(path))
t(lambda: torch.load(str(path), map_location="cpu"))
t(lambda: torch.load(path, map_location=torch.device("cpu")))
t(lambda: torch.load(path, map_location=lambda storage, location: print(type(storage).__name__, location) or storage))
t(lambda: torch.load(path, map_location={"cpu": "cpu"}))
with open(path, "rb") as file:
    t(lambda: torch.load(file))
t(lambda: torch.load(FOLDER / "nothing.pt"))
t(lambda: torch.load(io.BytesIO(b"")))
t(lambda: torch.load(io.BytesIO(b"not a file of tensors")))
t(lambda: torch.save(x, 3))


t(lambda: again(Fraction(3, 1)))
t(lambda: again(Fraction(3, 1), weights_only=False))
print(Fraction in get_safe_globals())
with safe_globals([Fraction]):
    t(lambda: again(Fraction(3, 2)))
    print(Fraction in get_safe_globals())
t(lambda: again(Fraction(3, 2)))
add_safe_globals([Fraction])
t(lambda: again([Fraction(3, 3)]))
clear_safe_globals()
print(get_safe_globals())
t(lambda: again(Fraction(3, 3)))
t(lambda: again(print))
t(lambda: again(torch.nn.Linear(1, 1)))
t(lambda: type(again(torch.nn.Linear(1, 1), weights_only=False)).__name__)
t(lambda: again(x.sin))
t(lambda: pickle.loads(pickle.dumps(x)))
t(lambda: pickle.loads(pickle.dumps({"p": p})))
file = io.BytesIO()
torch.save(x, file, _use_new_zipfile_serialization=False)
file.seek(0)
print(zipfile.is_zipfile(file))
file.seek(0)
t(lambda: torch.load(file))
t(lambda: torch.serialization.get_unsafe_globals_in_checkpoint(path))
torch.save([Fraction(3, 1), x], FOLDER / "c.pt")
t(lambda: torch.serialization.get_unsafe_globals_in_checkpoint(FOLDER / "c.pt"))
t(lambda: torch.serialization.location_tag(x.untyped_storage()))
t(lambda: torch.serialization.get_default_load_endianness())
t(lambda: torch.serialization.get_crc32_options())
y = torch.ones(2)
y.mark = "marked"
t(lambda: again(y).mark)
t(lambda: again(torch.ones(2, requires_grad=True) * 2))

t(lambda: torch.load(io.BytesIO(b"garbage"), weights_only=True))
t(lambda: torch.load(io.BytesIO(b"garbage"), weights_only=False))
t(lambda: torch.load(io.BytesIO(pickle.dumps(3)), weights_only=False))
t(lambda: torch.load(path, pickle_module=pickle, weights_only=True))
t(lambda: torch.load(3))
with open(path, "rb") as file:
    t(lambda: torch.load(file, mmap=True))
t(lambda: torch.load(path, map_location=3))
t(lambda: torch.load(path, map_location="cuda"))
t(lambda: torch.load(path, map_location={"cpu": "cuda"}))
t(lambda: torch.load(path, map_location="nodevice"))
t(lambda: torch.load(path, map_location=lambda s, location: None))
t(lambda: add_safe_globals(3))
t(lambda: torch.save(x, FOLDER / "no folder" / "x.pt"))
t(lambda: again(torch.tensor([1j]).conj()))
