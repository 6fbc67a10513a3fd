"""Convolutions: derivatives of their derivatives, and what is saved of a call that is refused."""

from __future__ import annotations

from typing import Any

import pytest

import reference_engine as engine

functional: Any = engine.nn.functional


@pytest.mark.parametrize("dtype", ["float64", "complex128"])
@pytest.mark.parametrize("name", ["conv1d", "conv_transpose1d"])
@pytest.mark.parametrize("options", [{}, {"stride": 2, "padding": 1}, {"dilation": 2}, {"groups": 2}], ids=str)
def test_second_derivatives_are_those_of_finite_differences(name: str, dtype: str, options: dict[str, int]) -> None:
    engine.manual_seed(0)
    d = getattr(engine, dtype)
    x = engine.randn(1, 2, 5, dtype=d).requires_grad_()
    w = engine.randn(2, 2 // options.get("groups", 1), 2, dtype=d).requires_grad_()
    convolve = getattr(functional, name)
    assert engine.autograd.gradgradcheck(lambda a, b: convolve(a, b, None, **options), (x, w))


@pytest.mark.parametrize("wrong", [{"stride": 0}, {"groups": 2}, {"dilation": (1, 1)}], ids=str)
def test_a_refused_call_has_saved_its_tensors_before(wrong: dict[str, Any]) -> None:
    packed: list[tuple[int, ...]] = []

    def pack(t: Any) -> Any:
        packed.append(tuple(t.shape))
        return t

    x = engine.ones(1, 1, 3, requires_grad=True)
    with engine.autograd.graph.saved_tensors_hooks(pack, lambda t: t), pytest.raises(RuntimeError):
        functional.conv1d(x, engine.ones(1, 1, 2), None, **wrong)
    assert packed == [(1, 1, 3), (1, 1, 2)]


def test_the_gradient_of_an_input_is_a_convolution_again() -> None:
    x, w = engine.ones(1, 1, 3, requires_grad=True), engine.ones(1, 1, 2, requires_grad=True)
    (g,) = engine.autograd.grad(functional.conv1d(x, w).sum(), w, create_graph=True)
    (again,) = engine.autograd.grad(g, x, engine.ones_like(g, requires_grad=True), create_graph=True)
    assert type(again.grad_fn).__name__ == "ConvolutionBackward0"
