"""Derivatives that have no derivative: computed as usual, and refused when they are differentiated again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from reference_engine.autograd.node import Edge, Node, collect_edges
from reference_engine.modes import no_grad, state
from reference_engine.semantics import refusal

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def once_differentiable(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Decorates a ``backward`` that cannot be differentiated: a second derivative through it is refused."""

    @functools.wraps(fn)
    def wrapper(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        from reference_engine.tensor import Tensor

        with no_grad():
            outputs = fn(ctx, *args, **kwargs)
        if not state.grad or not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return outputs
        made = refusing_derivative(outputs if isinstance(outputs, tuple) else (outputs,), None)
        return made[0] if len(made) == 1 else made

    return wrapper


class Error(Node):
    """Refuses to be differentiated."""

    graph_name = "torch::autograd::Error"

    def __init__(self, edges: Sequence[Edge], refuse: Callable[[], Exception]) -> None:
        super().__init__(edges)
        self.refuse_first()
        self.refuse = refuse

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
        raise self.refuse()


def refusing_derivative(values: tuple[Any, ...], refuse: Callable[[], Exception] | None) -> tuple[Any, ...]:
    """The same values, made by a node that can only refuse.

    Without words of its own, for once_differentiable, they are made of new leaves that require grad: what they were
    computed from is none of the graph's business.
    """
    if refuse is None:
        refuse = partial(refusal, "function.once_differentiable")
        values = tuple(None if v is None else v.detach().requires_grad_() for v in values)
    edges = collect_edges(values)
    if all(edge.node is None for edge in edges):
        return tuple(None if v is None else v.detach() for v in values)
    node = Error(edges, refuse)
    made: list[Any] = []
    for value in values:
        result = None
        if value is not None:
            result = value.detach()
            result._output_nr, result._node = node.add_input(result), node
        made.append(result)
    return tuple(made)
