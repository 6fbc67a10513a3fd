"""Padding."""

# ruff: noqa: RUF012 - `options` is declared a class variable in Applied

from __future__ import annotations

from typing import Any, ClassVar

from reference_engine.nn import functional as F
from reference_engine.nn.applied import REQUIRED, Applied

_AMOUNT = {"padding": REQUIRED}


class _Pad(Applied):
    """``nn.functional.pad`` with one mode."""

    padding: Any

    function = "pad"
    dimensions: ClassVar[int]
    mode: ClassVar[str]

    def configure(self, options: dict[str, Any]) -> None:
        super().configure(options)
        if isinstance(self.padding, int):
            self.padding = (self.padding,) * (2 * self.dimensions)

    def apply_to(self, *inputs: Any) -> Any:
        return F.pad(*inputs, self.padding, self.mode, getattr(self, "value", None))

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ReflectionPadNd(_Pad):
    function, mode = "pad", "reflect"


class _ReplicationPadNd(_Pad):
    function, mode = "pad", "replicate"


class _CircularPadNd(_Pad):
    function, mode = "pad", "circular"

    def apply_to(self, *inputs: Any) -> Any:
        rank, allowed = inputs[0].dim(), (self.dimensions + 1, self.dimensions + 2)
        if rank not in allowed:
            raise ValueError(f"expected {allowed[0]}D or {allowed[1]}D input (got {rank}D input)")
        return super().apply_to(*inputs)


class _ConstantPadNd(_Pad):
    function, mode = "pad", "constant"

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ReflectionPad1d(_ReflectionPadNd):
    dimensions = 1
    options = _AMOUNT


class ReflectionPad2d(_ReflectionPadNd):
    dimensions = 2
    options = _AMOUNT


class ReflectionPad3d(_ReflectionPadNd):
    dimensions = 3
    options = _AMOUNT


class ReplicationPad1d(_ReplicationPadNd):
    dimensions = 1
    options = _AMOUNT


class ReplicationPad2d(_ReplicationPadNd):
    dimensions = 2
    options = _AMOUNT


class ReplicationPad3d(_ReplicationPadNd):
    dimensions = 3
    options = _AMOUNT


class CircularPad1d(_CircularPadNd):
    dimensions = 1
    options = _AMOUNT


class CircularPad2d(_CircularPadNd):
    dimensions = 2
    options = _AMOUNT


class CircularPad3d(_CircularPadNd):
    dimensions = 3
    options = _AMOUNT


class ConstantPad1d(_ConstantPadNd):
    dimensions = 1
    options = {**_AMOUNT, "value": REQUIRED}


class ConstantPad2d(_ConstantPadNd):
    dimensions = 2
    options = {**_AMOUNT, "value": REQUIRED}


class ConstantPad3d(_ConstantPadNd):
    dimensions = 3
    options = {**_AMOUNT, "value": REQUIRED}


class _Zero:
    """Padding with zeros, which are not printed."""

    def configure(self: Any, options: dict[str, Any]) -> None:
        super().configure({**options, "value": 0.0})  # type: ignore[misc]

    def extra_repr(self: Any) -> str:
        return f"{self.padding}"


class ZeroPad1d(_Zero, ConstantPad1d):
    options = _AMOUNT


class ZeroPad2d(_Zero, ConstantPad2d):
    options = _AMOUNT


class ZeroPad3d(_Zero, ConstantPad3d):
    options = _AMOUNT
