"""A hook that is called with its module, which it does not keep alive."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any


class BoundHook:
    """``hook(module, ...)`` as a function of the rest. It can be pickled together with the module.

    Raises:
        RuntimeError: called, or read from a file, when the module is gone.
    """

    def __init__(self, hook: Callable[..., Any], module: Any) -> None:
        self.hook, self.module = hook, weakref.ref(module)
        functools.update_wrapper(self, hook)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        return {"hook": self.hook, "module": self.module()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if state["module"] is None:
            raise RuntimeError("You are trying to revive the hook of a dead Module!")
        self.hook, self.module = state["hook"], weakref.ref(state["module"])
