"""Custom Functions: what they save, how their outputs stand in the graph, and what they may not do."""

from __future__ import annotations

from typing import Any

import pytest

import reference_engine as engine
from reference_engine.autograd.function import once_differentiable

Make = Any


def values(t: Any) -> list[float]:
    return t.tolist()  # type: ignore[no-any-return]


def test_the_node_is_named_after_the_function_and_is_its_ctx(x: Any, make: Make) -> None:
    seen: list[Any] = []
    f = make(lambda ctx, a: (seen.append(ctx), a * 2)[1], lambda ctx, g: g * 2)
    y = f.apply(x)
    assert y.grad_fn.name() == "MadeBackward"
    assert y.grad_fn is seen[0]
    assert isinstance(y.grad_fn, engine.autograd.graph.Node)


def test_forward_runs_unrecorded_and_needs_input_grad_tells_of_each_argument(x: Any, make: Make) -> None:
    seen: list[Any] = []
    f = make(lambda ctx, a, k, b: (seen.append((engine.is_grad_enabled(), ctx.needs_input_grad)), a * b)[1])
    f.apply(x, 3, engine.ones(3))
    assert seen == [(False, (True, False, False))]


def test_what_ctx_keeps_never_collides_with_what_the_engine_keeps(x: Any, make: Make) -> None:
    def forward(ctx: Any, a: Any) -> Any:
        ctx.inputs, ctx.edges, ctx.values, ctx.saved, ctx.sequence, ctx.label = (a,), 1, 2, 3, 4, 5
        return a * 2

    f = make(forward, lambda ctx, g: g * ctx.values)
    f.apply(x).sum().backward()
    assert values(x.grad) == [2, 2, 2]


def test_saved_tensors_are_checked_for_changes_and_freed_with_the_graph(x: Any, make: Make) -> None:
    def forward(ctx: Any, a: Any) -> Any:
        ctx.save_for_backward(a)
        return a * 2

    f = make(forward, lambda ctx, g: g * ctx.saved_tensors[0])
    h = x * 1
    y = f.apply(h)
    h.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    y = f.apply(x)
    y.sum().backward()
    with pytest.raises(RuntimeError, match="a second time"):
        y.sum().backward()


def test_a_saved_output_comes_back_with_its_history(x: Any, make: Make) -> None:
    def forward(ctx: Any, a: Any) -> Any:
        result = a.exp()
        ctx.save_for_backward(result)
        return result

    f = make(forward, lambda ctx, g: g * ctx.saved_tensors[0])
    (first,) = engine.autograd.grad(f.apply(x).sum(), x, create_graph=True)
    (second,) = engine.autograd.grad(first.sum(), x)
    assert values(second) == values(x.exp())


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (lambda g: (g, g), "incorrect number of gradients"),
        (lambda g: 3.0, "expected Variable or None"),
        (lambda g: g[:2], "invalid gradient"),
    ],
)
def test_a_backward_that_returns_the_wrong_thing_is_refused(x: Any, make: Make, returned: Any, words: str) -> None:
    f = make(lambda ctx, a: a * 2, lambda ctx, g: returned(g))
    with pytest.raises(RuntimeError, match=words):
        f.apply(x).sum().backward()


def test_surplus_nones_from_backward_are_dropped(x: Any, make: Make) -> None:
    f = make(lambda ctx, a, k: a * k, lambda ctx, g: (g, None, None, None))
    f.apply(x, 2).sum().backward()
    assert values(x.grad) == [1, 1, 1]


def test_undefined_gradients_are_zeros_unless_switched_off(x: Any, make: Make) -> None:
    seen: list[Any] = []

    def backward(ctx: Any, *grads: Any) -> Any:
        seen.append([None if g is None else values(g) for g in grads])
        return x.detach()

    f = make(lambda ctx, a: (a * 2, a * 3), backward)
    f.apply(x)[1].sum().backward()
    g = make(lambda ctx, a: (ctx.set_materialize_grads(False), (a * 2, a * 3))[1], backward)
    g.apply(x)[1].sum().backward()
    assert seen == [[[0, 0, 0], [1, 1, 1]], [None, [1, 1, 1]]]


def test_an_input_returned_as_it_is_becomes_a_view_that_cannot_be_changed_in_place(x: Any, make: Make) -> None:
    y = make(lambda ctx, a: a, lambda ctx, g: g * 5).apply(x)
    assert y is not x
    assert y._base is x
    with pytest.raises(RuntimeError, match="created inside a custom Function"):
        y.mul_(2)
    y.sum().backward()
    assert values(x.grad) == [5, 5, 5]


def test_a_dirty_input_gets_the_function_as_its_history(x: Any, make: Make) -> None:
    f = make(lambda ctx, a: (a.mul_(2), ctx.mark_dirty(a), a)[2], lambda ctx, g: g * 2)
    h = x * 1
    assert f.apply(h) is h
    assert h.grad_fn.name() == "MadeBackward"
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        f.apply(x)


def test_a_dirty_view_rewrites_the_history_of_its_base_wherever_it_stands_among_the_arguments(
    x: Any, make: Make
) -> None:
    f = make(lambda ctx, a, b: (b.mul_(a), ctx.mark_dirty(b), b)[2], lambda ctx, g: (g * 100, g * 1000))
    base = engine.ones(4, requires_grad=True)
    h = base * 1
    f.apply(x, h[:3])
    h.sum().backward()
    assert values(x.grad) == [100, 100, 100]
    assert values(base.grad) == [1000, 1000, 1000, 1]


def test_what_was_marked_dirty_must_be_returned(x: Any, make: Make) -> None:
    f = make(lambda ctx, a: (a.mul_(2), ctx.mark_dirty(a), a * 1)[2], lambda ctx, g: g)
    with pytest.raises(RuntimeError, match="were not returned as output"):
        f.apply(x * 1)


def test_an_output_marked_non_differentiable_requires_no_grad(x: Any, make: Make) -> None:
    def forward(ctx: Any, a: Any) -> Any:
        constant = a * 3
        ctx.mark_non_differentiable(constant)
        return a * 2, constant, a.long()

    y, constant, integer = make(forward, lambda ctx, *g: g[0]).apply(x)
    assert (y.requires_grad, constant.requires_grad, integer.requires_grad) == (True, False, False)


def test_once_differentiable_refuses_a_second_derivative(x: Any, make: Make) -> None:
    f = make(lambda ctx, a: a**2, once_differentiable(lambda ctx, g: g * 2))
    weight = engine.ones((), requires_grad=True)
    (g,) = engine.autograd.grad((weight * f.apply(x)).sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="trying to differentiate twice"):
        g.sum().backward()


def test_setup_context_sees_defaults_and_may_not_save_an_input_returned_as_it_is(x: Any, make: Make) -> None:
    seen: list[Any] = []
    f = make(
        lambda a, k=3: a * k, lambda ctx, g: (g, None), setup_context=lambda ctx, inputs, output: seen.append(inputs[1])
    )
    f.apply(x)
    assert seen == [3]
    same = make(lambda a: a, lambda ctx, g: g, setup_context=lambda ctx, inputs, output: ctx.save_for_backward(*inputs))
    with pytest.raises(RuntimeError, match="returned as-is"):
        same.apply(x)


def test_keywords_of_apply_stand_in_their_places(x: Any, make: Make) -> None:
    f = make(lambda ctx, a, b=1: a * b, lambda ctx, g: (g, g * 7))
    other = engine.ones(3, requires_grad=True)
    f.apply(b=other, a=x).sum().backward()
    assert values(other.grad) == [7, 7, 7]
    with pytest.raises(TypeError, match="multiple values"):
        f.apply(x, a=x)


def test_instances_and_missing_methods_are_refused(x: Any, make: Make) -> None:
    f = make(lambda ctx, a: a * 2)
    with (
        pytest.warns(DeprecationWarning, match="should not be instantiated"),
        pytest.raises(RuntimeError, match="Legacy"),
    ):
        f()(x)
    with pytest.raises(NotImplementedError, match="backward or vjp"):
        f.apply(x).sum().backward()
    both = make(lambda ctx, a: a * 2, lambda ctx, g: g, vjp=lambda ctx, g: g)
    with pytest.raises(RuntimeError, match="both"):
        both.apply(x).sum().backward()


def test_backward_may_run_a_backward_of_its_own(x: Any, make: Make) -> None:
    def forward(ctx: Any, a: Any) -> Any:
        with engine.enable_grad():
            ctx.inner = a.detach().requires_grad_()
            ctx.result = ctx.inner**2
        return ctx.result.detach()

    def backward(ctx: Any, g: Any) -> Any:
        ctx.result.backward(g)
        return ctx.inner.grad

    f = make(forward, backward)
    f.apply(f.apply(x)).sum().backward()
    assert values(x.grad) == [4, 32, 108]
