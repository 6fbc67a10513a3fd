"""What a hook may ask about the backward that runs."""

from __future__ import annotations

import heapq
import weakref
from typing import TYPE_CHECKING, Any

from reference_engine import modes
from reference_engine.autograd import engine
from reference_engine.autograd.engine import current_node
from reference_engine.autograd.node import Node
from reference_engine.semantics import refusal

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def will_engine_execute_node(node: Any) -> bool:
    """Whether the running backward computes the gradients that flow into a node.

    Raises:
        RuntimeError: no node, no backward is running, or the leaf of a ``grad`` call.
    """
    if not isinstance(node, Node):
        raise refusal("graph.introspection.type", type=type(node).__name__)
    running = engine.current_pass()
    if running is None:
        raise refusal("graph.introspection.should_execute")
    runs = running.will_execute(node)
    # a leaf that is itself what is differentiated needs nobody to run it
    if runs and not node.next_edges and node in running.capture_at and node is not running.first:
        raise refusal("hooks.multi.leaf_in_grad")
    return runs


def current_graph_task_id() -> int:
    """The number of the running backward; -1 if none runs."""
    running = engine.current_pass()
    return -1 if running is None else running.number


def keeps_graph() -> bool:
    """Whether the running backward keeps its graph; True if none runs."""
    running = engine.current_pass()
    return running is None or running.keep_graph


def current_graph_task_execution_order() -> list[Node]:
    """The nodes that the running backward has yet to run, in order; to be asked at its first node.

    Raises:
        RuntimeError: no backward is running, or one that may use threads.
    """
    running = engine.current_pass()
    if running is None or running.first is None:
        raise refusal("graph.introspection.order")
    if modes.state.multithreading:
        raise refusal("graph.introspection.order_threads")
    first = running.first
    roots = [first]
    if isinstance(first, engine.GraphRoot):
        roots = list(dict.fromkeys(edge.node for edge in first.next_edges if edge.node is not None))
    waiting = dict(running.dependencies)
    ready = [(-node.sequence_nr, i, node) for i, node in enumerate(roots)]
    heapq.heapify(ready)
    order: list[Node] = []
    while ready:
        node = heapq.heappop(ready)[2]
        order.append(node)
        for edge in node.next_edges:
            if edge.node is None or not running.will_execute(edge.node):
                continue
            waiting[edge.node] -= 1
            if waiting[edge.node] == 0:
                heapq.heappush(ready, (-edge.node.sequence_nr, len(order), edge.node))
    return order


class WeakTensorRef:
    """A reference that does not keep a tensor alive."""

    def __init__(self, tensor: Tensor) -> None:
        self._ref = weakref.ref(tensor)

    def expired(self) -> bool:
        """Whether the tensor is gone."""
        return self._ref() is None


__all__ = [
    "WeakTensorRef", "current_graph_task_execution_order", "current_graph_task_id", "current_node", "keeps_graph",
    "will_engine_execute_node",
]  # fmt: skip
