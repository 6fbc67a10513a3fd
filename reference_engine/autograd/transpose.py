"""The tangent of an operation's result, from the gradient formula that it has anyway.

A gradient formula is linear in the cotangent u: it computes A'u, where A is the derivative. Its own derivative with
respect to u, applied to a tangent t, is therefore A t: what forward mode wants. So no operation needs two formulas.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from reference_engine import levels, modes, strides
from reference_engine.autograd import saved, tangent_clauses
from reference_engine.semantics import cite, refusal, unwarned

if TYPE_CHECKING:
    from reference_engine.ops.declare import Op
    from reference_engine.tensor import Tensor


_DIAGONAL = frozenset({"nn.functional.hardsigmoid"})
"""Operations that work element by element by way of more than one kernel."""
_ZERO_AT_ZERO = frozenset({"_std", "_std_mean", "linalg.vector_norm"})
"""Operations with a root, whose gradient is zero by convention where the first result is."""

_LINEAR = {"lerp": ("self", "end")}
"""Operations that are linear in these arguments, all others being numbers: what they make of tangents is one."""


def jvp(op: Op, values: Sequence[Any], tangents: Sequence[Any], results: Sequence[Tensor]) -> list[Any]:
    """The tangents of the results, None where a result has none. They have a history if something here has one.

    Args:
        op: the operation.
        values: its arguments, as they were before it ran.
        tangents: for each argument its tangent, a list of tangents for a list of tensors, or None.
        results: what it returned.
    """
    from reference_engine.tensor import tensors_in

    recorded = modes.state.grad and any(t.requires_grad for t in tensors_in([*values, *tangents]))
    recorded = recorded or bool(levels.stack)  # what is recorded outside of a transform is not seen here
    if recorded and saved.innermost() is not None:
        cite("forward_ad.tangent.kept")
    with nullcontext() if recorded else saved.unseen():  # nobody will run backward through what is saved here
        found = _linear(op, values, tangents) or _pointwise(op, values, tangents, results)
        if found is None:
            found = _transposed_formulas(op, values, tangents, results, recorded)
        return _differentiable(op, _read_beside(op, values, tangents, results, found)) if recorded else found


def _differentiable(op: Op, made: list[Any]) -> list[Any]:
    """Tangents of operations whose own derivative has a clause: it is cited where somebody runs backward through it."""
    from reference_engine.ops.citing import differentiated

    clause = tangent_clauses.BACKWARD.get(op.name)
    if clause is None:
        return made
    if len(levels.stack) > 1:  # the tangent of a tangent: it is differentiated as soon as it is computed
        cite(clause)
    return [differentiated(t, clause) if t is not None and t.requires_grad else t for t in made]


def _linear(op: Op, values: Sequence[Any], tangents: Sequence[Any]) -> list[Any] | None:
    """The operation itself, of the tangents; one that is missing is zero."""
    import reference_engine as engine
    from reference_engine.ops import dispatch

    places = [op.index_of[name] for name in _LINEAR.get(op.name, ())]
    if not places or len(places) < len(op.differentiable):
        return None
    moving = list(values)
    for i in places:
        moving[i] = engine.zeros_like(values[i]) if tangents[i] is None else tangents[i]
    return [dispatch.run(op, moving)]


def _pointwise(op: Op, values: Sequence[Any], tangents: Sequence[Any], results: Sequence[Tensor]) -> list[Any] | None:
    """Element by element the derivative is diagonal, its own transpose: the formula itself, without its gradient."""
    from reference_engine.ops.kernels import elementwise

    (result, *others) = results
    if others or not (isinstance(op.forward, elementwise) or op.name in _DIAGONAL) or result._dtype.is_complex:
        return None
    total = None
    for param, tangent in zip(op.params, tangents, strict=True):
        if tangent is None:
            continue
        if tangent._dtype.is_complex:
            return None
        if tangent._dtype is not result._dtype:
            tangent = tangent.to(result.dtype)
        term = op.gradients(values, results, [tangent], {param.name}).get(param.name)
        if term is not None:
            total = term if total is None else total + term
    if total is None or total._shape == result._shape:
        return [_zeros(result) if total is None else total]
    return [total.expand(result.shape)] if total.numel() <= result.numel() else None


def _transposed_formulas(
    op: Op, values: Sequence[Any], tangents: Sequence[Any], results: Sequence[Tensor], recorded: bool
) -> list[Any]:
    with modes.enable_grad():
        cotangents = [_cotangent(op, i, r) for i, r in enumerate(results)]
        names = {p.name for p, t in zip(op.params, tangents, strict=True) if t is not None}
        with unwarned():  # only what is made of the tangents themselves is a call
            gradients = op.gradients(values, results, _of_the_node(cotangents), names)
        pairs: list[tuple[Tensor, Tensor]] = []
        for param, tangent in zip(op.params, tangents, strict=True):
            if tangent is not None:
                _pair(gradients.get(param.name), tangent, pairs)
    return _masked(op, results, _transposed(cotangents, pairs, recorded))


def _masked(op: Op, results: Sequence[Tensor], made: list[Any]) -> list[Any]:
    """Where a gradient is zero by convention, by a mask over a division by zero, so is the tangent."""
    if op.name in _ZERO_AT_ZERO and made[0] is not None:
        made[0] = made[0].masked_fill(results[0] == 0, 0)
    return made


def _read_beside(
    op: Op, values: Sequence[Any], tangents: Sequence[Any], results: Sequence[Tensor], found: list[Any]
) -> list[Any]:
    """An argument without a tangent has one of zeros: nothing is added, but what that is multiplied with is read."""
    import reference_engine as engine
    from reference_engine.ops.dual import beside
    from reference_engine.tensor import Tensor

    still = {
        op.params[i].name
        for i in op.differentiable
        if tangents[i] is None and (isinstance(values[i], Tensor) or op.params[i].type == "Tensor|Scalar")
    }
    if not still:
        return found
    with modes.enable_grad():
        cotangents = [_cotangent(op, i, r) for i, r in enumerate(results)]
        with unwarned():
            gradients = op.gradients(values, results, _of_the_node(cotangents), still)
    moving = [g for name in still if isinstance(g := gradients.get(name), Tensor) and g.requires_grad]
    zeros = _transposed(cotangents, [(g, engine.zeros(g.shape, dtype=g.dtype)) for g in moving], True)
    made = []
    for tangent, zero in zip(found, zeros, strict=True):
        linked = tangent is not None and zero is not None and zero.requires_grad
        made.append(beside(tangent, zero) if linked else tangent)
    return made


def _cotangent(op: Op, i: int, result: Tensor) -> Tensor | None:
    """The u of a result: any value will do, since the formula is linear in it; but some compute with its logarithm."""
    if i in op.non_differentiable_outputs or not result._dtype.is_differentiable:
        return None
    import reference_engine as engine

    return engine.ones(result._shape, dtype=result._dtype, requires_grad=True)


def _of_the_node(cotangents: list[Tensor | None]) -> list[Tensor | None]:
    """What a formula is given: the gradients of those results alone that have one."""
    return [u for u in cotangents if u is not None]


def _pair(gradient: Any, tangent: Any, pairs: list[tuple[Tensor, Tensor]]) -> None:
    """Gradients that depend on u, each with the tangent of the argument that it belongs to."""
    if isinstance(tangent, list):
        for g, t in zip(gradient or [None] * len(tangent), tangent, strict=True):
            if t is not None:
                _pair(g, t, pairs)
        return
    if gradient is None or not gradient.requires_grad:
        return
    if tangent._dtype is not gradient._dtype:
        real = tangent.is_complex() and not gradient.is_complex()
        tangent = (tangent.real if real else tangent).to(gradient.dtype)
    if tangent._shape != gradient._shape:  # a gradient that would be summed to the argument's shape
        common = strides.broadcast(tangent._shape, gradient._shape)
        if not isinstance(common, int) and common != gradient._shape:  # its shape was changed after it became a tangent
            raise refusal("forward_ad.tangent.shape", shape=list(gradient._shape), got=list(common))
        tangent = tangent.expand(gradient.shape)
    pairs.append((gradient, tangent))


def _transposed(cotangents: list[Tensor | None], pairs: list[tuple[Tensor, Tensor]], recorded: bool) -> list[Any]:
    from reference_engine.autograd.backward import run

    inputs = [u for u in cotangents if u is not None]
    if not pairs:
        return [_zeros(u) for u in cotangents]
    roots, seeds = [g for g, _ in pairs], [t for _, t in pairs]
    found = iter(run(roots, seeds, recorded, recorded, inputs, allow_unused=True, accumulate=False))
    made: list[Any] = []
    for u in cotangents:
        tangent = None if u is None else next(found)
        made.append(_zeros(u) if tangent is None else tangent)
    return made


def _zeros(u: Tensor | None) -> Tensor | None:
    """The tangent of a result that depends on no argument with a tangent."""
    import reference_engine as engine

    return None if u is None else engine.zeros(u.shape, dtype=u.dtype)
