"""Arguments of layers and of matrix functions: images with their kernels, samples with their classes, systems that fit.

Recipes as in ``recipes.py``. A layer wants a first tensor of its own, so most of these make one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.generate.builder import Builder
from conformance.generate.families import making
from conformance.generate.families.recipes import Recipe, index_tensor, like
from conformance.program import steps as s


def _fresh(b: Builder, t: Any, shape: tuple[int, ...]) -> s.Ref:
    """A tensor of a shape, real or complex as ``t`` is; spoilt: one dimension too many, or one size off."""
    dtype = t.dtype.name if t.dtype.is_floating_point or t.dtype.is_complex else "float64"
    if b.spoil():
        shape = (*shape, 2) if b.choose.coin(0.5) else tuple(n + 1 for n in shape)
    return s.Ref(making.new(b, shape, dtype))


def _maybe(b: Builder, t: Any, shape: tuple[int, ...]) -> s.Ref | None:
    return _fresh(b, t, shape) if b.choose.coin(0.5) else None


def _image(b: Builder, dims: int, least: int = 2) -> tuple[int, ...]:
    return tuple(b.choose.integer(least, 4 - (dims == 3)) for _ in range(dims))


def _convolution(dims: int, transposed: bool) -> Recipe:
    def recipe(b: Builder, first: str) -> dict[str, Any]:
        t = b.tensors[first]
        come, go = b.choose.integer(1, 2), b.choose.integer(1, 2)
        kernel = tuple(b.choose.integer(1, 2) for _ in range(dims))
        batch = (b.choose.integer(1, 2),) if b.choose.coin(0.8) else ()
        return {
            "input": _fresh(b, t, (*batch, come, *_image(b, dims, 3 if dims < 3 else 2))),
            "weight": _fresh(b, t, ((come, go) if transposed else (go, come)) + kernel),
            "bias": _maybe(b, t, (go,)),
        }

    return recipe


def _pool(dims: int) -> Recipe:
    return lambda b, first: {"input": _fresh(b, b.tensors[first], (b.choose.integer(1, 2), 2, *_image(b, dims)))}


def _pad(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    mode = b.choose.one_of(("constant", "constant", "reflect", "replicate", "circular"))
    dims = b.choose.integer(1, 2)
    low = -1 if mode == "constant" else 0
    pad = s.Seq(tuple(b.choose.integer(low, 1) for _ in range(2 * dims)), "tuple")
    return {"input": _fresh(b, t, (1, 2, *_image(b, dims))), "pad": pad, "mode": mode, "value": None}


def _classes(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    n, classes = b.choose.integer(1, 3), b.choose.integer(2, 3)
    spots = (b.choose.integer(1, 2),) if b.choose.coin(0.2) else ()
    return {
        "input": _fresh(b, t, (n, classes, *spots)),
        "target": index_tensor(b, (n, *spots), classes),
        "weight": _maybe(b, t, (classes,)) if b.choose.coin(0.4) else None,
    }


def _layers(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    inner = (b.choose.integer(2, 3),) if b.choose.coin(0.7) else (2, 2)
    return {
        "input": _fresh(b, t, (b.choose.integer(1, 3), *inner)), "normalized_shape": s.Seq(inner, "tuple"),
        "weight": _maybe(b, t, inner), "bias": _maybe(b, t, inner),
    }  # fmt: skip


def _groups(b: Builder, first: str) -> dict[str, Any]:
    t, groups, each = b.tensors[first], b.choose.integer(1, 2), b.choose.integer(1, 2)
    channels = (groups * each,)
    return {
        "input": _fresh(b, t, (b.choose.integer(1, 2), *channels, 2)), "num_groups": groups,
        "weight": _maybe(b, t, channels), "bias": _maybe(b, t, channels),
    }  # fmt: skip


def _batch_norm(b: Builder, first: str) -> dict[str, Any]:
    t, channels = b.tensors[first], (b.choose.integer(1, 3),)
    training = b.choose.coin(0.6)
    dtype = t.dtype.name if t.dtype.is_floating_point else "float64"
    tracked = not training or b.choose.coin(0.4)

    def statistic() -> Any:
        return s.Ref(making.new(b, channels, dtype, False, low=0.5, high=2.0)) if tracked else None

    return {
        "input": _fresh(b, t, (b.choose.integer(2, 3), *channels)),
        "running_mean": statistic(),
        "running_var": statistic(),
        "weight": _maybe(b, t, channels),
        "bias": _maybe(b, t, channels),
        "training": training,
    }


def _linear(b: Builder, first: str) -> dict[str, Any]:
    t, come, go = b.tensors[first], b.choose.integer(1, 3), b.choose.integer(1, 3)
    lead = b.choose.one_of(((), (2,), (2, 1)))
    return {"input": _fresh(b, t, (*lead, come)), "weight": _fresh(b, t, (go, come)), "bias": _maybe(b, t, (go,))}


def _channels(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    count = int(t.shape[1]) if t.ndim > 1 and b.choose.coin(0.5) else 1
    return {"input": s.Ref(first), "weight": _fresh(b, t, (count,))}


def _halves(b: Builder, first: str) -> dict[str, Any]:
    dim = b.choose.integer(0, 1)
    shape = (4, 3) if dim == 0 else (3, 2)
    return {"self": _fresh(b, b.tensors[first], shape), "dim": dim}


def _added(base: Callable[[int, int, int, int], tuple[int, ...]], names: tuple[str, str], shapes: Any) -> Recipe:
    """What is added broadcasts to the product's shape."""

    def recipe(b: Builder, first: str) -> dict[str, Any]:
        t = b.tensors[first]
        n, k, m, batch = (b.choose.integer(1, 3) for _ in range(4))
        whole = base(batch, n, k, m)
        shape = whole if b.choose.coin(0.6) else whole[-1:]
        left, right = shapes(batch, n, k, m)
        return {"self": _fresh(b, t, shape), names[0]: _fresh(b, t, left), names[1]: _fresh(b, t, right)}

    return recipe


def _regular(b: Builder, first: str) -> dict[str, Any]:
    """A square matrix: random ones can mostly be inverted."""
    matrix = _fresh(b, b.tensors[first], (2, 2) if b.choose.coin(0.7) else (3, 3))
    return {"A": matrix, "self": matrix}


def _system(columns: bool) -> Recipe:
    def recipe(b: Builder, first: str) -> dict[str, Any]:
        t, n = b.tensors[first], b.choose.integer(1, 3)
        left = b.choose.coin(0.7)
        sides = b.choose.integer(1, 2)
        right = ((n, sides) if left else (sides, n)) if columns or not left or b.choose.coin(0.6) else (n,)
        return {"A": _fresh(b, t, (n, n)), "B": _fresh(b, t, right), "left": left}

    return recipe


def _same_matrix(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    return {"a": s.Ref(first), "b": like(b, t, tuple(reversed(t.shape)))}


def _kron(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    return {"self": _fresh(b, t, (2, 1)), "other": _fresh(b, t, b.choose.one_of(((2,), (1, 3), (2, 2))))}


LAYERS: dict[str, Recipe] = {
    **{f"conv{n}d": _convolution(n, False) for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _convolution(n, True) for n in (1, 2, 3)},
    **{f"pool{n}d": _pool(n) for n in (1, 2, 3)},
    "pad": _pad,
    "classes": _classes,
    "layers": _layers,
    "groups": _groups,
    "batch_norm": _batch_norm,
    "linear": _linear,
    "channels": _channels,
    "halves": _halves,
    "addmm": _added(lambda _, n, k, m: (n, m), ("mat1", "mat2"), lambda _, n, k, m: ((n, k), (k, m))),
    "addmv": _added(lambda _, n, k, m: (n,), ("mat", "vec"), lambda _, n, k, m: ((n, k), (k,))),
    "addr": _added(lambda _, n, k, m: (n, m), ("vec1", "vec2"), lambda _, n, k, m: ((n,), (m,))),
    "baddbmm": _added(lambda c, n, k, m: (c, n, m), ("batch1", "batch2"), lambda c, n, k, m: ((c, n, k), (c, k, m))),
    "addbmm": _added(lambda _, n, k, m: (n, m), ("batch1", "batch2"), lambda c, n, k, m: ((c, n, k), (c, k, m))),
    "regular": _regular,
    "solve": _system(False),
    "solve_matrix": _system(True),
    "matmul_same": _same_matrix,
    "kron": _kron,
}
