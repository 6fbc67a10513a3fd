"""Convolutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from reference_engine import creation
from reference_engine.nn import functional as F
from reference_engine.nn import init
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.nn.parameter import Parameter
from reference_engine.tensor import Tensor


class _ConvNd(Module):
    """Weights of shape (out, in / groups, *kernel); transposed ones (in, out / groups, *kernel)."""

    dimensions: int
    function: str
    padding: Any  # amounts, or a word
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        self._build(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, 0, dtype
        )

    def _build(
        self, in_channels: int, out_channels: int, kernel_size: Any, stride: Any, padding: Any, dilation: Any,
        groups: int, bias: bool, padding_mode: str, output_padding: Any, dtype: Any,
    ) -> None:  # fmt: skip
        Module.__init__(self)
        if groups <= 0:
            raise ValueError("groups must be a positive integer")
        if in_channels % groups != 0:
            raise ValueError("in_channels must be divisible by groups")
        if out_channels % groups != 0:
            raise ValueError("out_channels must be divisible by groups")
        words = {"same", "valid"}  # sets: the messages list them as they are hashed
        if isinstance(padding, str):
            if padding not in words:
                raise ValueError(f"Invalid padding string {padding!r}, should be one of {words}")
            if padding == "same" and any(step != 1 for step in self._each(stride)):
                raise ValueError("padding='same' is not supported for strided convolutions")
        modes = {"zeros", "reflect", "replicate", "circular"}
        if padding_mode not in modes:
            raise ValueError(f"padding_mode must be one of {modes}, but got padding_mode='{padding_mode}'")
        self.in_channels, self.out_channels, self.groups, self.padding_mode = (
            in_channels,
            out_channels,
            groups,
            padding_mode,
        )
        self.kernel_size, self.stride, self.dilation = (self._each(v) for v in (kernel_size, stride, dilation))
        self.padding = padding if isinstance(padding, str) else self._each(padding)
        self.output_padding = self._each(output_padding)
        channels = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self.weight = Parameter(creation.empty((*channels, *self.kernel_size), dtype=dtype))
        if bias:
            self.bias = Parameter(creation.empty(out_channels, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def _each(self, value: Any) -> tuple[int, ...]:
        return tuple(value) if isinstance(value, (tuple, list)) else (value,) * self.dimensions

    def reset_parameters(self) -> None:
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in != 0:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Any:
        padding = self.padding
        if self.padding_mode != "zeros":
            assert not isinstance(padding, str)
            # The last dimension comes first in the arguments of pad.
            around = [amount for amount in reversed(padding) for _ in range(2)]
            input, padding = F.pad(input, around, mode=self.padding_mode), self._each(0)
        convolve = getattr(F, self.function)
        return convolve(input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def extra_repr(self) -> str:
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        if self.padding != (0,) * self.dimensions:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self.dimensions:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self.dimensions:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


@own_methods("__init__", "forward")
class Conv1d(_ConvNd):
    dimensions, function = 1, "conv1d"


@own_methods("__init__", "forward")
class Conv2d(_ConvNd):
    dimensions, function = 2, "conv2d"


@own_methods("__init__", "forward")
class Conv3d(_ConvNd):
    dimensions, function = 3, "conv3d"


class _ConvTransposeNd(_ConvNd):
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if padding_mode != "zeros":
            raise ValueError(f'Only "zeros" padding mode is supported for {type(self).__name__}')
        self._build(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
            output_padding, dtype,
        )  # fmt: skip

    def forward(self, input: Tensor, output_size: Sequence[int] | None = None) -> Any:
        """
        Args:
            output_size: the spatial size of the result, or all of its shape, where several are possible.

        Raises:
            ValueError: it has another number of dimensions, or cannot be reached.
        """
        padding = self.output_padding if output_size is None else self._reaching(input, output_size)
        convolve = getattr(F, self.function)
        return convolve(
            input, self.weight, self.bias, self.stride, self.padding, padding, self.groups, self.dilation
        )  # fmt: skip

    def _reaching(self, input: Tensor, wanted: Sequence[int]) -> list[int]:
        """The output padding with which the result has the size that is wanted."""
        n = self.dimensions
        outer = 2 if input.dim() == n + 2 else 1
        if len(wanted) == outer + n:
            wanted = wanted[outer:]
        if len(wanted) != n:
            raise ValueError(
                f"ConvTranspose{n}D: for {input.dim()}D input, output_size must have {n} or {outer + n} elements "
                f"(got {len(wanted)})"
            )
        smallest = [
            (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
            for size, stride, padding, dilation, kernel in zip(
                input.shape[outer:], self.stride, self.padding, self.dilation, self.kernel_size, strict=True
            )
        ]
        largest = [least + stride - 1 for least, stride in zip(smallest, self.stride, strict=True)]
        if any(not low <= size <= high for low, size, high in zip(smallest, wanted, largest, strict=True)):
            raise ValueError(
                f"requested an output size of {wanted}, but valid sizes range from {smallest} to {largest} "
                f"(for an input of {input.size()[2:]})"
            )
        return [size - least for size, least in zip(wanted, smallest, strict=True)]


@own_methods("__init__", "forward")
class ConvTranspose1d(_ConvTransposeNd):
    dimensions, function = 1, "conv_transpose1d"


@own_methods("__init__", "forward")
class ConvTranspose2d(_ConvTransposeNd):
    dimensions, function = 2, "conv_transpose2d"


@own_methods("__init__", "forward")
class ConvTranspose3d(_ConvTransposeNd):
    dimensions, function = 3, "conv_transpose3d"
