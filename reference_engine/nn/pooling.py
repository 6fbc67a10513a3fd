"""Pooling, padding and resampling."""

# ruff: noqa: RUF012 - `options` is declared a class variable in Applied

from __future__ import annotations

from typing import Any

from reference_engine.nn.applied import REQUIRED, Applied


class _MaxPool(Applied):
    stride: Any
    options = {
        "kernel_size": REQUIRED,
        "stride": None,
        "padding": 0,
        "dilation": 1,
        "return_indices": False,
        "ceil_mode": False,
    }
    shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.stride is None:
            self.stride = self.kernel_size


class MaxPool1d(_MaxPool):
    function = "max_pool1d"


class MaxPool2d(_MaxPool):
    function = "max_pool2d"


class MaxPool3d(_MaxPool):
    function = "max_pool3d"


class AvgPool1d(Applied):
    stride: Any
    function = "avg_pool1d"
    options = {"kernel_size": REQUIRED, "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True}
    shown = ("kernel_size", "stride", "padding")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.stride is None:
            self.stride = self.kernel_size
        for name in self.shown:
            value = getattr(self, name)
            setattr(self, name, value if isinstance(value, tuple) else (value,))


class AvgPool2d(Applied):
    stride: Any
    function = "avg_pool2d"
    options = {**AvgPool1d.options, "divisor_override": None}
    shown = ("kernel_size", "stride", "padding")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.stride is None:
            self.stride = self.kernel_size


class AvgPool3d(AvgPool2d):
    function = "avg_pool3d"


class AdaptiveAvgPool1d(Applied):
    function = "adaptive_avg_pool1d"
    options = {"output_size": REQUIRED}


class AdaptiveAvgPool2d(Applied):
    function = "adaptive_avg_pool2d"
    options = {"output_size": REQUIRED}


class AdaptiveAvgPool3d(Applied):
    function = "adaptive_avg_pool3d"
    options = {"output_size": REQUIRED}


class _AdaptiveMaxPool(Applied):
    options = {"output_size": REQUIRED, "return_indices": False}
    shown = ("output_size",)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    function = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    function = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    function = "adaptive_max_pool3d"


class LPPool1d(Applied):
    function = "lp_pool1d"
    options = {"norm_type": REQUIRED, "kernel_size": REQUIRED, "stride": None, "ceil_mode": False}


class LPPool2d(LPPool1d):
    function = "lp_pool2d"


class LPPool3d(LPPool1d):
    function = "lp_pool3d"


class PixelShuffle(Applied):
    function = "pixel_shuffle"
    options = {"upscale_factor": REQUIRED}


class PixelUnshuffle(Applied):
    function = "pixel_unshuffle"
    options = {"downscale_factor": REQUIRED}


class ChannelShuffle(Applied):
    function = "channel_shuffle"
    options = {"groups": REQUIRED}


class Fold(Applied):
    function = "fold"
    options = {"output_size": REQUIRED, "kernel_size": REQUIRED, "dilation": 1, "padding": 0, "stride": 1}


class Unfold(Applied):
    function = "unfold"
    options = {"kernel_size": REQUIRED, "dilation": 1, "padding": 0, "stride": 1}


class Upsample(Applied):
    """``nn.functional.interpolate`` to a size or by a factor."""

    size: Any
    scale_factor: Any
    function = "interpolate"
    options = {
        "size": None, "scale_factor": None, "mode": "nearest", "align_corners": None, "recompute_scale_factor": None,
    }  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        given = self.scale_factor
        if given is not None:
            self.scale_factor = tuple(map(float, given)) if isinstance(given, tuple) else float(given)

    def extra_repr(self) -> str:
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, "bilinear", True)
