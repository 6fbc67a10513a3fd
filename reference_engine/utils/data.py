"""Datasets and a loader, in one process.

https://docs.pytorch.org/docs/stable/data.html
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.tensor import Tensor


class Dataset:
    """Samples by index."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError("Subclasses of Dataset should implement __getitem__.")


class TensorDataset(Dataset):
    """Tensors of one length, sliced along their first dimension."""

    def __init__(self, *tensors: Tensor) -> None:
        if not all(tensors[0].size(0) == tensor.size(0) for tensor in tensors):
            raise AssertionError("Size mismatch between tensors")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(tensor[index] for tensor in self.tensors)

    def __len__(self) -> int:
        return int(self.tensors[0].size(0))


class Subset(Dataset):
    """Some samples of another dataset."""

    def __init__(self, dataset: Any, indices: Any) -> None:
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


def random_split(dataset: Any, lengths: Any, generator: Any = None) -> list[Subset]:
    """Split a dataset at random into parts of the given lengths."""
    if sum(lengths) != len(dataset):
        raise ValueError("Sum of input lengths does not equal the length of the input dataset!")
    order = torch.randperm(sum(lengths), generator=generator).tolist()
    parts, start = [], 0
    for length in lengths:
        parts.append(Subset(dataset, order[start : start + length]))
        start += length
    return parts


def default_collate(batch: Any) -> Any:
    """One batch from a list of samples: tensors are stacked, numbers become tensors."""
    first = batch[0]
    if isinstance(first, Tensor):
        return torch.stack(batch, 0)
    if isinstance(first, np.ndarray):
        return torch.stack([torch.as_tensor(each) for each in batch], 0)
    if isinstance(first, float):
        return torch.tensor(batch, dtype=dtypes.float64)
    if isinstance(first, (int, np.generic)):
        return torch.tensor(batch)
    if isinstance(first, str):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([each[key] for each in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        return [default_collate(column) for column in zip(*batch, strict=True)]
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first)}"
    )


class DataLoader:
    """Batches of a dataset, in order or shuffled by the random stream."""

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        generator: Any = None,
        num_workers: int = 0,
    ) -> None:
        self.dataset, self.batch_size, self.shuffle = dataset, batch_size, shuffle
        self.drop_last, self.generator, self.num_workers = drop_last, generator, num_workers
        self.collate_fn = collate_fn or default_collate

    def _order(self) -> Iterator[int]:
        count = len(self.dataset)
        if not self.shuffle:
            yield from range(count)
            return
        generator = self.generator
        if generator is None:
            generator = torch.Generator().manual_seed(_seed(None))
        yield from torch.randperm(count, generator=generator).tolist()
        # A sampler that is read to its end draws once more, for a rest that is empty here.
        torch.randperm(count, generator=generator)

    def __iter__(self) -> Iterator[Any]:
        _seed(self.generator)  # for workers; drawn from the stream although there are none
        order = self._order()
        if self.batch_size is None:
            yield from (self.dataset[index] for index in order)
            return
        while chosen := list(itertools.islice(order, self.batch_size)):
            if len(chosen) == self.batch_size or not self.drop_last:
                yield self.collate_fn([self.dataset[index] for index in chosen])

    def __len__(self) -> int:
        count = len(self.dataset)
        if self.batch_size is None:
            return count
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)


def _seed(generator: Any) -> int:
    return int(torch.empty((), dtype=dtypes.int64).random_(generator=generator).item())
