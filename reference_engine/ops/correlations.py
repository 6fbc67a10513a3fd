"""Three sums over windows: each is linear in two arrays, and gives what the third is multiplied by."""

from __future__ import annotations

import numpy as np

from reference_engine.ops.kernels import Array

Ints = tuple[int, ...]


def _windows(x: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """Shape (n, c, *positions, *kernel): a look at what each position of the kernel sees."""
    x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in padding)])
    reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
    axes = tuple(range(2, x.ndim))
    seen = np.lib.stride_tricks.sliding_window_view(x, reach, axis=axes)
    every = tuple(slice(None, None, s) for s in stride) + tuple(slice(None, None, d) for d in dilation)
    return seen[(slice(None), slice(None), *every)]


def _letters(dims: int) -> tuple[str, str]:
    return "xyz"[:dims], "ijk"[:dims]


def correlate(x: Array, w: Array, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Array:
    """What each kernel finds at each position."""
    dims = w.ndim - 2
    at, inside = _letters(dims)
    seen = _windows(x, w.shape[2:], stride, padding, dilation)
    seen = seen.reshape(x.shape[0], groups, -1 if x.shape[1] else 0, *seen.shape[2:])
    kernels = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    found = np.einsum(f"ngc{at}{inside},goc{inside}->ngo{at}", seen, kernels, optimize=True)
    return found.reshape(x.shape[0], w.shape[0], *found.shape[3:])


def spread(g: Array, w: Array, shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Array:
    """The transpose of ``correlate`` in its first argument: what is found goes back to where it was seen."""
    dims = w.ndim - 2
    made = np.zeros((*shape[:2], *(n + 2 * p for n, p in zip(shape[2:], padding, strict=True))), g.dtype)
    at, _ = _letters(dims)
    parts = g.reshape(g.shape[0], groups, g.shape[1] // groups, *g.shape[2:])
    kernels = w.reshape(groups, w.shape[0] // groups, *w.shape[1:])
    for where in np.ndindex(*w.shape[2:]):
        share = np.einsum(f"ngo{at},goc->ngc{at}", parts, kernels[(..., *where)], optimize=True)
        spots = tuple(
            slice(k * d, k * d + s * (n - 1) + 1, s) if n else slice(0, 0)
            for k, d, s, n in zip(where, dilation, stride, g.shape[2:], strict=True)
        )
        made[(slice(None), slice(None), *spots)] += share.reshape(shape[0], shape[1], *g.shape[2:])
    inner = tuple(slice(p, p + n) for p, n in zip(padding, shape[2:], strict=True))
    return made[(slice(None), slice(None), *inner)]


def kernels_of(x: Array, g: Array, shape: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int) -> Array:
    """The transpose of ``correlate`` in its second argument."""
    dims = len(shape) - 2
    at, inside = _letters(dims)
    seen = _windows(x, shape[2:], stride, padding, dilation)
    seen = seen[(slice(None), slice(None), *(slice(0, n) for n in g.shape[2:]))]
    seen = seen.reshape(x.shape[0], groups, x.shape[1] // groups, *seen.shape[2:])
    parts = g.reshape(g.shape[0], groups, g.shape[1] // groups, *g.shape[2:])
    found = np.einsum(f"ngc{at}{inside},ngo{at}->goc{inside}", seen, parts, optimize=True)
    return found.reshape(shape)
