"""``torch.linalg``. Its functions are declared in ``ops``; here is the error that they raise."""

from __future__ import annotations

from reference_engine.errors import LinAlgError

__all__ = ["LinAlgError"]
