"""What the points of a grid see of an image: places around each, and weights.

The weights of a point are a product of one polynomial for each dimension, piece by piece. So the derivative by the
point is the same mean with the derivatives of these as weights, and so is every further one.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from reference_engine.ops.kernels import Array, multiply_add
from reference_engine.ops.windows import Ints

BILINEAR, NEAREST, BICUBIC = range(3)
ZEROS, BORDER, REFLECTION = range(3)
_A = -0.75  # of the cubic convolution
_NEAR = (_A + 2, -(_A + 3), 0.0, 1.0)
_FAR = (_A, -5 * _A, 8 * _A, -4 * _A)


# -- one dimension -----------------------------------------------------------------------------------------------------


def _reflected(at: Array, size: int, align: bool) -> tuple[Array, Array]:
    """The place inside, as between two mirrors, and the sign of its movement."""
    low, high = (0.0, size - 1.0) if align else (-0.5, size - 0.5)
    span = high - low
    if span == 0:
        return np.zeros_like(at), np.zeros_like(at)
    away = np.abs(at - low)
    extra, flips = np.fmod(away, span), np.floor(away / span)
    even = np.fmod(flips, 2) == 0
    sign = np.where(at < low, -1.0, 1.0) * np.where(even, 1.0, -1.0)
    return np.where(even, extra + low, span - extra + low), sign


def _kept_inside(at: Array, size: int, padding: int, align: bool) -> tuple[Array, Array]:
    """The place that the padding puts in the place of one outside, and the slope of that."""
    slope = np.ones_like(at)
    if padding == ZEROS:
        return at, slope
    if padding == REFLECTION:
        at, slope = _reflected(at, size, align)
    slope = np.where((at <= 0) | (at >= size - 1), 0, slope)
    return np.clip(np.nan_to_num(at, nan=0.0, posinf=size - 1, neginf=0.0), 0, size - 1), slope


class _Axis:
    """The places that each point sees along one dimension, and what they weigh; ``flat`` is of images, not volumes."""

    def __init__(self, grid: Array, size: int, mode: int, padding: int, align: bool, flat: bool) -> None:
        if align:
            at, self.slope = (grid + 1) / 2 * (size - 1), np.full_like(grid, (size - 1) / 2)
        else:
            half = np.full_like(grid, 0.5)
            at = multiply_add(grid + 1, size / 2, -half) if flat else ((grid + 1) * size - 1) / 2
            self.slope = np.full_like(grid, size / 2)
        self.mode = mode
        if mode != BICUBIC:
            at, sign = _kept_inside(at, size, padding, align)
            self.slope = self.slope * sign
        first = np.rint(at) if mode == NEAREST else np.floor(at)
        self.part = at - first
        steps = {BILINEAR: (0, 1), NEAREST: (0,), BICUBIC: (-1, 0, 1, 2)}[mode]
        places = first[..., None] + np.array(steps, at.dtype)
        if mode == BICUBIC:
            places = _kept_inside(places, size, padding, align)[0]
        # what is no number, or too far away for one, is outside
        whole = np.where(np.abs(places) < 2**31, places, -1).astype(np.int64)
        self.inside = (whole >= 0) & (whole < size)
        self.places = np.clip(whole, 0, size - 1)

    def weights(self, order: int) -> Array:
        """The derivative of some order of the weights by the place, which is as many times ``slope`` by the point."""
        part = self.part
        if self.mode == NEAREST:
            return np.full((*part.shape, 1), float(order == 0), part.dtype)
        if self.mode == BILINEAR:
            pieces = [(1 - part, part), (-np.ones_like(part), np.ones_like(part))]
            made: tuple[Array, ...] = pieces[order] if order < 2 else (np.zeros_like(part),) * 2
        else:
            turned = (-1.0) ** order  # two of the distances shrink as the point moves on
            made = (
                _polynomial(_FAR, part + 1, order), _polynomial(_NEAR, part, order),
                _polynomial(_NEAR, 1 - part, order) * turned, _polynomial(_FAR, 2 - part, order) * turned,
            )  # fmt: skip
        return np.stack(made, -1)


def _polynomial(coefficients: Sequence[float], x: Array, order: int) -> Array:
    return np.polyval(np.polyder(np.array(coefficients), order).astype(x.dtype), x)


# -- all dimensions together -------------------------------------------------------------------------------------------


class Sight:
    """What the points of a grid see of images of a size.

    Attributes:
        places, inside: for each sample and point, where in the flat image it looks, and whether that is inside of it.
    """

    def __init__(self, grid: Array, sizes: Ints, mode: int, padding: int, align: bool) -> None:
        points = grid.reshape(grid.shape[0], math.prod(grid.shape[1:-1]), grid.shape[-1])
        points = np.where(np.isnan(points), -1, points)
        # the first coordinate is that of the last dimension
        self.axes = [
            _Axis(points[..., len(sizes) - 1 - d], size, mode, padding, align, len(sizes) == 2)
            for d, size in enumerate(sizes)
        ]
        self.places, self.inside = self.axes[0].places, self.axes[0].inside
        for axis, size in zip(self.axes[1:], sizes[1:], strict=True):
            self.places = _outer(np.add, self.places * size, axis.places)
            self.inside = _outer(np.logical_and, self.inside, axis.inside)

    def weights(self, orders: Ints) -> Array:
        """What they weigh, differentiated so often by each place."""
        made = None
        for axis, order in zip(self.axes, reversed(orders), strict=True):
            along = axis.weights(order)
            made = along if made is None else _outer(np.multiply, made, along)
        return made

    def slope(self, orders: Ints) -> Array:
        """What that is to be multiplied by, of each point, for the derivative by its coordinates."""
        axes = list(reversed(self.axes))
        return math.prod(axis.slope**order for axis, order in zip(axes, orders, strict=True) if order)

    def seen(self, images: Array) -> Array:
        """The values there, zero outside: (samples, channels, points, places)."""
        flat = images.reshape(*images.shape[:2], math.prod(images.shape[2:]))
        return np.where(self.inside[:, None], np.stack([f[:, p] for f, p in zip(flat, self.places, strict=True)]), 0)


def _outer(combine: Any, a: Array, b: Array) -> Array:
    made = combine(a[..., :, None], b[..., None, :])
    return made.reshape(*a.shape[:-1], a.shape[-1] * b.shape[-1])
