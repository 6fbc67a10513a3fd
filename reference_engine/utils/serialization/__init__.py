"""``torch.utils.serialization``: how files are read and written."""

from __future__ import annotations

from reference_engine.utils.serialization import config

__all__ = ["config"]
