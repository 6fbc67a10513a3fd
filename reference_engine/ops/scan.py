"""Running sums, products and extrema along a dimension."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, return_types
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import OutForm, declare
from reference_engine.ops.formulas import conj, over, some, times, where
from reference_engine.ops.kernels import elementwise, from_array, noisy, wrap_dim
from reference_engine.ops.reduction import read_as, summed_dtype
from reference_engine.ops.supported import HALF_LATER
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any

_WIDE = {np.dtype(np.float32): np.float64, np.dtype(np.complex64): np.complex128}


def _running(ufunc: Any, values: Array, axis: int) -> Array:
    """Single precision is accumulated in double."""
    if not values.ndim:
        return values
    wide = values.astype(_WIDE.get(values.dtype, values.dtype))
    return ufunc.accumulate(wide, axis=axis, dtype=wide.dtype).astype(values.dtype)


def _scan(self: Tensor, dim: int, d: dtypes.dtype, scan: Any, kernel: str) -> Tensor:
    axis = wrap_dim(dim, len(self._shape))
    support = elementwise(scan, name=kernel, not_for="bool", since=HALF_LATER)
    support.refuse_unsupported(d)
    a = read_as(self, d, self._shape)

    def run(x: Array) -> Array:
        return scan(x, axis)

    return from_array(np.asarray(noisy(run(a), run, [a], d)), d)


def reversed_cumsum(t: Tensor, dim: int) -> Tensor:
    """Sums from each element to the last."""
    return t.flip(dim).cumsum(dim).flip(dim)


def _trivial(t: Tensor, dim: int) -> bool:
    return t.numel() <= 1 or t._shape[wrap_dim(dim, len(t._shape))] == 1


# -- sums and products ---------------------------------------------------------------------------------------------


def _cumsum_vjp(grad: Tensor, self_dtype: dtypes.dtype, dim: int) -> Tensor:
    grad = grad.to(self_dtype)
    return grad if _trivial(grad, dim) else reversed_cumsum(grad, dim)


def _cumprod_vjp(grad: Tensor, self: Tensor, result: Tensor, dim: int) -> Tensor:
    """Without zeros a division undoes each product; with a zero the products without it are made anew."""
    grad = grad.to(self.dtype)
    if _trivial(self, dim):
        return grad
    values = conj(self)
    if not some(self == 0):
        return reversed_cumsum(conj(result) * grad, dim).div(values)
    return _cumprod_with_zeros(grad, values, wrap_dim(dim, len(self._shape)))


def _cumprod_with_zeros(grad: Tensor, values: Tensor, dim: int) -> Tensor:
    """Element k is a factor of the products k, k+1, ...: each with that factor left out, times its cotangent."""
    cite("reduction.cumprod.zeros")
    import reference_engine as engine

    n = values._shape[dim]
    ones = engine.ones(tuple(1 if i == dim else s for i, s in enumerate(values._shape)), dtype=grad.dtype)
    apart = levels.is_mapped(values) or levels.is_mapped(grad)
    made = engine.zeros(values._shape, dtype=grad.dtype)
    parts = []
    for k in range(n):
        if k == 0:
            shown = tuple(1 if i == dim else s for i, s in enumerate(values._shape))
            others = engine.cat([ones.expand(shown), values.narrow(dim, 1, n - 1).cumprod(dim)], dim)
        else:
            before = values.narrow(dim, 0, k).prod(dim, keepdim=True)
            after = values.narrow(dim, k + 1, n - k - 1).cumprod(dim)
            others = before if k == n - 1 else engine.cat([before, before.expand(after._shape) * after], dim)
        part = (grad.narrow(dim, k, n - k) * others).sum(dim)
        if apart:  # one slice of zeros has no room for those of all
            parts.append(part)
        else:
            made.select(dim, k).copy_(part)
    return engine.stack(parts, dim) if apart else made


def _cumulative(name: str, ufunc: Any, vjp: Any) -> None:
    kernel = f"{name}_out_cpu"

    def scan(values: Array, axis: int) -> Array:
        found = _running(ufunc, values, axis)
        return found + values.dtype.type(0) if ufunc is np.add else found  # summed from zero: no negative zero

    def in_place(self: Tensor, dim: int, dtype: Any) -> Tensor:
        if dtype is not None and dtype is not self._dtype:
            raise refusal("reduction.cumulative.in_place_dtype", got=self._dtype.cpp_name, dtype=dtype.cpp_name)
        return _scan(self, dim, self._dtype, scan, kernel)

    samples = domains.numbers(special=(0.0,), arguments={"dim": "dim"})
    declare(
        f"{name}(Tensor self, int dim, *, dtype? dtype=None) -> Tensor",
        forward=lambda self, dim, dtype: _scan(self, dim, summed_dtype(self, dtype), scan, kernel),
        vjp={"self": vjp}, out=True, samples=samples,
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, int dim, *, dtype? dtype=None) -> Tensor",
        forward=in_place, vjp={"self": vjp}, inplace=True, method=False, function=False,
    )  # fmt: skip


_cumulative("cumsum", np.add, _cumsum_vjp)
_cumulative("cumprod", np.multiply, _cumprod_vjp)

# -- sums of exponentials ------------------------------------------------------------------------------------------


def _log_of_running_sum(values: Array, axis: int) -> Array:
    if values.dtype.kind != "c":
        return _running(np.logaddexp, values, axis) + values.dtype.type(0)  # the sum begins with the logarithm of zero
    if not values.ndim or not values.shape[axis]:
        return values
    from reference_engine.ops.exponential import complex_logaddexp

    wide = np.moveaxis(values.astype(np.complex128), axis, 0)
    out = np.empty_like(wide)
    out[0] = wide[0]
    for i in range(1, len(wide)):
        out[i] = complex_logaddexp(wide[i], out[i - 1])
    return np.moveaxis(out, 0, axis).astype(values.dtype)


def _logcumsumexp(self: Tensor, dim: int) -> Tensor:
    axis = wrap_dim(dim, len(self._shape))
    if self._dtype.category < 2 or (self._dtype.is_complex and not switch("reduction.logcumsumexp_complex")):
        raise refusal("ops.not_implemented_for", op="logcumsumexp_out_cpu", dtype=self._dtype.scalar_name)
    return _scan(self, axis, self._dtype, _log_of_running_sum, "logcumsumexp_out_cpu")


def _logcumsumexp_vjp(grad: Tensor, self: Tensor, result: Tensor, dim: int) -> Tensor:
    """Sums of positive and of negative cotangents apart, since only positive numbers have a logarithm."""
    import reference_engine as engine

    if not grad._shape or not grad.numel():
        return grad

    def collect(logs: Tensor) -> Tensor:
        return ((logs - result).flip(dim).logcumsumexp(dim).flip(dim) + self).exp()

    if grad.is_complex():
        return conj(collect(conj(grad).log()))
    lowest = engine.scalar_tensor(dtypes.finfo(grad.dtype).min, dtype=grad.dtype)
    absent = grad == 0
    size = (where(absent, 1.0, grad) if some(absent) else grad).abs().log()
    return collect(where(grad > 0, size, lowest)) - collect(where(grad < 0, size, lowest))


declare(
    "logcumsumexp(Tensor self, int dim) -> Tensor",
    forward=_logcumsumexp, vjp={"self": _logcumsumexp_vjp},
    out=OutForm(same_dtype=True, refused="reduction.logcumsumexp.out"),
    samples=domains.field(special=(-math.inf,), arguments={"dim": "dim"}),
)  # fmt: skip

# -- extrema -------------------------------------------------------------------------------------------------------


def _place_vjp(grad: Tensor, self: Tensor, dim: int, result1: Tensor) -> Tensor:
    """To the element that was the extremum, the later one of two equal."""
    cite("reduction.cummax.tie")
    return grad.new_zeros(self.shape).scatter_add(dim, result1, grad)


def _cumulative_extremum(name: str, ufunc: Any) -> None:
    def forward(self: Tensor, dim: int) -> Any:
        if not self._shape and dim not in (0, -1):
            raise refusal("reduction.cummax.scalar_dim", op=name, dim=dim)
        axis = wrap_dim(dim, len(self._shape))
        elementwise(ufunc, name=f"{name}_cpu", not_for="complex", since=HALF_LATER).refuse_unsupported(self._dtype)
        values = self._read().astype(self._dtype.compute)
        if not values.ndim or not values.size:
            return kind((from_array(values, self._dtype), from_array(np.zeros(values.shape, np.int64), dtypes.int64)))
        best = ufunc.accumulate(values, axis=axis)
        here = (values == best) | (np.isnan(values) & np.isnan(best))  # a tie moves on to the later element
        place = np.arange(values.shape[axis]).reshape([-1 if i == axis else 1 for i in range(values.ndim)])
        at = np.maximum.accumulate(np.where(here, place, 0), axis=axis)
        return kind((from_array(best, self._dtype), from_array(at, dtypes.int64)))

    kind = getattr(return_types, name)
    declare(
        f"{name}(Tensor self, int dim) -> (Tensor values, Tensor indices)",
        forward=forward, non_differentiable_outputs=(1,), out=True, exact=True,
        vjp={"self": _place_vjp},
        samples=domains.ordered(special=(0.0, math.nan), arguments={"dim": "dim"}),
    )  # fmt: skip


_cumulative_extremum("cummax", np.maximum)
_cumulative_extremum("cummin", np.minimum)

# -- differences and areas -----------------------------------------------------------------------------------------


def _diff(self: Tensor, n: int, dim: int, prepend: Tensor | None, append: Tensor | None) -> Tensor:
    import reference_engine as engine

    out = kernels.destination
    if not self._shape:
        raise refusal("reduction.diff.scalar")
    axis = wrap_dim(dim, len(self._shape))
    for extra in (prepend, append):
        if extra is None:
            continue
        if len(extra._shape) != len(self._shape):
            raise refusal("reduction.diff.rank")
        for i, (mine, its) in enumerate(zip(self._shape, extra._shape, strict=True)):
            if i != axis and mine != its:
                raise refusal("reduction.diff.shape", dim=i, size=mine, got=its)
    if n < 0 and switch("reduction.diff_order_checked"):
        raise refusal("reduction.diff.order", n=n)
    if n <= 0:
        return engine.zeros_like(self).copy_(self)
    parts = [t for t in (prepend, self, append) if t is not None]
    t = engine.cat(parts, axis) if len(parts) > 1 else self
    times = min(n, t._shape[axis])
    for i in range(times):
        size = t._shape[axis] - 1
        later, earlier = t.narrow(axis, 1, size), t.narrow(axis, 0, size)
        subtract = engine.logical_xor if t._dtype is dtypes.bool_ else engine.sub
        t = subtract(later, earlier, out=out if i == times - 1 else None)
    return t


declare(
    "diff(Tensor self, int n=1, int dim=-1, Tensor? prepend=None, Tensor? append=None) -> Tensor",
    forward=_diff, composite=True, out=True, hands_out=True,
    samples=domains.numbers(arguments={"n": (1, 2), "dim": "dim"}),
)  # fmt: skip


def _sample_widths(op: str, y: Tensor, x: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    """The widths between sample points, and the values at their left and right ends."""
    n, missing = y._shape[dim], len(y._shape) - len(x._shape)
    if len(x._shape) == 1:
        if x._shape[0] != n:
            raise refusal("reduction.trapezoid.points", op=op)
        x = x.view(tuple(n if i == dim else 1 for i in range(len(y._shape))))
    elif missing > 0:
        x = x.view((1,) * missing + x._shape)
    width = x._slice(dim, 1, None, 1) - x._slice(dim, 0, -1, 1)
    return width, *_ends(y, dim)


def _ends(y: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """All but the last and all but the first: nothing, where there is nothing."""
    n = y._shape[dim]
    return y.narrow(dim, 0, max(n - 1, 0)), y.narrow(dim, min(n, 1), max(n - 1, 0))


def _trapezoid_check(op: str, y: Tensor, dim: int) -> int:
    if not y._shape:
        raise refusal("ops.dim.scalar" if op == "trapezoid" else "ops.slice.scalar", dim=dim)
    axis = wrap_dim(dim, len(y._shape))
    if y._dtype is dtypes.bool_:
        raise refusal("reduction.trapezoid.bool", op=op)
    return axis


def _trapezoid(y: Tensor, x: Tensor, dim: int) -> Tensor:
    axis = _trapezoid_check("trapezoid", y, dim if y._shape else 0)
    if not y._shape[axis]:
        return y.new_zeros(y._shape[:axis] + y._shape[axis + 1 :])
    width, left, right = _sample_widths("trapezoid", y, x, axis)
    return over(((left + right) * width).sum(axis), 2.0)


def _trapezoid_even(y: Tensor, dx: Any, dim: int) -> Tensor:
    axis = _trapezoid_check("trapezoid", y, dim)
    if not y._shape[axis]:
        return y.new_zeros(y._shape[:axis] + y._shape[axis + 1 :])
    return times(y.sum(axis) - times(y.select(axis, 0) + y.select(axis, -1), 0.5), dx)


def _cumulative_trapezoid(y: Tensor, x: Tensor, dim: int) -> Tensor:
    axis = _trapezoid_check("cumulative_trapezoid", y, dim)
    width, left, right = _sample_widths("cumulative_trapezoid", y, x, axis)
    return over(((left + right) * width).cumsum(axis), 2.0)


def _cumulative_trapezoid_even(y: Tensor, dx: Any, dim: int) -> Tensor:
    axis = _trapezoid_check("cumulative_trapezoid", y, dim)
    left, right = _ends(y, axis)
    return times(left + right, dx / 2.0).cumsum(axis)


for _name, _between, _even, _aliases in (
    ("trapezoid", _trapezoid, _trapezoid_even, ("trapz",)),
    ("cumulative_trapezoid", _cumulative_trapezoid, _cumulative_trapezoid_even, ()),
):
    _options: dict[str, Any] = {"composite": True, "method": False, "aliases": _aliases}
    declare(
        f"{_name}(Tensor y, Tensor x, *, int dim=-1) -> Tensor", forward=_between,
        samples=domains.field(shapes="same", arguments={"dim": "dim"}), **_options,
    )  # fmt: skip
    declare(
        f"{_name}(Tensor y, *, Scalar dx=1, int dim=-1) -> Tensor", forward=_even,
        samples=domains.field(arguments={"dx": (1, 0.5), "dim": "dim"}), **_options,
    )  # fmt: skip
