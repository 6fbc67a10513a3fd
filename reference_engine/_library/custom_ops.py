"""``torch._library.custom_ops``."""

from __future__ import annotations

from reference_engine.dispatcher.custom_ops import CustomOpDef, custom_op

__all__ = ["CustomOpDef", "custom_op"]
