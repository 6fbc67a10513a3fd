"""The largest and the smallest element, and where they are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from reference_engine import dtypes, levels, return_types
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import OVERLAPS, OutForm, declare
from reference_engine.ops.kernels import from_array, wrap_dim, wrap_dims
from reference_engine.ops.supported import refuse_unsupported
from reference_engine.semantics import cite, refusal, switch
from reference_engine.tensor import Tensor

Array = Any
Ints = tuple[int, ...]

_SAMPLES: dict[str, Any] = {"special": (0.0, 1.0, float("nan"))}

# -- over all elements, or several dimensions ----------------------------------------------------------------------


def _refuse_empty(name: str, self: Tensor, dims: Any) -> None:
    """An extremum over nothing does not exist; over no dimensions of an empty tensor it is empty."""
    if self.numel():
        return
    if dims is None or dims == ():
        raise refusal("ops.argmax.empty" if name.startswith("arg") else "ops.max.empty", op=name)
    for d in wrap_dims(dims, len(self._shape)):
        if not self._shape[d]:
            raise refusal("ops.max.empty_dim", op=name, dim=d)


def _shared(grad: Tensor, chosen: Tensor, dims: Any) -> Tensor:
    """Equal shares of the gradient for all that were chosen."""
    if not levels.is_mapped(chosen) and levels.values(chosen).sum() > grad.numel():
        cite("convention.max.ties")
    return grad / chosen.sum(dims, keepdim=True) * chosen


def _extremes(name: str, fn: Any, kernel: str) -> None:
    def reduce(self: Tensor, dim: Ints, keepdim: bool) -> Tensor:
        axes = wrap_dims(dim, len(self._shape))
        _refuse_empty(name, self, dim)
        if self._dtype.is_complex:
            raise refusal("ops.not_implemented_for", op=kernel, dtype=self._dtype.scalar_name)
        found = fn(self._read().astype(self._dtype.compute), axis=axes, keepdims=keepdim)
        return from_array(np.asarray(found), self._dtype)

    def vjp(grad: Tensor, self: Tensor, result: Tensor, dim: Ints, keepdim: bool) -> Tensor:
        return _shared(_restored(grad, self, dim, keepdim), _restored(result, self, dim, keepdim) == self, dim)

    declare(
        f"{name}(Tensor self, int[] dim=(), bool keepdim=False) -> Tensor",
        forward=reduce, vjp={"self": vjp},
        out=OutForm(same_dtype=True, refused="reduction.extreme.out", overlaps=True), exact=True,
        samples=domains.ordered(arguments={"dim": "dims", "keepdim": (False, True)}, **_SAMPLES),
    )  # fmt: skip


def _restored(t: Tensor, self: Tensor, dims: Any, keepdim: bool) -> Tensor:
    """Reshaped so that it broadcasts against the argument of the reduction."""
    if keepdim:
        return t
    if not self._shape:
        return t.reshape(1) if dims else t
    gone = wrap_dims(dims, len(self._shape))
    return t.reshape(tuple(1 if i in gone else s for i, s in enumerate(self._shape)))


_extremes("amax", np.max, "max_values_cpu")
_extremes("amin", np.min, "min_values_cpu")


def evenly(grad: Tensor, self: Tensor, result: Tensor) -> Tensor:
    """All elements that equal the result (are nan, if it is) share the gradient."""
    if levels.is_mapped(result):
        chosen = (self == result).logical_or(self.isnan().logical_and(result.isnan()))
    else:
        chosen = self.isnan() if np.isnan(result._read()) else self == result
    if not levels.is_mapped(chosen) and levels.values(chosen).sum() > 1:
        cite("convention.max.ties")
    return grad.new_zeros(self.shape).masked_fill(chosen, grad / chosen.sum())


# -- along one dimension, with the place ---------------------------------------------------------------------------


def place_vjp(grad: Tensor, shape: Ints, dim: int, indices: Tensor, keepdim: bool) -> Tensor:
    """The gradient goes to the one element that was selected in each slice."""
    cite("convention.max_dim.ties")
    if not keepdim and shape:
        grad, indices = grad.unsqueeze(dim), indices.unsqueeze(dim)
    return grad.new_zeros(shape).scatter(dim, indices, grad)


def _find(find: Any, values: Array, axis: int, keepdim: bool) -> tuple[Array, Array]:
    """The extremum (nan counts as one) and the first place where it occurs, along an axis."""
    if not values.ndim:
        return values, np.zeros((), np.int64)
    at = find(values, axis=axis, keepdims=True)
    chosen = np.take_along_axis(values, at, axis=axis)
    return (chosen, at) if keepdim else (chosen.squeeze(axis), at.squeeze(axis))


def _ordinal(self: Tensor) -> Array:
    values = self._read().astype(self._dtype.compute)
    return values.view(np.uint8) if values.dtype == np.bool_ else values


def _max_min(name: str, fn: Any, find: Any, pairwise: str, out: OutForm) -> None:
    kind = getattr(return_types, name)

    def total(self: Tensor) -> Tensor:
        _refuse_empty(name, self, None)
        if self._dtype.is_complex:
            raise refusal("ops.not_implemented_for", op=f"{name}_all", dtype=self._dtype.scalar_name)
        return from_array(np.asarray(fn(self._read().astype(self._dtype.compute))), self._dtype)

    def along(self: Tensor, dim: int, keepdim: bool) -> Any:
        axis = wrap_dim(dim, len(self._shape))
        _refuse_empty(name, self, (dim,))
        if self._dtype.is_complex:
            raise refusal("reduction.max.complex", op=name)
        values, at = _find(find, _ordinal(self), axis, keepdim)
        return kind((from_array(values, self._dtype), from_array(at, dtypes.int64)))

    def of_two(self: Tensor, other: Tensor) -> Tensor:
        import reference_engine as engine

        return getattr(engine, pairwise)(self, other, out=kernels.destination)

    camel = name.capitalize()
    declare(
        f"{name}(Tensor self) -> Tensor",
        node=f"{camel}Backward1", forward=total, vjp={"self": evenly}, exact=True, out=out,
        samples=domains.ordered(**_SAMPLES),
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, Tensor other) -> Tensor",
        forward=of_two, composite=True, exact=True, out=True, hands_out=True,
        samples=domains.ordered(**_SAMPLES),
    )  # fmt: skip
    declare(
        f"{name}(Tensor self, int dim, bool keepdim=False) -> (Tensor values, Tensor indices)",
        forward=along, non_differentiable_outputs=(1,), exact=True, out=OVERLAPS,
        vjp={
            "self": lambda grad, self_shape, dim, keepdim, result1: place_vjp(grad, self_shape, dim, result1, keepdim)
        },
        samples=domains.ordered(arguments={"dim": "dim", "keepdim": (False, True)}, **_SAMPLES),
    )  # fmt: skip


_max_min("max", np.max, np.argmax, "maximum", replace(OVERLAPS, since="reduction.max_all_out"))
_max_min("min", np.min, np.argmin, "minimum", replace(OVERLAPS, since="reduction.min_all_out"))


def _argument(name: str, find: Any) -> None:
    def forward(self: Tensor, dim: int | None, keepdim: bool) -> Tensor:
        axis = None if dim is None else wrap_dim(dim, len(self._shape))
        _refuse_empty(name, self, None if dim is None else (dim,))
        if self._dtype.is_complex or self._dtype.category == 0:
            if switch("reduction.argmax_says_category"):
                clause = "reduction.argmax.complex" if self._dtype.is_complex else "reduction.argmax.bool"
                raise refusal(clause, op=name)
            raise refusal("ops.not_implemented_for", op=f"{name}_cpu", dtype=self._dtype.scalar_name)
        out_dtype = kernels.written_dtype
        if out_dtype is not None and out_dtype is not dtypes.int64:
            raise refusal("reduction.argmax.out", expected=dtypes.int64.cpp_name, got=out_dtype.cpp_name)
        values = self._read().astype(self._dtype.compute)
        return from_array(np.asarray(find(values, axis=axis, keepdims=keepdim) if values.ndim else 0), dtypes.int64)

    declare(
        f"{name}(Tensor self, int? dim=None, bool keepdim=False) -> Tensor",
        forward=forward, out=OVERLAPS, exact=True,
        samples=domains.ordered(arguments={"dim": "dim", "keepdim": (False, True)}),
    )  # fmt: skip


_argument("argmax", np.argmax)
_argument("argmin", np.argmin)

# -- both ends -----------------------------------------------------------------------------------------------------


def _aminmax(self: Tensor, dim: int | None, keepdim: bool) -> Any:
    axis = None if dim is None else wrap_dim(dim, len(self._shape))
    if not self.numel():
        if axis is None:
            raise refusal("reduction.aminmax.empty")
        if not self._shape[axis]:
            raise refusal("reduction.aminmax.empty_dim", dim=axis)
    if self._dtype.is_complex:
        raise refusal("reduction.aminmax.complex", dtype=self._dtype.scalar_name)
    refuse_unsupported("aminmax_cpu", self._dtype)
    if not self._shape:
        axis = None
    values = self._read().astype(self._dtype.compute)
    low, high = np.min(values, axis=axis, keepdims=keepdim), np.max(values, axis=axis, keepdims=keepdim)
    return return_types.aminmax((from_array(np.asarray(low), self._dtype), from_array(np.asarray(high), self._dtype)))


def _aminmax_vjp(
    grads: list[Tensor | None], self: Tensor, result0: Tensor, result1: Tensor, dim: int | None, keepdim: bool
) -> Tensor | None:
    dims = () if dim is None else (dim,)
    total: Tensor | None = None
    for grad, result in ((grads[1], result1), (grads[0], result0)):
        if grad is not None:
            chosen = _restored(result, self, dims, keepdim) == self
            part = _shared(_restored(grad, self, dims, keepdim), chosen, dims)
            total = part if total is None else total + part
    return total


for _when, _options in (
    ("reduction.aminmax_derivative", {"vjp": {"self": _aminmax_vjp}}),
    ("!reduction.aminmax_derivative", {"underived": True}),
):  # fmt: skip
    declare(
        "aminmax(Tensor self, *, int? dim=None, bool keepdim=False) -> (Tensor min, Tensor max)",
        forward=_aminmax, when=_when, exact=True, out=OVERLAPS, **_options,
        samples=domains.ordered(arguments={"dim": "dim", "keepdim": (False, True)}, **_SAMPLES),
    )  # fmt: skip
