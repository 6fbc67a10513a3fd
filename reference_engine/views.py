"""Views: tensors that look into the memory of a base, and what an in-place change does to their history.

When a view is changed in place, the change is a change of the *base*: the base's history becomes "the base as it was,
with this slice replaced" (CopySlices), and every other view of it gets a new grad_fn when it is next looked at.

Source: https://docs.pytorch.org/docs/stable/notes/autograd.html#in-place-operations-with-autograd
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from reference_engine.autograd import saved
from reference_engine.autograd.hooks import HookDict, run_tensor_hooks
from reference_engine.autograd.leaf import attach_retain_grad
from reference_engine.autograd.node import Edge, Node, OpNode, gradient_edge
from reference_engine.dispatcher import watching
from reference_engine.modes import state
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.tensor import Tensor

Replay = Callable[[Tensor], Tensor]


class Creation(enum.Enum):
    """How a view was made, where that decides what may be done to it."""

    DEFAULT = "default"
    NO_GRAD = "no_grad"
    MULTI_OUTPUT = "multi_output"
    INFERENCE = "inference"
    CUSTOM_FUNCTION = "custom_function"


@dataclass(slots=True)
class ViewOf:
    """What a view knows of its origin.

    Attributes:
        base: the tensor whose memory it is; never itself a view.
        creation: how the view was made.
        attr_version: the version of the memory for which the view's grad_fn is right.
        replay: makes the same view of another tensor shaped like the base; None where strides say it all.
        maker: the name of the op that made the view, for messages.
    """

    base: Tensor
    creation: Creation
    attr_version: int
    replay: Replay | None
    maker: Node | None = None


def make_view(
    parent: Tensor,
    shape: tuple[int, ...],
    strides_: tuple[int, ...],
    offset: int,
    *,
    dtype: Any = None,
    conj: bool | None = None,
    neg: bool | None = None,
    replay: Replay | None = None,
    multi_output: bool = False,
) -> Tensor:
    """Another look into ``parent``'s memory, tracked as its view. Offset in elements of the view's dtype.

    ``replay`` is needed only for a view that strides alone cannot express (another dtype, conjugation).
    """
    t: Tensor = object.__new__(Tensor)
    t._storage, t._dtype, t._shape, t._strides, t._offset = (
        parent._storage,
        dtype or parent._dtype,
        shape,
        strides_,
        offset,
    )
    t._version_counter = parent._version_counter
    t._conj = parent._conj if conj is None else conj
    t._neg = parent._neg if neg is None else neg
    if parent._inference:
        t._inference = True
        return t
    if state.inference:
        cite("inference.tensors")
    if state.beneath:  # autograd tracks it when it gets to see it
        return t
    track(t, parent, replay, multi_output)
    return t


def track(t: Tensor, parent: Tensor, replay: Replay | None, multi_output: bool = False) -> None:
    """Record that ``t`` is a view of ``parent``, or of what ``parent`` is a view of."""
    cite("view.base.is_root")
    if state.inference:
        creation = Creation.INFERENCE
    elif not state.grad:
        creation = Creation.NO_GRAD
    else:
        creation = Creation.MULTI_OUTPUT if multi_output else Creation.DEFAULT
    origin, base = parent._view, parent
    if origin is not None:
        base = origin.base
        if creation is Creation.DEFAULT:
            creation = origin.creation
        if origin.replay is not None or replay is not None:
            replay = _chain(parent, origin.replay, t, replay)
    t._view = ViewOf(base, creation, t._version_counter.value, replay)
    if parent._forward_root or parent._forward_base is not None:
        t._forward_base = parent if parent._forward_root else parent._forward_base


def _chain(parent: Tensor, first: Replay | None, t: Tensor, second: Replay | None) -> Replay:
    """Two views in a row as one function of the base."""
    first = first or by_strides(parent)
    second = second or by_strides(t)
    return lambda base: second(first(base))


def by_strides(t: Tensor) -> Replay:
    """Makes of a tensor the view that has the geometry of ``t``."""
    shape, strides_, offset = t._shape, t._strides, t._offset
    return lambda x: x.as_strided(shape, strides_, offset)


def refresh_history(t: Tensor) -> None:
    """Give a view whose memory changed since its grad_fn was made the history of that change."""
    view = t._view
    assert view is not None
    base = view.base
    if t._node is None and not base.requires_grad:
        return
    if not _reaches(base, t):
        cite("view.stale.outside")
        view.attr_version = t._version_counter.value
        return
    cite("view.stale.regenerated")
    if view.creation is not Creation.DEFAULT:
        raise _refused_by_creation("view.stale", t, view, t._node)
    before = state.grad, state.inference
    state.grad, state.inference = True, False
    try:
        if view.replay is not None:
            again = view.replay(base)
            if again._node is None:
                cite("view.stale.base_without_history")
            edge = Edge(again._node, again._output_nr) if again._node is not None else Edge(None, 0)
        else:
            edge = _seen_by_strides(base, t)
    finally:
        state.grad, state.inference = before
    set_history(t, edge)
    view.attr_version = t._version_counter.value


def _reaches(base: Tensor, t: Tensor) -> bool:
    """Whether a view lies where its base does, which may have been given another geometry in place since.

    What lies elsewhere was not changed through the base, and keeps its history.
    """
    if not t.numel() or not base.numel():
        return True
    first, last = (
        [
            x._dtype.itemsize
            * (x._offset + up + sum((n - 1) * s for n, s in zip(x._shape, x._strides, strict=True) if (s > 0) is up))
            - up
            for x in (base, t)
        ]
        for up in (False, True)
    )
    return first[1] <= last[0] and first[0] <= last[1]


def _seen_by_strides(base: Tensor, t: Tensor) -> Edge:
    """The history of ``t`` as a strided view of ``base``: a node even where the base requires no grad any more."""
    from reference_engine.ops import dispatch
    from reference_engine.ops.declare import OPS

    cite("view.stale.keeps_node")
    node = dispatch.make_node(OPS["as_strided"][0], [base, t._shape, t._strides, t._offset], {"self"}, False)
    return Edge(node, node.add_input(t))


def set_history(t: Tensor, edge: Edge, through_view: bool = False, turned: bool = False) -> None:
    """Make ``edge`` the tensor's history. Retained gradients follow the tensor, hooks stay with the old value.

    Args:
        through_view: a view of the tensor was changed.
        turned: its shape or strides were changed.
    """
    old, old_nr = t._node, t._output_nr
    t._node, t._output_nr = edge.node, edge.input_nr
    if t._retains_grad and old is not None and edge.node is not None and old is not edge.node:
        cite("leaf.retain_grad.follows_in_place")
        old.retain_grad_hooks.pop(old_nr, None)
        attach_retain_grad(t, edge.node, "leaf.retain_grad.follows_view_in_place" if turned else None)
    if t._backward_hooks is not None and old is not edge.node:
        if old is not None:
            cite("hooks.tensor.in_place")
        if switch("hooks.tensor.in_place_afresh_base" if through_view else "hooks.tensor.in_place_afresh"):
            t._backward_hooks = None


# -- in-place changes ------------------------------------------------------------------------------------------------


def check_in_place(t: Tensor, requires_grad: bool) -> None:
    """Refuse an in-place change whose gradient could not be told.

    Args:
        t: what is about to be written to.
        requires_grad: whether any argument of the operation requires grad.

    Raises:
        RuntimeError: an inference tensor outside inference mode; or, while recording: a leaf that requires grad, a
            view of one, one of several views made by one function, a view made in no_grad or inference mode.
    """
    if requires_grad and state.grad:
        _check_history(t)
        cite("inplace.recorded")
    elif requires_grad:
        cite("inplace.no_grad")
    check_inference(t)


def check_inference(t: Tensor) -> None:
    """Refuse to write to an inference tensor outside of inference mode: nothing would count the change."""
    if t._inference:
        saved.note_inference_target()
        if not state.inference:
            raise refusal("inference.inplace_outside")


def _check_leaves_among_views(t: Tensor) -> None:
    base = t if t._view is None else t._view.base
    if base._leaf_views is not None:
        if any(leaf.is_leaf and leaf._leaf_requires_grad and leaf is not t for leaf in base._leaf_views.values()):
            raise refusal("inplace.leaf_among_views")


def _check_history(t: Tensor) -> None:
    view = t._view
    if view is not None:
        unseen = t._node is None
        _check_view_creation(t, view)
        if unseen and t.requires_grad:
            cite("view.stale.in_place")
        if t.requires_grad and view.base.is_leaf:
            raise refusal("inplace.view_of_leaf")
    if t.requires_grad and t.is_leaf:
        raise refusal("inplace.leaf")
    _check_leaves_among_views(t)


def _check_view_creation(t: Tensor, view: ViewOf) -> None:
    if view.creation is not Creation.DEFAULT:
        raise _refused_by_creation("view.inplace", t, view, t._node)


def _refused_by_creation(clause: str, t: Tensor, view: ViewOf, node: Node | None) -> Exception:
    """The refusal that says how the view was made, and by which node if it has one."""
    fields: dict[str, Any] = {"output_nr": t._output_nr}
    if node is None:
        return refusal(f"{clause}.{view.creation.value}_no_history", **fields)
    return refusal(f"{clause}.{view.creation.value}", node=node.name(), op=node.op_label(), **fields)


def bump(t: Tensor) -> None:
    """Count one in-place change of the memory."""
    if not t._inference and not state.beneath:
        cite("version.bumped_by_inplace")
        t._version_counter.value += 1


def rebase_history(t: Tensor, node: Node, place: int = 0) -> None:
    """``t``, the argument number ``place`` of the operation of ``node``, was changed in place by it."""
    view = t._view
    if view is None:
        set_history(t, Edge(node, node.add_input(t)))
        return
    cite("view.inplace.rebases_base")
    node.add_input(t)
    copy_slices = CopySlices(view.base, t, view.replay, node, place)
    if switch("hooks.tensor.in_place_afresh"):
        copy_slices.hooks_before = t._backward_hooks
    set_history(view.base, Edge(copy_slices, 0), through_view=True)
    refresh_history(t)


class CopySlices(Node):
    """Backward of "a slice of the base was replaced by fn(slice, others)".

    The gradient of the new base, with the slice's part passed through ``fn``, is the gradient of the old base; the
    other arguments of ``fn`` get what ``fn`` gives them.
    """

    def __init__(self, base: Tensor, view: Tensor, replay: Replay | None, fn: Node, place: int = 0) -> None:
        edges = list(fn.next_edges)
        edges[place : place + 1] = [gradient_edge(base)]
        super().__init__(edges)
        self.fn: Node | None = fn
        self.hooks_before: HookDict | None = None  # of the slice as it was, whose own node is no part of the graph
        self.replay, self.place = replay, place
        self.base = (base._shape, base._strides, base._offset, base._dtype)
        self.geometry = (view._shape, view._strides, view._offset - base._offset)
        self.add_input(base)

    def name(self) -> str:
        return "torch::autograd::CopySlices"

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return tuple((edge.node, edge.input_nr) for edge in self.next_edges)

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
        cite("view.inplace.copy_slices")
        fn = self.fn
        if fn is None:  # freed, though it may have saved nothing
            raise refusal("engine.freed_graph")
        grad = grads[0]
        if grad is None:
            return [None] * len(self.next_edges)
        import reference_engine as engine

        shape, base_strides, _, _ = self.base
        result = grad.new_empty_strided(shape, base_strides)
        result.copy_(grad)
        if self.replay is not None:
            grad_slice = self.replay(result)
        else:
            grad_slice = result.as_strided(*self.geometry)
        inner_needed = [
            edge.node is not None if i == self.place else n
            for i, (edge, n) in enumerate(zip(fn.next_edges, needed, strict=False))
        ]
        out = list(fn.evaluate([grad_slice.clone(memory_format=engine.contiguous_format)], inner_needed)) or [None]
        if self.place:
            cite("function.mark_dirty.view_place")
        if needed[self.place]:
            own = out[self.place]
            if self.hooks_before:
                cite("hooks.tensor.view_in_place")
                own = run_tensor_hooks(self.hooks_before, own)
            if own is None:
                grad_slice.zero_()
            else:
                grad_slice.copy_(own)
            out[self.place] = result
        else:
            out[self.place] = None
        return out

    def release_variables(self) -> None:
        if self.fn is not None:
            self.fn.release_variables()
        self.fn = None


# -- detach ----------------------------------------------------------------------------------------------------------


def detach(t: Tensor) -> Tensor:
    """The same memory and version counter, cut from the graph; not a view in autograd's sense."""
    cite("view.detach.shares_version")
    if watching.used and t._level is None and watching.sees((t,)):
        found: Tensor = watching.shown("detach.default", t)
        return found
    made = t._alias()
    made._tangent = None
    if made._below is not None:
        made._below = detach(made._below)
    return made


def detach_in_place(t: Tensor) -> Tensor:
    """Cut the tensor itself from the graph: it becomes a leaf that does not require grad.

    Raises:
        RuntimeError: a view, whose base would go on requiring grad.
    """
    if t._view is not None:
        raise refusal("view.detach_.view")
    cite("leaf.detach_.becomes_leaf")
    t._node, t._output_nr, t._leaf_requires_grad = None, 0, False
    return t


__all__ = [
    "CopySlices",
    "Creation",
    "OpNode",
    "ViewOf",
    "bump",
    "check_in_place",
    "detach",
    "detach_in_place",
    "make_view",
    "rebase_history",
    "refresh_history",
    "set_history",
    "track",
    "warn",
]
