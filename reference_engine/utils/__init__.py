"""``torch.utils``: checkpointing and data loading."""

from __future__ import annotations

from reference_engine.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
