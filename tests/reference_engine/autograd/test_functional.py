"""Products with Jacobians and Hessians, and the whole of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference_engine as engine

functional = engine.autograd.functional
X = [1.0, 2.0, 3.0]


def at() -> Any:
    return engine.tensor(X)


def test_vjp_and_jvp_are_transposes() -> None:
    u, v = engine.tensor([1.0, -1.0]), engine.tensor([0.5, 2.0, 1.0])

    def f(a: Any) -> Any:
        return engine.stack([(a * a).sum(), a.prod()])

    _, row = functional.vjp(f, at(), u)
    _, column = functional.jvp(f, at(), v)
    assert float((row * v).sum()) == pytest.approx(float((u * column).sum()))


@pytest.mark.parametrize("options", [{}, {"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}])
def test_the_jacobian_is_the_same_however_it_is_computed(options: dict[str, Any]) -> None:
    found = functional.jacobian(lambda a, b: (a * b, a.sum()), (at(), at() * 2), **options)
    assert np.array_equal(found[0][0].numpy(), np.diag([2, 4, 6]))
    assert np.array_equal(found[0][1].numpy(), np.diag([1, 2, 3]))
    assert found[1][0].tolist() == [1, 1, 1]
    assert found[1][1].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "options", [{}, {"vectorize": True}, {"vectorize": True, "outer_jacobian_strategy": "forward-mode"}]
)
def test_the_hessian_is_the_same_however_it_is_computed(options: dict[str, Any]) -> None:
    found = functional.hessian(lambda a: (a**3).sum(), at(), **options)
    assert np.array_equal(found.detach().numpy(), np.diag([6, 12, 18]))


def test_hvp_and_vhp_agree_for_a_symmetric_hessian() -> None:
    v = engine.tensor([1.0, 0.5, -2.0])
    _, left = functional.vhp(lambda a: (a**3).sum() + a.prod(), at(), v)
    _, right = functional.hvp(lambda a: (a**3).sum() + a.prod(), at(), v)
    np.testing.assert_allclose(left.numpy(), right.numpy())


def test_results_have_a_history_only_when_asked_for() -> None:
    w = engine.tensor(X, requires_grad=True)
    out, product = functional.vjp(lambda a: a**2, w, at())
    assert not out.requires_grad
    assert not product.requires_grad
    _, product = functional.vjp(lambda a: a**2, w, at(), create_graph=True)
    assert product.requires_grad


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: functional.vjp(lambda a: a, 3, at()), TypeError, "inputs given to vjp must be either a Tensor"),
        (
            lambda: functional.vjp(lambda a: 3, at(), at()),
            TypeError,
            "outputs of the user-provided function given to vjp",
        ),
        (lambda: functional.vjp(lambda a: a, at()), RuntimeError, "v can only be None"),
        (lambda: functional.vjp(lambda a: a, at(), at()[:2]), RuntimeError, r"should be torch.Size\(\[3\]\) but got"),
        (lambda: functional.vjp(lambda a: (a, a), at(), at()), RuntimeError, "invalid length"),
        (
            lambda: functional.vjp(lambda a: engine.ones(3), at(), at(), strict=True),
            RuntimeError,
            "does not require gradients",
        ),
        (lambda: functional.hvp(lambda a: a.sum(), at(), at(), strict=True), RuntimeError, "twice differentiable"),
        (lambda: functional.hessian(lambda a: a, at()), RuntimeError, "should contain a single element"),
        (lambda: functional.hessian(lambda a: (a.sum(),), at()), RuntimeError, "should return a single Tensor"),
        (lambda: functional.jacobian(lambda a: a, at(), strategy="sideways"), AssertionError, "Expected strategy"),
        (
            lambda: functional.jacobian(lambda a: a, at(), strategy="forward-mode"),
            NotImplementedError,
            "vectorize=True",
        ),
        (
            lambda: functional.jacobian(lambda a: a, at(), strict=True, vectorize=True),
            RuntimeError,
            "not supported together",
        ),
    ],
)
def test_what_cannot_be_differentiated_is_refused(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()
