"""Looking at the value of a dual tensor without its tangent; what a tangent was computed from."""

from __future__ import annotations

from reference_engine.dtypes import bool_
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.formulas import ones_like
from reference_engine.ops.kernels import from_array
from reference_engine.tensor import Tensor
from reference_engine.views import make_view


def _fw_primal(self: Tensor, level: int) -> Tensor:
    return make_view(self, self._shape, self._strides, self._offset)


declare(
    "_fw_primal(Tensor self, int level) -> Tensor", forward=_fw_primal, node="torch::autograd::Identity",
    vjp={"self": lambda grad: grad}, view=True, exact=True, function=False,
)  # fmt: skip


_READ_BESIDE = declare(
    "_beside(Tensor self, Tensor zero) -> Tensor", forward=lambda self, zero: from_array(self._read(), self._dtype),
    # with a history if the gradient has one, as the product of the two would have
    vjp={"self": lambda grad: grad, "zero": lambda grad: grad.masked_fill(ones_like(grad, dtype=bool_), 0)},
    method=False, function=False, exact=True,
)  # fmt: skip


def beside(tangent: Tensor, zero: Tensor) -> Tensor:
    """A tangent to which zeros were added: its value, with the history of both."""
    made: Tensor = run(_READ_BESIDE, [tangent, zero])
    return made
