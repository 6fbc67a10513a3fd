"""``torch.signal``: what works on signals."""

from __future__ import annotations

from reference_engine.signal import windows

__all__ = ["windows"]
