"""One call of a custom Function: run ``forward``, give its outputs their place in the graph, save, push tangents.

Each output is one of: an input as it was (it becomes a view of it), an input changed in place (its history moves on), a
view, a fresh tensor, or no tensor at all; and each but the last may be marked as not differentiable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import levels, modes, views
from reference_engine.autograd import custom_batches, custom_tangents, forward_ad
from reference_engine.autograd.function import BackwardCFunction
from reference_engine.autograd.function_node import OutputInfo
from reference_engine.autograd.node import Edge, collect_edges
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.versions import SavedTensor

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def call(cls: Any, args: tuple[Any, ...], separate: bool) -> Any:
    """Run ``cls.forward`` on the arguments.

    Args:
        cls: the subclass of Function.
        args: the arguments, in their places.
        separate: forward takes no ctx, and ``setup_context`` follows it.
    """
    from reference_engine.tensor import Tensor

    if levels.used:
        args = tuple(levels.lifted(a) if isinstance(a, Tensor) else a for a in args)
        if (level := levels.innermost()) is not None and level.kind == "vmap":
            return custom_batches.call(cls, args, level)
    ctx: BackwardCFunction = cls._backward_cls()
    inputs = [a for a in args if isinstance(a, Tensor)]
    ctx._is_variable_input = [isinstance(a, Tensor) for a in args]
    ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
    cite("function.needs_input_grad")
    if any(isinstance(a, (list, tuple, dict)) for a in args):
        cite("function.forward.not_nested")
    recorded = modes.state.grad and any(t.requires_grad for t in inputs)
    if recorded:
        ctx.next_edges = tuple(collect_edges(inputs))
    returned = _forward(cls, ctx, args, separate)
    outputs = returned if isinstance(returned, tuple) else (returned,)
    to_save = _to_save(ctx) if recorded or separate else ()
    if recorded:
        _check_flags(cls, ctx)
    kept = {id(t) for t in (*to_save, *(ctx.saved_for_forward or ())) if t is not None} if separate else set()
    wrapped = _wrap(ctx, inputs, outputs, recorded, kept)
    changed = {id(t) for t in ctx.dirty_tensors or ()}  # a view's history leads to ctx by way of its base's
    # these hold results, which would keep the graph that keeps them
    ctx.to_save = ctx.saved_for_forward = ctx.dirty_tensors = ctx.non_differentiable = None
    if recorded:
        ctx._saved = [
            None if t is None else SavedTensor(t, ctx, t._node is ctx or id(t) in changed, of_op=False) for t in to_save
        ]
    return wrapped if isinstance(returned, tuple) else wrapped[0]


def _forward(cls: Any, ctx: BackwardCFunction, args: tuple[Any, ...], separate: bool) -> Any:
    """forward runs unrecorded and without tangents: backward and jvp speak for what it does."""
    cite("function.forward.no_grad")
    before = modes.state.grad, modes.state.forward_grad
    modes.state.grad = modes.state.forward_grad = False
    try:
        if not separate:
            return cls.forward(ctx, *args)
        cite("function.setup_context.split")
        level = levels.innermost()
        output = cls.forward(*args) if level is None else _forward_outside(level, cls, args)
        cls.setup_context(ctx, args, output)
        return output
    finally:
        modes.state.grad, modes.state.forward_grad = before


def _forward_outside(level: levels.Level, cls: Any, args: tuple[Any, ...]) -> Any:
    """Inside a transform the whole call is one operation: it is made on what is below the wrappers."""
    from reference_engine.tensor import Tensor

    below = [a._below if isinstance(a, Tensor) else a for a in args]
    modes.state.grad = modes.state.forward_grad = True
    with levels.outside(level):
        returned = cls.apply(*below)
    inputs = {id(b): a for a, b in zip(args, below, strict=True)}
    outputs = returned if isinstance(returned, tuple) else (returned,)
    wrapped = tuple(inputs.get(id(r)) if id(r) in inputs else levels.raised(r, level) for r in outputs)
    return wrapped if isinstance(returned, tuple) else wrapped[0]


def _to_save(ctx: BackwardCFunction) -> tuple[Any, ...]:
    """What save_for_backward was given.

    Raises:
        TypeError: something else than a tensor or None.
    """
    from reference_engine.tensor import Tensor

    if ctx.to_save is None:
        return ()
    if not isinstance(ctx.to_save, tuple):
        raise refusal("function.to_save.tuple", type=type(ctx.to_save).__name__)
    for i, value in enumerate(ctx.to_save):
        if value is not None and not isinstance(value, Tensor):
            raise refusal("function.save_for_backward.type", index=i, type=type(value).__name__)
    return ctx.to_save


def _check_flags(cls: Any, ctx: BackwardCFunction) -> None:
    """The class attributes that change how backward is called."""
    if switch("function.flags.clear_saved_tensors"):
        ctx._clears = cls.clear_saved_tensors_on_access
        if not isinstance(ctx._clears, bool):
            raise refusal("function.flags.clear_saved_tensors", type=type(ctx._clears).__name__)
    if switch("function.flags.boxed_grads"):
        ctx._boxed = cls.boxed_grads_call
        if not isinstance(ctx._boxed, bool):
            raise refusal("function.flags.boxed_grads", type=type(ctx._boxed).__name__)


# -- outputs -----------------------------------------------------------------------------------------------------------


def _marked(value: Any, attribute: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, tuple):
        raise refusal(f"function.{attribute}.tuple", type=type(value).__name__)
    return list(value)


def _non_differentiable(ctx: BackwardCFunction) -> set[int]:
    from reference_engine.tensor import Tensor

    marked = _marked(ctx.non_differentiable, "non_differentiable")
    for value in marked:
        if not isinstance(value, Tensor):
            raise refusal("function.mark_non_differentiable.type", type=type(value).__name__)
    return {id(t) for t in marked}


def _dirty(ctx: BackwardCFunction) -> list[Tensor]:
    """The tensors said to be changed in place; each counts one change more, lest the user's went unnoticed."""
    from reference_engine.tensor import Tensor

    marked = _marked(ctx.dirty_tensors, "mark_dirty")
    for i, value in enumerate(marked):
        if not isinstance(value, Tensor):
            raise refusal("function.mark_dirty.type", index=i, type=type(value).__name__)
        views.check_inference(value)
        views.bump(value)
    return marked


def _wrap(
    ctx: BackwardCFunction, inputs: Sequence[Tensor], outputs: tuple[Any, ...], recorded: bool, saved: set[int]
) -> tuple[Any, ...]:
    """The outputs, each with its history, and its tangent if an input has one.

    Raises:
        RuntimeError: what was marked dirty is a leaf, is not returned, or is a view and not the only output; an input
            is saved although ``setup_context`` saw it before it became a view; a pure view of several tensors, or
            beside another output.
    """
    from reference_engine.tensor import Tensor

    pure = ctx._pure_view and switch("function.pure_view")
    if pure:
        cite("function.pure_view")
        if len(inputs) != 1 or len(outputs) != 1:
            raise refusal("function.pure_view.count")
    constant = _non_differentiable(ctx)
    dirty = _dirty(ctx)
    input_ids, dirty_ids = {id(t) for t in inputs}, {id(t) for t in dirty}
    tensors = [t if isinstance(t, Tensor) else None for t in outputs]
    wrapped: list[Any] = []
    differentiable = 0
    for output in outputs:
        if not isinstance(output, Tensor):
            cite("function.output.other")
            wrapped.append(output)
            if recorded:
                ctx.add_output(None)
                ctx._outputs.append(None)
            continue
        is_input, is_dirty = id(output) in input_ids, id(output) in dirty_ids
        if recorded and not output._dtype.is_differentiable:
            cite("function.output.integer")
        gets_gradient = recorded and id(output) not in constant and output._dtype.is_differentiable
        if recorded:
            ctx._outputs.append(OutputInfo(output._shape, output._dtype, gets_gradient))
            if not gets_gradient:
                ctx.add_output(None)
        if is_input and not is_dirty and id(output) in saved and (gets_gradient or not output.requires_grad):
            if switch("function.setup_context.saves_view"):
                raise refusal("function.setup_context.saved_input")
        if not gets_gradient:
            made = _without_history(output, is_input, is_dirty)
        elif is_dirty:
            made = _changed_in_place(ctx, output, is_input, len(outputs), inputs)
        else:
            made = _with_history(ctx, output, is_input)
        if made._view is not None and not (is_input and is_dirty):
            made._view.creation = views.Creation.DEFAULT if pure else views.Creation.CUSTOM_FUNCTION
        differentiable += gets_gradient
        wrapped.append(made)
    if differentiable > 1:  # a change of one of several views could not be told to the others
        for made in wrapped:
            if isinstance(made, Tensor) and made._view is not None:
                made._view.creation = views.Creation.MULTI_OUTPUT
    returned = {id(t) for t in outputs}
    if any(id(t) not in returned for t in dirty):
        raise refusal("function.mark_dirty.returned")
    if forward_ad.active:
        custom_tangents.push(ctx, inputs, tensors, wrapped, constant, dirty_ids)
    return tuple(wrapped)


def _without_history(output: Tensor, is_input: bool, is_dirty: bool) -> Tensor:
    """An output without gradient: an input is never itself changed to one that requires none."""
    if not output.requires_grad:
        return _view_of_itself(output) if is_input and not is_dirty else output
    cite("function.mark_non_differentiable.output")
    if is_input:
        return output.detach()
    if output._view is None:
        output._node, output._output_nr, output._leaf_requires_grad = None, 0, False
    return output  # a view keeps its base's history, as one that is made in no_grad mode does


def _with_history(ctx: BackwardCFunction, output: Tensor, is_input: bool) -> Tensor:
    if is_input:
        cite("function.output.input_as_is")
        output = _view_of_itself(output)
    views.set_history(output, Edge(ctx, ctx.add_output(output)))
    if output._view is not None:
        output._view.attr_version = output._version_counter.value
    return output


def _view_of_itself(t: Tensor) -> Tensor:
    before = modes.state.grad, modes.state.forward_grad
    modes.state.grad = modes.state.forward_grad = False
    try:
        return t.view(t.shape)
    finally:
        modes.state.grad, modes.state.forward_grad = before


def _changed_in_place(
    ctx: BackwardCFunction, output: Tensor, is_input: bool, count: int, inputs: Sequence[Tensor]
) -> Tensor:
    """An input that forward changed: the Function becomes its history, or part of its base's if it is a view."""
    if output._node is None and output.requires_grad:
        raise refusal("function.mark_dirty.leaf")
    view = output._view
    if not is_input:
        if view is not None and switch("function.mark_dirty.view_checked"):
            raise refusal("function.mark_dirty.view_input")
        warn("function.mark_dirty.input")
    if view is not None and count > 1:
        raise refusal("function.mark_dirty.view_one_output")
    if view is not None and switch("function.mark_dirty.view_of_leaf_checked"):
        views.check_in_place(output, True)
    cite("function.mark_dirty.in_place")
    if output._grad is not None:
        cite("function.mark_dirty.grad_cleared")
        output._grad = None
    place = next((i for i, t in enumerate(inputs) if t is output), 0)
    views.rebase_history(output, ctx, place)
    return output
