"""What tests ask about other devices: there are none."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

TEST_CUDA = TEST_MULTIGPU = TEST_CUDNN = SM53OrLater = SM80OrLater = False
TEST_CUDNN_VERSION = 0
PLATFORM_SUPPORTS_FLASH_ATTENTION = PLATFORM_SUPPORTS_MEM_EFF_ATTENTION = PLATFORM_SUPPORTS_FUSED_ATTENTION = False


def tf32_on_and_off(*args: Any, **kwargs: Any) -> Callable[[Any], Any]:
    """The test once: without a GPU there are no numbers of fewer bits to compute with."""
    return lambda fn: fn


def with_tf32_off(fn: Any) -> Any:
    """The test as it is."""
    return fn


def _get_torch_cuda_version() -> tuple[int, int]:
    """The version of CUDA: none."""
    return 0, 0


tf32_on, tf32_off = (lambda *args, **kwargs: contextlib.nullcontext()), contextlib.nullcontext
