"""One batch of many samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import reference_engine as torch
from reference_engine import dtypes
from reference_engine.tensor import Tensor


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
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([each[key] for each in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(column) for column in zip(*batch, strict=True)))
    if isinstance(first, (tuple, list)):
        if any(len(each) != len(first) for each in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return [default_collate(column) for column in zip(*batch, strict=True)]
    raise TypeError(
        f"default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {type(first)}"
    )


def default_convert(data: Any) -> Any:
    """A sample that is not batched: arrays become tensors."""
    if isinstance(data, np.ndarray):
        return torch.as_tensor(data)
    if isinstance(data, Mapping):
        return {key: default_convert(value) for key, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, (tuple, list)):
        return [default_convert(value) for value in data]
    return data
