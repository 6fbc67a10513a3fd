"""Variance and standard deviation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from reference_engine.ops import domains, kernels, shadow
from reference_engine.ops.declare import OVERLAPS, declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import over, times, where
from reference_engine.ops.kernels import from_array, noisy, wrap_dims
from reference_engine.ops.reduction import count, expand_reduced, reduced_shape, unsqueeze_reduced
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.strides import numel
from reference_engine.tensor import Tensor

Array = Any
Dims = Any

# -- forward -------------------------------------------------------------------------------------------------------


def _check(op: str, self: Tensor, dim: Dims, correction: float) -> None:
    if not self._dtype.is_differentiable:
        if op in ("var", "std"):
            raise refusal("ops.std.dtype")
        raise refusal("reduction.var_mean.dtype", op=op)
    results = numel(reduced_shape(self, dim, keepdim=False))
    elements = self.numel() // results if results else 0
    if elements - correction <= 0 and switch("reduction.freedom_warned"):
        for _ in range(2 if self._dtype.is_complex else 1):  # once for each part
            warn("ops.std.freedom", op=op)


def _widened(x: Array) -> Array:
    wide = np.complex128 if x.dtype.kind == "c" else np.float64
    return x.astype(wide) if x.dtype.itemsize <= np.dtype(wide).itemsize else x


def _mean(self: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """The mean that a variance is computed with: in double precision, rounded once."""
    axes = wrap_dims(dim, len(self._shape))
    n = count(self._shape, dim)
    a = self._read().astype(self._dtype.compute)

    def mean(x: Array) -> Array:
        found = np.sum(_widened(x), axis=axes, keepdims=keepdim) / np.float64(n)
        return np.where(np.isinf(found), _running_mean(x, axes).reshape(found.shape), found)

    # kept up to date element by element, a mean is rounded at the size of the elements
    floor = np.sum(np.abs(a), axis=axes, keepdims=keepdim) / max(n, 1)
    rounded = shadow.active is not None and shadow.sum_is_rounded(a, self._dtype)
    return from_array(np.asarray(noisy(mean(a), mean, [a], self._dtype, floor, rounded)), self._dtype)


def _running_mean(x: Array, axes: tuple[int, ...]) -> Array:
    """Element by element, as the variance is computed: an infinity turns the mean to nan unless it comes last."""
    kept = [i for i in range(x.ndim) if i not in axes]
    lanes = np.moveaxis(x, kept, range(len(kept))).reshape(*[x.shape[i] for i in kept], -1)
    mean = np.zeros(lanes.shape[:-1], lanes.dtype)
    for i in range(lanes.shape[-1]):
        mean = mean + (lanes[..., i] - mean) / (i + 1)
    return mean


def _spread(self: Tensor, dim: Dims, correction: float, keepdim: bool, root: bool) -> Tensor:
    """The corrected mean of squared distances from the mean, in double precision throughout."""
    axes = wrap_dims(dim, len(self._shape))
    n = count(self._shape, dim)
    a = self._read().astype(self._dtype.compute)

    def variance(x: Array) -> Array:
        x = _widened(x)
        away = np.abs(x - np.sum(x, axis=axes, keepdims=True) / n if n else x)
        found = np.sum(away * away, axis=axes, keepdims=keepdim) / np.float64(max(n - correction, 0))
        return np.sqrt(found) if root else found

    def lost(x: Array) -> Array:
        """The size of the error that distances inherit from a mean that is rounded at the size of the elements."""
        x = _widened(x)
        away = np.abs(x - np.sum(x, axis=axes, keepdims=True) / n if n else x)
        found = 2 * np.sum(away * np.abs(x), axis=axes, keepdims=keepdim) / np.float64(max(n - correction, 1))
        return found / np.maximum(2 * variance(a), np.finfo(found.dtype).tiny) if root else found

    d = self._dtype.to_real()
    floor = lost(a) if shadow.active is not None else 0.0
    return from_array(np.asarray(noisy(variance(a), variance, [a], d, floor)), d)


# -- backward ------------------------------------------------------------------------------------------------------


def _var_vjp(grad: Tensor, self: Tensor, dim: Dims, correction: float, keepdim: bool) -> Tensor:
    """2 (x - mean) / (n - correction)."""
    if dim == ():
        cite("reduction.var.no_dimension_named")
    if not self._shape or dim is None:
        freedom = self.numel() - correction
        if freedom <= 0:
            return grad * where(self == self.mean(), math.nan, _infinite(self))
        return times(grad, 2.0 / freedom) * (self - self.mean())
    if not keepdim and len(self._shape) > 1:
        grad = unsqueeze_reduced(grad, self._shape, dim, keepdim)
    freedom = count(self._shape, dim) - correction
    slope = 2.0 / freedom if freedom else math.inf
    return times(grad, slope) * (self - self.mean(dim, keepdim=True))


def _infinite(like: Tensor) -> Tensor:
    import reference_engine as engine

    return engine.scalar_tensor(math.inf, dtype=like.dtype)


def _std_vjp(grad: Tensor, result: Tensor, self: Tensor, dim: Dims, correction: float, keepdim: bool) -> Tensor:
    """Through the variance; zero where there is no spread."""
    cite("reduction.std.no_spread")
    grad_var = (grad / times(result, 2)).masked_fill_(result == 0, 0)
    return _var_vjp(grad_var, self, dim, correction, keepdim)


def _mean_vjp(grad: Tensor, self: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    return over(expand_reduced(grad, self._shape, dim, keepdim), count(self._shape, dim))


def _with_mean(spread: Tensor | None, grad: Tensor | None, self: Tensor, dim: Dims, keepdim: bool) -> Tensor | None:
    if grad is None:
        return spread
    mean = _mean_vjp(grad, self, dim, keepdim)
    return mean if spread is None else spread + mean


# -- the ops -------------------------------------------------------------------------------------------------------

_HIDDEN: dict[str, Any] = {"method": False, "function": False}
_ARGUMENTS = "Tensor self, int[]? dim, Scalar correction, bool keepdim"


def _declare_single(name: str, root: bool, vjp: Any) -> None:
    def forward(self: Tensor, dim: Dims, correction: float, keepdim: bool) -> Tensor:
        _check(name, self, dim, correction)
        return _spread(self, dim, correction, keepdim, root)

    op = declare(
        f"_{name}({_ARGUMENTS}) -> Tensor", node=f"{name.capitalize()}Backward0", display=name, forward=forward,
        vjp={"self": vjp}, **_HIDDEN,
    )  # fmt: skip
    _declare_public(name, op, out=OVERLAPS)


def _declare_with_mean(name: str, root: bool, vjp: Any, node: str) -> None:
    def forward(self: Tensor, dim: Dims, correction: float, keepdim: bool) -> Any:
        _check(name, self, dim, correction)
        return _spread(self, dim, correction, keepdim, root), _mean(self, dim, keepdim)

    op = declare(
        f"_{name}({_ARGUMENTS}) -> (Tensor, Tensor)", node=node, display=name, forward=forward, vjp={"self": vjp},
        **_HIDDEN,
    )  # fmt: skip
    _declare_public(name, op, method=False)


def _to_any_out(op: Any, self: Tensor, dim: Dims, correction: Any, keepdim: bool) -> Any:
    """Real numbers are not written to a complex ``out=``; the parts of complex ones are added to make the result."""
    out = kernels.written_dtype
    if out is not None and out.is_complex and self._dtype.is_floating_point:
        kernels.shape_out(reduced_shape(self, dim, keepdim))
        raise refusal("ops.not_implemented_for", op="std_cpu", dtype=out.scalar_name)
    made = run(op, [self, dim, correction, keepdim])
    if out is not None and out.is_complex and self._dtype.is_complex:
        kernels.note_common_dtype(self._dtype.to_real(), self._dtype.to_real())
    return made


def _declare_public(name: str, op: Any, **options: Any) -> None:
    def corrected(self: Tensor, dim: Dims, correction: Any, keepdim: bool) -> Any:
        return _to_any_out(op, self, dim, 1 if correction is None else correction, keepdim)

    def unbiased_along(self: Tensor, dim: Dims, unbiased: bool, keepdim: bool) -> Any:
        return _to_any_out(op, self, dim, 1 if unbiased else 0, keepdim)

    def unbiased_total(self: Tensor, unbiased: bool) -> Any:
        return run(op, [self, None, 1 if unbiased else 0, False])

    samples = domains.field(arguments={"dim": "dims", "correction": (None, 0, 1, 2), "keepdim": (False, True)})
    defaults = {"composite": True, **options}
    new, old = "reduction.var_correction_default", "!reduction.var_correction_default"
    along = f"{name}(Tensor self, int[]? dim, bool unbiased=True, bool keepdim=False) -> Tensor"
    declare(
        f"{name}(Tensor self, int[]? dim, *, int? correction, bool keepdim=False) -> Tensor", forward=corrected,
        when=old, **defaults,
    )  # fmt: skip
    declare(along, forward=unbiased_along, **defaults)
    declare(
        f"{name}(Tensor self, int[]? dim=None, *, Scalar? correction=None, bool keepdim=False) -> Tensor",
        forward=corrected, when=new, samples=samples, **defaults,
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, bool unbiased=True) -> Tensor", forward=unbiased_total, **{**defaults, "out": False},
    )  # fmt: skip


_declare_single("var", False, _var_vjp)
_declare_single("std", True, _std_vjp)
_declare_with_mean(
    "var_mean", False, node="VarMeanBackward0",
    vjp=lambda grads, self, dim, correction, keepdim: _with_mean(
        None if grads[0] is None else _var_vjp(grads[0], self, dim, correction, keepdim), grads[1], self, dim, keepdim
    ),
)  # fmt: skip
_declare_with_mean(
    "std_mean", True, node="StdMeanBackward0",
    vjp=lambda grads, self, result0, dim, correction, keepdim: _with_mean(
        None if grads[0] is None else _std_vjp(grads[0], result0, self, dim, correction, keepdim),
        grads[1], self, dim, keepdim,
    ),
)  # fmt: skip
