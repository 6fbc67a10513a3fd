"""Making tensors, looking at them, indexing, joining, arithmetic."""

import numpy as np
import torch

data = [[1, 2], [3, 4]]
x = torch.tensor(data)
print(x, x.dtype, x.shape)
array = np.array(data, dtype=np.float32)
y = torch.from_numpy(array)
print(y)
array += 10
print("shared memory:", y)
print(torch.ones_like(x), torch.zeros(2, 3), torch.full((2, 2), 7.5))
torch.manual_seed(3)
r = torch.rand(3, 4)
print(r)
print(f"shape {r.shape}, dtype {r.dtype}, device {r.device}, layout of strides {r.stride()}")

t = torch.ones(4, 4)
t[:, 1] = 0
print(t)
print(torch.cat([t, t, t], dim=1))
print(t[0], t[:, 0], t[..., -1])
print(t * t)
print(t @ t.T)
total = t.sum()
print(total.item(), type(total.item()).__name__, total)
t.add_(5)
print(t)
n = torch.ones(5).numpy()
print(n)
print(torch.arange(0, 10, 2), torch.arange(1.0, 2.0, 0.25), torch.linspace(0, 1, 5))
print(torch.arange(6).reshape(2, 3), torch.arange(6).view(3, 2).t())
print(torch.arange(24.0).reshape(2, 3, 4))
print(x > 2, x[x > 2], (x > 2).sum())
print(torch.stack([x, x + 10]), torch.tensor(3.5), torch.tensor([]))
print(x.float().mean(), x.max(), x.argmax(), x.float().std())
print(torch.where(x > 2, x, -x), x.tolist())
