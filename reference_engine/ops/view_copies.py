"""Views that are copied: ``torch.t_copy`` is ``t`` with memory of its own, and with the gradient of the view."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_engine import strides
from reference_engine.modes import state

# the views have to be declared first
from reference_engine.ops import complex, domains, metadata_in_place, rearranging, shape, splitting, strided  # noqa: F401
from reference_engine.ops.declare import OPS, Op, OutForm, declare
from reference_engine.ops.kernels import from_array, wrap_dim
from reference_engine.semantics import refusal, switch
from reference_engine.tensor import Tensor

_VIEWS = (
    "as_strided", "diagonal", "expand", "permute", "select", "split", "split_with_sizes", "squeeze", "t", "transpose",
    "unbind", "unfold", "unsqueeze", "view", "view_as_real", "_slice",
)  # fmt: skip
_OUT = OutForm(
    same_dtype=True, refused="ops.out.dtype", underived="ops.out.view_copies_underived",
    copied_until="ops.out.view_copies_resize",
)  # fmt: skip
_ONE_OVERLOAD = ("split",)  # the others are not copied under this name


def _check_slice(self: Tensor, dim: int, step: int) -> None:
    if not self._shape:
        raise refusal("ops.slice.scalar")
    wrap_dim(dim, len(self._shape))
    if step <= 0:
        raise refusal("shape.slice_copy.step")


def _copy(made: Tensor) -> Tensor:
    as_it_lies = not switch("shape.view_copies_are_contiguous")
    return from_array(made._read(), made._dtype, strides.like(made._shape, made._strides) if as_it_lies else None)


#: Copies of views that have no derivative for complex numbers: in no version, or before the switch; lists always have.
_REAL_ONLY = {
    "select": None, "_slice": None, "diagonal": "complex.copies_of_parts", "unfold": "complex.copies_of_parts",
    **dict.fromkeys(("as_strided", "expand", "permute", "squeeze", "t", "transpose", "unsqueeze", "view", "alias"),
                    "complex.view_copies"),
}  # fmt: skip


def _refuses_complex(view: str) -> bool:
    if view not in _REAL_ONLY:
        return False
    since = _REAL_ONLY[view]
    return since is None or not switch(since)


def _copied(view: Op) -> Callable[..., Any]:
    def forward(self: Tensor, *rest: Any) -> Any:
        if view.name == "_slice":
            _check_slice(self, rest[0], rest[-1])
        if view.name == "view":  # a copy needs no fitting strides
            self = self.detach().contiguous()
        made = view.forward(self.detach(), *rest)
        if self._dtype.is_complex and self.requires_grad and state.grad and _refuses_complex(view.name):
            raise refusal("complex.not_differentiable", op=f"{view.name.removeprefix('_')}_copy")
        return _copy(made) if isinstance(made, Tensor) else tuple(_copy(part) for part in made)

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
            out=False if _view.multi_output_view else _OUT,
        )  # fmt: skip


def _alias_copy(self: Tensor) -> Tensor:
    if self._dtype.is_complex and self.requires_grad and state.grad and _refuses_complex("alias"):
        raise refusal("complex.not_differentiable", op="alias_copy")
    return _copy(self)


declare(
    "alias_copy(Tensor self) -> Tensor", forward=_alias_copy, vjp={"self": lambda grad: grad},
    node="AliasBackward0_copy", method=False, out=_OUT, exact=True, samples=domains.numbers(),
)  # fmt: skip
declare(
    "detach_copy(Tensor self) -> Tensor", forward=_copy, underived=True, method=False, out=_OUT, exact=True,
    samples=domains.numbers(),
)  # fmt: skip


def _view_as_complex_copy(self: Tensor) -> Tensor:
    made = OPS["view_as_complex"][0].forward(self.detach().contiguous())
    if self.requires_grad and state.grad:
        raise refusal("complex.not_differentiable", op="view_as_complex_copy")
    return _copy(made)


declare(
    "view_as_complex_copy(Tensor self) -> Tensor", forward=_view_as_complex_copy, composite=True, method=False,
    out=_OUT, exact=True,
)  # fmt: skip
