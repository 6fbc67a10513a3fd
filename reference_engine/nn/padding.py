"""Padding."""

# ruff: noqa: RUF012 - `options` is declared a class variable in Applied

from __future__ import annotations

from typing import Any, ClassVar

from reference_engine.nn.applied import REQUIRED, Applied


class _Pad(Applied):
    """``nn.functional.pad`` with one mode."""

    padding: Any

    function = "pad"
    dimensions: ClassVar[int]
    mode: ClassVar[str]
    options = {"padding": REQUIRED}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if isinstance(self.padding, int):
            self.padding = (self.padding,) * (2 * self.dimensions)

    def forward(self, *inputs: Any) -> Any:
        from reference_engine.nn import functional as F

        return F.pad(*inputs, self.padding, self.mode, getattr(self, "value", None))

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_Pad):
    dimensions, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    dimensions, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    dimensions, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    dimensions, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    dimensions, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    dimensions, mode = 3, "replicate"


class _CircularPad(_Pad):
    mode = "circular"

    def forward(self, *inputs: Any) -> Any:
        rank, allowed = inputs[0].dim(), (self.dimensions + 1, self.dimensions + 2)
        if rank not in allowed:
            raise ValueError(f"expected {allowed[0]}D or {allowed[1]}D input (got {rank}D input)")
        return super().forward(*inputs)


class CircularPad1d(_CircularPad):
    dimensions = 1


class CircularPad2d(_CircularPad):
    dimensions = 2


class CircularPad3d(_CircularPad):
    dimensions = 3


class _ConstantPad(_Pad):
    mode = "constant"
    options = {"padding": REQUIRED, "value": REQUIRED}

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    dimensions = 1


class ConstantPad2d(_ConstantPad):
    dimensions = 2


class ConstantPad3d(_ConstantPad):
    dimensions = 3


class _ZeroPad(_Pad):
    mode, value = "constant", 0.0


class ZeroPad1d(_ZeroPad):
    dimensions = 1


class ZeroPad2d(_ZeroPad):
    dimensions = 2


class ZeroPad3d(_ZeroPad):
    dimensions = 3
