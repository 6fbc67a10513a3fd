"""``torch._utils``: lists of tensors as one flat tensor, and the functions that files of tensors name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import reference_engine as torch
from reference_engine.saving.rebuilding import rebuild_parameter as _rebuild_parameter
from reference_engine.saving.rebuilding import rebuild_parameter_with_state as _rebuild_parameter_with_state
from reference_engine.saving.rebuilding import rebuild_tensor as _rebuild_tensor_v2
from reference_engine.saving.rebuilding import rebuild_tensor_of_old as _rebuild_tensor


def _flatten_dense_tensors(tensors: Sequence[Any]) -> Any:
    """All elements, one tensor after the other."""
    return torch.cat([t.contiguous().view(-1) for t in tensors])


def _unflatten_dense_tensors(flat: Any, tensors: Sequence[Any]) -> tuple[Any, ...]:
    """Views of a flat tensor in the shapes of these."""
    made, start = [], 0
    for t in tensors:
        made.append(flat.narrow(0, start, t.numel()).view_as(t))
        start += t.numel()
    return tuple(made)


__all__ = [
    "_flatten_dense_tensors", "_rebuild_parameter", "_rebuild_parameter_with_state", "_rebuild_tensor",
    "_rebuild_tensor_v2", "_unflatten_dense_tensors",
]  # fmt: skip
