"""torch.testing: the words of assert_close, make_tensor, FileCheck."""

import warnings

import numpy as np
import torch
from torch.testing import FileCheck, assert_close, make_tensor


def t(f):
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            print(f())
    except BaseException as e:
        print(type(e).__name__, str(e))
    for w in caught:
        print("warned", w.category.__name__, str(w.message))


def c(*args, **kwargs):
    print("--", len(args), sorted(kwargs))
    t(lambda: assert_close(*args, **kwargs))


a = torch.tensor([1.0, 2.0, 3.0])
c(a, a)
c(a, a + 1e-7)
c(a, a + 1)
c(a, torch.tensor([1.0, 2.0, 4.0]))
c(a, torch.tensor([[1.0, 2.0, 3.0]]))
c(a, a.double())
c(a, a.double(), check_dtype=False)
c(a, torch.tensor([1, 2, 3]))
c(a.to(torch.int), torch.tensor([1, 2, 4], dtype=torch.int))
c(torch.tensor([True, False]), torch.tensor([True, True]))
c(torch.tensor([1, 2]), torch.tensor([1, 3]), rtol=0.5, atol=0.5)
c(torch.tensor(1.0), torch.tensor(2.0))
c(torch.tensor([float("nan")]), torch.tensor([float("nan")]))
c(torch.tensor([float("nan")]), torch.tensor([float("nan")]), equal_nan=True)
c(torch.tensor([float("inf"), 1.0]), torch.tensor([float("inf"), 1.0]))
c(torch.tensor([float("inf"), 1.0]), torch.tensor([1.0, 1.0]))
c(torch.tensor([1 + 2j]), torch.tensor([1 + 3j]))
c(1, 1)
c(1, 2)
c(1.0, 1.0 + 1e-9)
c(1.0, 2.0)
c(1, 1.0)
c(1, 1.0, check_dtype=False)
c(True, False)
c(1 + 1j, 1 + 2j)
c(float("nan"), float("nan"))
c(float("nan"), float("nan"), equal_nan=True)
c(0.0, 1.0)
c(1.0, 0.0)
c("a", "a")
c("a", "b")
c(None, None)
c(None, 1)
c(a, 1.0)
c(a, [1.0, 2.0, 3.0])
c([1, 2], [1, 2])
c([1, 2], [1, 3])
c([1, 2], [1, 2, 3])
c([1, [2, 3]], [1, [2, 4]])
c((1, 2), [1, 2])
c({"a": 1}, {"a": 1})
c({"a": 1}, {"a": 2})
c({"a": 1}, {"b": 1})
c({"a": [a, {"b": a}]}, {"a": [a, {"b": a + 1}]})
c(a, a, rtol=1)
c(a, a, atol=1)
c(a, a + 1, rtol=0, atol=0)
c(a, a + 1, rtol=1e-1, atol=1e-2)
c(a, a + 1, msg="mine")
c(a, a + 1, msg=lambda m: f"before\n{m}\nafter")
c(torch.ones(2, 3), torch.ones(3, 2).t(), check_stride=True)
c(torch.ones(2, 3), torch.ones(3, 2).t())
c(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
c(np.float64(1.0), np.float64(2.0))
c(torch.nn.Parameter(a), a)
c(torch.nn.Parameter(a), a, allow_subclasses=False)
c(torch.ones(0), torch.ones(0))
c(torch.ones(2, dtype=torch.bfloat16), torch.ones(2, dtype=torch.bfloat16) * 1.01)
c(torch.ones(2, dtype=torch.half), torch.ones(2, dtype=torch.half) * 1.01)
c(torch.arange(1000.0).reshape(10, 100), torch.arange(1000.0).reshape(10, 100) + 1)
c(a.requires_grad_(), a.detach())
c({1, 2}, {1, 2})
c(object, object)
c(torch.tensor([2**31]), torch.tensor([2**31 + 1]))
c(torch.tensor([0, 255], dtype=torch.uint8), torch.tensor([255, 0], dtype=torch.uint8))
t(lambda: torch.testing.assert_allclose(a, a + 1))
t(lambda: torch.testing.assert_allclose([1.0], [1.0]))

torch.manual_seed(0)
for dtype in (torch.float32, torch.int64, torch.bool, torch.complex64, torch.uint8, torch.float16):
    m = make_tensor((3, 4), dtype=dtype, device="cpu")
    print(m.shape, m.dtype, m.stride(), m.requires_grad)
print(make_tensor(2, 3, dtype=torch.float32, device="cpu", low=0, high=1).ge(0).all())
print(make_tensor((4, 4), dtype=torch.float64, device="cpu", noncontiguous=True).stride())
print(make_tensor((4,), dtype=torch.float32, device="cpu", requires_grad=True).is_leaf)
print(make_tensor((100,), dtype=torch.int64, device="cpu", low=0, high=3, exclude_zero=True).eq(0).any())
t(lambda: make_tensor((2,), dtype=torch.int64, device="cpu", requires_grad=True))
t(lambda: make_tensor((2,), dtype=torch.float32, device="cpu", low=2, high=1))
t(lambda: make_tensor((2,), dtype=torch.float32, device="cpu", low=float("nan")))
t(lambda: make_tensor((2,), dtype=torch.uint8, device="cpu", low=300, high=400))
t(lambda: make_tensor((2,), dtype=torch.bool, device="cpu", low=2, high=4))
t(lambda: make_tensor((2, 2), dtype=torch.float32, device="cpu", noncontiguous=True, memory_format=torch.channels_last))
t(lambda: make_tensor((2,), dtype=torch.float32, device="cpu", low=1, high=1))

text = "one two\nthree four\nfive six\nfour"
FileCheck().check("one").check("four").run(text)
FileCheck().check("one").check_next("three").run(text)
FileCheck().check_count("four", 2).run(text)
FileCheck().check_not("seven").check("one").run(text)
FileCheck().check_same("one").check_same("two").run(text)
FileCheck().check_dag("three").check_dag("one").run(text)
FileCheck().check_regex("f[a-z]+r").run(text)
for bad in (
    FileCheck().check("seven"),
    FileCheck().check("four").check("one"),
    FileCheck().check("one").check_not("two"),
    FileCheck().check_count("four", 3),
    FileCheck().check_count("four", 1, exactly=True),
    FileCheck().check("one").check_next("five"),
    FileCheck().check("one").check_same("three"),
):
    try:
        bad.run(text)
        print("found")
    except RuntimeError as e:
        print("RuntimeError", str(e).splitlines()[0])
