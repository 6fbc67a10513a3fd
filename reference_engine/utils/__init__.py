"""``torch.utils``: checkpointing and data loading."""

from __future__ import annotations

from reference_engine.utils import _pytree, checkpoint, data, hooks

__all__ = ["_pytree", "checkpoint", "data", "hooks"]
