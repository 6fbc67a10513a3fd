"""Datasets, batches, shuffling and splitting."""

import torch
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset, random_split


class Squares(Dataset):
    def __init__(self, count):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return {"x": torch.tensor(float(index)), "square": index * index}


torch.manual_seed(0)
for batch in DataLoader(Squares(5), batch_size=2):
    print(batch)
print([batch["square"].tolist() for batch in DataLoader(Squares(7), batch_size=3, shuffle=True)])
print([batch["square"].tolist() for batch in DataLoader(Squares(7), batch_size=3, shuffle=True, drop_last=True)])
loader = DataLoader(Squares(6), batch_size=2, shuffle=True, generator=torch.Generator().manual_seed(3))
print([batch["square"].tolist() for batch in loader], [batch["square"].tolist() for batch in loader])
print(torch.rand(2))
pairs = TensorDataset(torch.arange(6.0).view(3, 2), torch.tensor([0, 1, 0]))
print(len(pairs), pairs[1], pairs[:2])
features, labels = next(iter(DataLoader(pairs, batch_size=3)))
print(features, labels)
train, valid = random_split(Squares(5), [3, 2], generator=torch.Generator().manual_seed(1))
print([sample["square"] for sample in train], [sample["square"] for sample in valid])
print(len(Subset(pairs, [0, 2])), Subset(pairs, [0, 2])[1])
for batch in DataLoader(list(range(5)), batch_size=2):
    print(batch)
for batch in DataLoader([1.5, 2.5], batch_size=2):
    print(batch)
print(list(DataLoader([("a", 1), ("b", 2)], batch_size=2)))
print(list(DataLoader(range(3), batch_size=None)))
print(list(DataLoader(range(4), batch_size=2, collate_fn=sum)), len(DataLoader(range(5), batch_size=2)))
print(torch.rand(1))
