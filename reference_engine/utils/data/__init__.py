"""``torch.utils.data``: datasets, samplers and a loader, in one process.

Source: https://docs.pytorch.org/docs/stable/data.html
"""

from __future__ import annotations

from reference_engine.utils.data.collate import default_collate, default_convert
from reference_engine.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from reference_engine.utils.data.distributed import DistributedSampler
from reference_engine.utils.data.loader import DataLoader, get_worker_info
from reference_engine.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)

__all__ = [
    "BatchSampler",
    "ChainDataset",
    "ConcatDataset",
    "DataLoader",
    "Dataset",
    "DistributedSampler",
    "IterableDataset",
    "RandomSampler",
    "Sampler",
    "SequentialSampler",
    "StackDataset",
    "Subset",
    "SubsetRandomSampler",
    "TensorDataset",
    "WeightedRandomSampler",
    "default_collate",
    "default_convert",
    "get_worker_info",
    "random_split",
]
