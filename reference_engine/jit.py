"""``torch.jit``: the questions and marks that eager code meets; nothing is scripted or traced here."""

from __future__ import annotations

from typing import Any, Final, NoReturn

__all__ = ["Final", "export", "ignore", "is_scripting", "is_tracing", "script", "trace", "unused"]


def is_scripting() -> bool:
    return False


def is_tracing() -> bool:
    return False


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """A mark for the script compiler; the function stays as it is."""
    return drop if callable(drop) else lambda function: function


def unused(fn: Any) -> Any:
    return fn


export = interface = unused


def _refuse(*args: Any, **kwargs: Any) -> NoReturn:
    raise NotImplementedError("torch.jit.script and torch.jit.trace are not part of this engine: it runs eager code")


script = trace = _refuse
