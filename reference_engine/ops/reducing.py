"""Reductions into given places: what index_reduce and scatter_reduce have in common."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from reference_engine.autograd import engine as backward_pass
from reference_engine.autograd.node import OpNode
from reference_engine.autograd.once_differentiable import refusing_derivative
from reference_engine.ops.formulas import some
from reference_engine.ops.kernels import accumulation
from reference_engine.semantics import cite, refusal
from reference_engine.tensor import Tensor

REDUCTIONS = ("sum", "prod", "mean", "amax", "amin")
_UFUNC = {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def _identity(reduce: str, d: Any) -> Any:
    if reduce in ("sum", "mean"):
        return 0
    if reduce == "prod":
        return 1
    if d.kind in "iu":
        return np.iinfo(d).min if reduce == "amax" else np.iinfo(d).max
    if d.kind == "b":
        return reduce == "amin"
    return -np.inf if reduce == "amax" else np.inf


def reduce_into(to: Any, places: tuple[Any, ...], values: Any, reduce: str, include_self: bool) -> Any:
    """``to`` with ``values`` combined into ``places``; an excluded ``to`` starts from nothing where it is touched."""
    wide = accumulation(to).copy()
    what = accumulation(values)
    if not include_self:
        wide[places] = _identity(reduce, wide.dtype)
    ufunc: Any = _UFUNC[reduce]
    if wide.dtype == bool and reduce in ("sum", "mean"):
        ufunc = np.logical_or
    ufunc.at(wide, places, what)
    if reduce == "mean":
        counts = np.ones(wide.shape, np.int64) if include_self else np.zeros(wide.shape, np.int64)
        np.add.at(counts, places, 1)
        counts[counts == 0] = 1
        wide = wide // counts if wide.dtype.kind in "iu" else (wide / counts).astype(wide.dtype)
    return wide


def _differentiated_once(gradient: Tensor) -> Tensor:
    """The gradient of factors of which two are zero: it is zero, and says nothing of how it changes with them."""
    node = backward_pass.current_node()
    if not isinstance(node, OpNode):
        return gradient  # not a gradient, but what a tangent is made from, which is linear in it
    names = {"op": node.op.reference_name, "source": node.op.params[3].name}
    (made,) = refusing_derivative((gradient,), partial(refusal, "indexing.reduce.prod_zeros", **names))
    return made


def distribute(
    grad: Tensor, self: Tensor, source: Tensor, result: Tensor, reduce: str, include_self: bool, *,
    read: Callable[[Tensor], Tensor], add: Callable[[Tensor, Tensor], Tensor], fill: Callable[[Tensor], Tensor],
    again: Callable[[Tensor, Tensor], Tensor],
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """The gradients of the target and of the source of a reduction into places.

    Args:
        read: what lies at the places; add: adds to them; fill: zeros there; again: the reduction itself.
    """
    import reference_engine as engine

    if reduce == "sum":
        own, theirs = grad, read(grad)
    elif reduce == "mean":
        count = engine.ones_like(grad) if include_self else engine.zeros_like(grad)
        count = add(count, engine.ones_like(source))
        count.masked_fill_(count == 0, 1)
        own, theirs = grad / count, read(grad) / read(count)
    elif reduce == "prod":
        masked_self = self.masked_fill(self == 0, 1)
        own = grad * again(masked_self, source) / masked_self
        zero = source == 0
        zeros = read(add(engine.zeros_like(self), zero.to(self.dtype)))
        single = engine.bitwise_and(zero, zeros == 1)
        others = again(self, source.masked_fill(single, 1))
        theirs = engine.where(single, read(grad * others), read(grad * result) / source.masked_fill(zero, 1))
        if some(zeros > 1):
            theirs = _differentiated_once(theirs)
    else:
        is_result = (self == result).to(self.dtype)
        if not include_self:
            cite("indexing.reduce.excluded_self")
            is_result = fill(is_result)  # what was excluded takes no part in a tie
        source_is_result = (source == read(result)).to(source.dtype)
        share = grad / add(is_result, source_is_result)
        own, theirs = is_result * share, source_is_result * read(share)
    return (own if include_self else fill(own)), theirs
