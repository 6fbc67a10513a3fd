"""Norms and distances."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.ops import domains, kernels
from reference_engine.ops.citing import differentiated
from reference_engine.ops.declare import EXACT, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.distance_gradients import second_derivative
from reference_engine.ops.formulas import conj, decided, not_derived, some, times, where
from reference_engine.ops.kernels import broadcast_shapes, from_array, noisy, wrap_dim, wrap_dims
from reference_engine.ops.reduction import unsqueeze_reduced
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any
Dims = Any

_ORDERS = (2, 1, 3, 0.5, 1.5, 0, math.inf, -math.inf, -1)

# -- the norm of a vector, for every order ---------------------------------------------------------------------------


def norm_of(values: Array, order: float, axes: tuple[int, ...], keepdim: bool, single_is_size: bool = True) -> Array:
    """The norm over some axes; `single_is_size` says whether that of one element is its size, without powers."""
    size = np.abs(values)
    options: dict[str, Any] = {"axis": axes, "keepdims": keepdim}
    if size.dtype == np.float32:
        if order not in (0, 1, math.inf, -math.inf) and _out_of_range(size, order, options, single_is_size):
            powers = np.power(size, np.float32(order)).astype(np.float64)
            total = np.sum(powers, **options).astype(np.float32)
            return np.power(total.astype(np.float64), 1 / order)
        size = size.astype(np.float64)
    if order == 0:
        return np.sum(size != 0, **options).astype(size.dtype)
    if order == math.inf:
        return np.max(size, **options)
    if order == -math.inf:
        return np.min(size, **options)
    if order == 1:
        return np.sum(size, **options)
    if order == 2:
        return np.sqrt(np.sum(size * size, **options))
    return np.power(np.sum(np.power(size, size.dtype.type(order)), **options), size.dtype.type(1 / order))


def _norm_in_half(values: Array, order: float, axes: tuple[int, ...], keepdim: bool) -> Array:
    """Rounded to half precision after each step, powers and sums alike."""
    half = np.float16
    size = np.abs(values).astype(half)
    if math.isinf(order):
        return norm_of(size, order, axes, keepdim)
    powers = (size != 0).astype(half) if order == 0 else size * size if order == 2 else np.power(size, half(order))
    rest = tuple(axis for axis in range(size.ndim) if axis not in axes)
    rows = np.transpose(powers, (*rest, *axes)).reshape((*(size.shape[axis] for axis in rest), -1))
    total = np.add.accumulate(rows, -1, half)[..., -1] if rows.shape[-1] else np.zeros(rows.shape[:-1], half)
    made = total if order in (0, 1) else np.sqrt(total) if order == 2 else np.power(total, half(1 / order))
    return made.reshape(tuple(1 if axis in axes else n for axis, n in enumerate(size.shape))) if keepdim else made


def _out_of_range(size: Array, order: float, options: dict[str, Any], single_is_size: bool) -> bool:
    """Whether single precision has no normal number for a power or for the sum of them."""
    if single_is_size and size.size == math.prod(
        size.shape[axis] for axis in range(size.ndim) if axis not in options["axis"]
    ):
        return False  # one element each: its norm is its size
    limits = np.finfo(np.float32)
    with np.errstate(all="ignore"):
        powers = np.power(size.astype(np.float64), order)
        total = np.sum(powers, **options)
    inexact = np.isfinite(total) & ((total > limits.max) | ((total > 0) & (total < limits.tiny)))
    return bool(inexact.any() or ((powers > 0) & (powers < limits.tiny)).any())


def _check_empty(self: Tensor, order: float, dim: Dims) -> None:
    """The norms whose order is negative or infinite are extrema, which an empty vector does not have."""
    if self.numel() or 0 <= order < math.inf:
        return
    if dim is None or dim == ():
        raise refusal("linalg.vector_norm.empty", norm=f"{order:g}")
    for d in wrap_dims(dim, len(self._shape)):
        if not self._shape[d]:
            raise refusal("reduction.vector_norm.empty_dim", norm=f"{order:g}", dim=d)


def _computed_in(self: Tensor, dtype: Any) -> dtypes.dtype:
    own: dtypes.dtype = self._dtype
    if not own.is_differentiable:
        raise refusal("linalg.dtype", op="linalg.vector_norm", dtype=own.scalar_name)
    if dtype is None:
        return own
    given: dtypes.dtype = dtype
    if not given.is_differentiable:
        raise refusal("reduction.vector_norm.dtype", dtype=given.scalar_name)
    if given.is_complex != own.is_complex:
        clause = "reduction.vector_norm.dtype_complex" if own.is_complex else "reduction.vector_norm.dtype_real"
        raise refusal(clause, dtype=given.scalar_name)
    if dtypes.promote_types(own, given) is not given:
        raise refusal("reduction.vector_norm.dtype_narrow", got=own.scalar_name, dtype=given.scalar_name)
    return given


def _vector_norm(self: Tensor, ord: Any, dim: Dims, keepdim: bool, dtype: Any) -> Tensor:
    d = _computed_in(self, dtype)
    if isinstance(ord, complex):
        raise refusal("reduction.vector_norm.complex_order", op="linalg.vector_norm")
    order = float(ord)
    _check_empty(self, order, dim)
    axes = wrap_dims(dim, len(self._shape))
    a = self._read().astype(d.compute)

    narrow = d is dtypes.float16 and not switch("reduction.norm_of_half_is_wide")

    def norm(x: Array) -> Array:
        if narrow:
            return _norm_in_half(x, order, axes, keepdim).astype(x.dtype)
        # a tensor without dimensions whose "first" is named is gone through as if it had it
        return norm_of(x, order, axes, keepdim, single_is_size=bool(self._shape) or dim is None)

    return from_array(np.asarray(noisy(norm(a), norm, [a], d.to_real())), d.to_real())


def norm_vjp(grad: Tensor, self: Tensor, norm: Tensor, order: float, dim: Dims, keepdim: bool) -> Tensor | None:
    """By order; where the norm is zero the gradient is zero, as far as the order is at least one."""
    grad, norm = unsqueeze_reduced(grad, self._shape, dim, keepdim), unsqueeze_reduced(norm, self._shape, dim, keepdim)
    p = float(order)
    if p == 0:
        cite("reduction.norm.order_zero")
        return None
    if p == 1:
        return self.sgn() * grad
    if p == 2:
        return grad * (self / norm).masked_fill_(decided("convention.norm.zero", norm) == 0, 0)
    if math.isinf(p):
        cite("reduction.norm.infinite_tie")
        size = self.abs()
        chosen = size.eq(norm).logical_or(size.isnan())
        return self.sgn() * (grad / chosen.sum(dim, keepdim=True) * chosen)
    if p < 1:
        return self.sgn() * self.abs().pow(p - 1).masked_fill_(self == 0, 0) * grad * norm.pow(1 - p)
    share = (grad / norm.pow(p - 1)).masked_fill_(norm == 0, 0)
    return (self.sgn() * self.abs().pow(p - 1) if p < 2 else self * self.abs().pow(p - 2)) * share


_VECTOR_NORM = declare(
    "linalg.vector_norm(Tensor x, Scalar ord=2, int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    forward=_vector_norm, node="LinalgVectorNormBackward0", display="linalg_vector_norm",
    out=replace(EXACT, overlaps=True),
    vjp={"x": lambda grad, x, result, ord, dim, keepdim: norm_vjp(grad, x, result, ord, dim, keepdim)},
    samples=domains.field(special=(0.0,), arguments={"ord": _ORDERS, "dim": "dims", "keepdim": (False, True)}),
)  # fmt: skip


def _old_norm(self: Tensor, p: Any, dim: Dims, keepdim: bool, dtype: Any) -> Tensor:
    if not self._dtype.is_differentiable:
        raise refusal("reduction.norm.dtype", dtype=self._dtype.scalar_name)
    if not self.numel() and math.isinf(p):
        zeros = np.sum(np.zeros(self._shape), axis=wrap_dims(dim, len(self._shape)), keepdims=keepdim)
        return from_array(np.asarray(zeros), self._dtype.to_real())
    return _vector_norm(self, p, dim, keepdim, dtype)


OLD_NORM = declare(
    "_norm(Tensor self, Scalar p, int[]? dim, bool keepdim, *, dtype? dtype=None) -> Tensor",
    forward=_old_norm, node="NormBackward1", display="norm", method=False, function=False,
    out=replace(EXACT, overlaps=True, by="norm"),
    vjp={"self": lambda grad, self, result, p, dim, keepdim: norm_vjp(grad, self, result, p, dim, keepdim)},
)  # fmt: skip


def _norm(self: Tensor, p: Any, dim: Any, keepdim: bool, dtype: Any) -> Tensor:
    """``p`` is a number, "fro", "nuc" or None (as "fro"): all but "nuc" are norms of the elements as one vector."""
    import reference_engine as engine

    out, by_vector = kernels.destination, switch("reduction.norm_is_vector_norm")
    if isinstance(p, str) and p != "fro":
        if p != "nuc" and not by_vector:
            raise refusal("reduction.norm.order", p=p)
        axes = (-2, -1) if dim is None else dim
        return engine.linalg.matrix_norm(self, p, axes, keepdim, dtype=dtype)
    order = 2 if p is None or p == "fro" else p
    if not by_vector:
        if dtype is not None and p == "fro":
            raise refusal("reduction.norm.fro_dtype")
        return run(OLD_NORM, [self, order, dim, keepdim, dtype])
    return run(_VECTOR_NORM, [self, order, dim, keepdim, dtype], out=out)


declare(
    "norm(Tensor self, any p='fro', int[]? dim=None, bool keepdim=False, *, dtype? dtype=None) -> Tensor",
    forward=_norm, composite=True, out=True, hands_out=True,
    samples=domains.field(special=(0.0,), arguments={"p": _ORDERS, "dim": "dims", "keepdim": (False, True)}),
)  # fmt: skip

# -- distances -----------------------------------------------------------------------------------------------------


def _dist(self: Tensor, other: Tensor, p: Any) -> Tensor:
    apart = self.detach() - other.detach()
    if not apart._dtype.is_differentiable:
        raise refusal("reduction.dist.dtype", dtype=apart._dtype.scalar_name)
    return _vector_norm(apart, p, None, False, None)


def _dist_vjp(grad: Tensor, self: Tensor, other: Tensor, p: Any, result: Tensor) -> Tensor | None:
    return norm_vjp(grad, self - other, result, p, (), True)


def _minus(value: Tensor | None) -> Tensor | None:
    return None if value is None else -value


declare(
    "dist(Tensor self, Tensor other, Scalar p=2) -> Tensor",
    forward=_dist,
    vjp={
        "self": _dist_vjp,
        "other": lambda grad, self, other, p, result: _minus(_dist_vjp(grad, self, other, p, result)),
    },
    samples=domains.field(special=(0.0,), arguments={"p": _ORDERS}),
)  # fmt: skip


def _check_cdist(x1: Tensor, x2: Tensor, p: float, compute_mode: Any) -> None:
    for name, x in (("X1", x1), ("X2", x2)):
        if len(x._shape) < 2:
            raise refusal("reduction.cdist.rank", name=name, ndim=len(x._shape))
    if x1._shape[-1] != x2._shape[-1]:
        raise refusal("ops.cdist.columns", a=x1._shape[-1], b=x2._shape[-1])
    for name, x in (("X1", x1), ("X2", x2)):
        if not x._dtype.is_floating_point:
            raise refusal("reduction.cdist.dtype", name=name, dtype=x._dtype.scalar_name)
    if p < 0:
        raise refusal("reduction.cdist.order")
    if compute_mode not in (None, *_MODES):
        raise refusal("reduction.cdist.mode", mode=compute_mode)
    if x1._dtype.itemsize == 2:
        raise refusal("ops.not_implemented_for", op="cdist", dtype=x1._dtype.scalar_name)
    if x1._dtype is not x2._dtype:
        raise refusal("reduction.cdist.same_dtype", first=x1._dtype.scalar_name, second=x2._dtype.scalar_name)


_MODES = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")


def _cdist_any(x1: Tensor, x2: Tensor, p: float, compute_mode: Any) -> Tensor:
    """Euclidean distances of many rows go by way of a matrix product, which is another op in the graph."""
    _check_cdist(x1, x2, p, compute_mode)
    many = x1._shape[-2] > 25 or x2._shape[-2] > 25
    by_product = compute_mode == _MODES[1] or (compute_mode in (None, _MODES[0]) and many)
    if p == 2 and by_product and x1.numel() and x2.numel():
        batch = broadcast_shapes([x1._shape[:-2], x2._shape[:-2]])
        n = math.prod(batch)
        first, second = x1, x2
        if n != 1:
            first, second = (x.expand(*batch, *x._shape[-2:]).contiguous().view(n, *x._shape[-2:]) for x in (x1, x2))
        return run(_EUCLIDEAN, [first, second]).view((*batch, x1._shape[-2], x2._shape[-2]))
    return run(_CDIST, [x1, x2, p])


def _euclidean(x1: Tensor, x2: Tensor) -> Tensor:
    """|a|² - 2ab + |b|² as one product of extended matrices."""

    def distances(a: Array, b: Array) -> Array:
        aa, bb = np.sum(a * a, -1, keepdims=True), np.sum(b * b, -1, keepdims=True)
        left = np.concatenate([-2 * a, aa, np.ones_like(aa)], -1)
        right = np.concatenate([b, np.ones_like(bb), bb], -1)
        return np.sqrt(np.maximum(left @ np.swapaxes(right, -1, -2), 0))

    a, b = x1._read(), x2._read()
    return from_array(np.asarray(noisy(distances(a, b), distances, [a, b], x1._dtype)), x1._dtype)


def _euclidean_vjp(grad: Tensor, x1: Tensor, x2: Tensor, result: Tensor) -> dict[str, Tensor]:
    ratio = (grad / result).masked_fill(result == 0, 0)
    return {
        "x1": x1 * ratio.sum(-1, keepdim=True) - ratio.matmul(x2),
        "x2": x2 * ratio.sum(-2, keepdim=False).unsqueeze(-1) - ratio.mT.matmul(x1),
    }


_EUCLIDEAN = declare(
    "_euclidean_dist(Tensor x1, Tensor x2) -> Tensor",
    forward=_euclidean, vjp={"x1, x2": _euclidean_vjp}, node="EuclideanDistBackward0", method=False, function=False,
)  # fmt: skip


def _cdist(x1: Tensor, x2: Tensor, p: float) -> Tensor:
    def distances(a: Array, b: Array) -> Array:
        return norm_of(a[..., :, None, :] - b[..., None, :, :], float(p), (-1,), False)

    a, b = x1._read(), x2._read()
    broadcast_shapes([x1._shape[:-2], x2._shape[:-2]])
    return from_array(np.asarray(noisy(distances(a, b), distances, [a, b], x1._dtype)), x1._dtype)


def slopes_of_distance(g: Array, apart: Array, d: Array, order: float) -> Array:
    """The derivative of the norm ``d`` of a difference, times a cotangent; none where there is no difference."""
    size = np.abs(apart)
    if order == 0:
        return np.zeros_like(apart)
    if order == 1:
        return np.sign(apart) * g
    if order == 2:
        return np.where(d == 0, 0, g * apart / d)
    if order == math.inf:
        return g * np.sign(apart) * (size == d)
    parts = np.where(d == 0, 0, np.sign(apart) * size ** (order - 1) * g / d ** (order - 1))
    return np.where((size == 0) & (order < 1), 0, parts)


def _cdist_backward(grad: Tensor, x1: Tensor, x2: Tensor, p: float, cdist: Tensor) -> Tensor:
    """What each row of x1 gets from its distances to all rows of x2."""
    order = float(p)
    if 0 in (x1.numel(), x2.numel(), grad.numel()):
        return from_array(np.zeros(x1._shape), x1._dtype)

    def gradient(g: Array, a: Array, b: Array, d: Array) -> Array:
        parts = slopes_of_distance(g[..., None], a[..., :, None, :] - b[..., None, :, :], d[..., None], order)
        return np.sum(parts, axis=-2).astype(a.dtype)

    arrays = [t._read() for t in (grad, x1, x2, cdist)]
    return from_array(np.asarray(noisy(gradient(*arrays), gradient, arrays, x1._dtype)), x1._dtype)


def _cdist_again(
    grad: Tensor, grad_output: Tensor, x1: Tensor, x2: Tensor, p: float, cdist: Tensor
) -> dict[str, Tensor]:
    made = second_derivative(grad, grad_output, x1, x2, float(p), cdist)
    return {"grad_output": made["g"], "x1": made["x1"], "x2": made["x2"], "cdist": made["d"]}


_ONCE = declare(
    "_cdist_backward(Tensor grad, Tensor x1, Tensor x2, float p, Tensor cdist) -> Tensor",
    forward=_cdist_backward, node="CdistBackwardBackward0", method=False, function=False,
    vjp={name: not_derived("_cdist_backward") for name in ("grad", "x1", "x2", "cdist")},
)  # fmt: skip
_TWICE = declare(
    "_cdist_backward(Tensor grad_output, Tensor x1, Tensor x2, float p, Tensor cdist) -> Tensor",
    forward=_cdist_backward, node="CdistBackwardBackward0", method=False, function=False,
    vjp={"grad_output, x1, x2, cdist": _cdist_again},
)  # fmt: skip


def _cdist_gradient(grad: Tensor, x1: Tensor, x2: Tensor, p: float, result: Tensor) -> Tensor:
    op = _TWICE if switch("reduction.distance.second_derivative") else _ONCE
    return run(op, [grad.contiguous(), x1, x2, p, result.contiguous()])


_CDIST = declare(
    "_cdist_forward(Tensor x1, Tensor x2, float p) -> Tensor",
    forward=_cdist, node="CdistBackward0", method=False, function=False,
    vjp={
        "x1": _cdist_gradient,
        "x2": lambda grad, x1, x2, p, result: _cdist_gradient(grad.mT, x2, x1, p, result.mT),
    },
)  # fmt: skip

declare(
    "cdist(Tensor x1, Tensor x2, float p=2.0, any compute_mode='use_mm_for_euclid_dist_if_necessary') -> Tensor",
    forward=_cdist_any, composite=True, method=False,
    samples=domains.real(shapes="cdist", arguments={"p": (2.0, 1.0, 3.0, 0.0, math.inf, 0.5)}),
)  # fmt: skip

# -- rows of a bounded norm ------------------------------------------------------------------------------------------

_EPSILON = 1e-7  # keeps the factor finite; part of the definition


def _check_renorm(self: Tensor, p: Any, maxnorm: Any) -> None:
    if p <= 0:
        raise refusal("reduction.renorm.order")
    if maxnorm < 0:
        raise refusal("reduction.renorm.maxnorm", maxnorm=f"{maxnorm:g}")
    if len(self._shape) < 2:
        raise refusal("reduction.renorm.rank", ndim=len(self._shape))


def _wide(d: dtypes.dtype) -> dtypes.dtype:
    """What sums are accumulated in."""
    if d.itemsize == 2:
        return dtypes.float32
    return {"float32": dtypes.float64, "complex64": dtypes.complex128}.get(d.name, d)


def _renorm(self: Tensor, p: Any, dim: int, maxnorm: Any) -> Tensor:
    _check_renorm(self, p, maxnorm)
    axis = wrap_dim(dim, len(self._shape))
    others = tuple(i for i in range(len(self._shape)) if i != axis)
    norm = _vector_norm(self, p, others, True, _wide(self._dtype))._read()
    factor = np.where(norm > maxnorm, maxnorm / (norm + _EPSILON), 1.0).astype(self._dtype.to_real().compute)
    a = self._read().astype(self._dtype.compute)
    return from_array(np.asarray(noisy(a * factor, np.multiply, [a, factor], self._dtype)), self._dtype)


def _renorm_vjp(grad: Tensor, self: Tensor, p: Any, dim: int, maxnorm: Any) -> Tensor:
    """Through the factor too where a slice was scaled; untouched where it was not."""
    import reference_engine as engine

    axis = wrap_dim(dim, len(self._shape))
    others = tuple(i for i in range(len(self._shape)) if i != axis)
    wide = _wide(self._dtype)
    norm = engine.linalg.vector_norm(self, p, others, True, dtype=wide)
    scaled_down = norm > maxnorm
    at_zero = norm == 0
    if some(at_zero):
        # left alone there, as all slices near by are: the second derivative must not divide by the norm
        self = differentiated(where(at_zero, 1.0, self), "reduction.renorm.second_at_zero")
        norm = engine.linalg.vector_norm(self, p, others, True, dtype=wide)
    along = conj(self) * grad
    along = along.real if along.is_complex() else along
    along = along.sum(others, keepdim=True, dtype=wide.to_real())
    of_norm = norm_vjp(along, self, norm, p, others, True)
    inverse = (norm + _EPSILON).reciprocal()
    scaled = times(inverse, maxnorm) * (grad - inverse * of_norm)
    return where(scaled_down, scaled.to(grad.dtype), grad)


declare(
    "renorm(Tensor self, Scalar p, int dim, Scalar maxnorm) -> Tensor",
    forward=_renorm, vjp={"self": _renorm_vjp}, inplace=True, out=EXACT,
    samples=domains.field(shapes="matrix", arguments={"p": (2, 1, 3), "dim": (0, 1), "maxnorm": (1.0, 2.5)}),
)  # fmt: skip
