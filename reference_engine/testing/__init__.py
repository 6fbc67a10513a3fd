"""``torch.testing``: comparison of values, and tensors to test with."""

from __future__ import annotations

from reference_engine.testing.comparison import assert_allclose, assert_close
from reference_engine.testing.creation import make_tensor
from reference_engine.testing.file_check import FileCheck

__all__ = ["FileCheck", "assert_allclose", "assert_close", "make_tensor"]
