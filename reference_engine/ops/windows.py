"""Windows: which places each of them sees, the largest of these, and back to them.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from reference_engine import dtypes, strides
from reference_engine.ops.declare import Op, declare
from reference_engine.ops.kernels import Array, from_array
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
Window = tuple[Array, ...]  # the indices that a window sees, for each dimension

# -- windows ---------------------------------------------------------------------------------------------------------


def sizes(shape: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool) -> Ints:
    """How many windows fit; rounding up may add one, as long as it starts inside the input or its left padding."""
    found = []
    for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        count = -(-room // s) + 1 if ceil_mode else room // s + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1
        found.append(count)
    return tuple(found)


def windows(
    shape: Ints, out: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Iterator[tuple[Ints, Window]]:
    for at in np.ndindex(*out):
        seen = []
        for n, i, k, s, p, d in zip(shape, at, kernel, stride, padding, dilation, strict=True):
            places = i * s - p + d * np.arange(k)
            seen.append(places[(places >= 0) & (places < n)])
        yield at, tuple(seen)


def adaptive_windows(shape: Ints, out: Ints) -> Iterator[tuple[Ints, Window]]:
    for at in np.ndindex(*out):
        yield at, tuple(np.arange(i * n // m, -(-(i + 1) * n // m)) for n, m, i in zip(shape, out, at, strict=True))


def each(value: Any, dims: int) -> Ints:
    given = (value,) if isinstance(value, int) else tuple(value)
    return given * dims if len(given) == 1 else given


# -- the largest of each window; of several, the first in memory order -------------------------------------------------


def largest(values: Array, seen_by: Iterable[tuple[Ints, Window]], out: Ints) -> tuple[Array, Array]:
    """The largest of each window of ``values`` (rows, *spatial), and where it is in the row."""
    rows, spatial = values.shape[0], values.shape[1:]
    places = np.arange(math.prod(spatial)).reshape(spatial)
    best = np.zeros((rows, *out), values.dtype)
    index = np.zeros((rows, *out), np.int64)
    for at, seen in seen_by:
        grid: tuple[Any, ...] = (slice(None), *np.ix_(*seen))
        inside = values[grid].reshape(rows, math.prod(len(p) for p in seen))
        nan = np.isnan(inside) if inside.dtype.kind in "fV" else np.zeros(inside.shape, bool)
        # a nan wins, the last one
        last_nan = inside.shape[1] - 1 - np.argmax(nan[:, ::-1], axis=1)
        chosen = np.where(
            nan.any(1), last_nan, np.argmax(np.where(nan, -np.inf, inside) if nan.any() else inside, axis=1)
        )
        spot: tuple[Any, ...] = (slice(None), *at)
        best[spot] = np.take_along_axis(inside, chosen[:, None], 1)[:, 0]
        index[spot] = places[np.ix_(*seen)].ravel()[chosen]
    return best, index


def image_layout(t: Tensor, shape: Ints) -> Ints | None:
    """The strides of a result that lies in memory as a batch of images does; None stands for row by row."""
    if len(t._shape) == len(shape) and strides.suggests_channels_last(t._shape, t._strides):
        return strides.channels_last(shape)
    return None


def largest_of(
    self: Tensor, seen_by: Iterable[tuple[Ints, Window]], out: Ints, as_image: bool
) -> tuple[Tensor, Tensor]:
    """The same of the last dimensions of a tensor; ``as_image`` says whether the result lies in memory as it does."""
    lead, spatial = self._shape[: -len(out)], self._shape[-len(out) :]
    shape = (*lead, *out)
    best, index = largest(self._read().reshape(math.prod(lead), *spatial), seen_by, out)
    layout = image_layout(self, shape) if as_image else None
    return (
        from_array(best.reshape(shape), self._dtype, layout),
        from_array(index.reshape(shape), dtypes.int64, layout),
    )


def put(grad_output: Tensor, self: Tensor, indices: Tensor, dims: int, as_image: bool) -> Tensor:
    """What arrives at each index goes to that place of the last dimensions of ``self``."""
    spatial = self._shape[-dims:]
    rows, count = math.prod(self._shape[:-dims]), math.prod(indices._shape[-dims:])
    made = np.zeros((rows, math.prod(spatial)), self._dtype.compute)
    index = indices._read().reshape(rows, count)
    np.add.at(made, (np.arange(rows)[:, None], index), grad_output._read().astype(made.dtype).reshape(rows, count))
    layout = image_layout(self, self._shape) if as_image else None
    return from_array(made.reshape(self._shape), self._dtype, layout)


def take(self: Tensor, indices: Tensor, dims: int) -> Tensor:
    """The elements at ``indices`` of the last dimensions, in ops: the derivative of putting them there."""
    flat = self.reshape((*self._shape[:-dims], math.prod(self._shape[-dims:])))
    places = indices.reshape((*indices._shape[:-dims], math.prod(indices._shape[-dims:])))
    return flat.gather(-1, places).view(indices._shape)


def declare_put(name: str, node: str, dims: int, as_image: Callable[[], bool]) -> Op:
    """The gradient of a pool that picks: an op, so that it has a gradient in turn."""
    return declare(
        f"{name}(Tensor grad_output, Tensor self, Tensor indices) -> Tensor",
        forward=lambda grad_output, self, indices: put(grad_output, self, indices, dims, as_image()),
        node=node, function=False, method=False,
        vjp={
            "grad_output": lambda grad, indices: take(grad, indices, dims),
            "self": lambda grad: grad.new_zeros(grad.shape),
        },
    )  # fmt: skip
