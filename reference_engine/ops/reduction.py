"""Sums, means, products and truth over dimensions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes, levels
from reference_engine.modes import no_grad, state
from reference_engine.ops import domains, kernels, shadow
from reference_engine.ops.declare import OVERLAPS, declare
from reference_engine.ops.formulas import conj, over, some, where
from reference_engine.ops.kernels import from_array, noisy, to_floating, wrap_dim, wrap_dims
from reference_engine.ops.supported import HALF, refuse_unsupported
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.strides import numel
from reference_engine.tensor import Tensor

Array = Any
Ints = tuple[int, ...]

# -- shapes --------------------------------------------------------------------------------------------------------


def expand_reduced(grad: Tensor, shape: Ints, dims: Any, keepdim: bool) -> Tensor:
    """Show the gradient of a reduced result in the shape of the argument."""
    return unsqueeze_reduced(grad, shape, dims, keepdim).expand(shape)


def unsqueeze_reduced(t: Tensor, shape: Ints, dims: Any, keepdim: bool) -> Tensor:
    """Put back the dimensions that a reduction of ``shape`` removed, with size one. A total stays a scalar."""
    if not shape or keepdim or dims is None or dims == ():
        return t
    for d in sorted(wrap_dims(dims, len(shape))):
        t = t.unsqueeze(d)
    return t


def count(shape: Ints, dims: Any) -> int:
    """How many elements go into each result."""
    return math.prod(shape[d] for d in wrap_dims(dims, len(shape))) if shape else 1


def reduced_shape(self: Tensor, dims: Any, keepdim: bool) -> Ints:
    """The shape that is left when the dimensions are gone, or are of one element."""
    gone = wrap_dims(dims, len(self._shape))
    return tuple(1 if i in gone else n for i, n in enumerate(self._shape) if keepdim or i not in gone)


def read_as(self: Tensor, d: dtypes.dtype, shape: Ints) -> Array:
    """The values in the dtype that a reduction computes in, to a result of this shape."""
    values = self._read()
    if values.dtype.kind == "c" and not d.is_complex:
        kernels.shape_out(shape)
        warn("ops.cast.discards_imaginary")
        values = values.real
    return values.astype(d.compute)


def summed_dtype(self: Tensor, dtype: Any) -> dtypes.dtype:
    """Integers and truth values are summed as int64."""
    d: dtypes.dtype = dtype or (dtypes.int64 if self._dtype.category < 2 else self._dtype)
    if d.category < 2 and self.requires_grad and state.grad:
        if self._dtype.is_complex:
            warn("ops.cast.discards_imaginary")  # computed first: only the result cannot be recorded
        raise refusal("ops.sum.integer_dtype", dtype=d.scalar_name)
    return d


# -- sums ----------------------------------------------------------------------------------------------------------


def _on_the_way(add: Any, values: Array, d: dtypes.dtype) -> tuple[Any, bool]:
    """For the shadow: how much was added up, whose error stays where terms cancel; and whether that was rounded."""
    if shadow.active is None or not d.is_differentiable:
        return 0.0, False
    return add(np.abs(values)), shadow.sum_is_rounded(values, d)


def _sum(self: Tensor, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    d = summed_dtype(self, dtype)
    axes = wrap_dims(dim, len(self._shape))
    a = read_as(self, d, reduced_shape(self, dim, keepdim))

    def total(x: Array) -> Array:
        return np.sum(x, axis=axes, keepdims=keepdim, dtype=x.dtype)

    return from_array(np.asarray(noisy(total(a), total, [a], d, *_on_the_way(total, a, d))), d)


declare(
    "sum(Tensor self, *, dtype? dtype=None) -> Tensor",
    forward=lambda self, dtype: _sum(self, None, False, dtype),
    vjp={"self": lambda grad, self_shape: grad.expand(self_shape)},
    samples=domains.numbers(),
)  # fmt: skip

declare(
    "sum(Tensor self, int[]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    node="SumBackward1", forward=_sum,
    vjp={"self": lambda grad, self_shape, dim, keepdim: expand_reduced(grad, self_shape, dim, keepdim)},
    out=OVERLAPS, samples=domains.numbers(arguments={"dim": "dims", "keepdim": (False, True)}),
)  # fmt: skip


def _nansum(self: Tensor, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    if self._dtype.is_complex:
        raise refusal("reduction.nansum.complex")
    if self._dtype.category < 2:  # nan is no integer
        return _sum(self, dim, keepdim, dtype)
    d = summed_dtype(self, dtype)
    integers = d.category < 2 and (kernels.destination is not None or not switch("reduction.nansum_to_integers"))
    if d.is_complex or integers:
        kernels.shape_out(reduced_shape(self, dim, keepdim))
        raise refusal("ops.not_implemented_for", op="nansum_cpu", dtype=d.scalar_name)
    axes = wrap_dims(dim, len(self._shape))
    a = read_as(self, d, reduced_shape(self, dim, keepdim))

    def total(x: Array) -> Array:
        return np.nansum(x, axis=axes, keepdims=keepdim, dtype=x.dtype)

    return from_array(np.asarray(noisy(total(a), total, [a], d, *_on_the_way(total, a, d))), d)


def _nansum_vjp(grad: Tensor, self: Tensor, dim: Any, keepdim: bool) -> Tensor:
    cite("reduction.nansum.nan")
    return expand_reduced(grad.to(self.dtype), self._shape, dim, keepdim) * self.isnan().logical_not()


declare(
    "nansum(Tensor self, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    forward=_nansum,
    vjp={"self": _nansum_vjp},
    out=OVERLAPS, samples=domains.ordered(special=(math.nan,), arguments={"dim": "dims", "keepdim": (False, True)}),
)  # fmt: skip

# -- means ---------------------------------------------------------------------------------------------------------


def _mean(self: Tensor, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    d = dtype or self._dtype
    if not d.is_differentiable:
        raise refusal("ops.mean.dtype", op="mean", dtype=d.scalar_name, reason="Input" if dtype is None else "Optional")
    axes = wrap_dims(dim, len(self._shape))
    a = read_as(self, d, reduced_shape(self, dim, keepdim))
    n = count(self._shape, dim)

    def average(x: Array) -> Array:
        total = np.sum(x, axis=axes, keepdims=keepdim, dtype=x.dtype)
        total = total.astype(d.np).astype(x.dtype) if d.compute != d.np else total  # the sum is rounded, then divided
        return total / x.dtype.type(n)

    return from_array(np.asarray(noisy(average(a), average, [a], d, *_on_the_way(average, a, d))), d)


_MEANS: dict[str, Any] = {"forward": lambda self, dtype: _mean(self, None, False, dtype), "samples": domains.field()}
_MEAN_OUT = replace(OVERLAPS, floating=True)
_MEANS["out"] = replace(_MEAN_OUT, since="reduction.mean_all_out")
declare(
    "mean(Tensor self, *, dtype? dtype=None) -> Tensor", when="!reduction.mean_all_saves",
    vjp={"self": lambda grad, self_shape: over(grad.expand(self_shape), numel(self_shape))}, **_MEANS,
)  # fmt: skip
declare(
    "mean(Tensor self, *, dtype? dtype=None) -> Tensor", when="reduction.mean_all_saves",
    vjp={"self": lambda grad, self: over(grad.expand(self._shape), self.numel())}, **_MEANS,
)  # fmt: skip


def _spread(grad: Tensor, shape: tuple[int, ...], dim: Any, keepdim: bool) -> Tensor:
    return over(expand_reduced(grad, shape, dim, keepdim), count(shape, dim))


_BY_DIM: dict[str, Any] = {
    "node": "MeanBackward1", "forward": _mean, "out": _MEAN_OUT,
    "samples": domains.field(arguments={"dim": "dims", "keepdim": (False, True)}),
}  # fmt: skip
declare(
    "mean(Tensor self, int[]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor", when="!reduction.mean_saves",
    vjp={"self": lambda grad, self_shape, dim, keepdim: _spread(grad, self_shape, dim, keepdim)}, **_BY_DIM,
)  # fmt: skip
declare(
    "mean(Tensor self, int[]? dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor", when="reduction.mean_saves",
    vjp={"self": lambda grad, self, dim, keepdim: _spread(grad, self._shape, dim, keepdim)}, **_BY_DIM,
)  # fmt: skip


def _nanmean(self: Tensor, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    import reference_engine as engine

    out = kernels.destination
    if not self._dtype.is_differentiable or (self._dtype.is_complex and not switch("reduction.nanmean_complex")):
        raise refusal("reduction.nanmean.dtype", dtype=self._dtype.scalar_name)
    if dtype is not None and not dtype.is_differentiable and switch("reduction.nanmean_asks_dtype"):
        raise refusal("reduction.nanmean.result_dtype", dtype=dtype.scalar_name)
    numbers = self.detach().isnan().logical_not_().sum(dim, keepdim)
    if out is None:
        return self.nansum(dim, keepdim, dtype=dtype).div(numbers)
    if switch("reduction.nanmean_out_recorded"):
        return engine.nansum(self, dim, keepdim, dtype=dtype, out=out).div_(numbers)
    with no_grad():
        engine.nansum(self, dim, keepdim, dtype=dtype, out=out)
    if state.grad and out.requires_grad and out.is_leaf:
        raise refusal("inplace.view_of_leaf")
    return out.div_(numbers)


declare(
    "nanmean(Tensor self, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    forward=_nanmean, composite=True, out=True, hands_out=True,
    samples=domains.real(special=(math.nan,), arguments={"dim": "dims", "keepdim": (False, True)}),
)  # fmt: skip

# -- products ------------------------------------------------------------------------------------------------------


def _prod(self: Tensor, dim: int | None, keepdim: bool, dtype: Any) -> Tensor:
    d = summed_dtype(self, dtype)
    refuse_unsupported("prod_out_cpu" if switch("reduction.prod_bfloat16") else "prod_cpu", d)
    axis = wrap_dims(dim, len(self._shape))
    a = read_as(self, d, reduced_shape(self, dim, keepdim))

    def product(x: Array) -> Array:
        return np.prod(x, axis=axis, keepdims=keepdim, dtype=x.dtype)

    return from_array(np.asarray(noisy(product(a), product, [a], d)), d)


def _products_of_others(grad: Tensor, values: Tensor, dim: int) -> Tensor:
    """The gradient where factors may be zero: each gets the product of those before and of those after it."""
    import reference_engine as engine

    n = values._shape[dim]
    if not values.numel():
        return engine.zeros_like(values)
    if n == 1:
        return grad
    cite("reduction.prod.zeros")
    ones = engine.ones(tuple(1 if i == dim else s for i, s in enumerate(values._shape)), dtype=grad.dtype)
    before = engine.cat([ones, values.narrow(dim, 0, n - 1)], dim).cumprod(dim)
    after = engine.cat([ones, values.narrow(dim, 1, n - 1).flip(dim)], dim).cumprod(dim).flip(dim)
    others = before * after
    if some(others.isnan()) and not some(values.isinf().logical_or(values.isnan())):
        cite("reduction.prod.overflow")
        others = where(others.isnan(), 0, others)  # a zero among the others, whatever the rest of them overflows to
    return grad * conj(others)


def _prod_all_vjp(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    import reference_engine as engine

    if not self._shape:
        return grad.clone()
    self = self.to(grad.dtype)
    zeros = 1 if levels.is_mapped(self) else int((self._read() == 0).sum())
    if not zeros:
        return grad * conj(result / self)
    cite("convention.prod.zeros")
    if zeros > 1 and not state.grad:
        return engine.zeros_like(self)
    return _products_of_others(grad, self.contiguous().view(-1), 0).view(self._shape)


def _prod_dim_vjp(grad: Tensor, self: Tensor, result: Tensor, dim: int, keepdim: bool) -> Tensor:
    if not self._shape:
        return grad.clone()
    dim = wrap_dim(dim, len(self._shape))
    self = self.to(grad.dtype)
    if not keepdim:
        grad, result = grad.unsqueeze(dim), result.unsqueeze(dim)
    if not some(self == 0):
        return grad * conj(result / self)
    cite("convention.prod.zeros")
    return _products_of_others(grad, self, dim)


declare(
    "prod(Tensor self, *, dtype? dtype=None) -> Tensor",
    forward=lambda self, dtype: _prod(self, None, False, dtype), vjp={"self": _prod_all_vjp},
    samples=domains.numbers(special=(0.0,)),
)  # fmt: skip

declare(
    "prod(Tensor self, int dim, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    node="ProdBackward1", forward=_prod, vjp={"self": _prod_dim_vjp},
    out=OVERLAPS, samples=domains.numbers(special=(0.0,), arguments={"dim": "dim", "keepdim": (False, True)}),
)  # fmt: skip

# -- sums of exponentials ------------------------------------------------------------------------------------------


def _logsumexp(self: Tensor, dim: Ints, keepdim: bool) -> Tensor:
    if kernels.written_dtype is not None and not kernels.written_dtype.is_differentiable:
        raise refusal("reduction.logsumexp.out", dtype=kernels.written_dtype.scalar_name)
    d = to_floating(self._dtype)[1]
    if d.is_complex and not switch("reduction.logsumexp_complex"):
        raise refusal("reduction.logsumexp.dtype", dtype=d.scalar_name)
    refuse_unsupported("exp_vml_cpu", d, HALF)
    if dim == () and self._shape and not keepdim:
        raise refusal("inplace.broadcast_shape", shape=[], result=[1] * len(self._shape))
    axes = wrap_dims(dim, len(self._shape))
    a = self._read().astype(d.compute)

    def log_of_sum(x: Array) -> Array:
        """Shifted by the largest exponent, unless that is infinite."""
        if not x.size:
            return np.log(np.sum(np.exp(x), axis=axes, keepdims=keepdim))
        shift = np.max(x.real, axis=axes, keepdims=True)
        shift = np.where(np.isinf(shift), x.real.dtype.type(0), shift)
        sums = np.log(np.sum(np.exp(x - shift), axis=axes, keepdims=keepdim))
        return sums + shift.reshape(sums.shape)

    return from_array(np.asarray(noisy(log_of_sum(a), log_of_sum, [a], d)), d)


def _logsumexp_vjp(grad: Tensor, self: Tensor, result: Tensor, dim: Ints, keepdim: bool) -> Tensor:
    cite("reduction.logsumexp.minus_infinity")
    shape = self._shape
    grad, result = unsqueeze_reduced(grad, shape, dim, keepdim), unsqueeze_reduced(result, shape, dim, keepdim)
    return grad * conj((self - result).exp())


declare(
    "logsumexp(Tensor self, int[] dim, bool keepdim=False) -> Tensor",
    forward=_logsumexp, vjp={"self": _logsumexp_vjp}, out=OVERLAPS, aliases=("special.logsumexp",),
    samples=domains.field(special=(-math.inf,), arguments={"dim": "dims", "keepdim": (False, True)}),
)  # fmt: skip

# -- truth ---------------------------------------------------------------------------------------------------------


def _any_all(name: str, fn: Any) -> None:
    def apply(self: Tensor, dim: Any, keepdim: bool) -> Tensor:
        out_dtype = kernels.written_dtype
        if out_dtype is not None and out_dtype not in (dtypes.bool_, dtypes.uint8):
            raise refusal("reduction.any.out", op=name, dtype=out_dtype.scalar_name)
        axes = () if dim == () else wrap_dims(dim, len(self._shape))  # of no dimensions: element by element
        a = self._read()
        if self._dtype.is_complex and not switch("ops.cast.complex_to_bool"):
            warn("ops.cast.discards_imaginary")
            a = a.real
        out = fn(a.astype(bool), axis=axes, keepdims=keepdim)
        return from_array(np.asarray(out), dtypes.uint8 if self._dtype is dtypes.uint8 else dtypes.bool_)

    options: dict[str, Any] = {"exact": True, "out": OVERLAPS}
    declare(
        f"{name}(Tensor self) -> Tensor",
        forward=lambda self: apply(self, None, False),
        samples=domains.numbers(),
        **options,
    )
    declare(
        f"{name}(Tensor self, int dim, bool keepdim=False) -> Tensor",
        forward=apply, samples=domains.numbers(arguments={"dim": "dim", "keepdim": (False, True)}), **options,
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, int[]? dim=None, bool keepdim=False) -> Tensor",
        forward=apply, when="reduction.any_of_several_dims", **options,
    )  # fmt: skip


_any_all("any", np.any)
_any_all("all", np.all)


def _count_nonzero(self: Tensor, dim: Any) -> Tensor:
    axes = wrap_dims(dim, len(self._shape))
    return from_array(np.asarray(np.sum(self._read() != 0, axis=axes, dtype=np.int64)), dtypes.int64)


declare(
    "count_nonzero(Tensor self, int[]? dim=None) -> Tensor", forward=_count_nonzero, exact=True,
    samples=domains.numbers(special=(0.0,), arguments={"dim": "dims"}),
)  # fmt: skip
