"""Images in another size: along each spatial dimension a linear map, so that its transpose is all of the derivative.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.interpolate.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine.ops import shadow
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.ops.windows import image_layout
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
_HIDDEN: dict[str, Any] = {"function": False, "method": False}
_NEEDS = {"linear": 3, "bilinear": 4, "trilinear": 5}
_CUBIC = -0.75


def _nearest(size: int, out: int, factor: float | None, exact: bool) -> Array:
    """Each place takes the value of one; where it stands is computed in single precision."""
    step = np.float32(1.0 / factor if factor else size / out)
    places = np.floor((np.arange(out, dtype=np.float32) + np.float32(0.5 * exact)) * step).astype(int)
    made = np.zeros((out, size))
    made[np.arange(out), np.minimum(places, size - 1)] = 1
    return made


def _source(size: int, out: int, factor: float | None, align: bool) -> Array:
    """Where in the input each place of the output stands."""
    places = np.arange(out, dtype=np.float64)
    if align:
        return places * ((size - 1) / (out - 1) if out > 1 else 0.0)
    return (places + 0.5) * (1.0 / factor if factor else size / out) - 0.5


def _linear(size: int, out: int, factor: float | None, align: bool) -> Array:
    source = np.maximum(_source(size, out, factor, align), 0)
    low = np.minimum(source.astype(int), size - 1)
    part = np.clip(source - low, 0, 1)
    made, row = np.zeros((out, size)), np.arange(out)
    np.add.at(made, (row, low), 1 - part)
    np.add.at(made, (row, np.minimum(low + 1, size - 1)), part)
    return made


def _cubic(size: int, out: int, factor: float | None, align: bool) -> Array:
    source = _source(size, out, factor, align)
    low = np.floor(source)
    part, a = source - low, _CUBIC

    def near(x: Array) -> Array:
        return ((a + 2) * x - (a + 3)) * x * x + 1

    def far(x: Array) -> Array:
        return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a

    made, row = np.zeros((out, size)), np.arange(out)
    for offset, weight in ((-1, far(part + 1)), (0, near(part)), (1, near(1 - part)), (2, far(2 - part))):
        np.add.at(made, (row, np.clip(low.astype(int) + offset, 0, size - 1)), weight)
    return made


def _tent(x: Array) -> Array:
    return np.maximum(1 - x, 0)


def _cubic_filter(x: Array) -> Array:
    a = -0.5
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x: Array) -> Array:
    return np.where(x < 3, np.sinc(x) * np.sinc(x / 3), 0)


#: The weight of what is so many steps away, and how far it reaches.
_FILTERS = {"bilinear_aa": (_tent, 1.0), "bicubic_aa": (_cubic_filter, 2.0), "lanczos_aa": (_lanczos, 3.0)}


def _antialiased(size: int, out: int, factor: float | None, align: bool, mode: str) -> Array:
    """Where the image shrinks, each place takes the weighted mean of all that falls into it."""
    weigh, steps = _FILTERS[mode]
    if align:
        step = (size - 1) / (out - 1) if out > 1 else 0.0
    else:
        step = 1.0 / factor if factor else size / out
    wide = max(step, 1.0)
    reach = steps * wide
    made = np.zeros((out, size))
    for row in range(out):
        center = step * (row + 0.5)
        first, end = max(int(center - reach + 0.5), 0), min(int(center + reach + 0.5), size)
        x = np.abs((np.arange(first, end) - center + 0.5) / wide)
        weights = weigh(x)
        made[row, first:end] = weights / weights.sum()
    return made


def _weights(mode: str, size: int, out: int, factor: float | None, align: bool) -> Array:
    """One row for each place of the output."""
    if mode.startswith("nearest"):
        return _nearest(size, out, factor, mode == "nearest-exact")
    if mode.endswith("_aa"):
        return _antialiased(size, out, factor, align, mode)
    return (_cubic if mode == "bicubic" else _linear)(size, out, factor, align)


def _along(a: Array, maps: list[Array]) -> Array:
    for number, matrix in enumerate(maps):
        axis = a.ndim - len(maps) + number
        a = np.moveaxis(np.tensordot(matrix.astype(a.dtype), a, (1, axis)), 0, axis)
    return a


def _maps(size: Ints, out: Ints, mode: str, align: bool, factors: Any) -> list[Array]:
    factors = factors or (None,) * len(out)
    return [_weights(mode, n, m, f, align) for n, m, f in zip(size, out, factors, strict=True)]


def _mapped(self: Tensor, maps: list[Array], as_image: bool) -> Tensor:
    """The image in its new size; ``as_image`` says whether it lies in memory as before."""
    shape = (*self._shape[:2], *(len(m) for m in maps))
    layout = image_layout(self, shape) if as_image else None
    if not self._dtype.is_floating_point:
        made = self._read().astype(np.float64)
        for axis in reversed(range(len(maps))):  # rounded after each dimension, the last one first
            only = [m if d == axis else np.eye(m.shape[1] if d < axis else len(m)) for d, m in enumerate(maps)]
            made = np.clip(np.floor(_along(made, only) + 0.5), 0, 255)
        return from_array(made, self._dtype, layout)
    a = self._read().astype(self._dtype.compute)
    # a weight is only as precise as the place that it is of, not as its own size
    floor = _along(np.abs(a), [(m != 0).astype(m.dtype) for m in maps]) if shadow.active is not None else 0.0
    rounded = any(((m != 0) & (m != 1)).any() for m in maps)
    made = noisy(_along(a, maps), lambda x: _along(x, maps), [a], self._dtype, floor=floor, rounded=rounded)
    return from_array(made, self._dtype, layout)


def _check(self: Tensor, out: Ints, mode: str) -> None:
    spatial, dims = self._shape[2:], len(out)
    if min(*spatial, *out) < 1:
        before, after = (
            ", ".join(f"{name}: {n}" for name, n in zip("DHW"[3 - dims :], sizes, strict=True))
            for sizes in (spatial, out)
        )
        raise refusal("nn.upsample.sizes", input=before, joined="and " * (dims == 1), output=after)
    if self._shape[1] == 0:
        raise refusal("nn.upsample.channels", ndim=dims + 2, shape=list(self._shape))
    nearest = mode.startswith("nearest")
    whole = self._dtype.name == "uint8" and (nearest or (dims == 2 and switch("nn.upsample.bytes")))
    if not self._dtype.is_floating_point and not whole:
        kind = "nearest" if nearest else "cubic" if mode == "bicubic" else "linear"
        kernel = f"compute_indices_weights_{kind}"
        if dims == 2 and kind != "cubic":
            kernel = f"upsample_{'nearest' if nearest else 'bilinear'}2d_channels_last"
        raise refusal("ops.not_implemented_for", op=kernel, dtype=self._dtype.scalar_name)


_ARGUMENTS = "int[] output_size, str mode, bool align_corners, any scales"
_UPSAMPLE: dict[tuple[str, int], Any] = {}


def _declare(kind: str, mode: str, dims: int) -> None:
    def forward(self: Tensor, out: Ints, mode: str, align: bool, factors: Any) -> Tensor:
        _check(self, out, mode)
        return _mapped(self, _maps(self._shape[2:], out, mode, align, factors), True)

    def transposed(grad_output: Tensor, size: Ints, mode: str, align: bool, factors: Any) -> Tensor:
        back = [m.T for m in _maps(size[2:], grad_output._shape[2:], mode, align, factors)]
        return _mapped(grad_output, back, "linear" in mode or (dims == 2 and mode.startswith("nearest")))

    blurred = mode.endswith("_aa")
    suffix, name = "_aa" * blurred, _camel(kind, dims) + "Aa" * blurred

    backward = declare(
        f"_upsample_{kind}{dims}d{suffix}_backward(Tensor grad_output, int[] size, str mode, bool align_corners, "
        "any scales) -> Tensor",
        forward=transposed, node=f"{name}BackwardBackward0", **_HIDDEN,
        vjp={
            "grad_output": lambda grad, grad_output_shape, mode, align_corners, scales: run(
                made, [grad, grad_output_shape[2:], mode, align_corners, scales]
            )
        },
    )  # fmt: skip
    made = declare(
        f"_upsample_{kind}{dims}d{suffix}(Tensor self, {_ARGUMENTS}) -> Tensor",
        forward=forward, node=f"{name}Backward0", **_HIDDEN,
        vjp={
            "self": lambda grad, self_shape, mode, align_corners, scales: run(
                backward, [grad, self_shape, mode, align_corners, scales]
            )
        },
    )  # fmt: skip
    _UPSAMPLE[mode, dims] = made


def _camel(kind: str, dims: int) -> str:
    return "Upsample" + "".join(word.capitalize() for word in kind.split("_")) + f"{dims}D"


for _dims in (1, 2, 3):
    _declare("nearest", "nearest", _dims)
    _declare("nearest_exact", "nearest-exact", _dims)
_declare("linear", "linear", 1)
_declare("bilinear", "bilinear", 2)
_declare("trilinear", "trilinear", 3)
_declare("bicubic", "bicubic", 2)
_declare("bilinear", "bilinear_aa", 2)
_declare("bicubic", "bicubic_aa", 2)
_declare("lanczos", "lanczos_aa", 2)


def _wanted(input: Tensor, size: Any, factor: Any, recompute: Any) -> tuple[Ints, Any]:
    """The size of the output, and the factors that its places are computed with, if they were given."""
    spatial, dims = input._shape[2:], len(input._shape) - 2
    if size is not None and factor is not None:
        raise refusal("nn.interpolate.two_sizes")
    if size is not None:
        if isinstance(size, (list, tuple)) and len(size) != dims:
            raise refusal("nn.interpolate.size_rank", spatial=list(spatial), size=size)
        if recompute:
            raise refusal("nn.interpolate.recompute")
        if isinstance(size, (list, tuple)) and not all(isinstance(n, int) for n in size):
            raise refusal("nn.interpolate.size_type", types=[type(n) for n in size])
        return tuple(size) if isinstance(size, (list, tuple)) else (size,) * dims, None
    if factor is None:
        raise refusal("nn.interpolate.no_size")
    if isinstance(factor, (list, tuple)) and len(factor) != dims:
        raise refusal("nn.interpolate.factor_rank", spatial=list(spatial), factors=factor)
    factors = tuple(factor) if isinstance(factor, (list, tuple)) else (factor,) * dims
    out = tuple(math.floor(float(n) * f) for n, f in zip(spatial, factors, strict=True))
    return out, None if recompute else factors


def _interpolate(
    input: Tensor, size: Any, scale_factor: Any, mode: str, align_corners: Any, recompute_scale_factor: Any,
    antialias: bool,
) -> Tensor:  # fmt: skip
    import reference_engine as engine

    rank = len(input._shape)
    if mode in ("nearest", "area", "nearest-exact"):
        if align_corners is not None:
            raise refusal("nn.interpolate.align")
    out, factors = _wanted(input, size, scale_factor, recompute_scale_factor)
    if antialias:
        modes = ("bilinear", "bicubic", "lanczos") if switch("nn.interpolate.lanczos") else ("bilinear", "bicubic")
        if rank != 4 or mode not in modes:
            raise refusal("nn.interpolate.antialias")
        if mode == "lanczos" and align_corners:
            raise refusal("nn.interpolate.lanczos_corners")
        mode += "_aa"
    elif mode == "lanczos" and rank == 4 and switch("nn.interpolate.lanczos"):
        clause = "nn.interpolate.lanczos_corners" if align_corners else "nn.interpolate.lanczos_plain"
        raise refusal(clause)
    if mode == "area" and rank in (3, 4, 5):
        pooled: Tensor = getattr(engine.nn.functional, f"adaptive_avg_pool{rank - 2}d")(input, out)
        return pooled
    if mode in _NEEDS and rank in (3, 4, 5) and rank != _NEEDS[mode]:
        raise refusal("nn.interpolate.rank", ndim=rank, mode=mode, needs=_NEEDS[mode])
    if (mode, rank - 2) not in _UPSAMPLE:
        raise refusal("nn.interpolate.mode", ndim=rank, mode=mode)
    made: Tensor = run(_UPSAMPLE[mode, rank - 2], [input, out, mode, bool(align_corners), factors])
    return made


declare(
    "nn.functional.interpolate(Tensor input, any size=None, any scale_factor=None, str mode='nearest', "
    "bool? align_corners=None, bool? recompute_scale_factor=None, bool antialias=False) -> Tensor",
    forward=_interpolate, composite=True,
)  # fmt: skip
