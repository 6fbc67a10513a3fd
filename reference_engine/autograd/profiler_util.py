"""Events that a profiler recorded, their averages, and the table that shows them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


def shown_time(microseconds: float) -> str:
    """A time with its unit."""
    if microseconds >= 1e6:
        return f"{microseconds / 1e6:.3f}s"
    return f"{microseconds / 1e3:.3f}ms" if microseconds >= 1e3 else f"{microseconds:.3f}us"


class _Shown:
    """Times as text."""

    def __getattr__(self, name: str) -> Any:
        if name.endswith(("_time_str", "_time_total_str")):
            return shown_time(getattr(self, name.removesuffix("_str")))
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


@dataclass
class FunctionEvent(_Shown):
    """One operation or node that ran."""

    name: str
    start: float
    end: float = 0.0
    thread: int = 0
    cpu_children: list[FunctionEvent] = field(default_factory=list)
    cpu_parent: FunctionEvent | None = field(default=None, repr=False)
    input_shapes: list[Any] = field(default_factory=list)
    is_user_annotation: bool = False
    count: int = 1

    @property
    def key(self) -> str:
        return self.name

    @property
    def cpu_time_total(self) -> float:
        """Microseconds from start to end."""
        return (self.end - self.start) * 1e6

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """The part of it not spent in the events within."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)


@dataclass
class FunctionEventAvg(_Shown):
    """All events of one name."""

    key: str
    count: int = 0
    cpu_time_total: float = 0.0
    self_cpu_time_total: float = 0.0
    input_shapes: Any = ""
    is_user_annotation: bool = False
    cpu_memory_usage: int = 0
    self_cpu_memory_usage: int = 0
    device_time_total: float = 0.0
    self_device_time_total: float = 0.0
    flops: int = 0

    def add(self, event: Any) -> FunctionEventAvg:
        """Count one more."""
        self.count += event.count
        self.cpu_time_total += event.cpu_time_total
        self.self_cpu_time_total += event.self_cpu_time_total
        return self

    @property
    def cpu_time(self) -> float:
        """Microseconds of one call."""
        return self.cpu_time_total / self.count if self.count else 0.0


class EventList(list[Any]):
    """Events, or averages of them, in the order in which they began."""

    @property
    def self_cpu_time_total(self) -> float:
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """One entry for each name, and for each list of input shapes if asked."""
        found: dict[Any, FunctionEventAvg] = {}
        for event in self:
            shapes = event.input_shapes if group_by_input_shape else ""
            entry = found.setdefault((event.name, str(shapes)), FunctionEventAvg(event.name, input_shapes=shapes))
            entry.is_user_annotation |= event.is_user_annotation
            entry.add(event)
        return EventList(found.values())

    def total_average(self) -> FunctionEventAvg:
        """All events as one."""
        total = FunctionEventAvg("Total")
        for event in self:
            total.count += event.count
            total.cpu_time_total += event.self_cpu_time_total
            total.self_cpu_time_total += event.self_cpu_time_total
        return total

    def table(
        self, sort_by: str | None = None, row_limit: int = 100, max_src_column_width: int = 75,
        max_name_column_width: int = 55, max_shapes_column_width: int = 80, header: str | None = None,
        top_level_events_only: bool = False,
    ) -> str:  # fmt: skip
        """The events as text, those that took longest by `sort_by` first."""
        events: list[Any] = list(self)
        if top_level_events_only:
            events = [event for event in self if getattr(event, "cpu_parent", None) is None]
        if sort_by is not None:
            events.sort(key=lambda event: getattr(event, sort_by), reverse=True)
        total = sum(event.self_cpu_time_total for event in self)
        shapes = any(event.input_shapes for event in events)
        titles = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg", "# of Calls"]
        rows = []
        for event in events if row_limit < 0 else events[:row_limit]:
            own, whole = event.self_cpu_time_total, event.cpu_time_total
            shares = [f"{100 * part / total:.2f}%" if total else "NaN" for part in (own, whole)]
            long = len(event.key) > max_name_column_width
            name = event.key[: max_name_column_width - 3] + "..." if long else event.key
            row = [name, shares[0], shown_time(own), shares[1], shown_time(whole), shown_time(event.cpu_time)]
            rows.append([*row, str(event.count), *([str(event.input_shapes)] if shapes else [])])
        titles += ["Input Shapes"] if shapes else []
        widths = [max(len(row[0]) for row in [titles, *rows]) + 4, *([12] * 6), *([max_shapes_column_width] * shapes)]
        line = "  ".join("-" * width for width in widths) + "  "
        body = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + "  " for row in rows]
        head = "  ".join(title.rjust(width) for title, width in zip(titles, widths, strict=True)) + "  "
        return "\n".join([line, head, line, *body, line, f"Self CPU time total: {shown_time(total)}", ""])

    def export_chrome_trace(self, path: str) -> None:
        """The events for a browser's view of traces."""
        with open(path, "w") as file:
            json.dump([
                {"name": e.name, "ph": "X", "ts": e.start * 1e6, "dur": e.cpu_time_total, "tid": e.thread, "pid": 0}
                for e in self
            ], file)  # fmt: skip

    def __str__(self) -> str:
        return self.table()
