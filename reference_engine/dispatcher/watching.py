"""Who sees calls below autograd: modes that are on, and subclasses of Tensor with ``__torch_dispatch__``.

A call is recorded first; what is then to be computed is shown to the innermost mode, or else to the subclasses among
the arguments. They are *beneath* autograd: what they call in turn records nothing, counts no version, and is shown to
the modes further out. Nothing here costs anything until a program makes its first mode or subclass.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html#extending-all-torch-api-with-modes
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reference_engine.modes import state as modes

if TYPE_CHECKING:
    from reference_engine.dispatcher.operators import OpOverload

used = False
"""Whether there ever was a mode or a subclass; operations look for them only then."""


class _State(threading.local):
    """What a thread has switched on or off."""

    stack: tuple[Any, ...] = ()
    disabled = 0
    asked: tuple[Any, Any] | None = None
    """An op, and the operator that it runs for: who watches is shown that one."""


state = _State()


def _unset(cls: Any, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """The ``__torch_dispatch__`` of a Tensor, which is not asked."""
    return NotImplemented


def overrides(kind: type[Any]) -> bool:
    """Whether a type has a ``__torch_dispatch__`` of its own."""
    found = getattr(kind, "__torch_dispatch__", None)
    return found is not None and getattr(found, "__func__", found) is not _unset


def note_subclass(cls: type[Any]) -> None:
    """A class of tensors was made: one that defines ``__torch_dispatch__`` wants no ``__torch_function__`` besides."""
    global used
    if "__torch_dispatch__" not in vars(cls) or cls.__module__ == "reference_engine.tensor":
        return
    used = True
    from reference_engine import overrides

    inherited: Any = cls.__torch_function__
    if getattr(inherited, "__module__", "") == "reference_engine.tensor":
        cls.__torch_function__ = staticmethod(overrides._disabled_torch_function_impl)


def flat(values: Sequence[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from value
        else:
            yield value


def sees(values: Sequence[Any]) -> bool:
    """Whether somebody is to be shown a call with these arguments."""
    if state.disabled:
        return False
    return bool(state.stack) or any(overrides(type(v)) for v in flat(values) if hasattr(v, "_storage"))


def subclasses(values: Sequence[Any]) -> list[type[Any]]:
    """The overriding types of arguments, in order, a subclass before what it derives from."""
    found: list[type[Any]] = []
    for value in flat(values):
        kind = type(value)
        if hasattr(value, "_storage") and overrides(kind) and kind not in found:
            at = next((i for i, known in enumerate(found) if issubclass(kind, known)), len(found))
            found.insert(at, kind)
    return found


@contextmanager
def beneath(outer: tuple[Any, ...]) -> Iterator[None]:
    """Beneath autograd, with these modes on."""
    before, was = state.stack, modes.beneath
    state.stack, modes.beneath = outer, True
    try:
        yield
    finally:
        state.stack, modes.beneath = before, was


def offer(func: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Show a call to the innermost mode, then to each overriding type.

    Raises:
        TypeError: every one answered NotImplemented.
    """
    types = subclasses([*args, *kwargs.values()])
    refused = []
    if state.stack:
        mode = state.stack[-1]
        with beneath(state.stack[:-1]):
            result = mode.__torch_dispatch__(func, tuple(types), args, kwargs)
        if result is not NotImplemented:
            return result
        refused.append(f"mode object {mode!r}")
    for kind in types:
        with beneath(state.stack):
            result = kind.__torch_dispatch__(func, tuple(types), args, kwargs)
        if result is not NotImplemented:
            return result
        refused.append(f"tensor subclass {kind!r}")
    raise TypeError(
        f"Multiple dispatch failed for 'torch._ops.{func}'; all __torch_dispatch__ handlers returned "
        "NotImplemented:\n\n"
        + "".join(f"  - {who}\n" for who in refused)
        + "\nFor more information, try re-running with TORCH_LOGS=not_implemented"
    )


def shown(name: str, *args: Any, **kwargs: Any) -> Any:
    """Show a call of an operator of ``aten`` that no declared op stands for: ``shown("detach.default", t)``."""
    from reference_engine.dispatcher.operators import aten

    packet, _, overload = name.partition(".")
    return offer(getattr(getattr(aten, packet), overload), args, kwargs)


class BelowAutograd:
    """Inside, nothing is recorded: what a kernel for autograd does to get to the one below."""

    def __enter__(self) -> None:
        self._before, modes.beneath = modes.beneath, True

    def __exit__(self, *exc: object) -> None:
        modes.beneath = self._before


class DisableTorchDispatch:
    """Inside, nobody is shown a call."""

    def __enter__(self) -> None:
        state.disabled += 1

    def __exit__(self, *exc: object) -> None:
        state.disabled -= 1


def push(mode: Any) -> None:
    """Switch a mode on, innermost."""
    global used
    used = True
    state.stack = (*state.stack, mode)


def pop() -> Any:
    """Switch the innermost mode off."""
    *outer, mode = state.stack
    state.stack = tuple(outer)
    return mode
