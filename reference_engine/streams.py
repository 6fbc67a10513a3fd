"""``torch.Stream`` and ``torch.Event`` of the CPU, on which everything is done in the order in which it is called."""

from __future__ import annotations

from typing import Any

from reference_engine import devices


class _OnDevice:
    __module__ = "torch"

    def __init__(self, device: Any = None, **options: Any) -> None:
        self.device = devices.device("cpu" if device is None else device)
        if self.device.type != "cpu":
            raise RuntimeError(f"PyTorch is not linked with support for {self.device.type} devices")


class Stream(_OnDevice):
    """A queue of work: it is empty whenever it is looked at."""

    device_index, device_type, stream_id = -1, 0, 0

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def wait_event(self, event: Any) -> None:
        """It has happened."""

    def wait_stream(self, other: Any) -> None:
        """It is empty."""

    def record_event(self, event: Any = None) -> Any:
        return Event() if event is None else event

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stream)

    def __hash__(self) -> int:
        return hash(Stream)

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *failure: object) -> None:
        pass

    def __repr__(self) -> str:
        return f"torch.Stream device_type=cpu, device_index={self.device_index}, stream_id={self.stream_id}"


class Event(_OnDevice):
    """A point in a queue of work."""

    event_id = 0

    def record(self, stream: Any = None) -> None:
        """It happens at once."""

    def query(self) -> bool:
        return True

    def synchronize(self) -> None:
        """Nothing to wait for."""

    def wait(self, stream: Any = None) -> None:
        """It has happened."""

    def __repr__(self) -> str:
        return f"torch.Event device_type=cpu, device_index=-1, event_flag=0, event_id={self.event_id}"


def get_device_module(device: Any = None) -> Any:
    """``torch.cpu``, or what else there is of the name of a kind of devices.

    Raises:
        RuntimeError: no such kind, or none that has a module.
    """
    import reference_engine as engine

    kind = devices.device("cpu" if device is None else device).type
    module = getattr(engine, kind, None)
    if module is None:
        raise RuntimeError(f"Device '{kind}' does not have a corresponding module registered as 'torch.{kind}'.")
    return module
