"""Modules whose parameters hold nothing yet."""

from __future__ import annotations

import inspect
from typing import Any

from reference_engine.nn.module import Module
from reference_engine.random import fork_rng


def skip_init(module_cls: Any, *args: Any, **kwargs: Any) -> Any:
    """A module whose parameters are not initialised, so that no random number is used up.

    Raises:
        RuntimeError: no module, or one that takes no device.
    """
    if not issubclass(module_cls, Module):
        raise RuntimeError(f"Expected a Module; got {module_cls}")
    if "device" not in inspect.signature(module_cls).parameters:
        raise RuntimeError("Module must support a 'device' arg to skip initialization")
    with fork_rng():
        return module_cls(*args, **kwargs)
