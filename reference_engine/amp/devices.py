"""``torch.cuda.amp`` and ``torch.cpu.amp``: the older names, each for one device."""

from __future__ import annotations

import functools
import types
import warnings
from typing import Any

from reference_engine.amp import autocast_mode, grad_scaler


def _warn(device: str, name: str) -> None:
    warnings.warn(
        f"`torch.{device}.amp.{name}(args...)` is deprecated. Please use `torch.amp.{name}('{device}', args...)` "
        "instead.",
        FutureWarning,
        stacklevel=3,
    )


def namespace(device: str) -> types.ModuleType:
    """``torch.<device>.amp``."""

    class autocast(autocast_mode.autocast):
        def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
            _warn(device, "autocast")
            super().__init__(device, dtype, enabled, cache_enabled)

    class GradScaler(grad_scaler.GradScaler):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            _warn(device, "GradScaler")
            super().__init__(device, *args, **kwargs)

    made = types.ModuleType(f"reference_engine.{device}.amp")
    made.__dict__.update(
        autocast=autocast, GradScaler=GradScaler,
        custom_fwd=functools.partial(autocast_mode.custom_fwd, device_type=device),
        custom_bwd=functools.partial(autocast_mode.custom_bwd, device_type=device),
    )  # fmt: skip
    return made
