"""Pooling: the maximum or the mean of each window."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.autograd import forward_ad
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]
Window = tuple[Array, ...]  # the indices that a window sees, for each dimension
_HIDDEN: dict[str, Any] = {"function": False, "method": False}

# -- windows ---------------------------------------------------------------------------------------------------------


def _sizes(shape: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool) -> Ints:
    """How many windows fit; rounding up may add one, as long as it starts inside the input or its left padding."""
    found = []
    for n, k, s, p, d in zip(shape, kernel, stride, padding, dilation, strict=True):
        room = n + 2 * p - d * (k - 1) - 1
        count = -(-room // s) + 1 if ceil_mode else room // s + 1
        if ceil_mode and (count - 1) * s >= n + p:
            count -= 1
        found.append(count)
    return tuple(found)


def _windows(
    shape: Ints, out: Ints, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints
) -> Iterator[tuple[Ints, Window]]:
    for at in np.ndindex(*out):
        seen = []
        for n, i, k, s, p, d in zip(shape, at, kernel, stride, padding, dilation, strict=True):
            places = i * s - p + d * np.arange(k)
            seen.append(places[(places >= 0) & (places < n)])
        yield at, tuple(seen)


def _adaptive_windows(shape: Ints, out: Ints) -> Iterator[tuple[Ints, Window]]:
    for at in np.ndindex(*out):
        yield at, tuple(np.arange(i * n // m, -(-(i + 1) * n // m)) for n, m, i in zip(shape, out, at, strict=True))


def _each(value: Any, dims: int) -> Ints:
    given = (value,) if isinstance(value, int) else tuple(value)
    return given * dims if len(given) == 1 else given


# -- the largest of each window; of several, the first in memory order -------------------------------------------------


def _largest(self: Tensor, windows: list[tuple[Ints, Window]], out: Ints) -> tuple[Tensor, Tensor]:
    dims = len(out)
    lead, spatial = self._shape[:-dims], self._shape[-dims:]
    values = self._read().reshape(math.prod(lead), *spatial)
    places = np.arange(math.prod(spatial)).reshape(spatial)
    best = np.zeros((values.shape[0], *out), values.dtype)
    index = np.zeros((values.shape[0], *out), np.int64)
    for at, seen in windows:
        grid: tuple[Any, ...] = (slice(None), *np.ix_(*seen))
        inside = values[grid].reshape(values.shape[0], math.prod(len(p) for p in seen))
        nan = np.isnan(inside) if inside.dtype.kind in "fV" else np.zeros(inside.shape, bool)
        # a nan wins, the last one
        last_nan = inside.shape[1] - 1 - np.argmax(nan[:, ::-1], axis=1)
        chosen = np.where(
            nan.any(1), last_nan, np.argmax(np.where(nan, -np.inf, inside) if nan.any() else inside, axis=1)
        )
        spot: tuple[Any, ...] = (slice(None), *at)
        best[spot] = np.take_along_axis(inside, chosen[:, None], 1)[:, 0]
        index[spot] = places[np.ix_(*seen)].ravel()[chosen]
    return from_array(best.reshape(*lead, *out), self._dtype), from_array(index.reshape(*lead, *out), dtypes.int64)


def _put(grad_output: Tensor, self: Tensor, indices: Tensor, dims: int) -> Tensor:
    spatial = self._shape[-dims:]
    rows = math.prod(self._shape[:-dims])
    made = np.zeros((rows, math.prod(spatial)), self._dtype.compute)
    index = indices._read().reshape(rows, -1)
    np.add.at(made, (np.arange(rows)[:, None], index), grad_output._read().astype(made.dtype).reshape(rows, -1))
    return from_array(made.reshape(self._shape), self._dtype)


def _take(self: Tensor, indices: Tensor, dims: int) -> Tensor:
    """The elements at ``indices`` of the last dimensions, in ops: the derivative of putting them there."""
    flat = self.reshape((*self._shape[:-dims], -1))
    return flat.gather(-1, indices.reshape((*indices._shape[:-dims], -1))).view(indices._shape)


_PUT = {
    (kind, dims): declare(
        f"_{kind}_pool{dims}d_backward(Tensor grad_output, Tensor self, Tensor indices, int dims) -> Tensor",
        forward=_put,
        node=node,
        vjp={
            "grad_output": lambda grad, indices, dims: _take(grad, indices, dims),
            "self": lambda grad: grad.new_zeros(grad.shape),
        },
        **_HIDDEN,
    )
    for kind, dims, node in (
        ("max", 2, "MaxPool2DWithIndicesBackwardBackward0"),
        ("max", 3, "MaxPool3DWithIndicesBackwardBackward0"),
        ("adaptive_max", 2, "AdaptiveMaxPool2DBackwardBackward0"),
        ("adaptive_max", 3, "AdaptiveMaxPool3DBackwardBackward0"),
    )
}


def _max_pool(
    self: Tensor, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool, dims: int
) -> Any:
    spatial = self._shape[-dims:]
    out = _sizes(spatial, kernel, stride, padding, dilation, ceil_mode)
    if min(out) < 1:
        raise _too_small(self._shape, out)
    return _largest(self, list(_windows(spatial, out, kernel, stride, padding, dilation)), out)


def _too_small(shape: Ints, out: Ints) -> Exception:
    dims = len(out)
    channels = shape[-dims - 1]
    before, after = ("x".join(map(str, (channels, *sizes))) for sizes in (shape[-dims:], out))
    return refusal("nn.pool.output", input=before, output=after)


_MAX = {
    dims: declare(
        f"_max_pool{dims}d_with_indices(Tensor self, int[] kernel, int[] stride, int[] padding, int[] dilation, "
        "bool ceil_mode, "
        "int dims) -> (Tensor, Tensor)",
        forward=_max_pool,
        node=f"MaxPool{dims}DWithIndicesBackward0",
        non_differentiable_outputs=(1,),
        exact=True,
        smooth=False,
        vjp={
            "self": (lambda grad, self, result1: run(_PUT["max", 2], [grad, self, result1, 2]))
            if dims == 2
            else (lambda grad, self, result1: run(_PUT["max", 3], [grad, self, result1, 3]))
        },
        **_HIDDEN,
    )
    for dims in (2, 3)
}


def _check(self: Tensor, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, dims: int) -> None:
    if dims != 1 and len(self._shape) not in (dims + 1, dims + 2):
        raise refusal("nn.pool.rank")
    if min(stride) == 0:
        raise refusal("nn.pool.stride")
    for k, p, d in zip(kernel, padding, dilation, strict=True):
        if p > (d * (k - 1) + 1) // 2:
            raise refusal("nn.pool.padding", pad=p, kernel=k, dilation=d)


def _public_max(dims: int) -> Any:
    def forward(
        input: Tensor, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, return_indices: bool
    ) -> Any:  # fmt: skip
        kernel, pads, spread = (_each(v, dims) for v in (kernel_size, padding, dilation))
        steps = _each(stride, dims) if stride is not None and stride != () and stride != [] else kernel
        _check(input, kernel, steps, pads, spread, dims)
        if dims == 1:
            if _sizes(input._shape[-1:], kernel, steps, pads, spread, ceil_mode)[0] < 1:
                size = _sizes(input._shape[-1:], kernel, steps, pads, spread, ceil_mode)[0]
                raise refusal("nn.pool.output1d", size=size)
            options = [(1, *kernel), (1, *steps), (0, *pads), (1, *spread), ceil_mode, 2]
            values, indices = run(_MAX[2], [input.unsqueeze(-2), *options])
            values, indices = values.squeeze(-2), indices.squeeze(-2)
            if not return_indices and not values.requires_grad and not forward_ad.active:
                values = values.clone()  # made by a kernel of its own, where no derivative is wanted
        else:
            values, indices = run(_MAX[dims], [input, kernel, steps, pads, spread, ceil_mode, dims])
        return (values, indices) if return_indices else values

    return forward


# -- the mean of each window, a linear map -----------------------------------------------------------------------------


def _plan(
    spatial: Ints, kernel: Ints, stride: Ints, padding: Ints, ceil_mode: bool, include_pad: bool, divisor: Any
) -> tuple[Ints, list[tuple[Ints, Window, float]]]:  # fmt: skip
    ones = (1,) * len(spatial)
    out = _sizes(spatial, kernel, stride, padding, ones, ceil_mode)
    parts = []
    for at, seen in _windows(spatial, out, kernel, stride, padding, ones):
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


def _means(values: Array, out: Ints, parts: list[Any]) -> Array:
    dims = len(out)
    flat = values.reshape(math.prod(values.shape[:-dims]), *values.shape[-dims:])
    made = np.zeros((flat.shape[0], *out), flat.dtype)
    for at, seen, share in parts:
        made[(slice(None), *at)] = flat[(slice(None), *np.ix_(*seen))].sum(tuple(range(1, dims + 1))) / flat.dtype.type(
            share
        )
    return made.reshape(*values.shape[:-dims], *out)


def _shares(grad: Array, shape: Ints, parts: list[Any], dims: int) -> Array:
    made = np.zeros((math.prod(shape[:-dims]), *shape[-dims:]), grad.dtype)
    flat = grad.reshape(made.shape[0], *grad.shape[-dims:])
    for at, seen, share in parts:
        part = flat[(slice(None), *at)] / grad.dtype.type(share)
        made[(slice(None), *np.ix_(*seen))] += part.reshape(-1, *[1] * dims)
    return made.reshape(shape)


_AVG_OPTIONS = "int[] kernel, int[] stride, int[] padding, bool ceil_mode, bool include_pad, any divisor"


def _avg(self: Tensor, *options: Any) -> Tensor:
    dims = len(options[0])
    out, parts = _plan(self._shape[-dims:], *options)
    if min(out) < 1:
        raise _too_small(self._shape, out)
    a = self._read().astype(self._dtype.compute)
    return from_array(noisy(_means(a, out, parts), lambda x: _means(x, out, parts), [a], self._dtype), self._dtype)


def _avg_backward(grad_output: Tensor, self: Tensor, *options: Any) -> Tensor:
    dims = len(options[0])
    _, parts = _plan(self._shape[-dims:], *options)
    g = grad_output._read().astype(self._dtype.compute)
    return from_array(_shares(g, self._shape, parts, dims), self._dtype)


_AVG: dict[int, Any] = {}


def _declare_avg(dims: int) -> None:
    backward = declare(
        f"_avg_pool{dims}d_backward(Tensor grad_output, Tensor self, {_AVG_OPTIONS}) -> Tensor",
        forward=_avg_backward, node=f"AvgPool{dims}DBackwardBackward0",
        vjp={
            "grad_output": lambda grad, kernel, stride, padding, ceil_mode, include_pad, divisor: run(
                forward, [grad, kernel, stride, padding, ceil_mode, include_pad, divisor]
            ),
            "self": lambda grad: grad.new_zeros(grad.shape),
        },
        **_HIDDEN,
    )  # fmt: skip
    forward = declare(
        f"_avg_pool{dims}d(Tensor self, {_AVG_OPTIONS}) -> Tensor",
        forward=_avg, node=f"AvgPool{dims}DBackward0",
        vjp={
            "self": lambda grad, self, kernel, stride, padding, ceil_mode, include_pad, divisor: run(
                backward, [grad, self, kernel, stride, padding, ceil_mode, include_pad, divisor]
            )
        },
        **_HIDDEN,
    )  # fmt: skip
    _AVG[dims] = forward


_declare_avg(2)
_declare_avg(3)


def _public_avg(dims: int) -> Any:
    def forward(
        input: Tensor,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        ceil_mode: bool,
        count_include_pad: bool,
        divisor_override: Any = None,
    ) -> Tensor:
        kernel, pads = _each(kernel_size, dims), _each(padding, dims)
        steps = _each(stride, dims) if stride is not None and stride != () and stride != [] else kernel
        if divisor_override == 0:
            raise refusal("nn.pool.divisor")
        _check(input, kernel, steps, pads, (1,) * dims, dims)
        options = [ceil_mode, count_include_pad, divisor_override]
        if dims == 1:
            return run(_AVG[2], [input.unsqueeze(-2), (1, *kernel), (1, *steps), (0, *pads), *options]).squeeze(-2)
        return run(_AVG[dims], [input, kernel, steps, pads, *options])

    return forward


for _dims in (1, 2, 3):
    _recipe: dict[str, Any] = {
        "kernel_size": (1, 2),
        "stride": (None, 1, 2),
        "padding": (0,),
        "ceil_mode": (False, True),
    }
    declare(
        f"nn.functional.max_pool{_dims}d(Tensor input, any kernel_size, any stride=None, any padding=0, "
        "any dilation=1, "
        "bool ceil_mode=False, bool return_indices=False) -> Tensor",
        forward=_public_max(_dims),
        composite=True,
        smooth=False,
        exact=True,
        samples=domains.real(
            shapes=f"pool{_dims}d", arguments={**_recipe, "dilation": (1,), "return_indices": (False,)}
        ),
    )
    declare(
        f"nn.functional.avg_pool{_dims}d(Tensor input, any kernel_size, any stride=None, any padding=0, "
        "bool ceil_mode=False, "
        f"bool count_include_pad=True{', any divisor_override=None' if _dims > 1 else ''}) -> Tensor",
        forward=_public_avg(_dims),
        composite=True,
        samples=domains.real(shapes=f"pool{_dims}d", arguments={**_recipe, "divisor_override": (None, 3)}),
    )

# -- as many windows as asked for --------------------------------------------------------------------------------------


def _adaptive_parts(spatial: Ints, out: Ints) -> list[tuple[Ints, Window, float]]:
    return [(at, seen, float(math.prod(len(p) for p in seen))) for at, seen in _adaptive_windows(spatial, out)]


def _adaptive_avg(self: Tensor, out: Ints) -> Tensor:
    parts = _adaptive_parts(self._shape[-len(out) :], out)
    a = self._read().astype(self._dtype.compute)
    return from_array(noisy(_means(a, out, parts), lambda x: _means(x, out, parts), [a], self._dtype), self._dtype)


def _adaptive_avg_backward(grad_output: Tensor, self: Tensor, out: Ints) -> Tensor:
    parts = _adaptive_parts(self._shape[-len(out) :], out)
    g = grad_output._read().astype(self._dtype.compute)
    return from_array(_shares(g, self._shape, parts, len(out)), self._dtype)


_ADAPTIVE_AVG: dict[int, Any] = {}
_ADAPTIVE_MAX: dict[int, Any] = {}


def _declare_adaptive(dims: int) -> None:
    backward = declare(
        f"_adaptive_avg_pool{dims}d_backward(Tensor grad_output, Tensor self, int[] out) -> Tensor",
        forward=_adaptive_avg_backward, node=f"AdaptiveAvgPool{dims}DBackwardBackward0",
        vjp={
            "grad_output": lambda grad, out: run(forward, [grad, out]),
            "self": lambda grad: grad.new_zeros(grad.shape),
        },
        **_HIDDEN,
    )  # fmt: skip
    forward = declare(
        f"_adaptive_avg_pool{dims}d(Tensor self, int[] out) -> Tensor",
        forward=_adaptive_avg, node=f"AdaptiveAvgPool{dims}DBackward0",
        vjp={"self": lambda grad, self, out: run(backward, [grad, self, out])}, **_HIDDEN,
    )  # fmt: skip
    _ADAPTIVE_AVG[dims] = forward
    put = _PUT["adaptive_max", dims]
    _ADAPTIVE_MAX[dims] = declare(
        f"_adaptive_max_pool{dims}d(Tensor self, int[] out) -> (Tensor, Tensor)",
        forward=lambda self, out: _largest(self, list(_adaptive_windows(self._shape[-len(out) :], out)), out),
        node=f"AdaptiveMaxPool{dims}DBackward0", non_differentiable_outputs=(1,), exact=True, smooth=False,
        vjp={"self": lambda grad, self, result1, out: run(put, [grad, self, result1, len(out)])}, **_HIDDEN,
    )  # fmt: skip


_declare_adaptive(2)
_declare_adaptive(3)


def _wanted(output_size: Any, spatial: Ints) -> Ints:
    given = _each(output_size, len(spatial)) if output_size is not None else (None,) * len(spatial)
    return tuple(n if size is None else size for size, n in zip(given, spatial, strict=True))


def _public_adaptive_avg(dims: int) -> Any:
    def forward(input: Tensor, output_size: Any) -> Tensor:
        out = _wanted(output_size, input._shape[-dims:])
        if dims == 1:
            return run(_ADAPTIVE_AVG[2], [input.unsqueeze(-2), (1, *out)]).squeeze(-2) if out != (1,) else _overall(
                input.unsqueeze(-2), 2
            ).squeeze(-2)  # fmt: skip
        return _overall(input, dims) if set(out) == {1} else run(_ADAPTIVE_AVG[dims], [input, out])

    return forward


def _overall(input: Tensor, dims: int) -> Tensor:
    return input.mean(tuple(range(-1, -dims - 1, -1)), keepdim=True)


def _public_adaptive_max(dims: int) -> Any:
    def forward(input: Tensor, output_size: Any, return_indices: bool) -> Any:
        out = _wanted(output_size, input._shape[-dims:])
        if dims == 1:
            values, indices = run(_ADAPTIVE_MAX[2], [input.unsqueeze(-2), (1, *out)])
            values, indices = values.squeeze(-2), indices.squeeze(-2)
        else:
            values, indices = run(_ADAPTIVE_MAX[dims], [input, out])
        return (values, indices) if return_indices else values

    return forward


for _dims in (1, 2, 3):
    declare(
        f"nn.functional.adaptive_avg_pool{_dims}d(Tensor input, any output_size) -> Tensor",
        forward=_public_adaptive_avg(_dims), composite=True,
        samples=domains.real(shapes=f"pool{_dims}d", arguments={"output_size": (1, 2, 3)}),
    )  # fmt: skip
    declare(
        f"nn.functional.adaptive_max_pool{_dims}d(Tensor input, any output_size, bool return_indices=False) -> Tensor",
        forward=_public_adaptive_max(_dims), composite=True, smooth=False, exact=True,
        samples=domains.real(shapes=f"pool{_dims}d", arguments={"output_size": (1, 2, 3), "return_indices": (False,)}),
    )  # fmt: skip
