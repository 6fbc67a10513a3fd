"""``torch.utils.hooks``: handles of hooks."""

from __future__ import annotations

from reference_engine.autograd.hooks import RemovableHandle
from reference_engine.serialization import unserializable_hook

__all__ = ["RemovableHandle", "unserializable_hook"]
