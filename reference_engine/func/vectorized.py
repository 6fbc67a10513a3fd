"""``vmap``: a function of one thing as a function of many. It runs once a slice; the results are stacked.

Source: https://docs.pytorch.org/docs/stable/generated/torch.vmap.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from reference_engine import levels, random
from reference_engine.func import trees
from reference_engine.semantics import cite, refusal
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
        chunk_size: how many slices are computed at a time. Changes no result here.
    """
    if randomness not in ("error", "different", "same"):
        raise refusal("functorch.vmap.randomness_value", got=randomness)
    if not (chunk_size is None or chunk_size > 0):
        raise refusal("functorch.vmap.chunk_size", got=chunk_size)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        name = _name(func)
        _check_out_dims(name, out_dims)
        flat, dims, structure = _mapped_arguments(name, in_dims, args)
        size = _batch_size([x.size(d) for x, d in zip(flat, dims, strict=True) if d is not None])
        seen = random.default_generator.snapshot()
        results = []
        with levels.entered("vmap"), levels.randomness(allowed=randomness != "error"):
            cite("functorch.vmap.slices")
            for i in range(max(size, 1)):
                if randomness == "same":
                    random.default_generator.restore(seen)
                slices = [_slice(x, d, i) for x, d in zip(flat, dims, strict=True)]
                results.append(func(*trees.unflatten(slices, structure), **kwargs))
        return _stacked(name, results, out_dims, size)

    return wrapper


def _slice(x: Any, dim: int | None, i: int) -> Any:
    if dim is None:
        return x
    if not x.shape[dim]:  # there is no slice; what the function makes of zeros tells the shapes
        return x.new_zeros(x.shape[:dim] + x.shape[dim + 1 :])
    return x.select(dim, i)


def _name(func: Any) -> str:
    if hasattr(func, "__name__"):
        return str(func.__name__)
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
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


def _stacked(name: str, results: Sequence[Any], out_dims: Any, size: int) -> Any:
    """One result of all slices, with the new dimension where ``out_dims`` says.

    Raises:
        ValueError: a result is not a tensor, or differs between slices where it must not; or ``out_dims`` is nested in
            another way.
    """
    _, structure = trees.flatten(results[0])
    if structure.kind is None:
        dims = [out_dims[0] if isinstance(out_dims, tuple) and len(out_dims) == 1 else out_dims]
        fits = dims[0] is None or isinstance(dims[0], int)
    else:
        found = trees.spread(out_dims, structure)
        dims, fits = found or [], found is not None
    if not fits:
        own = trees.flatten(out_dims)[1]
        raise refusal("functorch.vmap.out_dims.structure", name=name, out_dims=out_dims, own=own, outputs=structure)
    columns = zip(*(trees.flatten(r)[0] for r in results), strict=True)
    return trees.unflatten([_column(name, c, d, size) for c, d in zip(columns, dims, strict=True)], structure)


def _column(name: str, values: Sequence[Any], dim: int | None, size: int) -> Any:
    import reference_engine as engine

    first = values[0]
    if dim is None:
        if isinstance(first, Tensor) and any(v is not first for v in values):
            raise refusal("functorch.vmap.out_dims.none", name=name)
        return first
    if not isinstance(first, Tensor):
        raise refusal("functorch.vmap.output.tensors", name=name, type=type(first))
    stacked = engine.stack(list(values), dim)
    return stacked.narrow(dim, 0, 0) if not size else stacked
