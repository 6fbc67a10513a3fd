"""``torch.futures``: values that are not there yet."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S")


class Future(Generic[T]):
    """A value that somebody will set, once, or an exception in its place.

    Source: https://docs.pytorch.org/docs/stable/futures.html
    """

    def __init__(self, *, devices: Sequence[Any] | None = None) -> None:
        if devices:
            raise RuntimeError("Cannot access accelerator device when none is available.")
        self._changed = threading.Condition()
        self._done = False
        self._value: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Future[T]], Any]] = []

    def done(self) -> bool:
        """Whether the value is there, or the exception."""
        return self._done

    def wait(self) -> T:
        """The value, when it is there; raises the exception if there is one."""
        with self._changed:
            self._changed.wait_for(self.done)
        return self.value()

    def value(self) -> T:
        """The value, which has to be there.

        Raises:
            RuntimeError: it is not.
        """
        if not self._done:
            raise RuntimeError("completed() INTERNAL ASSERT FAILED: the future has no value yet")
        if self._error is not None:
            raise self._error
        result: T = self._value
        return result

    def then(self, callback: Callable[[Future[T]], S]) -> Future[S]:
        """The future of what a callback makes of this one."""
        after: Future[S] = Future()

        def run(_: Future[T]) -> None:
            try:
                made = callback(self)
            except Exception as error:
                words = f"Got the following error when running the callback: {type(error).__name__}: {error}"
                after.set_exception(RuntimeError(words))
            else:
                after.set_result(made)

        self.add_done_callback(run)
        return after

    def add_done_callback(self, callback: Callable[[Future[T]], Any]) -> None:
        """Call when the value is there; at once if it is. What the callback raises is printed."""
        with self._changed:
            if not self._done:
                self._callbacks.append(callback)
                return
        self._call(callback)

    def set_result(self, result: T) -> None:
        """The value is there.

        Raises:
            RuntimeError: there was one before.
        """
        self._complete(result, None)

    def set_exception(self, result: BaseException) -> None:
        """There will be no value."""
        assert isinstance(result, Exception), f"{result} is of type {type(result)}, not an Exception."
        self._complete(None, result)

    def _complete(self, value: Any, error: BaseException | None) -> None:
        with self._changed:
            if self._done:
                raise RuntimeError(
                    "Attempting to mark a completed Future as complete again. Note that a Future can only be marked "
                    "completed once."
                )
            self._value, self._error, self._done = value, error, True
            waiting, self._callbacks = self._callbacks, []
            self._changed.notify_all()
        for callback in waiting:
            self._call(callback)

    def _call(self, callback: Callable[[Future[T]], Any]) -> None:
        try:
            callback(self)
        except Exception:
            traceback.print_exc()


def collect_all(futures: list[Future[Any]]) -> Future[list[Future[Any]]]:
    """A future of all of them: done when they are."""
    together: Future[list[Future[Any]]] = Future()
    left = len(futures)
    counting = threading.Lock()

    def one_less(_: Future[Any]) -> None:
        nonlocal left
        with counting:
            left -= 1
            last = not left
        if last:
            together.set_result(futures)

    if not futures:
        together.set_result(futures)
    for future in futures:
        future.add_done_callback(one_less)
    return together


def wait_all(futures: list[Future[Any]]) -> list[Any]:
    """The values of all of them."""
    return [future.wait() for future in collect_all(futures).wait()]


__all__ = ["Future", "collect_all", "wait_all"]
