"""Images looked at through a grid: each place of the result is a weighted mean of the places around a point.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.grid_sample.html
"""

from __future__ import annotations

import math
from functools import partial, reduce
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.grid_sight import BICUBIC, NEAREST, Sight
from reference_engine.ops.kernels import Array, from_array, noisy
from reference_engine.ops.windows import Ints
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

_HIDDEN: dict[str, Any] = {"function": False, "method": False}
_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")
_OPTIONS = "int interpolation_mode, int padding_mode, bool align_corners"


def _unit(dims: int, *which: int) -> Ints:
    return tuple(which.count(d) for d in range(dims))


def _sizes(self: Tensor) -> Ints:
    return self._shape[2:]


def _refuse(input: Tensor, grid: Tensor, mode: int, dims: int) -> None:
    """Raise for arguments that do not go together, in the order of torch's checks."""
    refuse_common(input, grid)
    if len(input._shape) != dims + 2 or len(grid._shape) != dims + 2:
        raise refusal("nn.grid_sample.rank", rank=dims + 2, input=list(input._shape), grid=list(grid._shape))
    if dims == 3 and mode == BICUBIC:
        raise refusal("nn.grid_sample.bicubic")
    if not input._dtype.is_floating_point:
        kernel = "grid_sampler_2d_cpu_kernel_impl" if dims == 2 else "grid_sampler3d_cpu"
        raise refusal("ops.not_implemented_for", op=kernel, dtype=input._dtype.scalar_name)
    if grid._dtype is not input._dtype:
        raise refusal("nn.margin.dtype", expected=input._dtype.scalar_name, got=grid._dtype.scalar_name)


def refuse_common(input: Tensor, grid: Tensor) -> None:
    """Raise what every sampling refuses."""
    shapes = {"input": list(input._shape), "grid": list(grid._shape)}
    if input._shape[:1] != grid._shape[:1]:
        raise refusal("nn.grid_sample.batch", **shapes)
    if grid._shape[-1] != len(input._shape) - 2:
        raise refusal("nn.grid_sample.coordinates", dims=len(input._shape) - 2, grid=shapes["grid"])
    for dim in range(2, len(input._shape)):
        if not input._shape[dim]:
            raise refusal("nn.grid_sample.empty", input=shapes["input"], dim=dim)


def _sample(dims: int, input: Tensor, grid: Tensor, mode: int, padding: int, align: bool) -> Tensor:
    _refuse(input, grid, mode, dims)
    points = grid._read()
    if np.isnan(points).any():
        cite("nn.grid_sample.nan")
    if np.isinf(points).any():
        cite("nn.grid_sample.infinite")
    shape = (*input._shape[:2], *grid._shape[1:-1])
    if not math.prod(shape):
        return from_array(np.zeros(shape), input._dtype)

    def sampled(images: Array, points: Array, bound: bool = False) -> Array:
        sight = Sight(points, _sizes(input), mode, padding, align)
        seen = sight.seen(images)
        terms = np.abs(seen) if bound else sight.weights((0,) * dims)[:, None] * seen
        return reduce(np.add, np.moveaxis(terms, -1, 0)).reshape(shape)  # a sum in NumPy begins with a zero

    # the kernel for images rounds half precision after every step
    compute = input._dtype.np if dims == 2 else input._dtype.compute
    images, points = (t._read().astype(compute) for t in (input, grid))
    # a weight is only as precise as the place that it is of, not as its own size
    floor = sampled(images, points, bound=True)
    return from_array(
        noisy(sampled(images, points), sampled, [images, points], input._dtype, floor=floor), input._dtype
    )


def _sample_backward(
    dims: int, grad_output: Tensor, input: Tensor, grid: Tensor, mode: int, padding: int, align: bool
) -> tuple[Tensor, Tensor]:
    compute, shape = input._dtype.compute, input._shape

    def of_images(g: Array, points: Array, bound: bool = False) -> Array:
        sight = Sight(points, shape[2:], mode, padding, align)
        g = np.abs(g) if bound else g
        shares = (1 if bound else sight.weights((0,) * dims)[:, None]) * g.reshape(*shape[:2], -1)[..., None]
        shares = np.where(sight.inside[:, None], shares, 0)
        made = np.zeros((*shape[:2], math.prod(shape[2:])), g.dtype)
        for n, places in enumerate(sight.places):
            np.add.at(made[n].T, places, shares[n].transpose(1, 2, 0))
        return made.reshape(shape)

    def of_points(g: Array, images: Array, points: Array, bound: bool = False) -> Array:
        sight = Sight(points, shape[2:], mode, padding, align)
        pulled = sight.seen(images) * g.reshape(*shape[:2], -1)[..., None]
        pulled = (np.abs(pulled) if bound else pulled).sum(1)
        made = []
        for d in range(dims):
            parts = pulled if bound else sight.weights(_unit(dims, d)) * pulled
            slope = sight.slope(_unit(dims, d))
            made.append(parts.sum(-1) * (np.abs(slope) if bound else slope))
        return np.stack(made, -1).reshape(points.shape)

    g, images, points = (t._read().astype(compute) for t in (grad_output, input, grid))
    if not g.size:
        return from_array(np.zeros(shape), input._dtype), from_array(np.zeros(grid._shape), grid._dtype)
    floor = of_images(g, points, bound=True)
    first = noisy(of_images(g, points), of_images, [g, points], input._dtype, floor=floor)
    if mode == NEAREST:
        return from_array(first, input._dtype), from_array(np.zeros(grid._shape), grid._dtype)
    floor = of_points(g, images, points, bound=True)
    second = noisy(of_points(g, images, points), of_points, [g, images, points], grid._dtype, floor=floor)
    return from_array(first, input._dtype), from_array(second, grid._dtype)


def _weights(grid: Tensor, sizes: Ints, mode: int, padding: int, align: bool, orders: Ints) -> Tensor:
    sight = Sight(grid._read().astype(grid._dtype.compute), sizes, mode, padding, align)
    weights = sight.weights(orders)
    return from_array(weights * sight.slope(orders)[..., None] if any(orders) else weights, grid._dtype)


def _weights_vjp(
    grad: Tensor, grid: Tensor, sizes: Ints, interpolation_mode: int, padding_mode: int, align_corners: bool,
    orders: Ints,
) -> Tensor:  # fmt: skip
    import reference_engine as engine

    dims = len(orders)
    options = (sizes, interpolation_mode, padding_mode, align_corners)
    higher = [tuple(o + (i == d) for i, o in enumerate(orders)) for d in range(dims)]
    moved = [(grad * run(_WEIGHTS, [grid, *options, each])).sum(-1) for each in higher]
    made: Tensor = engine.stack(moved, -1).view(grid._shape)
    return made


_WEIGHTS = declare(
    f"_grid_weights(Tensor grid, int[] sizes, {_OPTIONS}, int[] orders) -> Tensor",
    forward=_weights, vjp={"grid": _weights_vjp}, **_HIDDEN,
)  # fmt: skip


class _Bent:
    """What a cotangent of the gradient by the points gives, in ops, so that it has a gradient in turn."""

    def __init__(self, go: Tensor, input: Tensor, grid: Tensor, mode: int, padding: int, align: bool) -> None:
        self.input, self.grid, self.mode = input, grid, mode
        self.options = (_sizes(input), mode, padding, align)
        self.dims = grid._shape[-1]
        sight = Sight(grid._read().astype(grid._dtype.compute), *self.options)
        (n, c), (points, taps) = input._shape[:2], sight.places.shape[1:]
        self.shape = (n, c, points, taps)
        places = np.ascontiguousarray(np.broadcast_to(sight.places[:, None], self.shape).reshape(n, c, points * taps))
        self.places = from_array(places, dtypes.int64)
        self.inside = from_array(sight.inside[:, None].astype(grid._dtype.np), grid._dtype)
        self.go = go.reshape(n, c, points, 1)

    def weights(self, *by: int) -> Tensor:
        orders = _unit(self.dims, *by)
        # straight pieces do not change with what they have been differentiated by
        constant = self.mode != BICUBIC and (min(orders) > 0 or max(orders) > 1)
        grid = self.grid.detach() if constant else self.grid
        made: Tensor = run(_WEIGHTS, [grid, *self.options, orders]).unsqueeze(1)
        return made

    def seen(self) -> Tensor:
        flat = self.input.reshape(*self.shape[:2], math.prod(_sizes(self.input)))
        return flat.gather(-1, self.places).view(self.shape) * self.inside

    def put_back(self, shares: Tensor) -> Tensor:
        n, c, points, taps = self.shape
        flat = shares.new_zeros((n, c, math.prod(_sizes(self.input))))
        shares = (shares * self.inside).reshape(n, c, points * taps)
        return flat.scatter_add(-1, self.places, shares).view(self.input._shape)

    def gradients(self, of_points: Tensor) -> dict[str, Any]:
        import reference_engine as engine

        dims, places = self.dims, self.grid._shape[:-1]
        steps = of_points.reshape(self.grid._shape[0], 1, self.shape[2], dims, 1).unbind(3)
        seen = self.seen()
        moved = sum((self.weights(d) * steps[d] for d in range(1, dims)), self.weights(0) * steps[0])
        pulled = self.go * seen
        bent = []
        for e in range(dims):
            parts = [(self.weights(d, e) * pulled * steps[d]).sum((1, -1)) for d in range(dims)]
            bent.append(sum(parts[1:], parts[0]).view(places))
        return {
            "grad_output": (moved * seen).sum(-1).view((*self.shape[:2], *places[1:])),
            "input": self.put_back(moved * self.go),
            "grid": engine.stack(bent, -1),
        }


def _added(a: dict[str, Any], b: dict[str, Any]) -> dict[str, Any]:
    return {name: a[name] + b[name] if name in a and name in b else a.get(name, b.get(name)) for name in {**a, **b}}


def _declare(dims: int) -> None:
    name = f"grid_sampler_{dims}d"

    def twice(
        grads: list[Any], grad_output: Tensor, input: Tensor, grid: Tensor, interpolation_mode: int,
        padding_mode: int, align_corners: bool,
    ) -> dict[str, Any]:  # fmt: skip
        of_images, of_points = grads
        options, made = (interpolation_mode, padding_mode, align_corners), {}
        if of_images is not None:
            made = {
                "grad_output": run(forward, [of_images, grid, *options]),
                "grid": run(backward, [grad_output, of_images, grid, *options])[1],
            }
        if of_points is None or interpolation_mode == NEAREST:
            return made
        return _added(made, _Bent(grad_output, input, grid, *options).gradients(of_points))

    traits: dict[str, Any] = {
        "forward": partial(_sample_backward, dims),
        "display": f"{name}_backward",
        **_HIDDEN,
    }
    signature = f"_{name}_backward(Tensor grad_output, Tensor input, Tensor grid, {_OPTIONS}) -> (Tensor, Tensor)"
    backward = declare(
        signature, vjp={"grad_output, input, grid": twice}, node=f"GridSampler{dims}DBackwardBackward0", **traits
    )  # fmt: skip
    underived = declare(signature, underived=True, **traits)

    def once(
        grad: Tensor, input: Tensor, grid: Tensor, interpolation_mode: int, padding_mode: int, align_corners: bool
    ) -> dict[str, Any]:  # fmt: skip
        chosen = backward if switch("nn.grid_sample.twice") else underived
        found = run(chosen, [grad, input, grid, interpolation_mode, padding_mode, align_corners])
        return dict(zip(("input", "grid"), found, strict=True))

    forward = declare(
        f"{name}(Tensor input, Tensor grid, {_OPTIONS}) -> Tensor",
        forward=partial(_sample, dims), node=f"GridSampler{dims}DBackward0",
        vjp={"input, grid": once}, method=False,
        samples=domains.real(
            -1.3, 1.3, shapes=f"grid{dims}d",
            arguments={
                "interpolation_mode": (0, 1, 2) if dims == 2 else (0, 1), "padding_mode": (0, 1, 2),
                "align_corners": (False, True),
            },
        ),
    )  # fmt: skip
    _SAMPLERS[dims] = forward


_SAMPLERS: dict[int, Any] = {}
_declare(2)
_declare(3)


def _sampler(input: Tensor, grid: Tensor, mode: int, padding: int, align: bool) -> Tensor:
    refuse_common(input, grid)
    dims = 2 if len(input._shape) == 4 else 3
    made: Tensor = run(_SAMPLERS[dims], [input, grid, mode, padding, align])
    return made


declare(
    f"grid_sampler(Tensor input, Tensor grid, {_OPTIONS}) -> Tensor",
    forward=_sampler, composite=True, method=False,
)  # fmt: skip


def _grid_sample(input: Tensor, grid: Tensor, mode: str, padding_mode: str, align_corners: Any) -> Tensor:
    if mode not in _MODES:
        raise refusal("nn.grid_sample.mode", mode=mode)
    if padding_mode not in _PADDINGS:
        raise refusal("nn.grid_sample.padding", mode=padding_mode)
    if align_corners is None:
        warn("nn.grid_sample.corners")
        align_corners = False
    return _sampler(input, grid, _MODES.index(mode), _PADDINGS.index(padding_mode), align_corners)


declare(
    "nn.functional.grid_sample(Tensor input, Tensor grid, any mode='bilinear', any padding_mode='zeros', "
    "any align_corners=None) -> Tensor",
    forward=_grid_sample, composite=True,
    samples=domains.real(
        -1.3, 1.3, shapes="grid2d",
        arguments={"mode": _MODES, "padding_mode": _PADDINGS, "align_corners": (False, True)},
    ),
)  # fmt: skip
