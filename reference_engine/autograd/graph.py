"""``torch.autograd.graph``: nodes as seen from outside, gradient edges, saved-tensor hooks.

Source: https://docs.pytorch.org/docs/stable/autograd.html#module-torch.autograd.graph
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from reference_engine.autograd.node import Node, gradient_edge
from reference_engine.semantics import refusal

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


class GradientEdge(NamedTuple):
    """A place in the graph: the gradient that flows into input ``output_nr`` of ``node``."""

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which the gradient of ``tensor`` is computed.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not tensor.requires_grad:
        raise refusal("graph.gradient_edge.requires_grad")
    edge = gradient_edge(tensor)
    assert edge.node is not None
    return GradientEdge(edge.node, edge.input_nr)


saved_tensors_hooks_stack: list[tuple[Callable[..., Any], Callable[..., Any]]] = []
"""The default (pack, unpack) pairs in force, innermost last."""


def run_pack(pack: Callable[..., Any], tensor: Tensor) -> Any:
    return pack(tensor.detach())


def run_unpack(unpack: Callable[..., Any], packed: Any) -> Tensor:
    found: Tensor = unpack(packed)
    return found
