"""``torch.backends``, ``torch.accelerator``, ``torch.mps``: what a script asks before it chooses a device.

There is one device, one thread, and one way to compute each result, so the switches only remember what they are told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any


class _Settings:
    """Answers questions about a backend, and keeps what it is told."""

    def __init__(self, available: bool, **settings: Any) -> None:
        self._available = available
        self.__dict__.update(settings)

    def is_available(self) -> bool:
        return self._available

    is_built = is_available

    @contextlib.contextmanager
    def flags(self, **settings: Any) -> Iterator[None]:
        """Other settings for a block."""
        before = dict(self.__dict__)
        self.__dict__.update(settings)
        try:
            yield
        finally:
            self.__dict__.clear()
            self.__dict__.update(before)

    def version(self) -> None:
        """There is none."""


cudnn = _Settings(False, enabled=True, benchmark=False, deterministic=False, allow_tf32=True)
cuda = _Settings(False, matmul=_Settings(False, allow_tf32=False))
mps = _Settings(False)
mkl = _Settings(False)
mkldnn = _Settings(False, enabled=False)
openmp = _Settings(False)

accelerator = _Settings(False)

_threads = 1
_warn_always = False
_interop_threads = 1
_deterministic = _warn_only = False
_matmul_precision = "highest"


def get_num_threads() -> int:
    return _threads


def set_num_threads(count: int) -> None:
    """Remembered, without effect.

    Raises:
        RuntimeError: not a positive number.
    """
    global _threads
    if count <= 0:
        raise RuntimeError("set_num_threads expects a positive integer")
    _threads = count


def get_num_interop_threads() -> int:
    return _interop_threads


def set_num_interop_threads(count: int) -> None:
    """Remembered, without effect."""
    global _interop_threads
    _interop_threads = count


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembered, without effect: every result here is deterministic."""
    global _deterministic, _warn_only
    _deterministic, _warn_only = mode, warn_only


def are_deterministic_algorithms_enabled() -> bool:
    return _deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    return _warn_only


def get_deterministic_debug_mode() -> int:
    """0: nothing said, 1: warn, 2: refuse."""
    return (1 if _warn_only else 2) if _deterministic else 0


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Remembered, without effect."""
    number = {"default": 0, "warn": 1, "error": 2}.get(str(debug_mode), debug_mode)
    use_deterministic_algorithms(number != 0, warn_only=number == 1)


def get_float32_matmul_precision() -> str:
    return _matmul_precision


def set_float32_matmul_precision(precision: str) -> None:
    """Remembered, without effect: float32 products have the precision of float32."""
    global _matmul_precision
    _matmul_precision = precision


def set_flush_denormal(mode: bool) -> bool:
    """Small numbers stay as they are; whether a processor could flush them to zero: nearly all can."""
    return True


def set_warn_always(b: bool, /) -> None:
    """Remembered, without effect: this engine always warns.

    Raises:
        RuntimeError: not a bool.
    """
    global _warn_always
    if not isinstance(b, bool):
        raise RuntimeError(f"setWarnOnlyOnce expects a bool, but got {type(b).__name__}")
    _warn_always = b


def is_warn_always_enabled() -> bool:
    return _warn_always


def get_default_device() -> Any:
    from reference_engine import devices

    return devices.default()


def set_default_device(device: Any) -> None:
    """Where tensors are made from now on that are not told where.

    Raises:
        AssertionError: a device that this engine does not have.
    """
    from reference_engine import devices

    devices.set_default(device)
