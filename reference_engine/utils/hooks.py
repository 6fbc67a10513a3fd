"""``torch.utils.hooks``: handles of hooks."""

from __future__ import annotations

from reference_engine.autograd.hooks import RemovableHandle
from reference_engine.serialization import unserializable_hook
from reference_engine.utils.backward_hooks import BackwardHook, warn_if_has_hooks

__all__ = ["BackwardHook", "RemovableHandle", "unserializable_hook", "warn_if_has_hooks"]
