"""``torch.backends``, ``torch.accelerator``, ``torch.mps``: what a script asks before it chooses a device.

There is one device, one thread, and one way to compute each result, so the switches only remember what they are told.
"""

from __future__ import annotations

from typing import Any


class _Settings:
    """Answers questions about a backend, and keeps what it is told."""

    def __init__(self, available: bool, **settings: Any) -> None:
        self._available = available
        self.__dict__.update(settings)

    def is_available(self) -> bool:
        return self._available

    is_built = is_available


cudnn = _Settings(False, enabled=True, benchmark=False, deterministic=False, allow_tf32=True)
cuda = _Settings(False, matmul=_Settings(False, allow_tf32=False))
mps = _Settings(False)
mkl = _Settings(False)
mkldnn = _Settings(False, enabled=False)
openmp = _Settings(False)

accelerator = _Settings(False)

_threads = 1
_deterministic = False


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


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Remembered, without effect: every result here is deterministic."""
    global _deterministic
    _deterministic = mode


def are_deterministic_algorithms_enabled() -> bool:
    return _deterministic


def get_default_device() -> Any:
    from reference_engine.devices import CPU

    return CPU


def set_default_device(wanted: Any) -> None:
    """The CPU is the default, and the only one.

    Raises:
        AssertionError: another device.
    """
    from reference_engine import cuda as no_cuda
    from reference_engine.devices import device

    if wanted is not None and device(wanted).type != "cpu":
        no_cuda.refuse()
