"""``torch.device``: this engine has the CPU, and ``meta``, which holds no values."""

from __future__ import annotations

from typing import Any


class device:
    """Where a tensor lives. Only ``cpu`` holds values here; ``meta`` and others can be named."""

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        if not isinstance(type, str):
            type, index = type.type, type.index
        name, _, number = type.partition(":")
        if name not in ("cpu", "cuda", "meta", "mps", "xpu", "privateuseone"):
            raise RuntimeError(
                "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, "
                f"vulkan, mps, meta, hpu, mtia, privateuseone device type at start of device string: {type}"
            )
        self.type = name
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        return (
            f"device(type='{self.type}')" if self.index is None else f"device(type='{self.type}', index={self.index})"
        )

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> device:
        """Make it the default for the block."""
        require(self)
        chosen.append(self)
        return self

    def __exit__(self, *failure: object) -> None:
        chosen.pop()


CPU, META = device("cpu"), device("meta")

chosen: list[device] = []
"""The devices that were made the default, the last one being it."""


def default() -> device:
    """Where tensors are made that are not told where."""
    return chosen[-1] if chosen else CPU


def set_default(wanted: Any) -> None:
    """Make a device the default outside of all blocks; None for the CPU."""
    if wanted is not None:
        require(wanted)
    chosen[:1] = [] if wanted is None else [device(wanted)]


def require(wanted: Any) -> None:
    """Refuse a device that this engine does not have, as a torch that was built for the CPU alone does.

    Raises:
        AssertionError: of the kinds CUDA and XPU. RuntimeError: no such device at all.
    """
    if wanted is None or wanted == "cpu":
        return
    if isinstance(wanted, int):
        wanted = device("cuda", wanted)
    kind = device(wanted).type
    if kind in ("cuda", "xpu"):
        raise AssertionError(f"Torch not compiled with {kind.upper()} enabled")
