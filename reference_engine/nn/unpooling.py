"""Unpooling, fractional pools, and other pools that need more than options."""

from __future__ import annotations

from typing import Any

from reference_engine.nn import functional as F
from reference_engine.nn.applied import own_methods
from reference_engine.nn.module import Module
from reference_engine.tensor import Tensor


def _each(value: Any, dims: int) -> Any:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,) * dims


class _MaxUnpoolNd(Module):
    """Puts maxima back where they came from."""

    dims: int

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        self.kernel_size = _each(kernel_size, self.dims)
        self.stride = _each(kernel_size if stride is None else stride, self.dims)
        self.padding = _each(padding, self.dims)

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Any:
        function = getattr(F, f"max_unpool{self.dims}d")
        return function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


@own_methods("__init__", "forward")
class MaxUnpool1d(_MaxUnpoolNd):
    dims = 1


@own_methods("__init__", "forward")
class MaxUnpool2d(_MaxUnpoolNd):
    dims = 2


@own_methods("__init__", "forward")
class MaxUnpool3d(_MaxUnpoolNd):
    dims = 3


class _FractionalMaxPool(Module):
    """Windows that begin at random places, to an output of any size."""

    dims: int
    _random_samples: Tensor | None

    def __init__(
        self, kernel_size: Any, output_size: Any = None, output_ratio: Any = None, return_indices: bool = False,
        _random_samples: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        name = type(self).__name__
        if self.dims == 3 and not all(k > 0 for k in _each(kernel_size, 3)):
            raise ValueError(f"kernel_size must be greater than 0, but got {kernel_size}")
        self.kernel_size = _each(kernel_size, self.dims)
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else _each(output_size, self.dims)
        self.output_ratio = None if output_ratio is None else _each(output_ratio, self.dims)
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError("only one of output_size and output_ratio may be specified")
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")

    def forward(self, input: Tensor) -> Any:
        function = getattr(F, f"fractional_max_pool{self.dims}d")
        return function(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples
        )


@own_methods("__init__", "forward")
class FractionalMaxPool2d(_FractionalMaxPool):
    dims = 2


@own_methods("__init__", "forward")
class FractionalMaxPool3d(_FractionalMaxPool):
    dims = 3
