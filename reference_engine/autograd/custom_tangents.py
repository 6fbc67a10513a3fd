"""Forward mode through a custom Function: its ``jvp`` is asked, and held to what ``forward`` did with views.

Tangents of views are views of tangents, so a ``forward`` that returns a view, or changes an input in place, needs a
``jvp`` that does the same to the tangents.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import levels
from reference_engine.autograd import forward_ad
from reference_engine.semantics import cite, refusal, switch

if TYPE_CHECKING:
    from reference_engine.autograd.function import BackwardCFunction
    from reference_engine.tensor import Tensor


def push(
    ctx: BackwardCFunction, inputs: Sequence[Tensor], outputs: Sequence[Tensor | None], wrapped: Sequence[Any],
    constant: set[int], dirty: set[int],
) -> None:  # fmt: skip
    """Give the outputs of a Function their tangents.

    Args:
        ctx: the call.
        inputs: the tensors among its arguments.
        outputs: what forward returned, None where it is no tensor.
        wrapped: what the caller gets.
        constant, dirty: the ids of what was marked as not differentiable, or as changed in place.

    Raises:
        RuntimeError: jvp returned too few or too many tangents, one for an output that has none, or one that is not a
            view, or not changed in place, where forward's output is.
    """
    tangents = [forward_ad.tangent_of(t) for t in inputs]
    if all(t is None for t in tangents):
        return
    versions = [None if t is None else t._version_counter.value for t in tangents]
    cite("function.jvp.called")
    made = _ask(ctx, inputs, tangents)
    if len(made) != len(wrapped):
        raise refusal("function.jvp.count", expected=len(wrapped), got=len(made))
    places = {id(t): i for i, t in enumerate(inputs)}
    bases: dict[int, int] = {}
    for i, t in enumerate(inputs):
        base = forward_ad.forward_base(t)
        bases.setdefault(id(t if base is None else base), i)
    for i, (output, result, tangent) in enumerate(zip(outputs, wrapped, made, strict=True)):
        if output is None:
            continue
        if id(output) in constant or not output._dtype.is_differentiable:
            if tangent is not None and switch("function.jvp.not_differentiable_refused"):
                raise refusal("function.jvp.not_differentiable", position=i)
            continue
        if tangent is None:
            cite("function.jvp.none")
            continue
        if id(output) in dirty:
            if id(output) not in places:
                raise refusal("function.jvp.dirty_input")
            place = places[id(output)]
            _in_place(result, tangent, tangents[place], versions[place])
            continue
        _check_view(result, tangent, inputs, tangents, bases)
        forward_ad.set_tangent(result, tangent)


def _ask(ctx: BackwardCFunction, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None]) -> tuple[Any, ...]:
    """Call jvp with one tangent an argument: zeros for a tensor without one, None for what is no tensor."""
    import reference_engine as engine
    from reference_engine.tensor import Tensor

    if levels.stack:
        cite("functorch.jvp.custom_function")
    with forward_ad.hidden():
        given: list[Any] = []
        pairs = iter(zip(inputs, tangents, strict=True))
        for is_tensor in ctx._is_variable_input:
            tensor, tangent = next(pairs) if is_tensor else (None, None)
            if tensor is not None and tangent is None and ctx._materialize and tensor._dtype.is_differentiable:
                tangent = engine.zeros_like(tensor)
            given.append(tangent)
        result = ctx.apply_jvp(*given)
    made = result if isinstance(result, tuple) else (result,)
    for i, tangent in enumerate(made):
        if tangent is not None and not isinstance(tangent, Tensor):
            raise refusal("function.jvp.type", type=type(tangent).__name__, index=i)
    return made


def _in_place(result: Tensor, tangent: Tensor, before: Tensor | None, version: int | None) -> None:
    if before is None:
        forward_ad.set_tangent(result, tangent, inplace=True)
        return
    if tangent._version_counter.value == version:
        raise refusal("function.jvp.in_place")
    if tangent is not before:
        raise refusal("function.jvp.in_place_returned")


def _check_view(
    result: Tensor, tangent: Tensor, inputs: Sequence[Tensor], tangents: Sequence[Tensor | None], bases: dict[int, int]
) -> None:
    """Where the output is a view of an input with a tangent, its tangent is a view of that."""
    base = forward_ad.forward_base(result)
    if base is None or id(base) not in bases:
        return
    own = tangents[bases[id(base)]]
    if own is None:
        return
    of = forward_ad.forward_base(tangent)
    if of is None:
        raise refusal("function.jvp.view")
    of_own = forward_ad.forward_base(own)
    if of_own is not None and of_own is not of:
        raise refusal("function.jvp.view_same_base")
    if of_own is None and own is not of:
        raise refusal("function.jvp.view_of_tangent")
