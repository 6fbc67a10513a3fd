"""AccumulateGrad: the sink at a leaf, where a gradient becomes ``.grad``.

Source of the layout contract:
https://docs.pytorch.org/docs/stable/autograd.html#default-gradient-layouts
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reference_engine import modes, remarks, strides
from reference_engine.autograd import hooks
from reference_engine.autograd.node import FIRST, InputMeta, Node
from reference_engine.dispatcher import watching
from reference_engine.semantics import cite, refusal, warn
from reference_engine.sparse import memory

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


class AccumulateGrad(Node):
    """Adds the gradient that arrives to ``variable.grad``."""

    def __init__(self, variable: Tensor) -> None:
        super().__init__()
        self.sequence_nr = FIRST
        self.lock = threading.Lock()  # several threads may add to one leaf
        self.variable = variable
        self.expect(variable)
        if variable._backward_hooks is not None:
            self.tensor_hooks[0] = [variable._backward_hooks]
            self.note_hook("tensor", 0)

    def expect(self, variable: Tensor) -> None:
        """What gradients are to look like: in the dtype of the leaf, unless its ``grad_dtype`` says otherwise."""
        wanted = variable._dtype if variable._grad_dtype is Ellipsis else variable._grad_dtype
        if wanted is not variable._dtype:
            cite("leaf.grad_dtype.accumulates")
        self.input_metadata = [InputMeta(variable._shape, wanted, variable._sparse is not None, variable._storage.meta)]

    def name(self) -> str:
        return "torch::autograd::AccumulateGrad"

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> Sequence[Tensor | None]:
        grad = grads[0]
        if grad is None or not self.variable.requires_grad:
            cite("accumulate.requires_grad_now")
            return ()
        if self.variable.grad_fn is not None:  # a view, whose base was changed in place since
            raise refusal("accumulate.leaf_moved")
        current = self.variable._accumulator
        if current is None or current() is not self:
            cite("accumulate.after_data")
        with self.lock:
            accumulate(self.variable, grad)
        for hook in list((self.variable._post_accumulate_grad_hooks or {}).values()):
            cite("hooks.post_accumulate.called")
            hooks.refuse_result(self.variable, hook(self.variable), hook)
        return ()


def accumulate(variable: Tensor, grad: Tensor) -> None:
    """First store, in-place addition, or, while recording, a new sum.

    The first store never aliases what the caller holds, and follows the layout contract: the strides of the leaf if
    they are dense, else row-major.
    """
    old = variable._grad
    if grad._dtype.is_complex:
        cite("convention.complex.conjugate_wirtinger")
    if variable._grad_by_hand:
        variable._grad_by_hand = False
        if old is not None:
            cite("accumulate.by_hand")
    if old is None:
        cite("accumulate.first.layout")
        cite("accumulate.first.own_memory")
        cite("accumulate.first.copy")
        if 1 in grad._shape:
            cite("accumulate.unit_dimensions")
        variable._grad = _obeying_layout(grad, variable)
        remarks.hand_on(grad, variable._grad)
    elif modes.state.grad:
        cite("accumulate.recorded.new_tensor")
        variable._grad = total = added(old, grad)
        _warn_of_layout(total, variable)
    elif old._sparse is not None and grad._sparse is None:
        cite("sparse.accumulate.sparse_dense")
        variable._grad = total = grad + old
        _warn_of_layout(total, variable)
    else:
        if grad._sparse is not None:
            cite("sparse.accumulate.sparse_sparse" if old._sparse is not None else "sparse.accumulate.dense_sparse")
        elif strides.may_overlap_internally(old._shape, old._strides):
            raise refusal("accumulate.later.overlap")
        cite("accumulate.later.in_place")
        remarks.recall(old)
        old.add_(grad)
        _warn_of_layout(old, variable)


def added(held: Tensor, grad: Tensor) -> Tensor:
    """The sum of two gradients. A sparse and a dense one are added in the order in which that can be done."""
    if (held._sparse is None) is (grad._sparse is None):
        return held + grad
    cite("sparse.engine.sum")
    return held + grad if held._sparse is None else grad + held


def _warn_of_layout(grad: Tensor, variable: Tensor) -> None:
    """A gradient set by hand may have other strides than the contract says; accumulating into it warns."""
    if grad._sparse is not None or variable._sparse is not None:
        return
    shape, wanted = variable._shape, variable._strides
    if strides.is_non_overlapping_and_dense(shape, wanted):
        # a dimension of one element may have any stride but that of an expanded one
        obeys = all(a == b if n != 1 else a != 0 for n, a, b in zip(shape, grad._strides, wanted, strict=True))
    else:
        obeys = strides.is_contiguous(shape, grad._strides)
    if not obeys:
        warn(
            "accumulate.layout_contract", grad_shape=list(shape), grad_strides=list(grad._strides), shape=list(shape),
            strides=list(wanted),
        )  # fmt: skip


def _obeying_layout(grad: Tensor, variable: Tensor) -> Tensor:
    import reference_engine as engine

    watched = watching.used and watching.sees((grad,))
    if grad._sparse is not None:
        return _kept_sparse(grad)
    if variable._sparse is not None:
        return grad.clone()
    dense = strides.is_non_overlapping_and_dense(variable._shape, variable._strides)
    wanted = variable._strides if dense else strides.contiguous(variable._shape)
    if 0 in wanted:  # an expanded dimension of one element is as the gradient has it
        wanted = tuple(mine or its for mine, its in zip(wanted, grad._strides, strict=True))
    if modes.state.grad and not dense:
        return grad.clone(memory_format=engine.contiguous_format)
    if watched and grad._strides == wanted and not modes.state.grad:
        return grad.detach()
    if modes.state.grad or watched:
        cite("accumulate.birth_version")
        blank = (
            watching.shown(
                "new_empty_strided.default", grad, list(variable._shape), list(wanted), dtype=grad._dtype,
                layout=grad.layout, device=grad.device,
            )
            if watched
            else grad.new_empty_strided(variable._shape, wanted)
        )  # fmt: skip
        return blank.copy_(grad)
    return grad._copy(wanted)


def _kept_sparse(grad: Tensor) -> Tensor:
    """A sparse gradient stays sparse. Unless it was copied, nobody vouches for its being coalesced any more."""
    cite("sparse.accumulate.first")
    kept = grad._sparse
    assert kept is not None
    if modes.state.grad or not isinstance(kept, memory.Coo):
        return grad.clone()
    made = memory.copy(grad)
    if kept.indices.is_contiguous() and kept.values.is_contiguous():
        cite("sparse.accumulate.coalesced")
        made._sparse.coalesced = kept.nnz < 2  # type: ignore[union-attr]
    return made


def accumulator(leaf: Tensor) -> AccumulateGrad:
    """The leaf's one accumulator; it lives as long as a graph refers to it."""
    if leaf._accumulator_of is not None:
        return accumulator(leaf._accumulator_of)
    found = leaf._accumulator() if leaf._accumulator is not None else None
    if found is None:
        found = AccumulateGrad(leaf)
        leaf._accumulator = weakref.ref(found)
    return found


__all__ = ["AccumulateGrad", "accumulate", "accumulator", "hooks"]
