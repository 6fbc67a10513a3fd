"""Nodes and edges as seen from outside."""

from __future__ import annotations

import re
from typing import Any

import pytest

import reference_engine as engine
from reference_engine import semantics

graph = engine.autograd.graph


def test_a_node_can_be_called_by_hand(x: Any) -> None:
    node = (x * engine.tensor([2.0, 3.0, 4.0])).grad_fn
    made, nothing = node(engine.ones(3))
    assert made.tolist() == [2, 3, 4]
    assert nothing is None
    with pytest.raises(TypeError, match="expected 1 arguments, got 2"):
        node(engine.ones(3), engine.ones(3))
    with pytest.raises(TypeError, match="is not a Variable"):
        node(3)
    with pytest.raises(TypeError, match="keyword arguments"):
        node(grad=engine.ones(3))


def test_an_edge_is_as_good_as_its_tensor(x: Any) -> None:
    y = x * x
    edge = graph.get_gradient_edge(y)
    (g,) = engine.autograd.grad(y.sum(), edge, retain_graph=True)
    assert g.tolist() == [1, 1, 1]
    (g,) = engine.autograd.grad(edge, x, engine.ones(3))
    assert g.tolist() == [2, 4, 6]


def test_an_edge_whose_output_number_does_not_exist_is_refused(x: Any) -> None:
    y = x * x
    with pytest.raises(IndexError, match=r"^tuple index out of range$"):
        engine.autograd.grad(y.sum(), graph.GradientEdge(y.grad_fn, 5))


def test_only_what_requires_grad_has_an_edge() -> None:
    with pytest.raises(RuntimeError, match="does not require gradients"):
        graph.get_gradient_edge(engine.ones(3))


def test_increment_version_counts_a_change_that_nobody_saw(x: Any) -> None:
    h = x * 1
    y = h * h
    graph.increment_version([h])
    assert h._version == 1
    with pytest.raises(RuntimeError, match="is at version 1; expected version 0"):
        y.sum().backward()
    with pytest.raises(RuntimeError, match="each element"):
        graph.increment_version([3])


def test_an_argument_without_gradient_has_an_edge_to_nowhere(x: Any) -> None:
    (accumulator, nr), nowhere = (x * 2).grad_fn.next_functions
    assert (accumulator.name(), nr) == ("torch::autograd::AccumulateGrad", 0)
    assert nowhere == (None, 0)
    assert accumulator._sequence_nr() == 2**64 - 1


def test_only_what_a_node_saves_has_an_attribute(x: Any) -> None:
    node = x.view(3, 1).sum(0).grad_fn
    assert node._saved_dim == (0,)
    for name in ("dim", "self_shape"):
        with pytest.raises(AttributeError, match=f"'SumBackward1' object has no attribute '{name}'"):
            getattr(node, name)


def test_an_override_of_backward_is_told_the_inputs(x: Any) -> None:
    told = []

    class Root:
        @classmethod
        def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> int:
            told.append((function.__name__, args[0], kwargs))
            return 5

    root = Root()
    others = {"grad_tensors": None, "retain_graph": None, "create_graph": False}
    assert engine.autograd.backward(root) == 5
    assert told.pop() == ("backward", (root,), {**others, "inputs": None})
    assert engine.autograd.backward([root], inputs=x) == 5
    name, roots, kwargs = told.pop()
    assert (name, roots) == ("backward", (root,))
    assert len(kwargs["inputs"]) == 1
    assert kwargs["inputs"][0] is x


def test_saved_attributes_are_read_only(x: Any) -> None:
    y = x * engine.ones(3)
    assert y.grad_fn._saved_self is None
    assert y.grad_fn._saved_other.tolist() == [1, 1, 1]
    with pytest.raises(AttributeError, match=r"not writable"):
        y.grad_fn._saved_other = 3


def test_variable_makes_tensors_and_knows_them() -> None:
    made = engine.autograd.Variable(engine.ones(2), requires_grad=True)
    assert made.requires_grad
    assert isinstance(engine.ones(2), engine.autograd.Variable)
    with pytest.raises(TypeError, match="has to be a tensor"):
        engine.autograd.Variable(3)


def test_the_profiler_sees_events_of_the_users_own() -> None:
    profiler = engine.autograd.profiler
    with profiler.profile() as seen, profiler.record_function("outer"), profiler.record_function("inner"):
        pass
    assert [event.name for event in seen.function_events] == ["outer", "inner"]
    assert [event.name for event in seen.function_events[0].cpu_children] == ["inner"]


def test_increment_version_took_one_tensor_at_first(x: Any) -> None:
    h = x * 1
    with semantics.using(semantics.Semantics("2.4")):
        graph.increment_version(h)
        assert h._version == 1
        with pytest.raises(RuntimeError, match=r"^increment_version expect a Tensor as input$"):
            graph.increment_version([h])
        with engine.inference_mode():
            kept = engine.ones(2)
        with pytest.raises(RuntimeError, match=r"[Ii]nference"):
            graph.increment_version(kept)
    graph.increment_version(kept)  # nothing to count, and no refusal
    with pytest.raises(RuntimeError, match=r"^increment_version expect a Iterable"):
        graph.increment_version(3)


@pytest.mark.parametrize("budget", [True, "a", None])
def test_a_memory_budget_is_a_number(budget: Any) -> None:
    with pytest.raises(TypeError, match=f"expects a float, got {type(budget).__name__}$"):
        graph.region_activation_memory_budget(budget)


@pytest.mark.parametrize("budget", [-0.5, 1.5, 2])
def test_a_memory_budget_is_a_share(budget: float) -> None:
    with pytest.raises(ValueError, match=re.escape(f"must be in [0, 1], got {budget}")):
        graph.region_activation_memory_budget(budget)


@pytest.mark.parametrize("budget", [0, 0.5, 1.0])
def test_a_memory_budget_is_for_compiled_regions(budget: float) -> None:
    with pytest.raises(RuntimeError, match="no effect in eager mode"):
        graph.region_activation_memory_budget(budget)


def test_the_profiler_sees_each_node_that_runs(x: Any) -> None:
    y = (x * 2).sum()
    with engine.autograd.profiler.profile() as seen:
        y.backward()
    names = [event.name for event in seen.function_events]
    for node in ("SumBackward0", "MulBackward0", "torch::autograd::AccumulateGrad"):
        assert f"autograd::engine::evaluate_function: {node}" in names
        assert node in names


def test_settings_for_other_devices_take_a_bool() -> None:
    for setting in (graph.set_warn_on_accumulate_grad_stream_mismatch, graph.set_override_stale_capture_stream):
        setting(True)
        with pytest.raises(RuntimeError, match=r"^enabled must be a bool, but got int$"):
            setting(1)


def test_an_error_far_down_in_backward_within_backward_reaches_the_caller(x: Any, make: Any) -> None:
    def deeper(ctx: Any, grad: Any) -> Any:
        if ctx.depth == 0:
            raise ValueError("at the bottom")
        with engine.enable_grad():
            leaf = engine.ones(3, requires_grad=True)
            nested.apply(leaf, ctx.depth - 1).sum().backward()
        return grad, None

    def forward(ctx: Any, t: Any, depth: int) -> Any:
        ctx.depth = depth
        return t.clone()

    nested = make(forward, deeper)
    with pytest.raises(ValueError, match="at the bottom"):
        nested.apply(x, 40).sum().backward()


def test_a_node_has_no_saved_part_of_another_name(x: Any) -> None:
    node = (x * 2).grad_fn
    assert not hasattr(node, "_saved_nothing")


def test_an_edge_beyond_the_outputs_of_its_node_is_refused(x: Any) -> None:
    y = x * 2
    for number in (1, 2):
        with pytest.raises((IndexError, RuntimeError)):
            engine.autograd.grad(y.sum(), [graph.GradientEdge(y.grad_fn, number)])


def test_what_looks_like_a_tensor_answers_for_grad(x: Any) -> None:
    class Like:
        @classmethod
        def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> str:
            return f"{func.__name__} of one"

    assert engine.autograd.grad(x.sum(), Like()) == "grad of one"
    with pytest.raises(TypeError, match="not iterable"):
        engine.autograd.backward(x.sum(), inputs=Like())


def test_the_current_node_is_the_innermost(x: Any) -> None:
    seen: list[str] = []

    class Inner(engine.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Any) -> Any:
            return a * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(engine._C._current_autograd_node().name())
            return g

    class Outer(Inner):
        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            with engine.enable_grad():
                Inner.apply(engine.ones(1, requires_grad=True)).backward()
            seen.append(engine._C._current_autograd_node().name())
            return g

    Outer.apply(x).sum().backward()
    assert seen == ["InnerBackward", "OuterBackward"]
