"""Grad modes: whether operations are recorded, and whether the tensors made are inference tensors.

Source: https://docs.pytorch.org/docs/stable/notes/autograd.html#locally-disable-grad-doc
"""

from __future__ import annotations

import functools
import inspect
import threading
import types
from collections.abc import Callable, Generator
from typing import Any, TypeVar

from reference_engine.semantics import cite, refusal, require, switch, warn

F = TypeVar("F", bound=Callable[..., Any])


class _State(threading.local):
    """The modes of a thread; a new thread starts with these."""

    grad = True
    inference = False
    forward_grad = True
    multithreading = True
    view_replay = False
    grad_layout = True
    beneath = False  # inside of __torch_dispatch__, where nothing is recorded


state = _State()


def is_grad_enabled() -> bool:
    return state.grad


def is_inference_mode_enabled() -> bool:
    return state.inference


class _ContextDecorator:
    """A context manager that also decorates functions, generator functions and coroutines (one clone a call)."""

    def clone(self) -> Any:
        return type(self)()

    def __enter__(self) -> None:
        raise NotImplementedError

    def __exit__(self, *exc: object) -> None:
        raise NotImplementedError

    def __call__(self, func: Any) -> Any:
        if inspect.isclass(func):
            if switch("mode.decorate_class.warns"):
                warn("mode.decorate_class")
            func = _making(func)
        if inspect.isgeneratorfunction(func):
            return _decorate_generator(self, func)
        if inspect.iscoroutinefunction(func):
            return _decorate_coroutine(self, func)

        @functools.wraps(func)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with self.clone():
                return func(*args, **kwargs)

        return decorated


def _making(cls: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: cls(*args, **kwargs)


def _decorate_generator(context: _ContextDecorator, func: Any) -> Any:
    """The mode holds while the generator runs and is left while its consumer runs."""

    @functools.wraps(func)
    def decorated(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        gen = func(*args, **kwargs)
        try:
            with context.clone():
                response = gen.send(None)
            while True:
                try:
                    request = yield response
                except GeneratorExit:
                    with context.clone():
                        gen.close()
                    raise
                except BaseException as error:
                    with context.clone():
                        response = gen.throw(error)
                else:
                    with context.clone():
                        response = gen.send(request)
        except StopIteration as done:
            return done.value

    return decorated


def _decorate_coroutine(context: _ContextDecorator, func: Any) -> Any:
    """As for a generator: the mode holds while the coroutine runs, and is left while it waits and others run."""

    @types.coroutine
    def steps(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
        result = yield from _decorate_generator(context, lambda: func(*args, **kwargs))()
        return result

    @functools.wraps(func)
    async def decorated(*args: Any, **kwargs: Any) -> Any:
        cite("mode.decorator.coroutine")
        return await steps(*args, **kwargs)

    return decorated


class no_grad(_ContextDecorator):
    """Operations inside are not recorded; their results do not require grad. Factory functions are unaffected."""

    def __new__(cls, *given: Any) -> Any:
        if given and not switch("mode.decorator_without_call"):
            raise refusal("mode.no_grad.needs_call")
        return super().__new__(cls)(given[0]) if given else super().__new__(cls)

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        cite("mode.no_grad.not_recorded")
        self._before.append(state.grad)
        state.grad = False

    def __exit__(self, *exc: object) -> None:
        state.grad = self._before.pop()


class enable_grad(_ContextDecorator):
    """Operations inside are recorded again; no effect on tensors made in inference mode."""

    def __new__(cls, orig_func: Any = None) -> Any:
        if orig_func is not None and not switch("mode.decorator_without_call"):
            raise refusal("mode.enable_grad.needs_call")
        return super().__new__(cls) if orig_func is None else super().__new__(cls)(orig_func)

    def __init__(self, orig_func: Any = None) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        cite("mode.enable_grad.recorded")
        self._before.append(state.grad)
        state.grad = True

    def __exit__(self, *exc: object) -> None:
        state.grad = self._before.pop()


class set_grad_enabled(_ContextDecorator):
    """Sets the mode when called, and restores it when used as a context manager or decorator."""

    def __init__(self, mode: bool) -> None:
        if not isinstance(mode, bool):
            raise refusal("mode.set_grad_enabled.type", type=type(mode).__name__)
        cite("mode.set_grad_enabled.immediate")
        self._before = state.grad
        self.mode = mode
        state.grad = bool(mode)

    def __call__(self, func: Any) -> Any:
        state.grad = self._before  # as a decorator it must not change the mode where it decorates
        return super().__call__(func)

    def clone(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        state.grad = bool(self.mode)

    def __exit__(self, *exc: object) -> None:
        state.grad = self._before

    def __repr__(self) -> str:
        return f"torch.autograd.grad_mode.{type(self).__name__}(mode={self.mode})"


class inference_mode(_ContextDecorator):
    """No recording, no view tracking and no version counters: tensors made inside are inference tensors."""

    def __new__(cls, mode: Any = True) -> Any:
        if isinstance(mode, bool) or not switch("mode.decorator_without_call"):
            return super().__new__(cls)
        cite("mode.inference.decorates")
        return cls()(mode)

    def __init__(self, mode: Any = True) -> None:
        self.mode = mode
        self._before: list[tuple[bool, bool]] = []

    def clone(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        if not hasattr(type(self.mode), "__bool__"):
            raise refusal("mode.inference.type", value=repr(self.mode))
        cite("mode.inference.enter")
        self._before.append((state.inference, state.grad))
        state.inference = bool(self.mode)
        # leaving inference inside inference restores recording: enabled=False is the opposite, not a no-op
        state.grad = not self.mode

    def __exit__(self, *exc: object) -> None:
        state.inference, state.grad = self._before.pop()


class set_multithreading_enabled(_ContextDecorator):
    """Whether backward may use threads. This engine has one thread; the switch is kept for programs that set it."""

    def __init__(self, mode: Any) -> None:
        require("mode.set_multithreading_enabled.exists", "torch.autograd", "set_multithreading_enabled")
        if not isinstance(mode, bool):
            truth = mode is None or hasattr(type(mode), "__bool__")
            if switch("mode.set_multithreading_enabled.bool") or not truth:
                raise refusal("mode.set_multithreading_enabled.type", type=type(mode).__name__, value=repr(mode))
            mode = bool(mode)
        self._before, self.mode = state.multithreading, mode
        state.multithreading = mode

    def clone(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        state.multithreading = self._before


class _force_original_view_tracking(_ContextDecorator):
    """Whether the history of a stale view is rebuilt by replaying its view operations."""

    def __init__(self, mode: bool) -> None:
        self._before, self.mode = state.view_replay, mode
        state.view_replay = mode

    def clone(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        state.view_replay = self._before


class enforce_grad_layout_policy(_ContextDecorator):
    """Whether a first gradient must be laid out like its parameter. It always is here, as the policy permits."""

    def __init__(self, enable: bool = True) -> None:
        self.prev, self.mode = state.grad_layout, enable
        state.grad_layout = enable

    def __call__(self, func: Any) -> Any:
        state.grad_layout = self.prev
        return super().__call__(func)

    def clone(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        state.grad_layout = self.prev


class _unsafe_preserve_version_counter(_ContextDecorator):
    """Inside, in-place changes of these tensors go unnoticed: the version counter is set back at the end."""

    def __init__(self, tensors: Any) -> None:
        self.tensors = tensors if isinstance(tensors, tuple) else (tensors,)
        self.versions = tuple(t._version for t in self.tensors)

    def clone(self) -> Any:
        return type(self)(self.tensors)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        for tensor, version in zip(self.tensors, self.versions, strict=True):
            tensor._version_counter.value = version


def is_multithreading_enabled() -> bool:
    return state.multithreading


def is_view_replay_enabled() -> bool:
    return state.view_replay
