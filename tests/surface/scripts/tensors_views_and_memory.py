"""Views share storage: strides, offsets, and what changes through them."""

import torch

base = torch.arange(12.0).reshape(3, 4)
row = base[1]
column = base[:, 2]
print(row, column)
print(row.stride(), row.storage_offset(), column.stride(), column.storage_offset())
column.zero_()
print(base)
print(row._base is base, row._is_view(), base._is_view())
t = base.t()
print(t.shape, t.stride(), t.is_contiguous(), t.contiguous().stride())
try:
    t.view(-1)
except RuntimeError as error:
    print(error)
print(t.reshape(-1))
wide = torch.tensor([1.0, 2.0, 3.0]).expand(2, 3)
print(wide, wide.stride())
print(base.unsqueeze(0).shape, base.squeeze().shape, base.flatten().shape)
print(base.narrow(1, 1, 2), base.unbind(0), base.split(2), base.chunk(2, dim=1))
print(base.diagonal(), base.permute(1, 0).shape, base.transpose(0, 1)[0])
print(base._version)
base.add_(1)
base.mul_(2)
print(base._version, row._version)
print(torch.as_strided(base, (2, 2), (1, 2), 1))
