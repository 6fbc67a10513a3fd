"""``torch.testing``: comparison of values, and tensors to test with."""

from __future__ import annotations

from reference_engine.testing.comparison import assert_close
from reference_engine.testing.creation import make_tensor

__all__ = ["assert_close", "make_tensor"]
