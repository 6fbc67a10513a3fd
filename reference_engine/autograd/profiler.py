"""``torch.autograd.profiler``, as far as a view of forward and backward goes: which operations and nodes ran, and when.

Times are those of this engine and compare with nothing; names and order of events are what a program may rely on.
Source: https://docs.pytorch.org/docs/stable/autograd.html#profiler
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator
from typing import Any

from reference_engine.autograd.profiler_util import EventList as EventList
from reference_engine.autograd.profiler_util import FunctionEvent as FunctionEvent
from reference_engine.autograd.profiler_util import FunctionEventAvg as FunctionEventAvg

running: list[profile] = []
"""The profilers that are on."""


class profile:
    """Records what runs inside."""

    def __init__(self, enabled: bool = True, *, record_shapes: bool = False, **options: Any) -> None:
        self.enabled, self.record_shapes = enabled, record_shapes
        self.function_events: EventList | None = None
        self._open: list[FunctionEvent] = []
        self._entered = False

    def __enter__(self) -> profile | None:
        if not self.enabled:
            return None
        if self._entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self._entered = True
        self.function_events = EventList()
        running.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        if self.enabled:
            running.remove(self)

    def begin(self, name: str, shapes: list[Any], of_user: bool) -> FunctionEvent:
        """An operation starts."""
        event = FunctionEvent(name, time.perf_counter(), is_user_annotation=of_user)
        event.input_shapes = shapes if self.record_shapes else []
        if self._open:
            event.cpu_parent = self._open[-1]
            event.cpu_parent.cpu_children.append(event)
        self._events.append(event)
        self._open.append(event)
        return event

    def finish(self, event: FunctionEvent) -> None:
        """It ended."""
        event.end = time.perf_counter()
        self._open.remove(event)

    @property
    def _events(self) -> EventList:
        if self.function_events is None:
            raise AssertionError("Profiler didn't finish running")
        return self.function_events

    def total_average(self) -> FunctionEventAvg:
        """All events as one."""
        return self._events.total_average()

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """One entry for each name."""
        return self._events.key_averages(group_by_input_shape, group_by_stack_n)

    def table(self, *args: Any, **options: Any) -> str:
        return self._events.table(*args, **options)

    def export_chrome_trace(self, path: str) -> None:
        self._events.export_chrome_trace(path)

    @property
    def self_cpu_time_total(self) -> float:
        return self._events.self_cpu_time_total

    def __str__(self) -> str:
        return "<unfinished torch.autograd.profile>" if self.function_events is None else str(self.function_events)


class record_function:
    """An event of the user's own; also a decorator."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._events: list[tuple[profile, FunctionEvent]] = []

    def __enter__(self) -> record_function:
        self._events = [(p, p.begin(self.name, [], True)) for p in running]
        return self

    def __exit__(self, *exc: object) -> None:
        for p, event in self._events:
            p.finish(event)

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return fn(*args, **kwargs)

        return wrapped


@contextlib.contextmanager
def observed(name: str, inputs: Any = ()) -> Iterator[None]:
    """The block as an event of the profilers that are on."""
    shapes = [list(value._shape) if hasattr(value, "_storage") else [] for value in inputs]
    events = [(p, p.begin(name, shapes, False)) for p in running]
    try:
        yield
    finally:
        for p, event in events:
            p.finish(event)


class emit_nvtx:
    """Marks for a profiler of GPUs, of which there is none."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        self.enabled = enabled

    def __enter__(self) -> emit_nvtx | None:
        if not self.enabled:
            return None
        raise RuntimeError("NVTX functions not installed. Are you sure you have a CUDA build?")

    def __exit__(self, *exc: object) -> None:
        pass


class emit_itt(emit_nvtx):
    """Marks for another profiler, which is not there either."""

    def __enter__(self) -> emit_nvtx | None:
        if not self.enabled:
            return None
        raise RuntimeError("ITT functions not installed. Are you sure you have a ITT build?")


def kineto_available() -> bool:
    """Whether the newer recorder is there; it makes no difference here."""
    return True


def is_running() -> bool:
    return bool(running)
