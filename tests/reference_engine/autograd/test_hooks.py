"""Hooks on tensors, nodes and accumulation: their order, what they may return, and how they follow changes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

import reference_engine as engine
from reference_engine import semantics


def test_a_node_runs_tensor_hooks_retains_runs_pre_hooks_itself_and_post_hooks(x: Any) -> None:
    order: list[str] = []
    y = x * 2
    y.grad_fn.register_hook(lambda made, given: order.append("post"))
    y.grad_fn.register_prehook(lambda given: order.append("pre"))
    y.register_hook(lambda g: order.append("tensor"))
    x.register_hook(lambda g: order.append("leaf"))
    x.register_post_accumulate_grad_hook(lambda t: order.append("accumulated"))
    y.sum().backward()
    assert order == ["tensor", "pre", "post", "leaf", "accumulated"]


def test_the_retained_gradient_is_what_all_tensor_hooks_left(x: Any) -> None:
    y = x * 2
    y.register_hook(lambda g: g * 5)
    y.retain_grad()
    y.register_hook(lambda g: g * 2)
    y.sum().backward()
    assert y.grad.tolist() == [10, 10, 10]
    assert x.grad.tolist() == [20, 20, 20]


def test_in_old_versions_what_was_registered_first_ran_first(x: Any) -> None:
    with semantics.using(semantics.Semantics("1.13")):
        y = x * 2
        y.retain_grad()
        y.register_hook(lambda g: g * 5)
        y.sum().backward()
        assert y.grad.tolist() == [1, 1, 1]


def test_a_hook_sees_the_value_that_the_tensor_had_when_it_was_registered(x: Any) -> None:
    seen: list[Any] = []
    y = x * 2
    y.register_hook(lambda g: seen.append(("before", g.tolist())))
    y.mul_(3)
    y.register_hook(lambda g: seen.append(("after", g.tolist())))
    y.sum().backward()
    assert seen == [("after", [1, 1, 1]), ("before", [3, 3, 3])]


def test_which_hooks_run_is_settled_when_the_first_of_a_tensor_runs(x: Any) -> None:
    calls: list[str] = []
    y = x * 2
    handles: list[Any] = []
    handles.append(y.register_hook(lambda g: handles[1].remove()))
    handles.append(y.register_hook(lambda g: calls.append("removed meanwhile")))
    y.register_hook(lambda g: (x.register_hook(lambda g: calls.append("added to a tensor that comes later")), None)[1])
    y.sum().backward(retain_graph=True)
    assert calls == ["removed meanwhile", "added to a tensor that comes later"]
    handles[0].remove()
    calls.clear()
    y.sum().backward()
    assert "removed meanwhile" not in calls


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        (lambda g: 3, TypeError, "expected Variable, but hook returned 'int'"),
        (lambda g: g.unsqueeze(0), RuntimeError, "has changed the size of value"),
        (
            lambda g: g.double(),
            RuntimeError,
            r"has changed the type of value \(was torch.FloatTensor got torch.DoubleTensor\)",
        ),
    ],
)
def test_a_tensor_hook_may_change_numbers_only(x: Any, returned: Any, error: Any, words: str) -> None:
    y = x * 2
    y.register_hook(lambda g: returned(g))
    with pytest.raises(error, match=words):
        y.sum().backward()


@pytest.mark.parametrize(
    ("returned", "error", "words"),
    [
        (lambda made: made[0], TypeError, "expected tuple, but hook returned 'Tensor'"),
        (lambda made: (), RuntimeError, "incorrect number of values"),
        (lambda made: (made[0], 3), TypeError, "expected Variable, but hook returned 'int'"),
    ],
)
def test_a_node_hook_returns_a_tuple_of_as_many_gradients(x: Any, returned: Any, error: Any, words: str) -> None:
    y = x * engine.ones(3, requires_grad=True)
    y.grad_fn.register_hook(lambda made, given: returned(made))
    with pytest.raises(error, match=words):
        y.sum().backward()


def test_a_node_hook_may_withhold_a_gradient(x: Any) -> None:
    other = engine.ones(3, requires_grad=True)
    y = x * other
    y.grad_fn.register_hook(lambda made, given: (made[0], None))
    y.sum().backward()
    assert other.grad is None
    assert x.grad.tolist() == [1, 1, 1]


def test_hooks_after_accumulation_return_nothing_and_belong_to_leaves(x: Any) -> None:
    with pytest.raises(RuntimeError, match="non-leaf"):
        (x * 2).register_post_accumulate_grad_hook(print)
    with pytest.raises(RuntimeError, match="doesn't require gradient"):
        engine.ones(3).register_post_accumulate_grad_hook(print)
    x.register_post_accumulate_grad_hook(lambda t: t.grad)
    with pytest.raises(RuntimeError, match="should return None"):
        (x * 2).sum().backward()


def test_a_hook_over_several_tensors_waits_for_all_gradients_of_the_pass(x: Any) -> None:
    seen: list[Any] = []
    a, b = x * 1, x * 2
    c, d = a * b, a + b
    engine.autograd.graph.register_multi_grad_hook((a, b, c, d), lambda gs: seen.append([g is not None for g in gs]))
    c.sum().backward(retain_graph=True)
    c.sum().backward(inputs=(x,), retain_graph=True)
    (c + d).sum().backward()
    assert seen == [[True, True, True, False], [True, True, True, False], [True, True, True, True]]


def test_a_hook_for_any_of_several_tensors_runs_once(x: Any) -> None:
    seen: list[Any] = []
    a, b = x * 1, x * 2
    engine.autograd.graph.register_multi_grad_hook((a, b), lambda g: seen.append(g.tolist()), mode="any")
    (a * b).sum().backward()
    assert len(seen) == 1


def test_callbacks_run_when_backward_is_done_and_only_then(x: Any) -> None:
    queue = engine.autograd.Variable._execution_engine.queue_callback
    seen: list[Any] = []
    y = x * 2
    y.register_hook(lambda g: queue(lambda: seen.append(x.grad.tolist())))
    y.register_hook(lambda g: queue(lambda: seen.append("second")))
    y.sum().backward()
    assert seen == [[2, 2, 2], "second"]
    with pytest.raises(RuntimeError, match="only be installed during backward"):
        queue(print)


def test_the_handle_of_a_hook_over_several_tensors_removes_it_from_all(x: Any) -> None:
    seen: list[Any] = []
    a, b = x * 1, x * 2
    for mode in ("all", "any"):
        engine.autograd.graph.register_multi_grad_hook((a, b), seen.append, mode=mode).remove()
    (a * b).sum().backward()
    assert seen == []


def test_a_hook_on_a_leaf_that_nothing_used_yet_runs_in_old_versions_too(x: Any) -> None:
    with semantics.using(semantics.Semantics("1.13")):
        x.register_hook(lambda g: g * 3)
        (x * 2).sum().backward()
    assert x.grad.tolist() == [6, 6, 6]


def test_saved_tensor_hooks_that_a_hook_leaves_behind_hold_for_its_node_alone(x: Any) -> None:
    packed: list[Any] = []

    def leave_behind(grad: Any) -> None:
        engine.autograd.graph.saved_tensors_hooks(lambda t: packed.append(t), lambda t: t).__enter__()

    y = (x * x).exp()
    y.register_hook(leave_behind)
    (gradient,) = engine.autograd.grad(y.sum(), x, create_graph=True)
    at_its_node = len(packed)
    assert at_its_node == 1
    gradient * gradient
    assert len(packed) == at_its_node


def test_a_handle_removes_what_other_registries_say_of_its_hook() -> None:
    hooks: OrderedDict[int, Any] = OrderedDict()
    flags: OrderedDict[int, bool] = OrderedDict()
    handle = engine.utils.hooks.RemovableHandle(hooks, extra_dict=flags)
    hooks[handle.id], flags[handle.id] = print, True
    handle.remove()
    assert not hooks
    assert not flags
    handle.remove()
