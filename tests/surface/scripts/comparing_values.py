"""assert_close and the equality family."""

import torch
from torch.testing import assert_close, make_tensor


def attempt(*args, **kwargs):
    try:
        assert_close(*args, **kwargs)
        print("close")
    except Exception as error:
        print(type(error).__name__, error)


attempt(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 1e-7]))
attempt(torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 2.5], [7.0, 4.0]]))
attempt(torch.tensor(1.0), torch.tensor(2.0))
attempt(1.0, 2.0)
attempt([torch.ones(2), 3], [torch.ones(2), 4])
attempt({"a": 1.0, "b": [1.0]}, {"a": 1.0, "b": [2.0]})
attempt(torch.ones(2), torch.ones(3))
attempt(torch.ones(2), torch.ones(2, dtype=torch.double))
attempt(torch.ones(2), torch.ones(2, dtype=torch.double), check_dtype=False)
attempt(torch.tensor([1, 2]), torch.tensor([1, 3]))
attempt(torch.tensor([True]), torch.tensor([False]))
attempt(torch.tensor([float("nan")]), torch.tensor([float("nan")]))
attempt(torch.tensor([float("nan")]), torch.tensor([float("nan")]), equal_nan=True)
attempt(torch.tensor([1.0]), torch.tensor([1.1]), rtol=0.2, atol=0)
attempt(torch.tensor([1.0]), torch.tensor([1.1]), rtol=0.01)
attempt(torch.tensor([1.0]), torch.tensor([2.0]), msg=lambda m: "about the loss:\n" + m)
attempt([1, 2], [1, 2, 3])
attempt(torch.ones(1), [1.0])
attempt(torch.ones(2, requires_grad=True), torch.ones(2))
attempt(torch.tensor([1 + 1j]), torch.tensor([1 + 2j]))
a = torch.tensor([1.0, float("nan")])
print(torch.equal(a, a), torch.allclose(a, a, equal_nan=True), torch.isclose(a, a), (a == a).all())
torch.manual_seed(0)
print(make_tensor((2, 3), dtype=torch.float32, device="cpu"))
print(make_tensor(4, dtype=torch.int64, device="cpu", low=0, high=5), make_tensor(3, dtype=torch.bool, device="cpu"))
print(make_tensor(2, 2, dtype=torch.cfloat, device="cpu", requires_grad=True))
print(make_tensor((2, 2), dtype=torch.double, device="cpu", noncontiguous=True).stride())
