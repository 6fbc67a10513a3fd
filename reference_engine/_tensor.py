"""``torch._tensor``, where torch defines its Tensor."""

from __future__ import annotations

from reference_engine.tensor import Tensor

__all__ = ["Tensor"]
