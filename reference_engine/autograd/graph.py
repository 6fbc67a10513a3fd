"""``torch.autograd.graph``: nodes as seen from outside, gradient edges, hooks over several tensors, saved tensors.

Source: https://docs.pytorch.org/docs/stable/autograd.html#module-torch.autograd.graph
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reference_engine import modes
from reference_engine.autograd import engine, hooks
from reference_engine.autograd.abstract_node import Node
from reference_engine.autograd.function import BackwardCFunction
from reference_engine.autograd.hooks import RemovableHandle
from reference_engine.autograd.introspection import will_engine_execute_node
from reference_engine.autograd.node import gradient_edge
from reference_engine.autograd.saved import (
    allow_mutation_on_saved_tensors,
    disable_saved_tensors_hooks,
    save_on_cpu,
    saved_tensors_hooks,
)
from reference_engine.modes import is_inference_mode_enabled
from reference_engine.semantics import cite, refusal, require, switch

if TYPE_CHECKING:
    from reference_engine.autograd import node as nodes
    from reference_engine.tensor import Tensor


class _Place(NamedTuple):
    node: nodes.Node
    output_nr: int
    ownership_token: Any = None


_PlaceBefore: Any = namedtuple("GradientEdge", ("node", "output_nr"))  # type: ignore[name-match]


class GradientEdge(_Place):
    """A place in the graph: the gradient that flows into input ``output_nr`` of ``node``."""

    __slots__ = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> GradientEdge:
        require("graph.gradient_edge.exists", "torch.autograd.graph", "GradientEdge")
        if not switch("graph.gradient_edge.owns"):
            return tuple.__new__(cls, _PlaceBefore(*args, **kwargs))
        return super().__new__(cls, *args, **kwargs)

    def __repr__(self) -> str:
        named = zip(_Place._fields, self, strict=False)
        return f"GradientEdge({', '.join(f'{name}={part!r}' for name, part in named)})"


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge at which the gradient of ``tensor`` is computed.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    require("graph.gradient_edge.exists", "torch.autograd.graph", "get_gradient_edge")
    if not tensor.requires_grad:
        raise refusal("graph.gradient_edge.requires_grad")
    edge = gradient_edge(tensor)
    if edge.node is None and switch("graph.gradient_edge.checked"):
        raise refusal("graph.gradient_edge.no_history")
    if modes.state.inference:
        cite("graph.gradient_edge.in_inference_mode")
    token = tensor.view_as(tensor)._node if isinstance(edge.node, BackwardCFunction) and modes.state.grad else None
    if not switch("graph.gradient_edge.owns"):
        return GradientEdge(edge.node, edge.input_nr)
    return GradientEdge(edge.node, edge.input_nr, token)


def increment_version(tensor: Any) -> None:
    """Say that the memory of a tensor, or of several, was changed in a way that the engine cannot see.

    Raises:
        RuntimeError: something else than tensors.
    """
    from reference_engine import views
    from reference_engine.tensor import Tensor

    require("version.increment.exists", "torch.autograd.graph", "increment_version")

    many = (tensor,) if isinstance(tensor, Tensor) else tensor
    if many is tensor and not (isinstance(many, Iterable) and switch("version.increment.iterable")):
        raise refusal("version.increment.type")
    many = tuple(many)
    for t in many:
        if not isinstance(t, Tensor):
            raise refusal("version.increment.entry_type")
        if t._inference and not switch("version.increment.iterable"):
            raise refusal("version.increment.inference")
    for t in many:
        cite("version.increment.counts")
        views.bump(t)


# -- hooks over several tensors ----------------------------------------------------------------------------------------


class _MultiHandle(hooks.RemovableHandle):
    """Removes the hooks on all the tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _MultiHandle:
        return self

    def __exit__(self, *exc: object) -> None:
        self.remove()


_ALL: Any = object()  # told from an "all" that is given: not every version takes the argument


def register_multi_grad_hook(tensors: Sequence[Any], fn: Callable[[Any], Any], *, mode: Any = _ALL) -> _MultiHandle:
    """Call ``fn`` once a backward for the gradients of several tensors.

    Args:
        tensors: tensors that require grad.
        fn: called with the list of gradients (mode "all"), or with the first gradient that arrives (mode "any").
        mode: "all" waits for all the gradients that this pass computes; the others are None.

    Raises:
        ValueError: another mode. AssertionError or RuntimeError, by version: a tensor that does not require grad.
    """
    require("hooks.multi.exists", "torch.autograd.graph", "register_multi_grad_hook")
    if mode is _ALL:
        mode = "all"
    elif not switch("hooks.multi.mode_exists"):
        raise refusal("ops.arguments.unexpected", op="register_multi_grad_hook", name="mode")
    if mode not in ("all", "any"):
        raise refusal("hooks.multi.mode", mode=mode)
    if mode == "any":
        seen: set[int] = set()

        def first_only(grad: Any) -> None:
            running = _this_pass()
            if running not in seen:
                seen.add(running)
                cite("hooks.multi.any")
                fn(grad)

        return _MultiHandle([t.register_hook(first_only) for t in tensors if t.requires_grad])
    for t in tensors:
        if not t.requires_grad:
            raise refusal("hooks.multi.requires_grad")
    if is_inference_mode_enabled():
        cite("hooks.multi.inference")
    elif not modes.state.grad:
        cite("hooks.multi.no_grad")
    nodes = [gradient_edge(t).node for t in tensors]
    arrived: dict[int, list[Any]] = {}
    count: dict[int, int] = {}

    def collector(i: int) -> Callable[[Any], None]:
        def collect(grad: Any) -> None:
            running = _this_pass()
            arrived.setdefault(running, [None] * len(nodes))[i] = grad
            count[running] = count.get(running, 0) + 1
            _cite_only_root(nodes)
            if count[running] == sum(will_engine_execute_node(node) for node in nodes):
                cite("hooks.multi.all")
                del count[running]
                fn(arrived.pop(running))

        return collect

    return _MultiHandle([t.register_hook(collector(i)) for i, t in enumerate(tensors)])


def _this_pass() -> int:
    running = engine.current_pass()
    assert running is not None
    return running.number


def _cite_only_root(nodes: Sequence[Any]) -> None:
    running = engine.current_pass()
    assert running is not None
    if running.first in nodes:
        cite("hooks.multi.only_root")


# -- settings that matter on other devices -----------------------------------------------------------------------------


def set_warn_on_accumulate_grad_stream_mismatch(enabled: bool) -> None:
    """Accepted for programs that set it: there is one stream here."""
    require("graph.switch.exists", "torch.autograd.graph", "set_warn_on_accumulate_grad_stream_mismatch")
    _check_switch(enabled)


def set_override_stale_capture_stream(enabled: bool) -> None:
    """Accepted for programs that set it: nothing is captured here."""
    _check_switch(enabled)


def _check_switch(enabled: Any) -> None:
    if not isinstance(enabled, bool):
        raise refusal("graph.switch.type", type=type(enabled).__name__)


def region_activation_memory_budget(budget: float) -> Any:
    """For compiled regions only.

    Raises:
        TypeError: not a number. ValueError: not in [0, 1]. RuntimeError: otherwise, for nothing is compiled here.
    """
    require("graph.memory_budget.exists", "torch.autograd.graph", "region_activation_memory_budget")
    if isinstance(budget, bool) or not isinstance(budget, (int, float)):
        raise refusal("graph.memory_budget.type", type=type(budget).__name__)
    if not 0.0 <= budget <= 1.0:
        raise refusal("graph.memory_budget.range", budget=budget)
    raise refusal("graph.memory_budget.eager")


__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
    "increment_version", "region_activation_memory_budget", "register_multi_grad_hook", "save_on_cpu",
    "saved_tensors_hooks", "set_override_stale_capture_stream", "set_warn_on_accumulate_grad_stream_mismatch",
]  # fmt: skip
