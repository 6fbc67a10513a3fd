"""Looking at the value of a dual tensor without its tangent."""

from __future__ import annotations

from reference_engine.autograd import forward_ad
from reference_engine.ops.declare import declare
from reference_engine.tensor import Tensor
from reference_engine.views import make_view


def _fw_primal(self: Tensor, level: int) -> Tensor:
    with forward_ad.hidden():
        made = make_view(self, self._shape, self._strides, self._offset)
    made._forward_base, made._forward_root = None, True
    return made


declare(
    "_fw_primal(Tensor self, int level) -> Tensor", forward=_fw_primal, node="torch::autograd::Identity",
    vjp={"self": lambda grad: grad}, view=True, exact=True, function=False,
)  # fmt: skip
