"""``torch.utils``: checkpointing and data loading."""

from __future__ import annotations

from reference_engine.utils import _mode_utils, _python_dispatch, _pytree, checkpoint, data, hooks, weak
from reference_engine.utils.swapping import swap_tensors

__all__ = ["_mode_utils", "_python_dispatch", "_pytree", "checkpoint", "data", "hooks", "swap_tensors", "weak"]
