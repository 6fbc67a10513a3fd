"""Which rules a call of backward or grad applies by what it is given, for the record of what was exercised.

They refuse nothing: the engine does what they say as it runs, in no line of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from reference_engine.autograd.graph import GradientEdge
from reference_engine.modes import state
from reference_engine.semantics import cite

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def _place(x: Any) -> tuple[int, int]:
    """What makes two mentions of a tensor the same."""
    return (id(x.node), x.output_nr) if isinstance(x, GradientEdge) else (id(x), -1)


def _has_twice(given: Sequence[Any]) -> bool:
    return len({_place(x) for x in given}) < len(given)


def roots(given: Sequence[Any], grads: Sequence[Any]) -> None:
    """The rules about the roots and their cotangents, once these are known to fit."""
    if not given:
        cite("backward.tensors.empty")
    if len(given) > 1 and _has_twice(given):
        cite("backward.tensors.twice")
    if len(grads) > len(given):
        cite("backward.grad_tensors.too_many")
    for root, grad in zip(given, grads, strict=False):
        if isinstance(root, GradientEdge):
            cite("backward.tensors.gradient_edge")
            dtype = root.node.input_metadata[root.output_nr].dtype
        else:
            if root._leaf_requires_grad and root._node is None:  # is_leaf would look for a stale view's history
                cite("backward.tensors.leaf")
            dtype = root._dtype
        if grad is None:
            cite("backward.grad_tensors.none")
            continue
        if grad._dtype is not dtype:
            cite("backward.grad_tensors.cast")
        if grad.requires_grad:
            cite("backward.grad_tensors.requires_grad")


def backward(captures: Sequence[Any], reached: Sequence[bool], create_graph: bool) -> None:
    """The rules about what a backward pass did."""
    cite("backward.returns_none")
    if captures:
        cite("backward.inputs.only")
    if not all(reached):
        cite("backward.inputs.unreachable")
    if create_graph:
        cite("backward.create_graph.records")


def grad(roots: Sequence[Any], inputs: Sequence[Any], found: Sequence[Tensor | None]) -> None:
    """The rules about what grad found."""
    if len(inputs) > 1 and _has_twice(inputs):
        cite("grad.inputs.twice")
    if {_place(x) for x in inputs} & {_place(x) for x in roots}:
        cite("grad.inputs.is_output")
    if any(g is None for g in found):
        cite("grad.allow_unused.none")
    made = [g for g in found if g is not None]
    if any(g._view is not None for g in made) or len({g._storage for g in made}) < len(made):
        cite("accumulate.provenance")
    if any(g._dtype.is_complex for g in made):
        cite("convention.complex.conjugate_wirtinger")
    if any(1 in g._shape for g in made):
        cite("accumulate.unit_dimensions")
    if not state.grad or state.inference:
        cite("grad.no_grad_mode")
