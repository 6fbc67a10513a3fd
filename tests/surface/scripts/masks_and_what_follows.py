"""Subscripts in which something follows a mask of several dimensions, and what subscripts and shapes refuse."""

import torch

x = torch.arange(120.0).view(2, 2, 3, 2, 5)
mask = torch.tensor([[True, False], [False, True]])
yes, no, pair = torch.tensor(True), torch.tensor(False), torch.tensor([0, 1])
for index in (
    (mask, True), (mask[:1], False), (mask, yes), (mask[:1] & no, no), (mask, True, True), (mask, 0), (mask, None),
    (mask, slice(None, None, 2)), (mask, None, 0), (mask, slice(None), 0), (mask, True, 0), (mask, pair),
    (mask, True, pair), (mask, slice(None), pair), (mask, ..., True), (mask, ..., pair), (True, mask),
    (0, 1, torch.ones(3, 2, dtype=torch.bool), True), (mask, pair, pair),
):  # fmt: skip
    try:
        found = x[index]
    except IndexError as error:
        print(error)
        continue
    print(tuple(found.shape), found.sum().item())
w = x.clone().requires_grad_()
w[mask, True, 1].sum().backward()
print(w.grad.sum(), w.grad[0, 0, 1].sum())
y = torch.zeros(2, 2, 3)
y[mask, 1] = torch.tensor([5.0, 6.0])
print(y)


def drop():
    del y[0]


for refused in (
    drop,
    lambda: torch.unravel_index(torch.tensor(0.5), (2, 2)),
    lambda: torch.unravel_index(torch.tensor(True), (2, 2)),
    lambda: torch.unravel_index(torch.tensor([1]), torch.tensor([1, 2])),
    lambda: torch.unravel_index(torch.tensor([1]), (1, 2.0)),
    lambda: torch.unravel_index(torch.tensor([1]), (2, -3)),
    lambda: torch.broadcast_shapes(1.5),
):
    try:
        print(refused())
    except (TypeError, ValueError, RuntimeError) as error:
        print(type(error).__name__, error)
print(torch.broadcast_shapes((2, 1), None, 3), torch.unravel_index(torch.tensor(5), 7))

# what unsafe_split makes shares memory, and counts its changes apart
leaf = torch.ones(4, requires_grad=True)
first, second = (leaf * 2).unsafe_split(2)
print(first._version, second._version, first._is_view())
first.mul_(second)
print(first._version, second._version)
first.sum().backward()
print(leaf.grad)
