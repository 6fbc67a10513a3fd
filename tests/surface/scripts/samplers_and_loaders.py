"""Datasets, samplers and loaders, one after the other."""

from collections import namedtuple

import torch
from torch.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)


def t(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, str(e)[:300])


t(lambda: list(BatchSampler(SequentialSampler(range(5)), 2, False)))
torch.manual_seed(0)
t(lambda: list(RandomSampler(range(5))))
t(lambda: list(SubsetRandomSampler([1, 2, 3])))
t(lambda: list(WeightedRandomSampler([0.1, 0.9], 3)))
t(lambda: len(ConcatDataset([TensorDataset(torch.ones(2)), TensorDataset(torch.ones(3))])))
t(lambda: (TensorDataset(torch.ones(2)) + TensorDataset(torch.zeros(1)))[-1])
t(lambda: list(RandomSampler(range(5), replacement=True, num_samples=40)))
t(lambda: list(RandomSampler(range(3), num_samples=5)))
t(lambda: len(RandomSampler(range(3))))


class It(IterableDataset):
    def __iter__(self):
        return iter(range(5))


class Sq(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return {"x": torch.tensor(float(i)), "y": i * i, "name": str(i)}


t(lambda: list(DataLoader(It(), batch_size=2)))
t(
    lambda: list(
        DataLoader(
            TensorDataset(torch.arange(4.0)), batch_size=2, shuffle=True, generator=torch.Generator().manual_seed(1)
        )
    )
)
t(lambda: random_split(range(5), [0.6, 0.4])[0].indices)
t(lambda: [p.indices for p in random_split(range(7), [3, 4], generator=torch.Generator().manual_seed(42))])
t(lambda: default_collate([{"a": 1, "b": (2.0, 3)}, {"a": 4, "b": (5.0, 6)}]))
t(lambda: list(DataLoader(list(range(6)), sampler=RandomSampler(range(6)), batch_size=4, drop_last=True)))
t(lambda: list(DataLoader([torch.ones(2), torch.zeros(2)], batch_size=None)))
t(lambda: list(ChainDataset([It(), It()])))
t(lambda: StackDataset(torch.ones(2), torch.zeros(2))[0])
t(lambda: StackDataset(a=torch.ones(2), b=torch.zeros(2))[1])
t(lambda: get_worker_info())
t(lambda: list(DataLoader(range(4), batch_sampler=[[0, 1], [2, 3]])))
t(lambda: list(DataLoader(Sq(), batch_size=3)))
t(lambda: len(DataLoader(Sq(), batch_size=3, drop_last=True)))
t(lambda: list(DataLoader(Sq(), batch_size=3, shuffle=True)))
t(lambda: next(iter(DataLoader(Sq(), shuffle=True, batch_size=4)))["y"])
t(lambda: torch.rand(1))
t(lambda: list(DataLoader(range(4), collate_fn=lambda b: b, batch_size=3)))
P = namedtuple("P", "a b")
t(lambda: default_collate([P(1, 2.0), P(3, 4.0)]))
t(lambda: default_collate([[1], [1, 2]]))
t(lambda: default_collate([object()]) if 0 else 1)
t(lambda: default_convert([1, (2,)]))
t(lambda: DataLoader(range(3), sampler=[0], shuffle=True))
t(lambda: DataLoader(range(3), batch_sampler=[[0]], batch_size=2))
t(lambda: DataLoader(It(), shuffle=True))
t(lambda: DataLoader(range(3), batch_size=None, drop_last=True))
t(lambda: DataLoader(range(3), num_workers=-1))
t(lambda: DataLoader(range(3), batch_size=0))
t(lambda: RandomSampler(range(0)))
t(lambda: RandomSampler(range(2), replacement=1))
t(lambda: WeightedRandomSampler([1.0], 0))
t(lambda: BatchSampler(range(2), 0, False))
t(lambda: random_split(range(5), [1, 2]))
t(lambda: random_split(range(5), [1.5, -0.5]))
t(lambda: TensorDataset(torch.ones(2), torch.ones(3)))
t(lambda: StackDataset())
t(lambda: ConcatDataset([]))
t(lambda: ConcatDataset([It()]))
t(lambda: StackDataset(range(1), range(2)))
t(lambda: Dataset()[0])
