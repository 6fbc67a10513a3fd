"""Quantiles: values at a given rank among the sorted ones, interpolated between neighbours.

Source: https://docs.pytorch.org/docs/stable/generated/torch.quantile.html
"""

from __future__ import annotations

from typing import Any

from reference_engine import levels
from reference_engine.ops import domains, kernels
from reference_engine.ops.declare import declare
from reference_engine.ops.formulas import less, times
from reference_engine.ops.kernels import wrap_dim
from reference_engine.ops.out_form import copy_to
from reference_engine.semantics import refusal
from reference_engine.strides import numel
from reference_engine.tensor import Tensor

_INTERPOLATIONS = ("linear", "lower", "higher", "midpoint", "nearest")


def _check(self: Tensor, q: Tensor, out: Tensor | None) -> None:
    if not self.numel():
        raise refusal("reduction.quantile.empty")
    if len(q._shape) > 1:
        raise refusal("reduction.quantile.rank")
    if self._dtype.name not in ("float32", "float64"):
        raise refusal("reduction.quantile.dtype")
    if q._dtype is not self._dtype:
        raise refusal("reduction.quantile.q_dtype")
    if out is not None and out._dtype is not self._dtype:
        raise refusal("reduction.quantile.out_dtype")


def _sorted(self: Tensor, dim: int | None, keepdim: bool) -> Tensor:
    """The values in order along a last dimension; before it, the shape of what is left of the tensor."""
    ndim = len(self._shape)
    axis = 0 if dim is None else wrap_dim(dim, ndim)
    if dim is None:
        ordered, left = self.flatten().sort()[0], (1,) * ndim if keepdim else ()
    else:
        left = tuple(1 if d == axis else n for d, n in enumerate(self._shape) if keepdim or d != axis)
        if axis >= ndim - 1:
            ordered = self.sort()[0]
        else:
            ordered = self.unsqueeze(-1).transpose(axis, -1).sort()[0]
    size = ordered.numel() // max(numel(left), 1)
    return ordered if not self._shape else ordered.view((*left, size))


def _ranks(ordered: Tensor, q: Tensor, ignore_nan: bool) -> Tensor:
    """Where in the order each quantile stands; at the last place, where nan is, if there is any."""
    import reference_engine as engine

    if ignore_nan:
        ranks = q * less(ordered.isnan().logical_not_().sum(-1, True), 1)
        return ranks.masked_fill_(ranks < 0, 0)
    last = ordered._shape[-1] - 1
    places, spoilt = engine.broadcast_tensors(times(q, last), ordered.isnan().any(-1, True))
    return places.masked_fill(spoilt, last)


def _quantile(self: Tensor, q: Tensor, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool) -> Tensor:
    if interpolation not in _INTERPOLATIONS:
        raise refusal("reduction.quantile.interpolation", got=interpolation)
    out = kernels.destination
    kernels.will_write(None, None)  # it is a copy that is written
    _check(self, q, out)
    made = _interpolated(self, q, dim, keepdim, interpolation, ignore_nan)
    return made if out is None else copy_to(out, made)


def _interpolated(
    self: Tensor, q: Tensor, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool
) -> Tensor:
    import reference_engine as engine

    ordered = _sorted(self, dim, keepdim)
    asked = levels.values(q)
    if not ((asked >= 0) & (asked <= 1)).all():
        raise refusal("reduction.quantile.q_range")
    ranks = _ranks(ordered if ordered._shape else ordered.unsqueeze(-1), q if q._shape else q.unsqueeze(-1), ignore_nan)
    ordered = ordered if ordered._shape else ordered.unsqueeze(-1)
    adjust = {"lower": "floor_", "higher": "ceil_", "nearest": "round_"}.get(interpolation)
    if adjust is not None:
        getattr(ranks, adjust)()
    below = ranks.long()
    values = ordered.gather(-1, below)
    if adjust is None:
        weights = engine.full_like(ranks, 0.5) if interpolation == "midpoint" else ranks - below
        values.lerp_(ordered.gather(-1, ranks.ceil_().long()), weights)
    if not q._shape:
        return values.squeeze_(-1)
    return values.unsqueeze_(0).transpose_(0, -1).squeeze_(-1)


def _at_number(self: Tensor, q: float, dim: int | None, keepdim: bool, interpolation: str, ignore_nan: bool) -> Tensor:
    import reference_engine as engine

    if not 0 <= q <= 1:
        raise refusal("reduction.quantile.q_number", q=f"{q:g}")
    number = engine.scalar_tensor(q, dtype=self._dtype)
    return _quantile(self, number, dim, keepdim, interpolation, ignore_nan)


_REST = "int? dim=None, bool keepdim=False, *, str interpolation='linear'"
_ARGUMENTS: dict[str, Any] = {
    "dim": "dim", "keepdim": (False, True), "interpolation": _INTERPOLATIONS, "q": (0.0, 0.25, 0.5, 0.9, 1.0, 1.5),
}  # fmt: skip
for _name, _ignore in (("quantile", False), ("nanquantile", True)):
    declare(
        f"{_name}(Tensor self, Tensor q, {_REST}) -> Tensor", composite=True, out=True, hands_out=True,
        forward=lambda self, q, dim, keepdim, interpolation, ignore=_ignore: _quantile(
            self, q, dim, keepdim, interpolation, ignore
        ),
        samples=domains.real(shapes="quantile", special=(float("nan"),), arguments=_ARGUMENTS),
    )  # fmt: skip
    declare(
        f"{_name}(Tensor self, float q, {_REST}) -> Tensor", composite=True, out=True, hands_out=True,
        forward=lambda self, q, dim, keepdim, interpolation, ignore=_ignore: _at_number(
            self, q, dim, keepdim, interpolation, ignore
        ),
        samples=domains.real(special=(float("nan"),), arguments=_ARGUMENTS),
    )  # fmt: skip
