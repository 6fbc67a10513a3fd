"""The backward pass: the loop that runs nodes in order and sends gradients along edges.

The order is observable (hooks, partial accumulation before an error), so it is part of the specification: a node
runs when every gradient that can reach it has arrived; of the nodes that are ready, the one whose forward operation
ran last goes first, accumulators before all others.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import modes
from reference_engine.autograd import anomaly, hooks, profiler, saved
from reference_engine.autograd.accumulate import added
from reference_engine.autograd.node import FIRST, Edge, Node
from reference_engine.autograd.validate import validate_gradients
from reference_engine.semantics import cite, refusal, switch

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

Grads = list["Tensor | None"]


class _Ready:
    """A queue entry: a node with the gradients collected for it. Orders by sequence number, highest first."""

    __slots__ = ("node", "grads")

    def __init__(self, node: Node, grads: Grads) -> None:
        self.node, self.grads = node, grads

    def __lt__(self, other: _Ready) -> bool:
        return self.node.sequence_nr > other.node.sequence_nr


def _order(node: Node) -> str:
    """The clause by which a node runs before others."""
    if node.sequence_nr < FIRST:
        return "engine.order.sequence"
    return "engine.order.refusals_first" if node.next_edges else "engine.order.accumulate_first"


class GraphRoot(Node):
    """Stands before several roots, so that a backward over many tensors is one pass."""

    graph_name = "torch::autograd::GraphRoot"

    def __init__(self, edges: Sequence[Edge], grads: Grads) -> None:
        super().__init__(edges)
        self.grads = grads

    def evaluate(self, grads: Grads, needed: Sequence[bool]) -> Grads:
        return self.grads


class Pass:
    """One call of backward or grad.

    Args:
        keep_graph: leave what nodes saved in place.
        record: run the formulas with recording on (create_graph).
        captures: the edges whose gradient is returned, in order; None accumulates into the leaves instead.
        accumulate: with ``captures``: these are the leaves of ``backward(inputs=...)``, accumulate into them.
    """

    def __init__(
        self, keep_graph: bool, record: bool, captures: Sequence[Edge] | None = None, accumulate: bool = False
    ) -> None:
        self.keep_graph, self.record, self.accumulate = keep_graph, record, accumulate
        self.dependencies: dict[Node, int] = {}
        self.waiting: dict[Node, Grads] = {}
        self.ready: list[_Ready] = []
        self.captures = captures
        self.captured: Grads = [None] * len(captures) if captures is not None else []
        self.capture_at: dict[Node, list[tuple[int, int]]] = {}
        self.needed: set[Node] | None = None  # the nodes to execute; None means all
        self.callbacks: list[Any] = []
        self.first: Node | None = None
        self.reachable: set[Node] = set()
        self.number = next(_pass_numbers)
        self.captures_hooked = switch("grad.capture.hooked")

    # -- the loop ----------------------------------------------------------------------------------------------

    def run(self, roots: Sequence[Edge], grads: Grads) -> Grads:
        """Send ``grads`` into ``roots`` and run until nothing is left."""
        nested = len(_thread.passes)
        if nested and nested % NESTED_IN_ONE_THREAD == 0:
            cite("engine.reentrant.deep")
            return _in_a_new_thread(lambda: self._run(roots, grads))
        return self._run(roots, grads)

    def _run(self, roots: Sequence[Edge], grads: Grads) -> Grads:
        passes, evaluating, pairs = _thread.passes, _thread.evaluating, saved.pairs.stack
        passes.append(self)
        before, hooks_before = modes.state.grad, list(pairs)
        if before is not self.record:
            cite("engine.grad_mode")
        if len(passes) > 1:
            cite("engine.reentrant")
        modes.state.grad = self.record
        try:
            first = self.first = self._start(roots, grads)
            self._count_dependencies(first)
            if self.captures is not None:
                self._plan(first)
            self.ready.append(_Ready(first, self._root_grads(first, roots, grads)))
            while self.ready:
                entry = heapq.heappop(self.ready)
                if self.ready:
                    cite(_order(entry.node))
                evaluating.append(entry.node)
                try:
                    self._evaluate(entry.node, entry.grads)
                except Exception:
                    anomaly.report(entry.node)
                    if not self.keep_graph:
                        cite("engine.partly_freed")
                    raise
                finally:
                    evaluating.pop()
                    if pairs != hooks_before:  # what a hook left there is not for the next node
                        pairs[:] = hooks_before
            while self.callbacks:
                self.callbacks.pop(0)()
        finally:
            modes.state.grad = before
            passes.pop()
        return self.captured

    def _start(self, roots: Sequence[Edge], grads: Grads) -> Node:
        if len(roots) > 1:
            return GraphRoot(roots, grads)
        (root,) = roots
        assert root.node is not None
        return root.node

    def _root_grads(self, first: Node, roots: Sequence[Edge], grads: Grads) -> Grads:
        if isinstance(first, GraphRoot):
            return []
        buffer: Grads = [None] * len(first.input_metadata)
        for root, grad in zip(roots, grads, strict=True):
            buffer[root.input_nr] = grad
        return buffer

    def _count_dependencies(self, first: Node) -> None:
        """How many gradients each node must wait for. Iterative: graphs may be deep."""
        stack, seen = [first], self.reachable
        seen.add(first)
        while stack:
            for edge in stack.pop().next_edges:
                if edge.node is None:
                    continue
                self.dependencies[edge.node] = self.dependencies.get(edge.node, 0) + 1
                if edge.node not in seen:
                    seen.add(edge.node)
                    stack.append(edge.node)

    def _plan(self, first: Node) -> None:
        """With captures, only the nodes on a path to one of them run."""
        assert self.captures is not None
        targets: set[Node] = set()
        for i, edge in enumerate(self.captures):
            assert edge.node is not None
            if self.accumulate:
                targets.add(edge.node)
            else:
                self.capture_at.setdefault(edge.node, []).append((i, edge.input_nr))
        sources = targets or set(self.capture_at)
        self.needed = set(targets)
        done: set[Node] = set()
        stack: list[tuple[Node, bool]] = [(first, False)]
        while stack:  # depth first, children before parents
            node, children_done = stack.pop()
            if children_done:
                if any(e.node is not None and (e.node in self.needed or e.node in sources) for e in node.next_edges):
                    self.needed.add(node)
                continue
            if node in done:
                continue
            done.add(node)
            stack.append((node, True))
            stack.extend((e.node, False) for e in node.next_edges if e.node is not None and e.node not in done)

    def will_execute(self, node: Node) -> bool:
        """Whether this pass computes the gradients that flow into a node."""
        if node not in self.reachable:
            return False
        return self.needed is None or node in self.needed or node in self.capture_at

    # -- one node ----------------------------------------------------------------------------------------------

    def _evaluate(self, node: Node, grads: Grads) -> None:
        """Hooks on the tensors, capture, hooks on the node, compute, validate, hooks after, free, send on."""
        if self.captures_hooked:
            grads = hooks.run_tensor_hooks_of(node, grads)
        for i, input_nr in self.capture_at.get(node, ()):
            cite("grad.capture.after_hooks")
            if node.tensor_hooks and self.needed is not None and node in self.needed:
                cite("grad.capture.in_company")
            self.captured[i] = grads[input_nr]
        if self.needed is not None and node not in self.needed:
            return
        if not self.captures_hooked:
            grads = hooks.run_in_order_of_registration(node, grads)
        elif node.pre_hooks:
            grads = hooks.run_pre_hooks(node.pre_hooks, grads)

        if any(g is None for g in grads):
            cite("engine.gradient.undefined")
        if node.tensor_hooks and (node.pre_hooks or node.post_hooks):
            cite("hooks.order")
        if not node.next_edges and (node.pre_hooks or node.post_hooks):
            cite("hooks.node.accumulator")
        needed = [self._wants(edge) for edge in node.next_edges]
        seen = grads if node.post_hooks else []  # a hook that is registered meanwhile finds them gone
        if profiler.running:
            label = f"autograd::engine::evaluate_function: {node.name()}"
            with profiler.observed(label, grads), profiler.observed(node.name(), grads):
                outputs = list(node.evaluate(grads, needed))
        else:
            outputs = list(node.evaluate(grads, needed))
        if node.freed:
            cite("engine.nothing_saved")
        outputs = validate_gradients(node, outputs)
        if node.post_hooks:
            outputs = hooks.run_post_hooks(node.post_hooks, outputs, seen)
        if not self.keep_graph:
            node.release_variables()
            node.freed = True
        if anomaly.enabled():
            anomaly.refuse_nan(node, outputs)
        self._send(node, outputs)

    def _wants(self, edge: Edge) -> bool:
        """Whether the gradient along an edge is of use to this pass."""
        if edge.node is None:
            return False
        return self.needed is None or edge.node in self.needed or edge.node in self.capture_at

    def _send(self, node: Node, outputs: Grads) -> None:
        """Add each gradient to the buffer of the node it goes to; queue the nodes that now have all of theirs."""
        for edge, grad in zip(node.next_edges, outputs, strict=True):
            target = edge.node
            if target is None:
                continue
            self.dependencies[target] -= 1
            buffer = self.waiting.get(target)
            if self._wants(edge):
                if buffer is None:
                    buffer = self.waiting[target] = [None] * len(target.input_metadata)
                if grad is not None:
                    held = buffer[edge.input_nr]
                    if held is not None:
                        cite("engine.dependencies")
                    buffer[edge.input_nr] = grad if held is None else added(held, grad)
            if self.dependencies[target] == 0 and buffer is not None:
                del self.waiting[target]
                heapq.heappush(self.ready, _Ready(target, buffer))


class _Thread(threading.local):
    """What a thread is doing: the passes that it runs, innermost last, and the nodes."""

    def __init__(self) -> None:
        self.passes: list[Pass] = []
        self.evaluating: list[Node] = []


_thread = _Thread()
_pass_numbers = itertools.count()
NESTED_IN_ONE_THREAD = 30  # backward within backward: each takes a part of Python's stack


def _in_a_new_thread(call: Callable[[], Grads]) -> Grads:
    """Go on where there is stack left. The caller waits, and all that belongs to its thread goes along."""
    passes, evaluating, pairs, state = _thread.passes, _thread.evaluating, saved.pairs.stack, vars(modes.state).copy()
    results: list[Grads] = []
    failures: list[BaseException] = []

    def work() -> None:
        _thread.passes, _thread.evaluating, saved.pairs.stack = passes, evaluating, pairs
        vars(modes.state).update(state)
        try:
            results.append(call())
        except BaseException as failure:  # to be raised where somebody waits for it
            failures.append(failure)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failures:
        raise failures.pop()
    return results.pop()


def current_pass() -> Pass | None:
    """The innermost backward that is running, if any."""
    passes = _thread.passes
    return passes[-1] if passes else None


def current_node() -> Node | None:
    """The node being evaluated, if any: nodes made meanwhile are its children, for anomaly mode."""
    evaluating = _thread.evaluating
    return evaluating[-1] if evaluating else None


def queue_callback(callback: Any) -> None:
    """Run ``callback`` when the running backward is finished.

    Raises:
        RuntimeError: no backward is running.
    """
    running = current_pass()
    if running is None:
        raise refusal("engine.callback.outside")
    running.callbacks.append(callback)


def validate_roots(roots: Sequence[Edge], grads: Grads) -> Grads:
    """Cotangents are held to the same rules as gradients inside the graph."""
    return validate_gradients(None, grads, roots)
