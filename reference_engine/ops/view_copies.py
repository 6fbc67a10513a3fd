"""Views that are copied: ``torch.t_copy`` is ``t`` with memory of its own, and with the gradient of the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_engine.modes import state

# the views have to be declared first
from reference_engine.ops import complex, domains, metadata_in_place, rearranging, shape, splitting, strided  # noqa: F401
from reference_engine.ops.declare import OPS, Op, declare
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

_VIEWS = (
    "as_strided", "diagonal", "expand", "permute", "select", "split", "split_with_sizes", "squeeze", "t", "transpose",
    "unbind", "unfold", "unsqueeze", "view", "view_as_real", "_slice",
)  # fmt: skip
_ONE_OVERLOAD = ("split",)  # the others are not copied under this name


def _check_slice(self: Tensor, step: int) -> None:
    if not self._shape:
        raise refusal("ops.slice.scalar")
    if step <= 0:
        raise refusal("shape.slice_copy.step")


def _copied(view: Op) -> Callable[..., Any]:
    def forward(self: Tensor, *rest: Any) -> Any:
        if self._dtype.is_complex and self.requires_grad and state.grad and not switch("complex.view_copies"):
            raise refusal("complex.not_differentiable", op=f"{view.name}_copy")
        if view.name == "_slice":
            _check_slice(self, rest[-1])
        if view.name == "view":  # a copy needs no fitting strides
            self = self.detach().contiguous()
        made = view.forward(self.detach(), *rest)
        if isinstance(made, Tensor):
            return from_array(made._read(), made._dtype)
        return tuple(from_array(part._read(), part._dtype) for part in made)

    return forward


for _name in _VIEWS:
    for _view in OPS[_name][: 1 if _name in _ONE_OVERLOAD else None]:
        if _view.composite or not _view.is_view:
            continue
        _, _, _arguments = _view.signature.partition("(")
        declare(
            f"{_name.removeprefix('_')}_copy({_arguments}",
            forward=_copied(_view), vjp={name: formula.fn for name, formula in _view.vjp.items()},
            node=f"{_view.node_type.__name__}_copy", method=False, exact=True, samples=_view.samples, when=_view.when,
            out=not _view.multi_output_view,
        )  # fmt: skip


def _copy(self: Tensor) -> Tensor:
    return from_array(self._read(), self._dtype)


declare(
    "alias_copy(Tensor self) -> Tensor", forward=_copy, vjp={"self": lambda grad: grad}, node="AliasBackward0_copy",
    method=False, out=True, exact=True, samples=domains.numbers(),
)  # fmt: skip
declare(
    "detach_copy(Tensor self) -> Tensor", forward=_copy, underived=True, method=False, out=True, exact=True,
    samples=domains.numbers(),
)  # fmt: skip


def _view_as_complex_copy(self: Tensor) -> Tensor:
    made = OPS["view_as_complex"][0].forward(self.detach().contiguous())
    if self.requires_grad and state.grad:
        raise refusal("complex.not_differentiable", op="view_as_complex_copy")
    return _copy(made)


declare(
    "view_as_complex_copy(Tensor self) -> Tensor", forward=_view_as_complex_copy, composite=True, method=False,
    exact=True,
)  # fmt: skip
