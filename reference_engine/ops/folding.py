"""Sliding blocks of images: taken apart into columns, and added together again. Each is the transpose of the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine.ops.declare import Op, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array, noisy, wrap_dim
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_HIDDEN: dict[str, Any] = {"function": False, "method": False}
_OPTIONS = "int[] kernel_size, int[] dilation, int[] padding, int[] stride"


def _places(size: Ints, kernel: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Ints:
    """How many blocks fit along each side."""
    return tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, padding, stride, strict=True)
    )


def _spots(at: Ints, count: Ints, dilation: Ints, stride: Ints) -> tuple[slice, ...]:
    """Where in the padded image each block has its element ``at``."""
    return tuple(
        slice(k * d, k * d + s * (n - 1) + 1, s) for k, n, d, s in zip(at, count, dilation, stride, strict=True)
    )


def _pair(value: Any) -> Ints:
    return (value, value) if isinstance(value, int) else tuple(value)


def _check(kernel: Ints, dilation: Ints, padding: Ints, stride: Ints) -> None:
    for clause, (height, width), least in (
        ("nn.fold.kernel", kernel, 1),
        ("nn.fold.stride", stride, 1),
        ("nn.fold.dilation", dilation, 1),
        ("nn.fold.padding", padding, 0),
    ):
        if min(height, width) < least:
            raise refusal(clause, height=height, width=width)


def _check_pairs(**options: Ints) -> None:
    for name, given in options.items():
        if len(given) != 2:
            raise refusal("nn.fold.pair", name=name, size=len(given))


def _im2col(self: Tensor, kernel: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Tensor:
    _check_pairs(kernel_size=kernel, dilation=dilation, padding=padding, stride=stride)
    _check(kernel, dilation, padding, stride)
    shape = self._shape
    if len(shape) < 3:
        wrap_dim(len(shape), len(shape))
    if len(shape) not in (3, 4) or 0 in shape[len(shape) - 3 :]:
        raise refusal("nn.unfold.rank", shape=list(shape))
    count = _places(shape[-2:], kernel, dilation, padding, stride)
    if min(count) < 1:
        raise refusal(
            "nn.unfold.blocks", height=shape[-2], width=shape[-1], kernel=kernel, dilation=dilation, padding=padding,
            blocks=count,
        )  # fmt: skip
    if self._dtype.category == 1:
        raise refusal("ops.not_implemented_for", op="im2col_out_cpu", dtype=self._dtype.scalar_name)
    padded: Any = np.pad(self._read(), [(0, 0)] * (len(shape) - 2) + [(p, p) for p in padding])
    columns = [padded[(..., *_spots(at, count, dilation, stride))] for at in np.ndindex(*kernel)]
    made = np.stack(columns, axis=-3)  # (..., channels, places in the block, blocks down, blocks across)
    rows = shape[-3] * kernel[0] * kernel[1]
    return from_array(made.reshape(*shape[:-3], rows, count[0] * count[1]), self._dtype)


def _col2im(self: Tensor, output: Ints, kernel: Ints, dilation: Ints, padding: Ints, stride: Ints) -> Tensor:
    _check_pairs(output_size=output, kernel_size=kernel, dilation=dilation, padding=padding, stride=stride)
    _check(kernel, dilation, padding, stride)
    shape, size = self._shape, kernel[0] * kernel[1]
    if len(shape) not in (2, 3) or 0 in shape[len(shape) - 2 :]:
        raise refusal("nn.fold.rank", shape=list(shape))
    if shape[-2] % size:
        raise refusal("nn.fold.channels", size=shape[-2], kernel=kernel)
    count = _places(output, kernel, dilation, padding, stride)
    if shape[-1] != count[0] * count[1]:
        raise refusal(
            "nn.fold.blocks", output=output, kernel=kernel, dilation=dilation, padding=padding, stride=stride,
            rows=count[0], columns=count[1], count=count[0] * count[1], size=shape[-1],
        )  # fmt: skip
    if self._dtype.category == 1:
        raise refusal("ops.not_implemented_for", op="col2im_out_cpu", dtype=self._dtype.scalar_name)
    lead = (*shape[:-2], shape[-2] // size)

    def add(a: Array) -> Array:
        parts = a.reshape(*lead, size, *count)
        made: Any = np.zeros((*lead, *(n + 2 * p for n, p in zip(output, padding, strict=True))), a.dtype)
        for number, at in enumerate(np.ndindex(*kernel)):
            made[(..., *_spots(at, count, dilation, stride))] += parts[..., number, :, :]
        return made[(..., *(slice(p, p + n) for p, n in zip(padding, output, strict=True)))]

    a = self._read().astype(self._dtype.compute)
    return from_array(noisy(add(a), add, [a], self._dtype), self._dtype)


_IM2COL: Op = declare(
    f"im2col(Tensor self, {_OPTIONS}) -> Tensor", forward=_im2col, node="Im2ColBackward0", exact=True, **_HIDDEN,
    vjp={
        "self": lambda grad, self_shape, kernel_size, dilation, padding, stride: run(
            _COL2IM, [grad, self_shape[-2:], kernel_size, dilation, padding, stride]
        )
    },
)  # fmt: skip
_COL2IM: Op = declare(
    f"col2im(Tensor self, int[] output_size, {_OPTIONS}) -> Tensor", forward=_col2im, node="Col2ImBackward0",
    **_HIDDEN,
    vjp={
        "self": lambda grad, kernel_size, dilation, padding, stride: run(
            _IM2COL, [grad, kernel_size, dilation, padding, stride]
        )
    },
)  # fmt: skip

declare(
    "nn.functional.unfold(Tensor input, any kernel_size, any dilation=1, any padding=0, any stride=1) -> Tensor",
    forward=lambda input, *options: run(_IM2COL, [input, *map(_pair, options)]), composite=True, exact=True,
)  # fmt: skip
declare(
    "nn.functional.fold(Tensor input, any output_size, any kernel_size, any dilation=1, any padding=0, "
    "any stride=1) -> Tensor",
    forward=lambda input, *options: run(_COL2IM, [input, *map(_pair, options)]), composite=True,
)  # fmt: skip
