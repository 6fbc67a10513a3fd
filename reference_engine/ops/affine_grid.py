"""The points of a grid, moved by affine maps.

Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.affine_grid.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine.dtypes import dtype
from reference_engine.ops import domains
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import Array, from_array
from reference_engine.semantics import refusal, warn
from reference_engine.tensor import Tensor

Ints = tuple[int, ...]


def _along(count: int, align: bool, d: dtype) -> Array:
    """From -1 to 1: the outer places there, or half a step inside."""
    if count <= 1:
        return np.zeros(count, d.compute)
    places = np.linspace(-1, 1, count, dtype=np.float64).astype(d.compute)
    return places if align else places * d.compute.type((count - 1) / count)


def _base(size: Ints, align: bool, d: dtype) -> Tensor:
    """The coordinates of every place and a one: (batch, places, coordinates + 1)."""
    spatial = size[2:]
    axes = [_along(n, align, d) for n in spatial]
    grid = np.ones((*spatial, len(spatial) + 1), d.compute)
    for number, places in enumerate(np.meshgrid(*axes, indexing="ij")):
        grid[..., len(spatial) - 1 - number] = places
    flat = grid.reshape(math.prod(spatial), len(spatial) + 1)
    return from_array(np.broadcast_to(flat, (size[0], *flat.shape)), d)


def _affine(theta: Tensor, size: Ints, align: bool) -> Tensor:
    if len(size) not in (4, 5):
        raise refusal("nn.affine_grid.generator")
    turned = theta.detach().transpose(1, 2)
    moved = _base(size, align, theta._dtype).bmm(turned)
    return from_array(moved._read().reshape(size[0], *size[2:], len(size) - 2), theta._dtype)


def _affine_vjp(grad: Tensor, size: Ints, align_corners: bool) -> Tensor:
    dims = len(size) - 2
    base = _base(size, align_corners, grad._dtype).transpose(1, 2)
    return base.bmm(grad.reshape((size[0], math.prod(size[2:]), dims))).transpose(1, 2)


_GENERATOR = declare(
    "affine_grid_generator(Tensor theta, int[] size, bool align_corners) -> Tensor",
    forward=_affine, node="AffineGridGeneratorBackward0", vjp={"theta": _affine_vjp}, method=False,
    samples=domains.real(shapes="affine", arguments={"align_corners": (False, True)}),
)  # fmt: skip


def _affine_grid(theta: Tensor, size: Any, align_corners: Any) -> Tensor:
    if align_corners is None:
        warn("nn.grid_sample.corners")
        align_corners = False
    if not theta._dtype.is_floating_point:
        raise refusal("nn.affine_grid.dtype", dtype=theta._dtype)
    if len(size) not in (4, 5):
        raise refusal("nn.affine_grid.size", size=size)
    dims = len(size) - 2
    if len(theta._shape) != 3 or theta._shape[-2:] != (dims, dims + 1):
        raise refusal(
            "nn.affine_grid.theta", dims=dims, matrix=f"x{dims}x{dims + 1}", size=size, shape=theta.shape
        )  # fmt: skip
    if align_corners and min(size[-dims:]) == 1:
        warn("nn.affine_grid.unit")
    elif min(size) <= 0:
        raise refusal("nn.affine_grid.empty", size=size)
    made: Tensor = run(_GENERATOR, [theta, tuple(size), align_corners])
    return made


declare(
    "nn.functional.affine_grid(Tensor theta, any size, any align_corners=None) -> Tensor",
    forward=_affine_grid, composite=True,
    samples=domains.real(shapes="affine", arguments={"align_corners": (False, True)}),
)  # fmt: skip
