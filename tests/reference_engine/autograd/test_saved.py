"""Hooks on saved tensors: when they are called, with what, and what they may not do."""

from __future__ import annotations

from typing import Any

import pytest

import reference_engine as engine

graph = engine.autograd.graph


def test_the_innermost_pair_sees_what_is_saved_and_gives_it_back(x: Any) -> None:
    calls: list[str] = []

    def hooks(name: str) -> Any:
        return graph.saved_tensors_hooks(
            lambda t: (calls.append(f"pack {name}"), t.detach())[1], lambda t: (calls.append(f"unpack {name}"), t)[1]
        )

    with hooks("outer"), hooks("inner"):
        y = x.exp()
    y.sum().backward()
    assert calls == ["pack inner", "unpack inner"]
    assert x.grad.tolist() == x.exp().tolist()


@pytest.mark.parametrize("hooks", [(3, lambda t: t), (lambda t: t, 3)])
def test_both_hooks_must_be_callable(hooks: tuple[Any, Any]) -> None:
    with (
        pytest.raises(TypeError, match=r"_push_saved_tensors_default_hooks\(\): incompatible function arguments"),
        graph.saved_tensors_hooks(*hooks),
    ):
        pass


def test_arguments_are_saved_in_the_order_of_their_names(x: Any) -> None:
    packed: list[float] = []
    other = engine.tensor([5.0, 6.0, 7.0], requires_grad=True)
    with graph.saved_tensors_hooks(lambda t: (packed.append(t[0].item()), t)[1], lambda t: t):
        x * other
    assert packed == [5.0, 1.0]


def test_second_derivatives_go_through_hooks(x: Any) -> None:
    with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = x * x * x
        (first,) = engine.autograd.grad(y.sum(), x, create_graph=True)
    (second,) = engine.autograd.grad(first.sum(), x)
    assert second.tolist() == [6, 12, 18]


def test_hooks_are_not_checked_for_versions(x: Any) -> None:
    h = x * 1
    with graph.saved_tensors_hooks(lambda t: t.clone(), lambda t: t):
        y = h * h
    h.mul_(2)
    y.sum().backward()
    assert x.grad.tolist() == [2, 4, 6]


def test_a_pack_hook_may_not_change_its_tensor(x: Any) -> None:
    with graph.saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t), pytest.raises(RuntimeError, match="in place"):
        x * (x.detach() + 1)


def test_an_unpack_hook_returns_a_tensor(x: Any) -> None:
    with graph.saved_tensors_hooks(lambda t: 3, lambda t: t):
        y = x.exp()
    with pytest.raises(TypeError, match="expected to be a Tensor but got result of type int"):
        y.sum().backward()


def test_a_saved_tensor_takes_one_pair_of_hooks_while_it_lives(x: Any) -> None:
    y = x * x
    saved = y.grad_fn._raw_saved_self
    saved.register_hooks(lambda t: t, lambda t: t)
    with pytest.raises(RuntimeError, match="already been set"):
        saved.register_hooks(lambda t: t, lambda t: t)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="after it has been freed"):
        y.grad_fn._raw_saved_other.register_hooks(lambda t: t, lambda t: t)
    with pytest.raises(RuntimeError, match="value None"):
        (x * engine.ones(3)).grad_fn._raw_saved_self.register_hooks(lambda t: t, lambda t: t)


def test_disabled_hooks_refuse_in_the_given_words() -> None:
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match="not here"):
        graph.save_on_cpu().__enter__()
    with (
        graph.save_on_cpu(),
        pytest.raises(RuntimeError, match="nor here"),
        graph.disable_saved_tensors_hooks("nor here"),
    ):
        pass
    with graph.save_on_cpu():
        pass


def test_a_saved_tensor_that_was_detached_in_place_is_refused(x: Any) -> None:
    h = x * 1
    y = h * h
    h.detach_()
    with pytest.raises(RuntimeError, match="detached in-place"):
        y.sum().backward()


@pytest.mark.parametrize("change", [lambda h: h.sin_(), lambda h: h[1:].mul_(3), lambda h: h.detach().zero_()])
def test_mutation_of_saved_tensors_can_be_allowed(x: Any, change: Any) -> None:
    with graph.allow_mutation_on_saved_tensors():
        h = x * 1
        y = (h * h).sum()
        change(h)
        y.backward()
    assert x.grad.tolist() == [2, 4, 6]


def test_a_graph_with_allowed_mutation_stays_in_its_context(x: Any) -> None:
    with graph.allow_mutation_on_saved_tensors():
        y = (x * x).sum()
        with pytest.raises(RuntimeError, match="cannot be nested"), graph.allow_mutation_on_saved_tensors():
            pass
    with pytest.raises(AssertionError, match="outside of the 'allow_mutation_on_saved_tensors' context"):
        y.backward()


def test_a_result_is_saved_whoever_wants_a_gradient_and_an_argument_only_for_its_formula() -> None:
    x, exponent = engine.ones(2, requires_grad=True), engine.ones(2)
    y = x.pow(exponent)  # only the gradient of the exponent reads the result
    y.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        engine.autograd.grad(y.sum(), x)
    z = x.mul(exponent)
    assert z.grad_fn._saved_self is None
