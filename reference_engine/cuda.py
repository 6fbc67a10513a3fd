"""``torch.cuda``, as it is on a machine that has none: it can be asked, and nothing can be run there."""

from __future__ import annotations

from typing import Any, NoReturn


def is_available() -> bool:
    return False


def is_initialized() -> bool:
    return False


def device_count() -> int:
    return 0


def is_bf16_supported(including_emulation: bool = True) -> bool:
    return False


def empty_cache() -> None:
    """Nothing is cached."""


def manual_seed(seed: int) -> None:
    """Nothing is drawn there."""


manual_seed_all = manual_seed


def refuse(*args: Any, **kwargs: Any) -> NoReturn:
    """What needs a device.

    Raises:
        AssertionError: always.
    """
    raise AssertionError("Torch not compiled with CUDA enabled")


current_device = synchronize = get_device_name = get_device_properties = get_device_capability = refuse
current_stream = set_device = get_rng_state = set_rng_state = refuse
