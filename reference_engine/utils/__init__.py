"""``torch.utils``: checkpointing and data loading."""

from __future__ import annotations

from reference_engine.utils import (
    _mode_utils,
    _python_dispatch,
    _pytree,
    backcompat,
    checkpoint,
    data,
    hooks,
    serialization,
    weak,
)
from reference_engine.utils.swapping import swap_tensors

__all__ = [
    "_mode_utils", "_python_dispatch", "_pytree", "backcompat", "checkpoint", "data", "hooks", "serialization",
    "swap_tensors", "weak",
]  # fmt: skip
