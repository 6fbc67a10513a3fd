"""Pooling: the maximum or the mean of each window."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from reference_engine.autograd import forward_ad
from reference_engine.dtypes import dtype
from reference_engine.ops import domains, shadow
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.ops.pool_arguments import (
    options,
    refuse_larger,
    refuse_max1d,
    refuse_rank1d,
    refuse_rank_argument,
    refuse_steps,
    refuse_window,
)
from reference_engine.ops.windows import Ints, Window, declare_put, image_layout, largest_of, sizes, windows
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def refuse_dtype(t: Tensor, kernel: str, half: str = "nn.pool.half", integers: str | None = None) -> None:
    """Raise if a pool is not defined for a dtype.

    Args:
        half, integers: the switches of the versions that know half precision, and integers; none knows them by itself.
    """
    category, name = t._dtype.category, t._dtype.name
    known = name in ("float32", "float64")
    if name in ("float16", "bfloat16") and half:
        known = switch(half) or (name == "bfloat16" and "3d" not in kernel)
    known |= category == 1 and integers is not None and (not integers or switch(integers))
    if not known:
        raise refusal("ops.not_implemented_for", op=kernel, dtype=t._dtype.scalar_name)


def _too_small(shape: Ints, out: Ints) -> Exception:
    dims = len(out)
    channels = shape[-dims - 1]
    before, after = ("x".join(map(str, (channels, *sides))) for sides in (shape[-dims:], out))
    return refusal("nn.pool.output", input=before, output=after)


# -- the largest of each window ----------------------------------------------------------------------------------------

_OPTIONS = "int[] kernel_size, int[] stride, int[] padding, int[] dilation, bool ceil_mode"


def _max_pool(self: Tensor, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool) -> Any:
    dims = len(kernel)
    given = (kernel, stride, padding, dilation)
    if len(self._shape) not in (dims + 1, dims + 2):
        raise refusal("nn.pool.rank", low=dims + 1, high=dims + 2)
    refuse_steps(given)
    refuse_window(self._shape, given, "max_pool3d_with_indices_out_cpu_template")
    spatial = self._shape[-dims:]
    out = sizes(spatial, *given, ceil_mode)
    if min(out) < 1:
        raise _too_small(self._shape, out)
    renamed = dims == 3 and not switch("nn.pool.max_bfloat16")
    refuse_dtype(self, f"max_pool{dims}d{'_with_indices_cpu' * renamed}", integers="nn.pool.max_integers")
    return largest_of(self, windows(spatial, out, *given), out, _as_image(dims))


def _as_image(dims: int) -> bool:
    return dims == 2 or switch("nn.pool.volumes_channels_last")


def _declare_max(dims: int) -> Any:
    put = declare_put(
        f"_max_pool{dims}d_backward", f"MaxPool{dims}DWithIndicesBackwardBackward0", dims, lambda: _as_image(dims)
    )
    return declare(
        f"_max_pool{dims}d_with_indices(Tensor self, {_OPTIONS}) -> (Tensor, Tensor)",
        forward=_max_pool, node=f"MaxPool{dims}DWithIndicesBackward0", non_differentiable_outputs=(1,),
        exact=True,
        vjp={
            # the options are kept beside them, as torch shows
            "self": lambda grad, self, result1, kernel_size, stride, padding, dilation, ceil_mode: run(
                put, [grad, self, result1]
            )
        },
        **_HIDDEN,
    )  # fmt: skip


_MAX = {dims: _declare_max(dims) for dims in (2, 3)}


def _public_max(dims: int) -> Any:
    def forward(
        input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, return_indices: bool
    ) -> Any:  # fmt: skip
        if dims == 1:
            refuse_rank1d(input._shape)
        given = options("max", dims, (kernel_size, stride, padding, dilation), len(input._shape))
        if dims > 1:
            values, indices = run(_MAX[dims], [input, *given, ceil_mode])
            return (values, indices) if return_indices else values
        refuse_max1d(input, given)
        size = sizes(input._shape[-1:], *given, ceil_mode)[0]
        if size < 1:
            raise refusal("nn.pool.output1d", size=size)
        refuse_dtype(input, "max_pool1d_impl")
        values, indices = max_along(input, given, ceil_mode)
        if return_indices:
            return values, indices
        if values.requires_grad or forward_ad.tangent_of(values) is not None:
            return values
        return values.clone()  # made by a kernel of its own, where no derivative is wanted

    return forward


def max_along(input: Tensor, given: Any, ceil_mode: bool) -> tuple[Tensor, Tensor]:
    """A pool along one dimension is one of images of one row."""
    (kernel,), (stride,), (padding,), (dilation,) = given
    rows = [(1, kernel), (1, stride), (0, padding), (1, dilation), ceil_mode]
    values, indices = run(_MAX[2], [input.unsqueeze(-2), *rows])
    return values.squeeze(-2), indices.squeeze(-2)


# -- the mean of each window, a linear map -----------------------------------------------------------------------------


def _plan(
    spatial: Ints, kernel: Ints, stride: Ints, padding: Ints, ceil_mode: bool, include_pad: bool, divisor: Any
) -> tuple[Ints, list[tuple[Ints, Window, float]]]:  # fmt: skip
    ones = (1,) * len(spatial)
    out = sizes(spatial, kernel, stride, padding, ones, ceil_mode)
    parts = []
    for at, seen in windows(spatial, out, kernel, stride, padding, ones):
        if divisor is not None:
            share = divisor
        elif include_pad:
            # windows that rounding up has put over the edge count only what is padded
            share = math.prod(
                min(i * s - p + k, n + p) - (i * s - p)
                for i, s, p, k, n in zip(at, stride, padding, kernel, spatial, strict=True)
            )
        else:
            share = math.prod(len(places) for places in seen)
        parts.append((at, seen, share))
    return out, parts


def means(values: Array, out: Ints, parts: list[Any]) -> Array:
    """The sum of what each window sees, divided by its share."""
    dims = len(out)
    flat = values.reshape(math.prod(values.shape[:-dims]), *values.shape[-dims:])
    made = np.zeros((flat.shape[0], *out), flat.dtype)
    for at, seen, share in parts:
        inside = flat[(slice(None), *np.ix_(*seen))].reshape(flat.shape[0], math.prod(len(places) for places in seen))
        if inside.shape[1]:
            # one after the other, as the kernels add
            total = np.add.accumulate(inside, axis=1)[:, -1]
            made[(slice(None), *at)] = total / flat.dtype.type(share)
    return made.reshape(*values.shape[:-dims], *out)


def averaged(values: Array, out: Ints, parts: list[Any], d: dtype) -> Array:
    """The same as a kernel computes it: as precise as the sizes of what it adds up."""
    floor = means(np.abs(values), out, parts) if shadow.active is not None else 0.0
    return noisy(means(values, out, parts), lambda x: means(x, out, parts), [values], d, floor=floor)


def shares(grad: Array, shape: Ints, parts: list[Any], dims: int) -> Array:
    """The same backwards: each place gets its share of what every window that sees it gets."""
    made = np.zeros((math.prod(shape[:-dims]), *shape[-dims:]), grad.dtype)
    flat = grad.reshape(made.shape[0], *grad.shape[-dims:])
    for at, seen, share in parts:
        part = flat[(slice(None), *at)] / grad.dtype.type(share)
        made[(slice(None), *np.ix_(*seen))] += part.reshape(-1, *[1] * dims)
    return made.reshape(shape)


_AVG_OPTIONS = (
    "int[] kernel_size, int[] stride, int[] padding, bool ceil_mode, bool count_include_pad, any divisor_override"
)


def _refuse_avg(self: Tensor, kernel: Ints, stride: Ints, padding: Ints, ceil_mode: bool) -> None:
    dims, rank = len(kernel), len(self._shape)
    given = (kernel, stride, padding, (1,) * dims)
    if dims == 3 and rank not in (4, 5):
        raise refusal("nn.pool.rank", low=4, high=5)
    if dims == 2:
        self.size(-3)  # refused as a dimension that is not there
    refuse_steps(given)
    refuse_window(self._shape, given, "avg_pool3d")
    if dims == 3:
        refuse_larger(self._shape, kernel)
    out = sizes(self._shape[-dims:], *given, ceil_mode)
    if min(out) < 1:
        raise _too_small(self._shape, out)
    kernel_name = "avg_pool2d" if dims == 2 else "avg_pool3d_out_frame"
    refuse_dtype(self, kernel_name, half="nn.pool.half" if dims == 2 else "", integers="")


def _avg(self: Tensor, *given: Any) -> Tensor:
    _refuse_avg(self, *given[:4])
    dims = len(given[0])
    out, parts = _plan(self._shape[-dims:], *given)
    a = self._read().astype(self._dtype.compute)
    made = averaged(a, out, parts, self._dtype)
    return from_array(made, self._dtype, image_layout(self, made.shape) if dims == 2 else None)


def _avg_backward(grad_output: Tensor, self: Tensor, *given: Any) -> Tensor:
    dims = len(given[0])
    _, parts = _plan(self._shape[-dims:], *given)
    g = grad_output._read().astype(self._dtype.compute)
    layout = image_layout(self, self._shape) if dims == 2 else None
    return from_array(shares(g, self._shape, parts, dims), self._dtype, layout)


_AVG: dict[int, Any] = {}


def _declare_avg(dims: int) -> None:
    backward = declare(
        f"_avg_pool{dims}d_backward(Tensor grad_output, Tensor self, {_AVG_OPTIONS}) -> Tensor",
        forward=_avg_backward, node=f"AvgPool{dims}DBackwardBackward0",
        vjp={
            "grad_output": lambda grad, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override:
                run(forward, [grad, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override]),
            "self": lambda grad: grad.new_zeros(grad.shape),
        },
        **_HIDDEN,
    )  # fmt: skip
    forward = declare(
        f"_avg_pool{dims}d(Tensor self, {_AVG_OPTIONS}) -> Tensor",
        forward=_avg, node=f"AvgPool{dims}DBackward0",
        vjp={
            "self": lambda grad, self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override:
                run(
                    backward,
                    [grad, self, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override],
                )
        },
        **_HIDDEN,
    )  # fmt: skip
    _AVG[dims] = forward


_declare_avg(2)
_declare_avg(3)


def _public_avg(dims: int) -> Any:
    def forward(
        input: Tensor, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool, count_include_pad: bool,
        divisor_override: Any = None,
    ) -> Tensor:  # fmt: skip
        kernel, steps, pads, _ = options("avg", dims, (kernel_size, stride, padding, 1), len(input._shape))
        if divisor_override == 0:
            raise refusal("nn.pool.divisor")
        further = [ceil_mode, count_include_pad, divisor_override]
        if dims == 1:
            return run(_AVG[2], [input.unsqueeze(-2), (1, *kernel), (1, *steps), (0, *pads), *further]).squeeze(-2)
        return run(_AVG[dims], [input, kernel, steps, pads, *further])

    return forward


_MAX_ARGUMENTS = (
    "Tensor input, any kernel_size, any stride=None, any padding=0, any dilation=1, bool ceil_mode=False, "
    "bool return_indices=False"
)


def with_indices(forward: Callable[..., Any]) -> Callable[..., Any]:
    """The form of a pool that gives the indices whether asked for or not: the question is its last argument."""
    return lambda *arguments: forward(*arguments[:-1], True)


for _dims in (1, 2, 3):
    _recipe: dict[str, Any] = {
        "kernel_size": (1, 2),
        "stride": (None, 1, 2),
        "padding": (0,),
        "ceil_mode": (False, True),
    }
    _max_traits: dict[str, Any] = {
        "composite": True,
        "exact": True,
        "samples": domains.real(
            shapes=f"pool{_dims}d", arguments={**_recipe, "dilation": (1,), "return_indices": (False,)}
        ),
    }
    declare(f"nn.functional.max_pool{_dims}d({_MAX_ARGUMENTS}) -> Tensor", forward=_public_max(_dims), **_max_traits)
    declare(
        f"nn.functional.max_pool{_dims}d_with_indices({_MAX_ARGUMENTS}) -> (Tensor, Tensor)",
        forward=with_indices(_public_max(_dims)),
        **_max_traits,
    )
    declare(
        f"nn.functional.avg_pool{_dims}d(Tensor input, any kernel_size, any stride=None, any padding=0, "
        "bool ceil_mode=False, "
        f"bool count_include_pad=True{', any divisor_override=None' if _dims > 1 else ''}) -> Tensor",
        forward=_public_avg(_dims),
        composite=True,
        samples=domains.real(shapes=f"pool{_dims}d", arguments={**_recipe, "divisor_override": (None, 3)}),
    )


def _max_pool1d_with_indices(
    self: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[Tensor, Tensor]:
    refuse_rank_argument("max_pool1d", len(self._shape))
    given = options("max", 1, (kernel_size, stride, padding, dilation), len(self._shape))
    return max_along(self, given, ceil_mode)


declare(
    "max_pool1d_with_indices(Tensor self, any kernel_size, any stride=(), any padding=0, any dilation=1, "
    "bool ceil_mode=False) -> (Tensor, Tensor)",
    forward=_max_pool1d_with_indices, composite=True, exact=True, method=False,
)  # fmt: skip
