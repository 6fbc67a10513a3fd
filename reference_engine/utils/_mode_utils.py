"""``torch.utils._mode_utils``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_dispatch() -> Iterator[None]:
    """Inside, no dispatch mode is asked; there never is one here."""
    yield
