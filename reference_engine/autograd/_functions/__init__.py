"""Functions that old programs know by this place."""

from __future__ import annotations

from reference_engine.autograd._functions.tensor import Resize, Type

__all__ = ["Resize", "Type"]
