"""``vmap``: a function of one thing as a function of many. Its arguments are batches inside (``ops/batching.py``).

Source: https://docs.pytorch.org/docs/stable/generated/torch.vmap.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from reference_engine import levels, random
from reference_engine.func import trees
from reference_engine.ops import kernels
from reference_engine.semantics import refusal
from reference_engine.tensor import Tensor


def vmap(
    func: Callable[..., Any], in_dims: Any = 0, out_dims: Any = 0, randomness: str = "error", *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:  # fmt: skip
    """The function that runs ``func`` for each slice of its arguments.

    Args:
        func: takes tensors and returns tensors, in any nesting.
        in_dims: the dimension of each argument to go along; None passes it whole. Nested as the arguments are.
        out_dims: where that dimension is in the results; None for a result that is the same for all slices.
        randomness: "error", or whether the slices see "same" or "different" random numbers.
        chunk_size: how many slices are computed at a time. Changes no result.
    """
    if randomness not in ("error", "different", "same"):
        raise refusal("functorch.vmap.randomness_value", got=randomness)
    if not (chunk_size is None or chunk_size > 0):
        raise refusal("functorch.vmap.chunk_size", got=chunk_size)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        name = name_of(func)
        _check_out_dims(name, out_dims)
        flat, dims, structure = _mapped_arguments(name, in_dims, args)
        size = _batch_size([x.size(d) for x, d in zip(flat, dims, strict=True) if d is not None])

        def run(flat: Sequence[Any], size: int) -> tuple[list[Any], trees.Structure, list[Any]]:
            with levels.entered("vmap", size, randomness) as level:
                batches = [
                    x if d is None else levels.batch(levels.awake(x), d, level) for x, d in zip(flat, dims, strict=True)
                ]
                output = func(*trees.unflatten(batches, structure), **kwargs)
                found, shape = trees.flatten(output)
                places = _places(name, shape, out_dims)
                inside = [_checked(name, value, dim, level) for value, dim in zip(found, places, strict=True)]
            return (
                [_unbatched(value, at, dim, size) for (value, at), dim in zip(inside, places, strict=True)],
                shape,
                places,
            )

        if chunk_size is None:
            results, shape, _ = run(flat, size)
            return trees.unflatten(results, shape)
        return _in_chunks(run, flat, dims, _chunks(size, chunk_size), randomness)

    return wrapper


def mapped_over(func: Callable[..., Sequence[Tensor]], batches: Sequence[Tensor], size: int) -> list[Tensor]:
    """``func`` for each row of ``batches``, its results stacked, for functions of this engine that are vectorised."""
    with levels.entered("vmap", size, "refused") as level:
        found = func(*(levels.batch(x, 0, level) for x in batches))
        inside = [_checked(name_of(func), value, 0, level) for value in found]
    return [_unbatched(value, at, 0, size) for value, at in inside]


def _chunks(size: int, chunk_size: int) -> list[int]:
    whole, rest = divmod(size, chunk_size)
    return [chunk_size] * whole + [rest] * (rest > 0)


def _in_chunks(run: Callable[..., Any], flat: list[Any], dims: list[Any], sizes: list[int], randomness: str) -> Any:
    """Some slices at a time; the results are put together."""
    import reference_engine as engine

    ends = [sum(sizes[: i + 1]) for i in range(len(sizes) - 1)]
    pieces = [
        [x] * len(sizes) if d is None else engine.tensor_split(x, ends, dim=d) for x, d in zip(flat, dims, strict=True)
    ]
    seen = random.default_generator.snapshot()
    made = []
    for chunk, size in zip(zip(*pieces, strict=True), sizes, strict=True):
        if randomness == "same":
            random.default_generator.restore(seen)
        results, shape, places = run(chunk, size)
        made.append(results)
    joined = [engine.cat(list(column), dim=at) for column, at in zip(zip(*made, strict=True), places, strict=True)]
    return trees.unflatten(joined, shape)


def name_of(func: Any) -> str:
    if hasattr(func, "__name__"):
        return str(func.__name__)
    if isinstance(func, functools.partial):
        return f"functools.partial({name_of(func.func)}, ...)"
    return repr(func)


# -- arguments ---------------------------------------------------------------------------------------------------------


def _mapped_arguments(name: str, in_dims: Any, args: tuple[Any, ...]) -> tuple[list[Any], list[Any], trees.Structure]:
    """The arguments without their nesting, and the dimension of each to go along.

    Raises:
        ValueError: ``in_dims`` is of another type or nesting, or names no dimension of its argument.
    """
    if not isinstance(in_dims, (int, tuple)):
        raise refusal("functorch.vmap.in_dims.type", name=name, in_dims=in_dims, type=type(in_dims))
    if not args:
        raise refusal("functorch.vmap.no_inputs", name=name)
    flat, structure = trees.flatten(args)
    dims = trees.spread(in_dims, structure)
    if dims is None:
        own = trees.flatten(in_dims)[1]
        raise refusal("functorch.vmap.in_dims.structure", name=name, in_dims=in_dims, own=own, inputs=structure)
    for i, (x, dim) in enumerate(zip(flat, dims, strict=True)):
        if dim is None:
            continue
        words = {"name": name, "in_dims": in_dims, "in_dim": dim}
        if not isinstance(dim, int):
            raise refusal("functorch.vmap.in_dims.entry", **words)
        if not isinstance(x, Tensor):
            raise refusal("functorch.vmap.in_dims.not_tensor", type=type(x), **words)
        if not -x.dim() <= dim < x.dim():
            raise refusal("functorch.vmap.in_dims.range", ndim=x.dim(), **words)
        dims[i] = dim % x.dim()
    return flat, dims, structure


def _batch_size(sizes: Sequence[int]) -> int:
    if not sizes:
        raise refusal("functorch.vmap.nothing_mapped")
    if any(size != sizes[0] for size in sizes):
        raise refusal("functorch.vmap.sizes", sizes=list(sizes))
    return sizes[0]


# -- results -----------------------------------------------------------------------------------------------------------


def _check_out_dims(name: str, out_dims: Any) -> None:
    for dim in trees.flatten(out_dims)[0]:
        if dim is not None and not isinstance(dim, int):
            raise refusal("functorch.vmap.out_dims.type", name=name, out_dims=out_dims)


def _places(name: str, structure: trees.Structure, out_dims: Any) -> list[Any]:
    """Where the new dimension of each result is.

    Raises:
        ValueError: ``out_dims`` is nested in another way than the results.
    """
    if structure.kind is None:
        dims = [out_dims[0] if isinstance(out_dims, tuple) and len(out_dims) == 1 else out_dims]
        fits = dims[0] is None or isinstance(dims[0], int)
    else:
        found = trees.spread(out_dims, structure)
        dims, fits = found or [], found is not None
    if not fits:
        own = trees.flatten(out_dims)[1]
        raise refusal("functorch.vmap.out_dims.structure", name=name, out_dims=out_dims, own=own, outputs=structure)
    return dims


def _checked(name: str, value: Any, dim: int | None, level: levels.Level) -> tuple[Any, int | None]:
    """What is below a result, and its batch dimension.

    Raises:
        ValueError: it is no tensor, or a batch that is to be the same for all slices.
    """
    t = levels.awake(value) if isinstance(value, Tensor) else None
    batched = t is not None and t._level is level
    if dim is None:
        if batched:
            raise refusal("functorch.vmap.out_dims.none", name=name)
        return value, None
    if t is None:
        raise refusal("functorch.vmap.output.tensors", name=name, type=type(value))
    return (t._below, t._batch_dim) if batched else (t, None)


def _unbatched(value: Any, at: int | None, dim: int | None, size: int) -> Any:
    """A result outside of vmap, with the batch dimension where it is wanted; one that is no batch is repeated."""
    if dim is None:
        return value
    if at is None:
        value, at = value.expand(size, *value.shape), 0
    place = kernels.wrap_dim(dim, value.dim())
    return value if place == at else value.movedim(at, place)
