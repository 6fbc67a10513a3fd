"""``torch.profiler``: what runs inside a block, in steps if a schedule says so.

Source: https://docs.pytorch.org/docs/stable/profiler.html
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from typing import Any

from reference_engine.autograd import profiler as recorder
from reference_engine.autograd.profiler import record_function as record_function
from reference_engine.autograd.profiler_util import EventList


class ProfilerActivity(enum.Enum):
    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3


class ProfilerAction(enum.Enum):
    """What happens in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


def supported_activities() -> set[ProfilerActivity]:
    return {ProfilerActivity.CPU}


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """Steps in cycles: first wait, then warm up, then record."""

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        cycle = wait + warmup + active
        if repeat > 0 and step // cycle >= repeat:
            return ProfilerAction.NONE
        at = step % cycle
        if at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD_AND_SAVE if at == cycle - 1 else ProfilerAction.RECORD

    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} (need >= 0), "
            f"active={active} (need > 0), repeat={repeat} (need >= 0), skip_first={skip_first} (need >= 0)."
        )
    return action


def tensorboard_trace_handler(dir_name: str, worker_name: str | None = None, use_gzip: bool = False) -> Any:
    """A handler that writes each trace into a directory."""

    def write(profiler: profile) -> None:
        from pathlib import Path

        Path(dir_name).mkdir(parents=True, exist_ok=True)
        profiler.export_chrome_trace(str(Path(dir_name) / f"{worker_name or 'trace'}.{profiler.step_num}.json"))

    return write


class profile:
    """Records what runs inside; with a schedule, in the steps that it says."""

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[..., Any] | None = None,
        record_shapes: bool = False,
        **options: Any,
    ) -> None:
        self.activities = set(activities) if activities else supported_activities()
        self._action = schedule or (lambda step: ProfilerAction.RECORD)
        self._by_schedule, self.on_trace_ready, self.record_shapes = schedule is not None, on_trace_ready, record_shapes
        self.step_num, self._recorder, self._last = 0, None, None
        self.current_action = self._action(0)

    _recorder: recorder.profile | None
    _last: recorder.profile | None

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        if self.current_action in (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE):
            self._recorder = recorder.profile(record_shapes=self.record_shapes)
            self._recorder.__enter__()

    def _end(self) -> None:
        if self._recorder is not None:
            self._recorder.__exit__()
            self._last, self._recorder = self._recorder, None
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)

    def stop(self) -> None:
        self._end()

    def step(self) -> None:
        """The next step begins."""
        before, self.step_num = self.current_action, self.step_num + 1
        self.current_action = self._action(self.step_num)
        recording = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)
        if before is ProfilerAction.RECORD_AND_SAVE or self.current_action not in recording:
            self._end()
        if self._recorder is None:
            self.start()

    @property
    def _found(self) -> recorder.profile:
        found = self._recorder or self._last
        if found is None:
            raise AssertionError("Profiler must be initialized before getting key averages")
        return found

    def events(self) -> EventList:
        return self._found._events

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """One entry for each name."""
        return self._found.key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: str) -> None:
        self._found.export_chrome_trace(path)
