"""How tensors print, and how to change it."""

import torch

print(torch.tensor([1.12345]))
print(torch.tensor([1e-5, 1.0, 1e5]), torch.tensor([1e9]), torch.tensor([1000.0, 1.0, 0.001]))
print(torch.tensor([1.0, 2.0, float("nan"), float("inf"), -float("inf")]))
print(torch.tensor([[1.5, float("nan")], [-2.25, 100.0]]))
print(torch.arange(2000.0))
print(torch.arange(1200).reshape(30, 40))
print(torch.ones(11, 10, 10))
print(torch.zeros(0), torch.zeros(2, 0), torch.zeros(0, dtype=torch.long), torch.zeros(0, 3, dtype=torch.bool))
print(torch.tensor(True), torch.tensor([1, -200, 30]), torch.tensor([1], dtype=torch.int8))
print(torch.tensor([0.1], dtype=torch.float16), torch.tensor([0.1], dtype=torch.bfloat16), torch.tensor([0.1]).double())
print(torch.ones(3, 30))
print(torch.rand(30, generator=torch.Generator().manual_seed(0)).requires_grad_())
print(torch.ones(2, 2, requires_grad=True) * 3)
torch.set_printoptions(precision=2)
print(torch.tensor([1.12345, 2.0]))
torch.set_printoptions(threshold=5, edgeitems=1)
print(torch.arange(10), torch.ones(4, 4))
torch.set_printoptions(profile="default")
torch.set_printoptions(sci_mode=True)
print(torch.tensor([1.5, 22.0]))
torch.set_printoptions(sci_mode=False, linewidth=40)
print(torch.tensor([1e-7, 1.0] * 8))
torch.set_printoptions(profile="default", sci_mode=None)
print(f"{torch.tensor(2.5)} {torch.tensor(2.5):.3f} {torch.tensor([1, 2])} {torch.tensor(3)!r} {torch.ones(2).shape}")
print(
    torch.float32,
    torch.int64,
    torch.device("cpu"),
    torch.Size([2, 3]),
    torch.finfo(torch.float32),
    torch.iinfo(torch.int8),
)
torch.set_default_dtype(torch.float64)
print(torch.tensor([0.5]), torch.tensor([0.5], dtype=torch.float32))
torch.set_default_dtype(torch.float32)
