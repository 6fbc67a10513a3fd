"""Pooling, padding and resampling."""

# ruff: noqa: RUF012 - `options` is declared a class variable in Applied

from __future__ import annotations

from typing import Any

from reference_engine.nn.applied import REQUIRED, Applied


class _MaxPoolNd(Applied):
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

    def configure(self, options: dict[str, Any]) -> None:
        super().configure(options)
        if self.stride is None:
            self.stride = self.kernel_size


class MaxPool1d(_MaxPoolNd):
    function = "max_pool1d"


class MaxPool2d(_MaxPoolNd):
    function = "max_pool2d"


class MaxPool3d(_MaxPoolNd):
    function = "max_pool3d"


class _AvgPoolNd(Applied):
    stride: Any
    shown = ("kernel_size", "stride", "padding")

    def configure(self, options: dict[str, Any]) -> None:
        super().configure(options)
        if self.stride is None:
            self.stride = self.kernel_size


class AvgPool1d(_AvgPoolNd):
    function = "avg_pool1d"
    options = {"kernel_size": REQUIRED, "stride": None, "padding": 0, "ceil_mode": False, "count_include_pad": True}

    def configure(self, options: dict[str, Any]) -> None:
        super().configure(options)
        for name in ("kernel_size", "stride", "padding"):
            value = getattr(self, name)
            setattr(self, name, value if isinstance(value, tuple) else (value,))


class AvgPool2d(_AvgPoolNd):
    function = "avg_pool2d"
    options = {**AvgPool1d.options, "divisor_override": None}


class AvgPool3d(_AvgPoolNd):
    function = "avg_pool3d"
    options = AvgPool2d.options


class _AdaptiveAvgPoolNd(Applied):
    options = {"output_size": REQUIRED}


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    function = "adaptive_avg_pool1d"


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    function = "adaptive_avg_pool2d"


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    function = "adaptive_avg_pool3d"


class _AdaptiveMaxPoolNd(Applied):
    options = {"output_size": REQUIRED, "return_indices": False}
    shown = ("output_size",)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    function = "adaptive_max_pool1d"


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    function = "adaptive_max_pool2d"


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    function = "adaptive_max_pool3d"


class _LPPoolNd(Applied):
    options = {"norm_type": REQUIRED, "kernel_size": REQUIRED, "stride": None, "ceil_mode": False}


class LPPool1d(_LPPoolNd):
    function = "lp_pool1d"


class LPPool2d(_LPPoolNd):
    function = "lp_pool2d"


class LPPool3d(_LPPoolNd):
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
    passed = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor")
    options = {
        "size": None, "scale_factor": None, "mode": "nearest", "align_corners": None, "recompute_scale_factor": None,
    }  # fmt: skip

    def configure(self, options: dict[str, Any]) -> None:
        super().configure(options)
        self.name = type(self).__name__
        given = self.scale_factor
        if given is not None:
            self.scale_factor = tuple(map(float, given)) if isinstance(given, tuple) else float(given)

    def extra_repr(self) -> str:
        given = f"size={self.size}" if self.scale_factor is None else f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    options = {"size": None, "scale_factor": None}

    def configure(self, options: dict[str, Any]) -> None:
        super().configure({**Upsample.options, **options, "mode": "nearest"})


class UpsamplingBilinear2d(Upsample):
    options = {"size": None, "scale_factor": None}

    def configure(self, options: dict[str, Any]) -> None:
        super().configure({**Upsample.options, **options, "mode": "bilinear", "align_corners": True})
