"""``__torch_function__``: other types may take over a call.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html#extending-torch-python-api
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from reference_engine import devices, modes


class _State(threading.local):
    """What a thread has switched on or off."""

    disabled = 0
    modes: tuple[Any, ...] = ()


state = _State()


def _disabled_torch_function_impl(func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """The ``__torch_function__`` of a subclass that does not want one (Parameter)."""
    return func(*args, **(kwargs or {}))


def is_tensor_like(value: Any) -> bool:
    from reference_engine.tensor import Tensor

    return isinstance(value, Tensor) or hasattr(type(value), "__torch_function__")


def _overrides(value: Any) -> bool:
    from reference_engine.tensor import Tensor

    kind = type(value)
    if kind is Tensor:
        return False
    method = getattr(kind, "__torch_function__", None)
    return method is not None and getattr(method, "__func__", method) is not _disabled_torch_function_impl


def has_torch_function(values: Sequence[Any]) -> bool:
    """Whether a mode is on, or any value overrides torch's functions."""
    return bool(state.modes) or (not state.disabled and any(_overrides(v) for v in values))


def has_torch_function_unary(value: Any) -> bool:
    return has_torch_function((value,))


def has_torch_function_variadic(*values: Any) -> bool:
    return has_torch_function(values)


def handle_torch_function(
    public_api: Callable[..., Any], relevant_args: Sequence[Any], *args: Any, **kwargs: Any
) -> Any:
    """What a function of torch's that is written in Python does where ``has_torch_function`` says so."""
    return handle(public_api, relevant_args, args, **kwargs)


def wrap_torch_function(dispatcher: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a function overridable; ``dispatcher`` picks the arguments that may override it."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle(wrapped, relevant, args, **kwargs)
            return function(*args, **kwargs)

        return wrapped

    return decorate


def factory(function: Callable[..., Any]) -> Callable[..., Any]:
    """The public form of a function that makes tensors from nothing: only a mode sees it."""

    @functools.wraps(function)
    def made(*args: Any, **kwargs: Any) -> Any:
        if state.modes:
            return handle(made, (), args, **kwargs)
        if kwargs.get("device") is not None:
            devices.require(kwargs["device"])
        return function(*args, **kwargs)

    return made


def handle(func: Callable[..., Any], values: Sequence[Any], args: Sequence[Any], **kwargs: Any) -> Any:
    """Offer the call to the innermost mode, then to each overriding type: subclasses first, else in argument order.

    Raises:
        TypeError: every override answered NotImplemented.
    """
    candidates: list[Any] = []
    for value in values:
        if not _overrides(value) or any(type(c) is type(value) for c in candidates):
            continue
        at = next((i for i, c in enumerate(candidates) if issubclass(type(value), type(c))), len(candidates))
        candidates.insert(at, value)
    types = tuple(type(c) for c in candidates)
    refused = ""
    if state.modes:
        mode, before = state.modes[-1], state.modes
        state.modes = before[:-1]  # what a mode calls is seen by the modes outside of it
        try:
            result = mode.__torch_function__(func, types, tuple(args), kwargs or None)
        finally:
            state.modes = before
        if result is not NotImplemented:
            return result
        refused = f" nor in mode {mode}"
    for candidate in candidates if not state.disabled else ():
        result = type(candidate).__torch_function__(func, types, tuple(args), kwargs)
        if result is not NotImplemented:
            return result
    name = f"{getattr(func, '__module__', 'torch')}.{func.__name__}".replace("reference_engine", "torch", 1)
    raise TypeError(
        f"no implementation found for '{name}' on types that implement __torch_function__: {list(types)}{refused}"
    )


def of_subclass(cls: type[Any], func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """What a subclass of Tensor does that says nothing else: the function as usual, its results as the subclass."""
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
        return _as_subclass(result, cls)


def _as_subclass(result: Any, cls: type[Any]) -> Any:
    from reference_engine.tensor import Tensor

    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if type(result) in (tuple, list):
        return type(result)(_as_subclass(value, cls) for value in result)
    return result


class DisableTorchFunctionSubclass:
    """Inside, subclasses of Tensor are treated as plain tensors."""

    def __enter__(self) -> None:
        state.disabled += 1

    def __exit__(self, *exc: object) -> None:
        state.disabled -= 1


class DisableTorchFunction(DisableTorchFunctionSubclass):
    """Inside, there are no modes either."""

    def __enter__(self) -> None:
        super().__enter__()
        self._modes, state.modes = state.modes, ()

    def __exit__(self, *exc: object) -> None:
        super().__exit__()
        state.modes = self._modes


@contextmanager
def enable_reentrant_dispatch() -> Iterator[None]:
    """Inside of ``__torch_dispatch__``, operations are recorded again."""
    before, modes.state.beneath = modes.state.beneath, False
    try:
        yield
    finally:
        modes.state.beneath = before


class TorchFunctionMode:
    """A context manager whose ``__torch_function__`` sees every call inside, whatever its arguments."""

    def __init__(self) -> None:
        pass

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Any:
        state.modes = (*state.modes, self)
        return self

    def __exit__(self, *exc: object) -> None:
        state.modes = state.modes[:-1]

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> Any:
        """Make and return one, to be entered."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))
