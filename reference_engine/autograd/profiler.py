"""``torch.autograd.profiler``, as far as a view of forward and backward goes: which operations and nodes ran, and when.

Times are those of this engine and compare with nothing; names and order of events are what a program may rely on.
Source: https://docs.pytorch.org/docs/stable/autograd.html#profiler
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_running: list[profile] = []


@dataclass
class FunctionEvent:
    """One operation or node that ran."""

    name: str
    start: float
    end: float = 0.0
    thread: int = 0
    cpu_children: list[FunctionEvent] = field(default_factory=list)

    @property
    def cpu_time_total(self) -> float:
        """Microseconds from start to end."""
        return (self.end - self.start) * 1e6

    @property
    def self_cpu_time_total(self) -> float:
        """The part of it not spent in the events within."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)


class profile:
    """Records what runs inside."""

    def __init__(self, enabled: bool = True, **options: Any) -> None:
        self.enabled = enabled
        self.function_events: list[FunctionEvent] | None = None
        self._open: list[FunctionEvent] = []
        self._entered = False

    def __enter__(self) -> profile | None:
        if not self.enabled:
            return None
        if self._entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self._entered = True
        self.function_events = []
        _running.append(self)
        return self

    def __exit__(self, *exc: object) -> None:
        if self.enabled:
            _running.remove(self)

    def begin(self, name: str) -> FunctionEvent:
        """An operation starts."""
        event = FunctionEvent(name, time.perf_counter())
        if self._open:
            self._open[-1].cpu_children.append(event)
        assert self.function_events is not None
        self.function_events.append(event)
        self._open.append(event)
        return event

    def finish(self, event: FunctionEvent) -> None:
        """It ended."""
        event.end = time.perf_counter()
        self._open.remove(event)

    def total_average(self) -> FunctionEvent:
        """All events as one."""
        total = FunctionEvent("Total", 0.0)
        for event in self.function_events or ():
            total.end += event.self_cpu_time_total / 1e6
        return total

    def key_averages(self) -> dict[str, tuple[int, float]]:
        """For each name: how often it ran, and the microseconds it took in all."""
        found: dict[str, tuple[int, float]] = {}
        for event in self.function_events or ():
            count, total = found.get(event.name, (0, 0.0))
            found[event.name] = count + 1, total + event.cpu_time_total
        return found


class record_function:
    """An event of the user's own."""

    def __init__(self, name: str, args: str | None = None) -> None:
        self.name, self.args = name, args
        self._events: list[tuple[profile, FunctionEvent]] = []

    def __enter__(self) -> record_function:
        self._events = [(p, p.begin(self.name)) for p in _running]
        return self

    def __exit__(self, *exc: object) -> None:
        for p, event in self._events:
            p.finish(event)

    def __call__(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with record_function(self.name):
                return fn(*args, **kwargs)

        return wrapped


def observed(name: str, run: Callable[[], Any]) -> Any:
    """Run something under the profilers that are on."""
    with record_function(name):
        return run()


def is_running() -> bool:
    return bool(_running)
