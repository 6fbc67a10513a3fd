"""``torch.cuda``, as it is on a machine that has none: it can be asked, and nothing can be run there."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NoReturn

from reference_engine.cuda import nvtx
from reference_engine.errors import OutOfMemoryError as OutOfMemoryError


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

# -- memory ------------------------------------------------------------------------------------------------------------


def memory_allocated(device: Any = None) -> int:
    """Bytes in use there: none."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_cached = max_memory_cached = memory_allocated


def memory_stats(device: Any = None) -> OrderedDict[str, Any]:
    return OrderedDict()


def seed() -> None:
    """Nothing is drawn there."""


seed_all = seed


def get_arch_list() -> list[str]:
    return []


def get_gencode_flags() -> str:
    return ""


def get_rng_state_all() -> list[Any]:
    return []


def is_tf32_supported() -> bool:
    return False


default_generators: tuple[Any, ...] = ()
mem_get_info = ipc_collect = default_stream = initial_seed = init = can_device_access_peer = refuse
set_per_process_memory_fraction = current_blas_handle = set_sync_debug_mode = get_sync_debug_mode = refuse

# -- where and when ----------------------------------------------------------------------------------------------------


class device:
    """A block in which a device is the current one. A negative index, or None, stands for no change."""

    def __init__(self, device: Any) -> None:
        name = device if isinstance(device, str) else getattr(device, "type", None)
        if name is not None and not str(name).startswith("cuda"):
            raise ValueError(f"Expected a cuda device, but got: {device}")
        self.idx = device

    def __enter__(self) -> None:
        if self.idx not in (None, -1):
            refuse()

    def __exit__(self, *exc: object) -> None:
        pass


class device_of(device):
    """The device of a tensor as the current one; no change for a tensor elsewhere."""

    def __init__(self, obj: Any) -> None:
        super().__init__(-1)


class StreamContext:
    """A block in which a stream is the current one; None stands for no change."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        pass


stream = StreamContext


class Stream:
    """A queue of work on a device."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("torch.cuda.Stream requires CUDA support")


class Event:
    """A mark in such a queue."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("Tried to instantiate dummy base class Event")


class CUDAGraph:
    """Work that was recorded, to be done again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("Tried to instantiate dummy base class CUDAGraph")
