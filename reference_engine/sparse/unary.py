"""Functions of one element that keep zeros: they act on the values, and places stay as they are."""

from __future__ import annotations

from typing import Any

from reference_engine.ops import dispatch
from reference_engine.ops.declare import OPS, Op
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal
from reference_engine.sparse import coalescing, converting, memory
from reference_engine.sparse.kernels import COMPRESSED, IN_PLACE, WRITE_VALUES, kernel
from reference_engine.tensor import Tensor

#: Of a sum they are not the sum: summands at one place are added first.
_OF_SUMS = (
    "abs", "asin", "asinh", "atan", "atanh", "ceil", "deg2rad", "erf", "erfinv", "expm1", "floor", "frac", "isinf",
    "isnan", "isneginf", "isposinf", "log1p", "nan_to_num", "rad2deg", "relu", "round", "sgn", "sign", "signbit", "sin",
    "sinh", "sqrt", "tan", "tanh", "trunc",
)  # fmt: skip

_LINEAR = ("neg",)


def _of_values(name: str, t: Tensor, rest: tuple[Any, ...]) -> Tensor:
    assert t._sparse is not None
    op = next(op for op in OPS[name] if len(op.params) == 1 + len(rest))
    values: Tensor = dispatch.run(op, [t._sparse.values, *rest])
    return memory.with_values(t, values)


def _declare(name: str) -> None:
    def of_sums(self: Tensor, *rest: Any) -> Tensor:
        return _of_values(name, coalescing.coalesced(self), rest)

    def of_summands(self: Tensor, *rest: Any) -> Tensor:
        return _of_values(name, self, rest)

    kernel(name)(of_sums if name in _OF_SUMS else of_summands)
    if name not in ("nan_to_num",):
        kernel(name, table=COMPRESSED)(of_summands)


def _refuse_summands(op: Op, self: Tensor, *rest: Any) -> None:
    """What is not linear cannot be done in place to summands of the same place.

    Raises:
        RuntimeError: a tensor that is not coalesced.
    """
    if isinstance(self._sparse, memory.Coo) and not self._sparse.coalesced:
        raise refusal("sparse.unary.in_place", op=op.reference_name)


@kernel("_threshold_backward", table=COMPRESSED)
@kernel("_threshold_backward")
def _above(grad_output: Tensor, self: Tensor, threshold: Any) -> Tensor:
    """The gradient where the argument exceeds a threshold, and zeros at its other places."""
    above = converting.elements(self) > threshold
    if grad_output._sparse is None:
        raise refusal("sparse.unsupported", op="_nnz", backend="CPU")
    there = from_array(above.astype(grad_output._dtype.np), grad_output._dtype).sparse_mask(grad_output)
    return memory.with_values(grad_output, grad_output._sparse.values * there._sparse.values)


for _name in (*_OF_SUMS, *_LINEAR):
    _declare(_name)
for _name in _OF_SUMS:
    IN_PLACE[_name] = _refuse_summands
WRITE_VALUES.update((*_OF_SUMS, *_LINEAR, "div", "floor_divide"))
