"""``torch.cuda.nvtx``: marks for a profiler of devices, of which there are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def mark(msg: Any) -> None:
    """Mark a moment.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError("NVTX functions not installed. Are you sure you have a CUDA build?")


range_push = range_start = range_end = mark


def range_pop() -> None:
    """End the range that was begun last."""
    mark(None)


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A block that is a range."""
    range_push(msg.format(*args, **kwargs))
    yield


__all__ = ["mark", "range", "range_pop", "range_push"]
