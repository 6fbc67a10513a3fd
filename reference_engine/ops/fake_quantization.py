"""Rounding to the values that a quantized tensor could hold; the gradient is that of a straight line within them.

Source: https://docs.pytorch.org/docs/stable/generated/torch.fake_quantize_per_tensor_affine.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array
from reference_engine.ops.supported import ONLY_FLOATING, refuse_unsupported
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _rounded(input: Tensor, scale: Any, zero: Any, low: int, high: int, inside: bool) -> tuple[Tensor, Tensor]:
    """The nearest values of the grid, and where the input was within it.

    Args:
        inside: the zero point is added before rounding, as it may lie between the values of the grid.
    """
    d = input._dtype
    refuse_unsupported("fake_quantize_tensor_cachemask_kernel_type_handling", d, not_for=ONLY_FLOATING)
    x = input._read()
    if d.itemsize == 2:
        x = x.astype(np.float32)
    with np.errstate(all="ignore"):
        scaled = x * (np.float32(1) / np.asarray(scale, np.float32))
        level: Array = np.rint(scaled + zero) + 0 if inside else np.rint(scaled) + zero
        level = np.where(np.isnan(level), -np.inf, level)
        made = (np.clip(level, low, high) - zero) * np.asarray(scale, np.float32)
    kept = (level >= low) & (level <= high)
    layout = strides.like(input._shape, input._strides)
    return from_array(np.asarray(made, d.np), d, layout), from_array(np.asarray(kept), dtypes.bool_, layout)


def _check_range(low: int, high: int) -> None:
    if low > high:
        raise refusal("ops.fake_quantize.range")


def _per_tensor(input: Tensor, scale: Any, zero_point: Any, quant_min: int, quant_max: int) -> Any:
    _check_range(quant_min, quant_max)
    if not quant_min <= zero_point <= quant_max:
        raise refusal("ops.fake_quantize.zero_point")
    return _rounded(input, scale, int(zero_point), quant_min, quant_max, inside=False)


def _per_tensor_by_tensors(input: Tensor, scale: Tensor, zero_point: Tensor, quant_min: int, quant_max: int) -> Any:
    _check_range(quant_min, quant_max)
    return _rounded(input, scale.item(), int(zero_point.item()), quant_min, quant_max, inside=False)


def _per_channel(
    input: Tensor, scale: Tensor, zero_point: Tensor, axis: int, quant_min: int, quant_max: int
) -> Any:  # fmt: skip
    checked = switch("ops.fake_quantize.scale_checked")
    scales = (dtypes.float32, dtypes.bfloat16) if switch("ops.fake_quantize.bfloat16_scale") else (dtypes.float32,)
    if checked and scale._dtype not in scales:
        raise refusal("ops.fake_quantize.scale_dtype", dtype=scale._dtype.scalar_name)
    if zero_point._dtype not in (dtypes.int32, dtypes.float32, dtypes.float16):
        raise refusal("ops.fake_quantize.zero_point_dtype", dtype=zero_point._dtype.scalar_name)
    for name, t in (("scale", scale), ("zero point", zero_point)):
        if len(t._shape) != 1:
            raise refusal("ops.fake_quantize.vector", name=name)
    if scale.numel() != zero_point.numel():
        raise refusal("ops.fake_quantize.lengths")
    if scale.numel() != input.size(axis):
        raise refusal("ops.fake_quantize.channels")
    _check_range(quant_min, quant_max)
    zero, between = zero_point._read(), zero_point._dtype is not dtypes.int32
    if not between and np.any((zero < quant_min) | (zero > quant_max)):
        raise refusal("ops.fake_quantize.zero_point")
    if axis < 0:
        raise refusal("ops.fake_quantize.axis")
    if not checked and scale._dtype not in scales:
        raise refusal("ops.fake_quantize.scale_dtype", dtype=scale._dtype.scalar_name)
    along = tuple(-1 if i == axis else 1 for i in range(len(input._shape)))
    step = scale._read().astype(np.float32).reshape(along)
    zero = zero.astype(np.float32 if between else np.int64).reshape(along)
    return _rounded(input, step, zero, quant_min, quant_max, inside=between)


def _mask(grad: Tensor, result1: Tensor) -> Any:
    return grad * result1


_RANGE = "int quant_min, int quant_max) -> (Tensor output, Tensor mask)"
_BY_NUMBERS = declare(
    f"_fake_quantize_numbers(Tensor self, float scale, int zero_point, {_RANGE}", forward=_per_tensor,
    node="FakeQuantizePerTensorAffineCachemaskBackward0", vjp={"self": _mask}, non_differentiable_outputs=(1,),
    **_HIDDEN,
)  # fmt: skip
_BY_TENSORS = declare(
    f"_fake_quantize_tensors(Tensor self, Tensor scale, Tensor zero_point, {_RANGE}", forward=_per_tensor_by_tensors,
    node="FakeQuantizePerTensorAffineCachemaskTensorQparamsBackward0", vjp={"self": _mask},
    non_differentiable_outputs=(1,), **_HIDDEN,
)  # fmt: skip
_BY_CHANNELS = declare(
    f"_fake_quantize_channels(Tensor self, Tensor scale, Tensor zero_point, int axis, {_RANGE}", forward=_per_channel,
    node="FakeQuantizePerChannelAffineCachemaskBackward0", vjp={"self": _mask}, non_differentiable_outputs=(1,),
    **_HIDDEN,
)  # fmt: skip

declare(
    "fake_quantize_per_tensor_affine(Tensor self, Tensor scale, Tensor zero_point, int quant_min, int quant_max) "
    "-> Tensor",
    forward=lambda *values: run(_BY_TENSORS, list(values))[0], composite=True, method=False,
)  # fmt: skip
declare(
    "fake_quantize_per_tensor_affine(Tensor self, float scale, int zero_point, int quant_min, int quant_max) "
    "-> Tensor",
    forward=lambda *values: run(_BY_NUMBERS, list(values))[0], composite=True, method=False,
    samples=domains.real(
        arguments={"scale": (0.5, 0.3), "zero_point": (0, 1), "quant_min": (0, -4, 2), "quant_max": (1, 5)}
    ),
)  # fmt: skip
declare(
    "fake_quantize_per_channel_affine(Tensor self, Tensor scale, Tensor zero_point, int axis, int quant_min, "
    "int quant_max) -> Tensor",
    forward=lambda *values: run(_BY_CHANNELS, list(values))[0], composite=True, method=False,
)  # fmt: skip
