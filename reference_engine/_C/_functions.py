"""``torch._C._functions``: the classes of nodes by name, and two operations that only tests of autograd use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from reference_engine.autograd import abstract_node
from reference_engine.autograd.accumulate import AccumulateGrad
from reference_engine.autograd.node import Node, collect_edges
from reference_engine.autograd.once_differentiable import Error, refusing_derivative

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


@abstract_node.Node.register
class DelayedError:
    """Called with tensors, gives them back; differentiating through it fails with ``message``."""

    def __init__(self, message: str, num_inputs: int) -> None:
        self.message, self.num_inputs = message, num_inputs

    def __call__(self, *tensors: Any) -> Any:
        made = refusing_derivative(tensors, partial(RuntimeError, self.message))
        return made[0] if len(made) == 1 else made


class UndefinedGradBackward(Node):
    """Sends undefined gradients on."""

    graph_name = "torch::autograd::UndefinedGradBackward"

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> list[Tensor | None]:
        return [None] * len(self.next_edges)


@abstract_node.Node.register
class UndefinedGrad:
    """Called with tensors, gives them back; no gradient comes through it."""

    def __call__(self, *tensors: Any) -> Any:
        edges = collect_edges(tensors)
        node = UndefinedGradBackward(edges) if any(edge.node is not None for edge in edges) else None
        made: list[Tensor] = []
        for tensor in tensors:
            result = tensor.detach()
            if node is not None:
                result._output_nr, result._node = node.add_input(result), node
            made.append(result)
        return made[0] if len(made) == 1 else tuple(made)


def __getattr__(name: str) -> Any:
    """The class of the nodes of that name: ``torch._C._functions.MulBackward0``."""
    from reference_engine.ops.declare import OPS

    for overloads in OPS.values():
        for op in overloads:
            if op.node_type.__name__ == name:
                return op.node_type
    raise AttributeError(f"module 'torch._C._functions' has no attribute '{name}'")


__all__ = ["AccumulateGrad", "DelayedError", "Error", "UndefinedGrad", "UndefinedGradBackward"]
