"""Pooling to a size that need not divide that of the input: where the windows begin is random.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html, and
Ben Graham, "Fractional Max-Pooling", https://arxiv.org/abs/1412.6071
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array
from reference_engine.ops.windows import Ints, declare_put, each
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}
_SIDES = {2: ("height", "width"), 3: ("time", "height", "width")}
_KERNEL = {2: "fractional_max_pool2d", 3: "fractional_max_pool3d_out"}


def _starts(sample: Any, size: int, out: int, kernel: int) -> list[int]:
    """Where the windows begin: at steps that are equal but for rounding; the last one ends where the input does."""
    number = type(sample)  # all of this is computed in the dtype of the samples
    starts = []
    if out > 1:
        step = number(size - kernel) / number(out - 1)
        starts = [int((number(i) + sample) * step) - int(sample * step) for i in range(out - 1)]
    return [*starts, size - kernel]


def _refuse(self: Tensor, kernel: Ints, out: Ints, samples: Tensor) -> None:
    """Raise for arguments that do not fit, in the order in which the kernels look at them."""
    dims, shape = len(out), list(self._shape)
    rank = len(shape)
    if dims == 2:
        _refuse_empty(self, dims)
        _refuse_rank(self, dims)
    else:
        _refuse_rank(self, dims)
        _refuse_empty(self, dims)
    for side, name in enumerate(_SIDES[dims]):
        size, k, m = shape[side - dims], kernel[side], out[side]
        if m + k - 1 > size - (dims == 3):  # a volume needs room for one more
            raise refusal("nn.fractional_pool.room", op=_KERNEL[dims], side=name, kernel=k, size=size)
    if samples._dtype is not self._dtype:
        raise refusal("nn.fractional_pool.samples_dtype")
    given = samples._shape
    if len(given) != 3:
        raise refusal("nn.fractional_pool.samples_rank", rank=len(given))
    batch, channels = (1, shape[0]) if rank == dims + 1 else (shape[0], shape[1])
    if given[0] < batch:
        raise refusal("nn.fractional_pool.samples_batch")
    if given[1] != channels:
        raise refusal("nn.fractional_pool.samples_channels")
    if given[2] != dims:
        raise refusal("nn.fractional_pool.samples_sides", dims=dims, got=given[2])
    if not self._dtype.is_floating_point or (self._dtype.itemsize == 2 and not switch("nn.unpool.half")):
        raise refusal(
            "ops.not_implemented_for", op=f"fractional_max_pool{dims}d_out_frame", dtype=self._dtype.scalar_name
        )


def _refuse_rank(self: Tensor, dims: int) -> None:
    if len(self._shape) not in (dims + 1, dims + 2):
        raise refusal("nn.fractional_pool.rank", op=_KERNEL[dims], low=dims + 1, high=dims + 2, shape=list(self._shape))


def _refuse_empty(self: Tensor, dims: int) -> None:
    for dim, size in enumerate(self._shape):
        if dim and not size:
            raise refusal("nn.fractional_pool.empty", op=_KERNEL[dims], shape=list(self._shape), dim=dim)


def _refuse_lengths(kernel: Ints, out: Ints, dims: int) -> None:
    numbers = "Ints" if dims == 2 else "three Ints"
    for name, given in (("kernel_size", kernel), ("output_size", out)):
        if len(given) != dims:
            raise refusal("nn.fractional_pool.lengths", dims=dims, name=name, numbers=numbers)


def _pool(self: Tensor, kernel: Ints, out: Ints, samples: Tensor) -> tuple[Tensor, Tensor]:
    _refuse(self, kernel, out, samples)
    dims = len(out)
    lead, spatial = self._shape[:-dims], self._shape[-dims:]
    planes = self._read().reshape(math.prod(lead), *spatial)
    draws = samples._read().reshape(-1, dims)
    if dims == 2:
        draws = draws[:, ::-1]  # the first number is that of the width
    best, index = np.zeros((len(planes), *out), planes.dtype), np.zeros((len(planes), *out), np.int64)
    for plane in range(len(planes)):
        starts = [
            _starts(*side) for side in zip(draws[plane], spatial, out, kernel, strict=True)
        ]  # fmt: skip
        best[plane], index[plane] = _largest(planes[plane], starts, kernel)
    return from_array(best.reshape(*lead, *out), self._dtype), from_array(index.reshape(*lead, *out), dtypes.int64)


def _largest(plane: Array, starts: list[list[int]], kernel: Ints) -> tuple[Array, Array]:
    """The largest of each window, all at once, and its place; a nan wins, the last one."""
    dims = len(kernel)
    seen = [np.add.outer(s, np.arange(k)).ravel() for s, k in zip(starts, kernel, strict=True)]
    sides = [n for s, k in zip(starts, kernel, strict=True) for n in (len(s), k)]
    order = (*range(0, 2 * dims, 2), *range(1, 2 * dims, 2))
    grid = np.ix_(*seen)

    def windows(values: Array) -> Array:
        return values[grid].reshape(sides).transpose(order).reshape(*(len(s) for s in starts), math.prod(kernel))

    inside, places = windows(plane), windows(np.arange(plane.size).reshape(plane.shape))
    nan = np.isnan(inside)
    last_nan = inside.shape[-1] - 1 - np.argmax(nan[..., ::-1], axis=-1)
    chosen = np.where(nan.any(-1), last_nan, np.argmax(np.where(nan, -np.inf, inside), axis=-1))[..., None]
    return np.take_along_axis(inside, chosen, -1)[..., 0], np.take_along_axis(places, chosen, -1)[..., 0]


def _declare(dims: int) -> Any:
    put = declare_put(
        f"_fractional_max_pool{dims}d_backward", f"FractionalMaxPool{dims}DBackwardBackward0", dims, lambda: False
    )
    return declare(
        f"_fractional_max_pool{dims}d(Tensor self, int[] kernel_size, int[] output_size, "
        "Tensor random_samples) -> (Tensor, Tensor)",
        forward=_pool, node=f"FractionalMaxPool{dims}DBackward0", non_differentiable_outputs=(1,),
        exact=True,
        vjp={
            # the sizes are kept beside them, as torch shows
            "self": lambda grad, self, result1, kernel_size, output_size: run(put, [grad, self, result1])
        },
        **_HIDDEN,
    )  # fmt: skip


_POOLS = {dims: _declare(dims) for dims in (2, 3)}


def _ratios(given: Any, dims: int) -> tuple[float, ...]:
    if dims == 2 and len(given) > 2:
        raise refusal("nn.fractional_pool.ratio")
    return tuple(given) if isinstance(given, (list, tuple)) else (given,) * dims


def _public(dims: int) -> Any:
    def forward(
        input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, return_indices: bool, samples: Any
    ) -> tuple[Tensor, Tensor]:
        if output_size is None and output_ratio is None:
            raise refusal("nn.fractional_pool.size", dims=dims)
        if output_size is None:
            ratios = _ratios(output_ratio, dims)
            output_size = tuple(int(input.size(i - dims) * ratios[i]) for i in range(dims))
        if samples is None:
            import reference_engine as engine

            batch = 1 if len(input._shape) == dims + 1 else input.size(0)
            samples = engine.rand(batch, input.size(-dims - 1), dims, dtype=input.dtype)
        kernel, out = (each(v, dims) for v in (kernel_size, output_size))
        _refuse_lengths(kernel, out, dims)
        values, indices = run(_POOLS[dims], [input, kernel, out, samples])
        return values, indices

    return forward


_ARGUMENTS = (
    "(Tensor input, any kernel_size, any output_size=None, any output_ratio=None, bool return_indices=False, "
    "Tensor? _random_samples=None)"
)


def _declare_public(dims: int) -> None:
    both = _public(dims)
    samples = domains.real(shapes=f"fractional{dims}d")

    def asked(*arguments: Any) -> Any:
        found = both(*arguments)
        return found if arguments[4] else found[0]

    name = f"nn.functional.fractional_max_pool{dims}d"
    traits: dict[str, Any] = {"composite": True, "exact": True, "samples": samples}
    declare(f"{name}{_ARGUMENTS} -> Tensor", forward=asked, **traits)
    declare(f"{name}_with_indices{_ARGUMENTS} -> (Tensor, Tensor)", forward=both, **traits)


_declare_public(2)
_declare_public(3)
