"""Forward mode: dual tensors, and tangents through operations, views, changes in place and custom Functions."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reference_engine as engine
from reference_engine import semantics

ad = engine.autograd.forward_ad
pytestmark = pytest.mark.usefixtures("dual_level")


def tangent(t: Any) -> Any:
    return ad.unpack_dual(t).tangent


def dual(values: Any = (1.0, 2.0, 3.0), along: Any = (10.0, 20.0, 30.0), **more: Any) -> Any:
    return ad.make_dual(engine.tensor(list(values), **more), engine.tensor(list(along)))


FUNCTIONS: list[Callable[[Any], Any]] = [
    lambda a: a * a,
    lambda a: a.exp() / (1 + a),
    lambda a: a @ a,
    lambda a: a.sum() * a,
    lambda a: a.view(3, 1) * a,
    lambda a: a.softmax(0) if hasattr(a, "softmax") else a.exp() / a.exp().sum(),
    lambda a: a.cumsum(0),
    lambda a: a.flip(0),
    lambda a: engine.cat([a, a * 2]),
    lambda a: engine.where(a > 1.5, a, a * a),
    lambda a: a[1:] * a[:-1],
    lambda a: a.unsqueeze(0).expand(2, 3).sin(),
    lambda a: a.norm(),
    lambda a: a.logaddexp(2 * a).maximum(a.sin()).copysign(-a),
    lambda a: (a * engine.ones(2, 1)).hypot(a),
    lambda a: engine.linalg.solve(a.outer(a) + engine.eye(3), a),
    lambda a: a.prod(),
    lambda a: a.std(),
    lambda a: a**a,
    lambda a: a.logcumsumexp(0),
    lambda a: engine.nn.functional.hardsigmoid(a),
    lambda a: a.clone().mul_(a).add_(1),
    lambda a: a.max(0)[0],
    lambda a: a.double().to(engine.float64),
    lambda a: engine.stack([a, a.detach()]),
]


@pytest.mark.parametrize("number", range(len(FUNCTIONS)))
def test_tangents_agree_with_finite_differences(number: int) -> None:
    f = FUNCTIONS[number]
    at = engine.tensor([0.7, 1.9, 2.6], dtype=engine.float64)
    along = engine.tensor([0.3, -0.8, 0.5], dtype=engine.float64)
    _result, found = ad.unpack_dual(f(ad.make_dual(at, along)))
    step = 1e-6
    if number == len(FUNCTIONS) - 1:  # detach() stops tangents
        assert found[1].tolist() == [0, 0, 0]
        return
    expected = (f(at + step * along) - f(at - step * along)) / (2 * step)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6, atol=1e-8)


def test_a_level_is_entered_once_and_forgets_when_it_is_left() -> None:
    d = dual()
    with pytest.raises(RuntimeError, match="Nested"):
        ad.enter_dual_level()
    ad.exit_dual_level()
    assert ad.unpack_dual(d) == (d, None)
    with pytest.raises(RuntimeError, match="no level"):
        dual()
    ad.enter_dual_level()
    assert tangent(d) is None


def test_a_dual_tensor_is_a_view_and_keeps_its_tangent_where_the_layout_fits() -> None:
    base, along = engine.ones(2, 3), engine.ones(2, 3)
    d = ad.make_dual(base, along)
    assert d._base is base
    assert tangent(d) is along
    other = engine.ones(3, 2).t()
    assert tangent(ad.make_dual(base, other)) is not other
    assert tangent(ad.make_dual(base, other)).stride() == (3, 1)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda d: ad.make_dual(d, engine.ones(3)), RuntimeError),
        (lambda d: ad.make_dual(engine.ones(3), d), RuntimeError),
        (lambda d: ad.make_dual(engine.ones(3), engine.ones(2)), RuntimeError),
        (lambda d: ad.make_dual(engine.arange(3), engine.ones(3)), ValueError),
        (lambda d: engine.add(d, 1, out=engine.ones(3)), NotImplementedError),
        (lambda d: engine.heaviside(d, d) if False else engine.floor_divide(d, d), NotImplementedError),
    ],
)
def test_what_cannot_be_dual_is_refused(make: Any, error: Any) -> None:
    with pytest.raises(error):
        make(dual())


def test_the_tangent_of_a_view_is_a_view_of_the_tangent() -> None:
    d = dual()
    part = d[1:]
    assert tangent(part)._base is tangent(d)
    part.mul_(2)
    assert tangent(d).tolist() == [10, 40, 60]


def test_a_change_in_place_gives_the_base_and_its_other_views_a_tangent() -> None:
    base = engine.ones(4)
    one, other = base[1:], base[:2]
    one.add_(dual())
    assert tangent(base).tolist() == [0, 10, 20, 30]
    assert tangent(other).tolist() == [0, 10]


def test_a_product_with_itself_in_place_is_differentiated_as_it_was_before() -> None:
    d = dual()
    assert tangent(d.mul_(d)).tolist() == [20, 80, 180]


def test_no_grad_does_not_stop_tangents_and_inference_mode_does() -> None:
    d = dual()
    with engine.no_grad():
        assert tangent(d * 2) is not None
    with engine.inference_mode():
        assert tangent(d * 2) is None
    assert tangent(d.detach()) is None


def test_reverse_over_forward_and_forward_over_reverse_agree() -> None:
    p = engine.tensor([1.0, 2.0, 3.0], requires_grad=True)
    d = ad.make_dual(p, engine.tensor([1.0, 1.0, 1.0]))
    (over_forward,) = engine.autograd.grad(tangent(d**3).sum(), p)
    (first,) = engine.autograd.grad((d**3).sum(), d)
    assert over_forward.tolist() == tangent(first).tolist() == [6, 12, 18]


def test_a_function_without_jvp_is_refused_and_one_with_it_asked(make: Any) -> None:
    with pytest.raises(NotImplementedError, match="jvp"):
        make(lambda ctx, a: a * 2).apply(dual())
    f = make(lambda ctx, a, k: (ctx.save_for_forward(a), a * k)[1], jvp=lambda ctx, t, k: t * ctx.saved_tensors[0])
    assert tangent(f.apply(dual(), 5)).tolist() == [10, 40, 90]


@pytest.mark.parametrize(
    ("forward", "jvp", "words"),
    [
        (lambda ctx, a: a * 2, lambda ctx, t: (t, t), "invalid number of forward gradients"),
        (lambda ctx, a: a * 2, lambda ctx, t: 3, "expected Variable or None"),
        (lambda ctx, a: a.long(), lambda ctx, t: t, "not a differentiable Tensor"),
        (lambda ctx, a: a, lambda ctx, t: t * 1, "not returning a view"),
        (
            lambda ctx, a: (a.mul_(2), ctx.mark_dirty(a), a)[2],
            lambda ctx, t: t * 2,
            "not modifying the forward mode gradients",
        ),
    ],
)
def test_a_jvp_does_to_tangents_what_forward_does_to_values(make: Any, forward: Any, jvp: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        make(forward, jvp=jvp).apply(dual())


def test_what_changes_the_geometry_of_a_dual_tensor_in_place_changes_that_of_its_tangent() -> None:
    along = engine.ones(2, 3)
    a = ad.make_dual(engine.ones(2, 3), along)
    a.transpose_(0, 1).unsqueeze_(0)
    assert tangent(a) is along
    assert along.shape == (1, 3, 2)
    assert along._version == 2


def test_tangents_that_nobody_differentiates_save_nothing() -> None:
    seen = []
    a = dual()
    with engine.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t) or t, lambda t: t):
        a.exp().mul_(a)
    assert not seen


def test_the_tangent_of_a_product_has_the_history_of_both_factors() -> None:
    x = engine.ones(3, requires_grad=True)
    a = ad.make_dual(x.clone(), engine.ones(3))
    found = tangent(a * 2)
    assert found.tolist() == [2, 2, 2]
    (grad,) = engine.autograd.grad(found.sum(), x)
    assert grad.tolist() == [0, 0, 0]
    assert not tangent(a + 2).requires_grad


def test_a_change_in_place_without_forward_mode_is_refused_after_its_arguments_and_before_it_writes() -> None:
    a = engine.ones(3)
    with pytest.raises(NotImplementedError, match=r"igamma_"):
        a.igamma_(dual())
    assert a.tolist() == [1, 1, 1]
    with pytest.raises(RuntimeError, match=r"doesn't match the broadcast shape"):
        engine.tensor(1.0).igamma_(dual())
    leaf = engine.ones(3, requires_grad=True)
    with pytest.raises(NotImplementedError, match=r"aten::heaviside_"):  # not even the leaf is seen
        leaf.heaviside_(dual())


def test_the_tangent_of_a_masked_formula_is_masked() -> None:
    a = ad.make_dual(engine.zeros(1), engine.ones(1))
    assert tangent(a.sinc()).tolist() == [0]


def test_inference_tensors_alone_have_no_forward_mode() -> None:
    with engine.inference_mode():
        x = engine.ones(2)
    a = ad.make_dual(x, engine.ones(2))
    assert tangent(a.exp()) is None
    assert tangent(a * 2).tolist() == [2, 2]  # a number counts as a normal tensor


def test_a_tensor_made_of_another_in_inference_mode_is_an_inference_tensor() -> None:
    x = engine.ones(2)
    with engine.inference_mode():
        assert x.view(engine.int32).is_inference()
        assert copy.deepcopy(x).is_inference()
        assert copy.copy(x).is_inference()


def test_the_tangent_of_a_spread_that_is_zero_is_zero() -> None:
    same = dual((1.0, 1.0, 1.0))
    assert tangent(same.std()).item() == 0
    assert tangent(engine.linalg.vector_norm(dual((0.0, 0.0, 0.0)), 3)).item() == 0


def test_what_is_known_of_a_tangent_is_cited_where_it_is_looked_at() -> None:
    whole = dual()
    part = whole[...]
    part.mul_(whole)
    semantics.take_cited()
    tangent(whole * 2)
    assert "forward_ad.in_place.aliased" in semantics.take_cited()


@pytest.mark.parametrize("dim", [None, (), 0])
def test_a_variance_over_no_dimension_named_is_over_all_of_them(dim: Any) -> None:
    x = engine.tensor([3.0, 1.0, 2.0], requires_grad=True)
    (grad,) = engine.autograd.grad(engine.std(x, dim), x)
    assert grad.tolist() == [0.5, -0.5, 0]


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.softmax(0),
        lambda x: x.log_softmax(0),
        lambda x: x.logsumexp(0),
        lambda x: engine.linalg.solve(x, engine.eye(2)),
        lambda x: x.det(),
        lambda x: x.slogdet()[1],
        lambda x: engine.nn.functional.layer_norm(x, (2,), x[0]),
    ],
)
def test_backward_through_a_tangent_is_backward_twice(f: Callable[[Any], Any]) -> None:
    x = engine.tensor([[2.0, 1.0], [0.5, 3.0]], requires_grad=True)
    along = engine.tensor([[1.0, -0.5], [0.25, 2.0]])
    pushed = tangent(f(ad.make_dual(x.clone(), along)))
    (forward,) = engine.autograd.grad(pushed.sum(), x)
    (once,) = engine.autograd.grad(f(x).sum(), x, create_graph=True)
    (twice,) = engine.autograd.grad((once * along).sum(), x, allow_unused=True)
    np.testing.assert_allclose(forward.tolist(), twice.tolist(), atol=1e-5)


def test_a_real_tangent_in_a_part_of_a_complex_tensor_gives_the_whole_a_complex_one() -> None:
    whole = engine.zeros(3, dtype=engine.complex64)
    whole.imag.add_(dual())
    assert tangent(whole).tolist() == [10j, 20j, 30j]
