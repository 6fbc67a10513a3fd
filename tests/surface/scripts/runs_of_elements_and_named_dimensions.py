"""segment_reduce, the cross entropy of a linear layer, dimensions by name, and copies of what sparse tensors keep."""

import torch
from torch.nn import functional as F


def attempt(call):
    try:
        print(call())
    except Exception as error:
        print(type(error).__name__, " ".join(str(error).split()))


lengths = torch.tensor([1, 2, 0, 3])
weights = torch.arange(1.0, 5.0)
for values in ([1.0, 2.0, float("nan"), 4.0, 5.0, 9.0], [1.0, 2.0, 2.0, 0.0, 5.0, 9.0]):
    data = torch.tensor(values, requires_grad=True)
    table = torch.stack([data.detach(), data.detach() * 2], 1).requires_grad_()
    for reduce in ("sum", "mean", "max", "min", "prod"):
        for initial in (None, 3.0):
            made = torch.segment_reduce(data, reduce, lengths=lengths, initial=initial)
            print(reduce, made)
            print(torch.autograd.grad((made * weights)[[0, 1, 3]].sum(), data))
            made = torch.segment_reduce(table, reduce, lengths=lengths, initial=initial)
            print(made, torch.autograd.grad(made[[0, 3]].sum(), table))
data = torch.tensor([1.0, 2.0, 2.0, 4.0, 5.0, 9.0], requires_grad=True)
wide = torch.arange(12.0).reshape(6, 2)
for call in (
    lambda: torch.segment_reduce(data, "sum", offsets=torch.tensor([0, 1, 3, 3, 6])),
    lambda: torch.segment_reduce(data, "sum", lengths=lengths[:2]),
    lambda: torch.segment_reduce(data, "sum", lengths=lengths[:2], unsafe=True),
    lambda: torch.segment_reduce(data, "other", lengths=lengths),
    lambda: torch.segment_reduce(data, "sum"),
    lambda: torch.segment_reduce(data, "sum", lengths=lengths.float()),
    lambda: torch.segment_reduce(data, "sum", lengths=-lengths),
    lambda: torch.segment_reduce(data, "sum", indices=lengths),
    lambda: torch.segment_reduce(data.long(), "sum", lengths=lengths),
    lambda: torch.segment_reduce(wide, "sum", lengths=lengths, axis=1),
    lambda: torch.segment_reduce(wide, "max", lengths=torch.tensor([[1, 1]] * 6), axis=1),
    lambda: torch.segment_reduce(torch.ones(0), "sum", lengths=lengths * 0),
):
    attempt(call)
slope = torch.autograd.grad(torch.segment_reduce(data, "prod", lengths=lengths).sum(), data, create_graph=True)[0]
print(slope)

hidden = torch.arange(15.0).reshape(3, 5).cos().requires_grad_()
rows = torch.arange(20.0).reshape(4, 5).sin().requires_grad_()
target = torch.tensor([0, 3, 1])
for call in (
    lambda: F.linear_cross_entropy(hidden, rows, target),
    lambda: F.linear_cross_entropy(hidden, rows, target, reduction="none", label_smoothing=0.1),
    lambda: F.linear_cross_entropy(hidden, rows, target, linear_bias=torch.ones(4), weight=weights, ignore_index=3),
    lambda: F.linear_cross_entropy(hidden, rows, torch.softmax(torch.ones(3, 4), 1)),
    lambda: F.linear_cross_entropy(hidden[0], rows, target[0]),
    lambda: torch.autograd.grad(F.linear_cross_entropy(hidden, rows, target), (hidden, rows)),
    lambda: F.linear_cross_entropy(hidden, rows[:, :3], target),
    lambda: torch.nn.LinearCrossEntropyLoss(5, 4, weight=torch.ones(3)),
    lambda: torch.nn.LinearCrossEntropyLoss(5, 4, label_smoothing=2),
):
    attempt(call)
torch.manual_seed(0)
for options, wanted in (({"bias": True}, target), ({"out_features": (2,)}, torch.tensor([[0, 1], [2, 3], [1, 1]]))):
    loss = torch.nn.LinearCrossEntropyLoss(5, 4, **options)
    print(loss, [name for name, _ in loss.named_parameters()], loss(hidden, wanted))

numbers = torch.arange(24).reshape(2, 3, 4)
for pattern, sizes in (
    ("a b c -> c b a", {}), ("a b c -> (a b) c", {}), ("a b (c1 c2) -> a b c1 c2", {"c1": 2}), ("... c -> c ...", {}),
    ("a b c -> a b c 1", {}), ("a ... -> ... a", {}), ("a b c -> a (b c) ()", {}), ("a b c -> b c", {}),
    ("a b -> b a", {}), ("a b c -> a b c d", {}), ("a (b1 b2) c -> a b1 b2 c", {}),
):  # fmt: skip
    attempt(lambda p=pattern, s=sizes: torch.func.rearrange(numbers, p, **s))
attempt(lambda: torch.func.rearrange([numbers[0], numbers[1]], "n b c -> b (n c)"))

compressed = torch.tensor([[1.0, 0.0], [0.0, 2.0]]).to_sparse_csr()
print(torch.crow_indices_copy(compressed), torch.col_indices_copy(compressed), torch.values_copy(compressed))
embeddings = torch.arange(6.0).reshape(3, 2)
print(torch.embedding_renorm_(embeddings, torch.tensor([1, 1, 2]), 1.0, 2.0), embeddings)
