"""Views that are copied: ``torch.t_copy`` is ``t`` with memory of its own, and with the gradient of the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_engine.modes import state

# the views have to be declared first
from reference_engine.ops import metadata_in_place, rearranging, shape, splitting, strided  # noqa: F401
from reference_engine.ops.declare import OPS, Op, declare
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

_VIEWS = (
    "as_strided", "diagonal", "expand", "permute", "split_with_sizes", "squeeze", "t", "transpose", "unbind", "unfold",
    "unsqueeze", "view",
)  # fmt: skip


def _copied(view: Op) -> Callable[..., Any]:
    def forward(self: Tensor, *rest: Any) -> Any:
        if self._dtype.is_complex and self.requires_grad and state.grad and not switch("complex.view_copies"):
            raise refusal("complex.not_differentiable", op=f"{view.name}_copy")
        if view.name == "view":  # a copy needs no fitting strides
            self = self.detach().contiguous()
        made = view.forward(self.detach(), *rest)
        if isinstance(made, Tensor):
            return from_array(made._read(), made._dtype)
        return tuple(from_array(part._read(), part._dtype) for part in made)

    return forward


for _name in _VIEWS:
    for _view in OPS[_name]:
        if _view.composite or not _view.is_view:
            continue
        _, _, _arguments = _view.signature.partition("(")
        declare(
            f"{_name}_copy({_arguments}",
            forward=_copied(_view), vjp={name: formula.fn for name, formula in _view.vjp.items()},
            node=f"{_view.node_type.__name__}_copy", method=False, exact=True, samples=_view.samples, when=_view.when,
        )  # fmt: skip
