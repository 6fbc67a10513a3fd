"""Arguments that depend on each other: an index within range, a kernel that fits its image, sizes that add up.

A recipe is named by an op's sampling domain (``shapes=``) and gives some of the op's arguments, by name, for a first
tensor. Now and then it spoils one on purpose.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conformance.generate.builder import Builder
from conformance.generate.families import making
from conformance.program import steps as s

Recipe = Callable[[Builder, str], dict[str, Any]]


def index_tensor(b: Builder, shape: tuple[int, ...], bound: int) -> s.Ref:
    """An int64 tensor of indices below ``bound``; spoilt: one too large, or of another dtype."""
    count = making.numel(shape)
    values: list[Any] = [b.choose.integer(0, max(bound - 1, 0)) for _ in range(max(count, 1))]
    dtype = "int64"
    if b.spoil():
        if b.choose.coin(0.7):
            values[-1] = bound + 1
        else:
            dtype = "float32"
    name = b.fresh("i")
    b.emit(s.Make(name, tuple(values), shape, dtype))
    return s.Ref(name)


def mask(b: Builder, shape: tuple[int, ...]) -> s.Ref:
    return s.Ref(making.new(b, shape, "bool", False))


def like(b: Builder, t: Any, shape: tuple[int, ...]) -> s.Ref:
    """A tensor of a shape and the dtype of ``t``: one that is there, or a new one."""
    if b.spoil():
        shape = (*shape, 2)
    found = b.pick(lambda o: tuple(o.shape) == shape and o.dtype is t.dtype)
    if found is None or b.choose.coin(0.3):
        found = making.new(b, shape, t.dtype.name)
    return s.Ref(found)


def _dimension(b: Builder, t: Any) -> int:
    return b.choose.integer(0, t.ndim - 1) if t.ndim else 0


def _resized(t: Any, dim: int, size: int) -> tuple[int, ...]:
    shape = list(t.shape)
    if shape:
        shape[dim] = size
    return tuple(shape)


def _size(t: Any, dim: int) -> int:
    return int(t.shape[dim]) if t.ndim else 1


# -- indices -----------------------------------------------------------------------------------------------------------


def _gather(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim = _dimension(b, t)
    return {"dim": dim, "index": index_tensor(b, _resized(t, dim, b.choose.integer(1, 3)), _size(t, dim))}


def _scatter(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim = _dimension(b, t)
    shape = _resized(t, dim, b.choose.integer(1, 3))
    return {"dim": dim, "index": index_tensor(b, shape, _size(t, dim)), "src": like(b, t, shape)}


def _index_select(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim = _dimension(b, t)
    return {"dim": dim, "index": index_tensor(b, (b.choose.integer(1, 3),), _size(t, dim))}


def _index_add(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim, count = _dimension(b, t), b.choose.integer(1, 3)
    return {
        "dim": dim,
        "index": index_tensor(b, (count,), _size(t, dim)),
        "source": like(b, t, _resized(t, dim, count)),
    }


def _index_fill(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    return {**_index_select(b, first), "value": like(b, t, ())} if b.choose.coin(0.5) else _index_select(b, first)


def _masked_fill(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    out: dict[str, Any] = {"mask": mask(b, tuple(t.shape))}
    if b.choose.coin(0.5):
        out["value"] = like(b, t, ())
    return out


def _masked_scatter(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    return {"mask": mask(b, tuple(t.shape)), "source": like(b, t, (int(t.numel()),))}


def _take(b: Builder, first: str) -> dict[str, Any]:
    return {"index": index_tensor(b, (b.choose.integer(1, 3),), int(b.tensors[first].numel()))}


def _put(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    count = b.choose.integer(1, 3)
    return {"index": index_tensor(b, (count,), int(t.numel())), "source": like(b, t, (count,))}


def _take_along_dim(b: Builder, first: str) -> dict[str, Any]:
    found = _gather(b, first)
    return {"dim": found["dim"], "indices": found["index"]}


# -- parts of a tensor written into it ---------------------------------------------------------------------------------


def _select_scatter(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim = _dimension(b, t)
    shape = tuple(n for i, n in enumerate(t.shape) if i != dim)
    return {"dim": dim, "index": b.choose.integer(0, max(_size(t, dim) - 1, 0)), "src": like(b, t, shape)}


def _slice_scatter(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim = _dimension(b, t)
    start = b.choose.integer(0, _size(t, dim))
    end = b.choose.integer(start, _size(t, dim))
    return {"dim": dim, "start": start, "end": end, "step": 1, "src": like(b, t, _resized(t, dim, end - start))}


def _diagonal_scatter(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    shape = (*t.shape[2:], min(t.shape[:2])) if t.ndim > 1 else (1,)
    return {"offset": 0, "dim1": 0, "dim2": 1, "src": like(b, t, shape)}


def _as_strided_scatter(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    n = max(min(int(t.numel()), 2), 1)
    return {"size": s.Seq((n,)), "stride": s.Seq((1,)), "storage_offset": 0, "src": like(b, t, (n,))}


# -- sizes -------------------------------------------------------------------------------------------------------------


def _split_with_sizes(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim = _dimension(b, t)
    cut = b.choose.integer(0, _size(t, dim))
    rest = _size(t, dim) - cut + (1 if b.spoil() else 0)
    return {"split_sizes": s.Seq((cut, rest)), "dim": dim}


def _repeat(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    times = s.Seq(tuple(b.choose.integer(1 if t.numel() < 9 else 0, 2) for _ in range(t.ndim + b.choose.integer(0, 1))))
    return {"repeats": times, "dims": times}


def _unflatten(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim = _dimension(b, t)
    n = _size(t, dim)
    parts = [(1, n), (n, 1), (-1, 1)] + [(2, n // 2)] * (n > 0 and n % 2 == 0)
    return {"dim": dim, "sizes": s.Seq(b.choose.one_of(parts) if not b.spoil() else (n + 1, 1))}


def _unfold(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    dim = _dimension(b, t)
    size = b.choose.integer(0, _size(t, dim)) if not b.spoil() else _size(t, dim) + 1
    return {"dimension": dim, "size": size, "step": b.choose.integer(1, 2)}


def _pad(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    sides = 2 * b.choose.integer(0, min(t.ndim, 2))
    pads = s.Seq(tuple(b.choose.integer(0, 1) for _ in range(sides)))
    mode = b.choose.weighted(("constant", "reflect", "replicate", "circular"), (7, 8, 9, 10))
    return {"pad": pads, "mode": mode}


# -- images and classes ------------------------------------------------------------------------------------------------


def _image(b: Builder, rank: int, channels: int, requires_grad: bool | None = None) -> str:
    size = (3, 3, 2)[:rank]
    return making.new(
        b, (b.choose.integer(1, 2), channels, *size), b.choose.one_of(("float32", "float64")), requires_grad
    )


def _convolution(rank: int, transposed: bool) -> Recipe:
    def recipe(b: Builder, first: str) -> dict[str, Any]:
        inner, outer = b.choose.integer(1, 2), b.choose.integer(1, 2)
        image = _image(b, rank, inner)
        t = b.tensors[image]
        kernel = tuple(b.choose.integer(1, 2) for _ in range(rank))
        wrong = 1 if b.spoil() else 0
        shape = (inner, outer + wrong, *kernel) if transposed else (outer, inner + wrong, *kernel)
        out: dict[str, Any] = {"input": s.Ref(image), "weight": s.Ref(making.new(b, shape, t.dtype.name))}
        if b.choose.coin(0.5):
            out["bias"] = s.Ref(making.new(b, (outer,), t.dtype.name))
        else:
            out["bias"] = None
        return out

    return recipe


def _pool(rank: int) -> Recipe:
    return lambda b, first: {"input": s.Ref(_image(b, rank, b.choose.integer(1, 2)))}


def _channels(b: Builder, first: str) -> dict[str, Any]:
    t = b.tensors[first]
    channels = int(t.shape[1]) if t.ndim > 1 and b.choose.coin(0.5) else 1
    return {"weight": like(b, t, (channels,))}


def _classes(b: Builder, first: str) -> dict[str, Any]:
    scores = making.new(b, (b.choose.integer(1, 3), 3), b.choose.one_of(("float32", "float64")))
    t = b.tensors[scores]
    out: dict[str, Any] = {"input": s.Ref(scores), "target": index_tensor(b, (int(t.shape[0]),), 3), "weight": None}
    if b.choose.coin(0.3):
        out["weight"] = s.Ref(making.new(b, (3,), t.dtype.name, False))
    return out


def _halves(b: Builder, first: str) -> dict[str, Any]:
    return {"self": s.Ref(making.new(b, (2, 2 * b.choose.integer(1, 2)), "float64")), "dim": b.choose.one_of((-1, 1))}


def _pairs(b: Builder, first: str) -> dict[str, Any]:
    last = 2 if not b.spoil() else 3
    return {"self": s.Ref(making.new(b, (b.choose.integer(1, 3), last), b.choose.one_of(("float32", "float64"))))}


def _cdist(b: Builder, first: str) -> dict[str, Any]:
    x = making.new(b, (b.choose.integer(1, 3), 2), "float64")
    return {"x1": s.Ref(x), "x2": s.Ref(making.new(b, (2, 2 + (1 if b.spoil() else 0)), "float64"))}


def _searchsorted(b: Builder, first: str) -> dict[str, Any]:
    name = b.fresh()
    b.emit(s.Make(name, (-1.0, 0.0, 1.5), (3,), "float64"))
    return {"sorted_sequence": s.Ref(name), "boundaries": s.Ref(name), "sorter": None, "side": None}


def _quantile(b: Builder, first: str) -> dict[str, Any]:
    """Ranks from 0 to 1, one or several; spoilt: one beyond, or of too many dimensions."""
    shape: tuple[int, ...] = b.choose.one_of(((), (1,), (3,)))
    values = tuple(b.choose.one_of((0.0, 0.25, 0.5, 0.9, 1.0)) for _ in range(making.numel(shape)))
    if b.spoil():
        shape, values = b.choose.one_of((((1,), (1.5,)), ((1, 1), (0.5,))))
    name = b.fresh("q")
    b.emit(s.Make(name, values, shape, b.tensors[first].dtype.name, b.choose.coin(0.2)))
    return {"q": s.Ref(name)}


RECIPES: dict[str, Recipe] = {
    "quantile": _quantile,
    "gather": _gather,
    "scatter": _scatter,
    "index_select": _index_select,
    "index_add": _index_add,
    "index_fill": _index_fill,
    "masked_fill": _masked_fill,
    "masked_select": lambda b, first: {"mask": mask(b, tuple(b.tensors[first].shape))},
    "masked_scatter": _masked_scatter,
    "take": _take,
    "put": _put,
    "take_along_dim": _take_along_dim,
    "select_scatter": _select_scatter,
    "slice_scatter": _slice_scatter,
    "diagonal_scatter": _diagonal_scatter,
    "as_strided_scatter": _as_strided_scatter,
    "split_with_sizes": _split_with_sizes,
    "repeat": _repeat,
    "unflatten": _unflatten,
    "unfold": _unfold,
    "pad": _pad,
    **{f"conv{r}d": _convolution(r, False) for r in (1, 2, 3)},
    **{f"conv_transpose{r}d": _convolution(r, True) for r in (1, 2, 3)},
    **{f"pool{r}d": _pool(r) for r in (1, 2, 3)},
    "channels": _channels,
    "classes": _classes,
    "halves": _halves,
    "pairs": _pairs,
    "cdist": _cdist,
    "searchsorted": _searchsorted,
    "bucketize": _searchsorted,
}
