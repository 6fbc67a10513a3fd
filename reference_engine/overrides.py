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
from reference_engine.override_names import (
    defaults_of,
    get_ignored_functions,
    get_overridable_functions,
    get_testing_overrides,
    is_tensor_method_or_property,
    named,
    resolve_name,
)
from reference_engine.semantics import switch, warn

__all__ = [
    "get_ignored_functions", "get_overridable_functions", "get_testing_overrides", "handle_torch_function",
    "has_torch_function", "resolve_name", "is_tensor_like", "is_tensor_method_or_property", "wrap_torch_function",
    "enable_reentrant_dispatch", "redispatch_function",
]  # fmt: skip


class _State(threading.local):
    """What a thread has switched on or off."""

    disabled = 0
    modes: tuple[Any, ...] = ()
    passed_over = False  # the next call that could be offered is not


state = _State()


def _disabled_torch_function_impl(func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """The ``__torch_function__`` of a subclass that does not want one (Parameter)."""
    with DisableTorchFunctionSubclass():
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
    if state.passed_over:
        state.passed_over = False
        return False
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
            return offer(made, (), args, kwargs, native=True)
        if kwargs.get("device") is not None:
            devices.require(kwargs["device"])
        out = kwargs.pop("out", None)
        return function(*args, **kwargs) if out is None else _made_into(out, function, args, kwargs)

    return made


def _made_into(out: Any, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Write what a factory makes to a tensor, which says of which dtype it is.

    Raises:
        RuntimeError: another dtype was asked for.
    """
    wanted = kwargs.pop("dtype", None) or out.dtype
    if wanted is not out.dtype:
        raise RuntimeError(
            f"dtype {wanted.scalar_name} does not match dtype of out parameter ({out.dtype.scalar_name})"
        )
    made = function(*args, dtype=wanted, **kwargs)
    if out.shape != made.shape:
        if out.numel():
            warn("ops.out.resized", shape=list(out.shape), result=list(made.shape))
        with modes.no_grad():
            out.resize_(made.shape)
    return out.copy_(made)


def overridable(function: Callable[..., Any], native: bool = False) -> Callable[..., Any]:
    """The public form of a function that is no operation: one that torch writes in Python, or in C (`native`)."""
    defaults = {} if native else defaults_of(function)

    @functools.wraps(function)
    def public(*args: Any, **kwargs: Any) -> Any:
        values = [x for v in (*args, *kwargs.values()) for x in (v if isinstance(v, (list, tuple)) else (v,))]
        if has_torch_function(values):
            places, names = named(defaults, args, kwargs)
            return offer(public, values, places, names, native)
        return function(*args, **kwargs)

    return public


def handle(func: Callable[..., Any], values: Sequence[Any], args: Sequence[Any], **kwargs: Any) -> Any:
    """Offer a call of a function that is written in Python."""
    return offer(func, values, args, kwargs, native=False)


def offer(
    func: Callable[..., Any], values: Sequence[Any], args: Sequence[Any], kwargs: dict[str, Any], native: bool
) -> Any:
    """Offer the call to the innermost mode, then to each overriding type: subclasses first, else in argument order.

    A function that is written in C (`native`) says nothing of keywords where there are none.

    Raises:
        TypeError: every override answered NotImplemented.
    """
    from reference_engine.tensor import Tensor

    keywords = () if native and not kwargs else (kwargs,)
    candidates: list[Any] = []
    for value in values if not state.disabled else ():
        if not (_overrides(value) or (not native and type(value) is Tensor)) or any(
            type(c) is type(value) for c in candidates
        ):
            continue
        at = next((i for i, c in enumerate(candidates) if issubclass(type(value), type(c))), len(candidates))
        candidates.insert(at, value)
    types = tuple(type(c) for c in candidates)
    asked: list[str] = []
    if state.modes:
        mode, before = state.modes[-1], state.modes
        state.modes = before[:-1]  # what a mode calls is seen by the modes outside of it
        try:
            result = mode.__torch_function__(func, types, tuple(args), *keywords)
        finally:
            state.modes = before
        if result is not NotImplemented:
            return result
        asked.append(f"mode object {mode!r}")
    for candidate in candidates:
        result = type(candidate).__torch_function__(func, types, tuple(args), *keywords)
        if result is not NotImplemented:
            return result
        asked.append(f"tensor subclass {type(candidate)!r}")
    raise TypeError(_nobody(func, types, asked, native))


def _nobody(func: Any, types: tuple[type, ...], asked: list[str], native: bool) -> str:
    """What is said where every override answered NotImplemented."""
    name = resolve_name(func) or f"{getattr(func, '__module__', 'torch')}.{func.__name__}"
    name = name.replace("reference_engine", "torch", 1)
    if native:
        space, _, _ = name.rpartition(".")  # C has functionals in torch.nn, and calls norm linalg_norm
        name = "torch.nn." + func.__name__ if space == "torch.nn.functional" else f"{space}.{func.__name__}"
    if native and switch("function.torch_function.lists_handlers"):
        handlers = "".join(f"  - {handler}\n" for handler in asked)
        return (
            f"Multiple dispatch failed for '{name}'; all __torch_function__ handlers returned NotImplemented:\n\n"
            f"{handlers}\nFor more information, try re-running with TORCH_LOGS=not_implemented"
        )
    mode = next((handler for handler in asked if handler.startswith("mode")), "")
    nor = mode.replace("mode object", " nor in mode", 1) if not native else ""
    return f"no implementation found for '{name}' on types that implement __torch_function__: {list(types)}{nor}"


def redispatch_function(func: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
    """Call a function past the overrides, which see again what it calls in turn."""
    state.passed_over = True
    try:
        return func(*args, **(kwargs or {}))
    finally:
        state.passed_over = False


def of_subclass(cls: type[Any], func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """What a subclass of Tensor does that says nothing else: the function as usual, its results as the subclass."""
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
        return _as_subclass(result, cls)


def _as_subclass(result: Any, cls: type[Any]) -> Any:
    from reference_engine.return_types import Results
    from reference_engine.tensor import Tensor

    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, Results):
        return type(result)([_as_subclass(value, cls) for value in result])
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
