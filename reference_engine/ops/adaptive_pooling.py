"""Pooling to as many windows as asked for.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.adaptive_avg_pool2d.html
"""

from __future__ import annotations

import math
from typing import Any

from reference_engine import strides
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import from_array
from reference_engine.ops.pool_arguments import (
    output_size,
    refuse_adaptive,
    refuse_adaptive_1d,
    refuse_adaptive_sizes,
)
from reference_engine.ops.pooling import averaged, refuse_dtype, shares, with_indices
from reference_engine.ops.windows import Ints, Window, adaptive_windows, declare_put, image_layout, largest_of
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}


def _parts(spatial: Ints, out: Ints) -> list[tuple[Ints, Window, float]]:
    return [(at, seen, float(math.prod(len(p) for p in seen))) for at, seen in adaptive_windows(spatial, out)]


def _avg(self: Tensor, out: Ints) -> Tensor:
    dims = len(out)
    refuse_adaptive("avg", dims, self._shape)
    refuse_dtype(self, f"adaptive_avg_pool{dims}d{'_cpu' * (dims == 3)}")
    parts = _parts(self._shape[-dims:], out)
    a = self._read().astype(self._dtype.compute)
    made = averaged(a, out, parts, self._dtype)
    return from_array(made, self._dtype, image_layout(self, made.shape) if dims == 2 else None)


def _avg_backward(grad_output: Tensor, self: Tensor, dims: int) -> Tensor:
    parts = _parts(self._shape[-dims:], grad_output._shape[-dims:])
    g = grad_output._read().astype(self._dtype.compute)
    layout = image_layout(self, self._shape) if dims == 2 else None
    return from_array(shares(g, self._shape, parts, dims), self._dtype, layout)


def _max(self: Tensor, out: Ints) -> tuple[Tensor, Tensor]:
    dims = len(out)
    half = "nn.pool.half" if dims == 2 else "nn.adaptive_pool.half_maxima_of_volumes"
    refuse_dtype(self, f"adaptive_max_pool{dims}d{'_cpu' * (dims == 3)}", half)
    return largest_of(self, adaptive_windows(self._shape[-dims:], out), out, dims == 2)


_AVG: dict[int, Any] = {}
_MAX: dict[int, Any] = {}


def _declare(dims: int) -> None:
    backward = declare(
        f"_adaptive_avg_pool{dims}d_backward(Tensor grad_output, Tensor self) -> Tensor",
        forward=lambda grad_output, self: _avg_backward(grad_output, self, dims),
        node=f"AdaptiveAvgPool{dims}DBackwardBackward0",
        vjp={
            "grad_output": lambda grad, grad_output_shape: run(_AVG[dims], [grad, grad_output_shape[-dims:]]),
            "self": lambda grad: grad.new_zeros(grad.shape),
        },
        **_HIDDEN,
    )  # fmt: skip
    _AVG[dims] = declare(
        f"_adaptive_avg_pool{dims}d(Tensor self, int[] output_size) -> Tensor",
        forward=_avg, node=f"AdaptiveAvgPool{dims}DBackward0",
        vjp={"self": lambda grad, self: run(backward, [grad, self])}, **_HIDDEN,
    )  # fmt: skip
    put = declare_put(
        f"_adaptive_max_pool{dims}d_backward", f"AdaptiveMaxPool{dims}DBackwardBackward0", dims, lambda: dims == 2
    )
    _MAX[dims] = declare(
        f"_adaptive_max_pool{dims}d(Tensor self, int[] output_size) -> (Tensor, Tensor)",
        forward=_max, node=f"AdaptiveMaxPool{dims}DBackward0", non_differentiable_outputs=(1,),
        exact=True, vjp={"self": lambda grad, self, result1: run(put, [grad, self, result1])}, **_HIDDEN,
    )  # fmt: skip


_declare(2)
_declare(3)


def _mean(input: Tensor, out: Ints, dims: int) -> Tensor:
    refuse_adaptive_sizes(dims, out)
    if set(out) != {1}:
        made: Tensor = run(_AVG[dims], [input, out])
        return made
    refuse_adaptive("avg", 2, (1, 1, *input._shape[-2:]))
    overall = input.mean(tuple(range(-1, -dims - 1, -1)), keepdim=True)
    follows = dims == 2 or switch("nn.pool.volumes_channels_last")
    if follows and len(input._shape) == dims + 2 and strides.suggests_channels_last(input._shape, input._strides):
        return overall.as_strided(overall._shape, strides.channels_last(overall._shape))
    return overall


def _public_avg(dims: int) -> Any:
    op = f"adaptive_avg_pool{dims}d"

    def forward(input: Tensor, wanted: Any) -> Tensor:
        out = output_size(op, dims, wanted, input._shape)
        if dims > 1:
            return _mean(input, out, dims)
        refuse_adaptive_1d(op, out, len(input._shape))
        return _mean(input.unsqueeze(-2), (1, *out), 2).squeeze(-2)

    return forward


def _largest(input: Tensor, out: Ints, dims: int) -> tuple[Tensor, Tensor]:
    refuse_adaptive("max", dims, input._shape)
    if len(out) != dims:
        raise refusal("nn.adaptive_pool.count_max", op=f"adaptive_max_pool{dims}d", dims=dims)
    if min(out) < 0:
        size = next(n for n in out if n < 0)
        raise refusal("tensor.size.negative", size=size, shape=[*input._shape[:-dims], *out])
    values, indices = run(_MAX[dims], [input, out])
    return values, indices


def largest_along(input: Tensor, wanted: Any) -> tuple[Tensor, Tensor]:
    """An adaptive pool of maxima along one dimension is one of images of one row."""
    op = "adaptive_max_pool1d"
    out = output_size(op, 1, wanted, input._shape)
    refuse_adaptive_1d(op, out, len(input._shape))
    if switch("nn.adaptive_pool.own_words"):
        for dim in range(1, len(input._shape)):
            if not input._shape[dim]:
                raise refusal("nn.adaptive_pool.empty", op=op, shape=list(input._shape), dim=dim)
    values, indices = _largest(input.unsqueeze(-2), (1, *out), 2)
    return values.squeeze(-2), indices.squeeze(-2)


def _public_max(dims: int) -> Any:
    op = f"adaptive_max_pool{dims}d"

    def forward(input: Tensor, wanted: Any, return_indices: bool) -> Any:
        if dims == 1:
            values, indices = largest_along(input, wanted)
        else:
            values, indices = _largest(input, output_size(op, dims, wanted, input._shape), dims)
        return (values, indices) if return_indices else values

    return forward


for _dims in (1, 2, 3):
    _name, _arguments = f"adaptive_max_pool{_dims}d", "Tensor input, any output_size, bool return_indices=False"
    _max_traits: dict[str, Any] = {
        "composite": True, "exact": True,
        "samples": domains.real(
            shapes=f"pool{_dims}d", arguments={"output_size": (1, 2, 3), "return_indices": (False,)}
        ),
    }  # fmt: skip
    declare(
        f"nn.functional.adaptive_avg_pool{_dims}d(Tensor input, any output_size) -> Tensor",
        forward=_public_avg(_dims), composite=True,
        samples=domains.real(shapes=f"pool{_dims}d", arguments={"output_size": (1, 2, 3)}),
    )  # fmt: skip
    declare(f"nn.functional.{_name}({_arguments}) -> Tensor", forward=_public_max(_dims), **_max_traits)
    declare(
        f"nn.functional.{_name}_with_indices({_arguments}) -> (Tensor, Tensor)",
        forward=with_indices(_public_max(_dims)),
        **_max_traits,
    )

declare(
    "adaptive_max_pool1d(Tensor input, any output_size) -> (Tensor, Tensor)",
    forward=largest_along, composite=True, exact=True, method=False,
    samples=domains.real(shapes="pool1d", arguments={"output_size": (1, 2, 3)}),
)  # fmt: skip
