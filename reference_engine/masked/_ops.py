"""Reductions and normalisations of what a mask leaves: where it is False, an element is as if it were not there.

Masked-out elements are replaced by what changes nothing (zero in a sum, minus infinity for a maximum), and the usual
function does the rest.

Source: https://docs.pytorch.org/docs/stable/masked.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import reference_engine as engine
from reference_engine import dtypes
from reference_engine.dtypes import dtype as _dtype
from reference_engine.tensor import Tensor

Dims = int | Sequence[int] | None

# -- masks -------------------------------------------------------------------------------------------------------------


def _input_mask(input: Tensor, *args: Any, **options: Any) -> Tensor:
    """The mask as truth values of the shape of the input.

    Raises:
        ValueError: there is none. IndexError: it has more dimensions than the input.
    """
    mask: Tensor | None = options.get("mask")
    if mask is None:
        raise ValueError("_input_mask requires explicit mask")
    if mask.shape != input.shape:
        if mask.ndim > input.ndim:
            raise IndexError(
                "_input_mask expected broadcastable mask (got mask dimensionality higher than of the input)"
            )
        mask = engine.broadcast_to(mask.clone(), input.shape)
    return mask.to(dtype=dtypes.bool_)


_REDUCTIONS = (
    "sum", "prod", "amax", "amin", "argmax", "argmin", "mean", "median", "norm", "var", "std", "logsumexp",
)  # fmt: skip
_NORMALIZATIONS = ("softmax", "log_softmax", "softmin", "normalize", "cumsum", "cumprod")


def _output_mask(op: Any, input: Tensor, *args: Any, **options: Any) -> Tensor:
    """Which elements of the result of a masked function mean something: those that any element went into."""
    name = op.__name__
    if name in _NORMALIZATIONS:
        return _input_mask(input, *args, **options)
    if name not in _REDUCTIONS:
        raise ValueError(f"_output_mask expected masked operation (got callable {op.__module__}.{name})")
    rest = args[1:] if name == "norm" else args  # after the order of the norm
    dims = _canonical_dim(rest[0] if rest else options.get("dim"), input.ndim)
    found = _input_mask(input, *args, **options)
    for d in reversed(dims):
        found = found.any(dim=d, keepdim=bool(options.get("keepdim", False)))
    return found


def _neutral(name: str, input: Tensor, order: Any = None) -> Any:
    """The number that a reduction goes on from as if it had not been there."""
    d = input.dtype
    if name in ("sum", "cumsum"):
        return 0
    if name in ("prod", "cumprod"):
        return 1
    if name == "norm":
        if order != -math.inf:
            return 0
        if not d.is_floating_point:
            raise AssertionError(f"input must be floating point, got {d}")
        return math.inf
    if name == "median":
        return math.nan
    if d.is_complex and name == "logsumexp":
        return -math.inf + 0j
    if d is not dtypes.bool_:
        lowest = -math.inf if d.is_floating_point else dtypes.iinfo(d).min
        if name in ("amax", "argmax", "logaddexp", "logsumexp"):
            return lowest
        if name in ("amin", "argmin"):
            return math.inf if d.is_floating_point else dtypes.iinfo(d).max
    raise NotImplementedError(f"identity of {name} on {d} input")


def _combine(name: str, input: Tensor, mask: Tensor | None, order: Any = None) -> Tensor:
    if mask is None:
        return input
    inside = _input_mask(input, mask=mask)
    return engine.where(inside, input, engine.tensor(_neutral(name, input, order), dtype=input.dtype))


def _canonical_dim(dim: Dims, ndim: int) -> tuple[int, ...]:
    """Dimensions from the front, in order; all of them for None and for none at all."""
    if dim is None or dim == ():
        return tuple(range(ndim))
    bound = max(ndim, 1)
    found: list[int] = []
    for d in (dim,) if isinstance(dim, int) else dim:
        if d in found:
            raise RuntimeError(f"dim={d} appears multiple times in the list of dims")
        if not -bound <= d < bound:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-bound}, {bound - 1}], but got {d})"
            )
        found.append(d % bound)
    return tuple(sorted(found))


def _summed_in(input: Tensor, dtype: _dtype | None) -> _dtype:
    """Small integers add up in the widest one."""
    if dtype is not None:
        return dtype
    small = input.dtype.category == 0 or (input.dtype.category == 1 and input.dtype.itemsize < 8)
    return dtypes.int64 if small else input.dtype


# -- reductions --------------------------------------------------------------------------------------------------------


def sum(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: _dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    wanted, dims = _summed_in(input, dtype), _canonical_dim(dim, input.ndim)
    return engine.sum(_combine("sum", input, mask), dims, bool(keepdim), dtype=wanted)


def prod(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: _dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    wanted, dims = _summed_in(input, dtype), _canonical_dim(dim, input.ndim)
    found = _combine("prod", input, mask).to(dtype=wanted)
    for d in reversed(dims):
        found = found.prod(dim=d, keepdim=bool(keepdim))
    return found


def cumsum(input: Tensor, dim: int, *, dtype: _dtype | None = None, mask: Tensor | None = None) -> Tensor:
    wanted, axis = dtype or input.dtype, _canonical_dim(dim, input.ndim)[0]
    return engine.cumsum(_combine("sum", input, mask), axis, dtype=wanted).to(dtype=wanted)


def cumprod(input: Tensor, dim: int, *, dtype: _dtype | None = None, mask: Tensor | None = None) -> Tensor:
    wanted, axis = dtype or input.dtype, _canonical_dim(dim, input.ndim)[0]
    return engine.cumprod(_combine("prod", input, mask), axis, dtype=wanted).to(dtype=wanted)


def amax(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: _dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    left = _combine("amax", input, mask)
    return engine.amax(left, _canonical_dim(dim, left.ndim), bool(keepdim)).to(dtype=dtype or input.dtype)


def amin(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: _dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    left = _combine("amin", input, mask)
    return engine.amin(left, _canonical_dim(dim, left.ndim), bool(keepdim)).to(dtype=dtype or input.dtype)


def argmax(
    input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: _dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    return engine.argmax(_combine("argmax", input, mask), dim, bool(keepdim)).to(dtype=dtype or input.dtype)


def argmin(
    input: Tensor, dim: int | None = None, *, keepdim: bool | None = False, dtype: _dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    return engine.argmin(_combine("argmin", input, mask), dim, bool(keepdim)).to(dtype=dtype or input.dtype)


def _counted(input: Tensor, dim: Dims, keepdim: bool | None, mask: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """How many elements there are along dimensions, and the mask in full."""
    if mask is None:
        return sum(engine.ones(input.shape, dtype=dtypes.int64), dim, keepdim=keepdim), None
    inside = _input_mask(input, mask=mask)
    return inside.sum(dim=dim, keepdim=bool(keepdim)), inside


def mean(
    input: Tensor, dim: Dims = None, *, keepdim: bool | None = False, dtype: _dtype | None = None,
    mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """nan where nothing is left.

    Raises:
        ValueError: neither of the input's dtype nor of the one asked for is there a mean.
    """
    source, wanted = ("Input", input.dtype) if dtype is None else ("Optional", dtype)
    if not wanted.is_differentiable:
        raise ValueError(
            f"mean(): Could not infer output dtype. {source} dtype must be either "
            f"a floating point or complex dtype. Got: {wanted}"
        )
    count, inside = _counted(input, dim, keepdim, mask)
    return sum(input, dim, keepdim=keepdim, dtype=wanted, mask=inside) / count


def median(
    input: Tensor, dim: int = -1, *, keepdim: bool = False, dtype: _dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    """nan where nothing is left.

    Raises:
        ValueError: that is so for integers.
    """
    axis, floating = _canonical_dim(dim, input.ndim)[0], input.is_floating_point()
    values = input if floating else input.to(dtype=dtypes.float32)
    found: Tensor = engine.nanmedian(_combine("median", values, mask), axis, keepdim).values
    if floating:
        return found
    if found.isnan().any():
        raise ValueError("masked median expects no fully masked out rows if dtype is not floating point")
    return found.to(dtype=dtype or input.dtype)


def logsumexp(
    input: Tensor, dim: Dims = None, *, keepdim: bool = False, dtype: _dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    dims = _canonical_dim(dim, input.ndim)
    found = engine.logsumexp(_combine("logsumexp", input, mask), dims, keepdim=keepdim)
    return found.to(dtype=dtype or input.dtype)


def logaddexp(
    input: Tensor, other: Tensor, *, dtype: _dtype | None = None, input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    a, b = _combine("logaddexp", input, input_mask), _combine("logaddexp", other, other_mask)
    return engine.logaddexp(a, b).to(dtype=dtype or input.dtype)


def norm(
    input: Tensor, ord: float | None = 2.0, dim: Dims = None, *, keepdim: bool | None = False,
    dtype: _dtype | None = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    left = _combine("norm", input, mask, ord)
    dims = _canonical_dim(dim, input.ndim)
    return engine.linalg.vector_norm(left, ord, dims, bool(keepdim), dtype=dtype or input.dtype)


def _spread(
    input: Tensor, dim: Dims, unbiased: bool | None, correction: float | None, keepdim: bool | None,
    dtype: _dtype | None, mask: Tensor | None,
) -> Tensor:  # fmt: skip
    if unbiased is not None and correction is not None:
        raise AssertionError("Only one of unbiased and correction may be given")
    less = 1.0 if unbiased is None or unbiased else 0.0
    less = less if correction is None else float(correction)
    wanted = dtype or (input.dtype if input.dtype.is_differentiable else dtypes.float32)
    computed = wanted if wanted.is_differentiable else dtypes.float32
    count, inside = _counted(input, dim, True, mask)
    away = engine.subtract(input, engine.divide(sum(input, dim, keepdim=True, dtype=wanted, mask=inside), count))
    total = sum(away * away.conj(), dim, keepdim=keepdim, dtype=computed, mask=inside)
    if not keepdim:
        count = count.reshape(total.shape)
    if less != 0:
        count = engine.subtract(count.to(computed.to_real()), less)
        count = engine.maximum(count, count.new_zeros([]))
    return engine.divide(total, count).to(dtype=wanted)


def var(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: float | None = None,
    keepdim: bool | None = False, dtype: _dtype | None = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """nan where nothing is left."""
    return _spread(input, dim, unbiased, correction, keepdim, dtype, mask)


def std(
    input: Tensor, dim: Dims = None, unbiased: bool | None = None, *, correction: int | None = None,
    keepdim: bool | None = False, dtype: _dtype | None = None, mask: Tensor | None = None,
) -> Tensor:  # fmt: skip
    """nan where nothing is left."""
    return engine.sqrt(_spread(input, dim, unbiased, correction, keepdim, dtype, mask))


# -- normalisations ----------------------------------------------------------------------------------------------------


def softmax(input: Tensor, dim: int, *, dtype: _dtype | None = None, mask: Tensor | None = None) -> Tensor:
    axis = _canonical_dim(dim, input.ndim)[0]
    return engine.nn.functional.softmax(_combine("amax", input, mask), axis, dtype=dtype or input.dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: _dtype | None = None, mask: Tensor | None = None) -> Tensor:
    axis = _canonical_dim(dim, input.ndim)[0]
    return engine.nn.functional.log_softmax(_combine("amax", input, mask), axis, dtype=dtype or input.dtype)


def softmin(input: Tensor, dim: int, *, dtype: _dtype | None = None, mask: Tensor | None = None) -> Tensor:
    axis = _canonical_dim(dim, input.ndim)[0]
    return engine.nn.functional.softmin(_combine("amin", input, mask), axis, dtype=dtype or input.dtype)


def normalize(
    input: Tensor, ord: float, dim: int, *, eps: float = 1e-12, dtype: _dtype | None = None, mask: Tensor | None = None
) -> Tensor:
    left = _combine("sum", input, mask)
    size = norm(input, ord, dim, keepdim=True, dtype=dtype or input.dtype, mask=mask)
    return engine.divide(left, engine.maximum(size, size.new_full([], eps)))
