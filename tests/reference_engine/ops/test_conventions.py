"""The gradients that are a convention: at kinks, ties, poles and infinities, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reference_engine as engine
from reference_engine.semantics import Semantics, using

INF, NAN = math.inf, math.nan


def gradients(function: Callable[..., Any], *points: Any) -> list[Any]:
    """The gradient of the sum of the results, for each argument; None where there is none."""
    leaves = [engine.tensor(p, dtype=engine.float64, requires_grad=True) for p in points]
    found = engine.autograd.grad(function(*leaves).sum(), leaves, allow_unused=True)
    return [None if g is None else g.tolist() for g in found]


KINKS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]]] = {
    "abs has slope zero at zero": (engine.abs, ([-2.0, 0.0, 3.0],), ([-1.0, 0.0, 1.0],)),
    "relu has slope zero at zero": (engine.relu, ([-1.0, 0.0, 1.0],), ([0.0, 0.0, 1.0],)),
    "sqrt is infinitely steep at zero": (engine.sqrt, ([0.0, 4.0],), ([INF, 0.25],)),
    "rounding is flat everywhere": (engine.round, ([0.5, 1.2],), ([0.0, 0.0],)),
    "x**0 is flat, also at zero": (lambda x: x**0, ([0.0, 2.0],), ([0.0, 0.0],)),
    "0**b does not depend on b": (lambda b: 0**b, ([0.0, 2.0],), ([0.0, 0.0],)),
    "the origin has no angle": (engine.atan2, ([0.0, 1.0], [0.0, 0.0]), ([0.0, 0.0], [0.0, -1.0])),
    "the hypotenuse has a cusp": (engine.hypot, ([0.0, 3.0], [0.0, 4.0]), ([NAN, 0.6], [NAN, 0.8])),
    "sinc has a maximum at zero": (engine.sinc, ([0.0],), ([0.0],)),
    "I1 has slope one half at zero": (engine.special.i1, ([0.0],), ([0.5],)),
    "copysign is flat at zero": (engine.copysign, ([0.0, -2.0], [1.0, 1.0]), ([0.0, -1.0], [0.0, 0.0])),
    "what nan_to_num replaced is constant": (engine.nan_to_num, ([NAN, INF, 1.0],), ([0.0, 0.0, 1.0],)),
    "0 log y is constant for y of zero": (engine.xlogy, ([0.0, 2.0], [0.0, 1.0]), ([0.0, 0.0], [NAN, 2.0])),
    "logsumexp of nothing but -inf is nan": (lambda x: engine.logsumexp(x, 0), ([-INF, -INF],), ([NAN, NAN],)),
    "the remainder moves with the dividend": (engine.remainder, ([5.5, -5.5], [2.0, 2.0]), ([1.0, 1.0], [-2.0, 3.0])),
}

TIES: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]]] = {
    "maximum shares": (engine.maximum, ([1.0, 2.0], [1.0, 1.0]), ([0.5, 1.0], [0.5, 0.0])),
    "amax shares evenly": (engine.amax, ([3.0, 1.0, 3.0, 3.0],), ([1 / 3, 0.0, 1 / 3, 1 / 3],)),
    "max of all shares evenly": (engine.max, ([3.0, 3.0],), ([0.5, 0.5],)),
    "max of nan goes to the nan": (engine.max, ([3.0, NAN, NAN],), ([0.0, 0.5, 0.5],)),
    "max along a dimension picks the first": (lambda x: x.max(0)[0], ([3.0, 3.0, 1.0],), ([1.0, 0.0, 0.0],)),
    "cummax moves on to the later": (lambda x: x.cummax(0)[0], ([3.0, 3.0, 1.0],), ([1.0, 2.0, 0.0],)),
    "the largest absolute value shares": (
        lambda x: engine.linalg.vector_norm(x, INF), ([2.0, -2.0, 1.0],), ([0.5, -0.5, 0.0],),
    ),
}  # fmt: skip

DEGENERATE: dict[str, tuple[Callable[..., Any], tuple[Any, ...], tuple[Any, ...]]] = {
    "the norm of zero has gradient zero": (engine.norm, ([0.0, 0.0],), ([0.0, 0.0],)),
    "the norm of order zero has none": (lambda x: x.norm(0) + 0 * x.sum(), ([1.0, 0.0],), ([0.0, 0.0],)),
    "no spread, no gradient": (engine.std, ([2.0, 2.0],), ([0.0, 0.0],)),
    "one zero: only its own factor moves the product": (engine.prod, ([0.0, 2.0, 3.0],), ([6.0, 0.0, 0.0],)),
    "two zeros: nothing moves the product": (engine.prod, ([0.0, 2.0, 0.0],), ([0.0, 0.0, 0.0],)),
    "running products with a zero": (lambda x: x.cumprod(0), ([2.0, 0.0, 3.0],), ([1.0, 8.0, 0.0],)),
    "nansum leaves nan out": (engine.nansum, ([1.0, NAN],), ([1.0, 0.0],)),
    "renorm leaves short slices alone": (
        lambda x: engine.renorm(x, 2, 0, 10.0), ([[3.0, 4.0], [0.0, 1.0]],), ([[1.0, 1.0], [1.0, 1.0]],),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", [*KINKS, *TIES, *DEGENERATE])
def test_gradient_is_the_documented_convention(case: str) -> None:
    function, points, expected = {**KINKS, **TIES, **DEGENERATE}[case]
    with using(Semantics("2.13")):
        found = gradients(function, *points)
    for got, wanted in zip(found, expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-14, atol=0, equal_nan=True)


@pytest.mark.parametrize(("version", "shares"), [("2.13", (1.0, 0.0)), ("2.15", (0.5, 0.5))])
def test_fmax_gives_a_tie_to_the_first_until_it_is_shared(version: str, shares: tuple[float, float]) -> None:
    with using(Semantics(version)):
        first, second = gradients(engine.fmax, [2.0, 1.0], [2.0, NAN])
    assert first == [shares[0], 1.0]
    assert second == [shares[1], 0.0]


@pytest.mark.parametrize(("version", "angle"), [("2.4", NAN), ("2.13", 0.0)])
def test_atan2_at_the_origin_by_version(version: str, angle: float) -> None:
    with using(Semantics(version)):
        (found, _) = gradients(engine.atan2, [0.0], [0.0])
    np.testing.assert_equal(found, [angle])


def test_complex_gradient_of_a_real_argument_is_its_real_part() -> None:
    x = engine.tensor([1.0, 2.0], dtype=engine.float64, requires_grad=True)
    factor = engine.tensor([1 + 2j, 3 - 1j], dtype=engine.complex128)
    (g,) = engine.autograd.grad((x * factor), [x], [engine.tensor([1 + 1j, 1j], dtype=engine.complex128)])
    assert g.dtype is engine.float64
    assert g.tolist() == [3.0, -1.0]  # the real part of cotangent times conjugate factor


def test_steepest_ascent_is_the_conjugate_derivative() -> None:
    z = engine.tensor([4j], dtype=engine.complex128, requires_grad=True)
    (g,) = engine.autograd.grad(z.abs(), [z], [engine.ones(1, dtype=engine.float64)])
    assert g.tolist() == [1j]


def test_an_op_without_derivative_is_recorded_and_refuses_in_backward() -> None:
    x = engine.tensor([5.0], requires_grad=True)
    y = x // 2
    assert y.requires_grad
    assert y.grad_fn.name() == "torch::autograd::NotImplemented"
    with pytest.raises(RuntimeError, match="derivative for aten::floor_divide is not implemented"):
        y.sum().backward()


@pytest.mark.parametrize("fill", [0.0, 1.0])
def test_empty_reductions(fill: float) -> None:
    x = engine.full((0, 3), fill, dtype=engine.float64, requires_grad=True)
    assert x.sum().item() == 0.0
    assert x.prod().item() == 1.0
    assert math.isnan(x.mean().item())
    with pytest.raises(RuntimeError, match="Expected reduction dim to be specified"):
        x.max()
    (g,) = engine.autograd.grad(x.sum(), [x])
    assert tuple(g.shape) == (0, 3)
