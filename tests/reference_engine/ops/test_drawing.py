"""Random numbers of given parameters: how they move with these, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import scipy.special as sp

import reference_engine as torch
from reference_engine import pathwise

#: How good the approximations are, relative to the derivative.
GAMMA_PRECISION, BETA_PRECISION = 2e-3, 1e-2


def moved(quantile: Callable[[float], float], parameter: float) -> float:
    """The derivative of a quantile by four-point differences."""
    h = 1e-4 * parameter
    near, far = (quantile(parameter + k * h) - quantile(parameter - k * h) for k in (1, 2))
    return (8 * near - far) / (12 * h)


@pytest.mark.parametrize("concentration", [0.2, 0.9, 2.5, 7.0, 9.0, 40.0, 500.0])
@pytest.mark.parametrize("level", [0.02, 0.3, 0.5, 0.7, 0.98])
def test_a_gamma_number_moves_as_its_quantile_does(concentration: float, level: float) -> None:
    x = float(sp.gammaincinv(concentration, level))
    slope = pathwise.gamma_slope(np.array([concentration]), np.array([x]))[0]
    assert slope == pytest.approx(moved(lambda a: float(sp.gammaincinv(a, level)), concentration), rel=GAMMA_PRECISION)


@pytest.mark.parametrize(
    ("alpha", "beta"), [(0.3, 0.4), (2.0, 3.0), (0.5, 20.0), (25.0, 0.7), (9.0, 12.0), (80.0, 7.0)]
)
@pytest.mark.parametrize("level", [0.02, 0.3, 0.5, 0.7, 0.98])
def test_a_beta_number_moves_as_its_quantile_does(alpha: float, beta: float, level: float) -> None:
    x = float(sp.betaincinv(alpha, beta, level))
    slope = (1 - x) * pathwise.beta_slope(*(np.array([v]) for v in (x, alpha, alpha + beta)))[0]
    assert slope == pytest.approx(moved(lambda a: float(sp.betaincinv(a, beta, level)), alpha), rel=BETA_PRECISION)


def test_the_mean_of_gamma_numbers_moves_as_the_concentration() -> None:
    torch.manual_seed(0)
    concentration = torch.full((4000,), 3.0, requires_grad=True)
    torch._standard_gamma(concentration).sum().backward()
    assert float(concentration.grad.mean()) == pytest.approx(1.0, abs=0.03)


def test_numbers_that_jump_do_not_move() -> None:
    rate = torch.tensor([2.0, 30.0], requires_grad=True)
    torch.poisson(rate).sum().backward()
    assert rate.grad.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("draw", "kind", "words"),
    [
        (lambda: torch.poisson(torch.tensor([-1.0])), RuntimeError, "invalid Poisson rate, expected rate to be"),
        (lambda: torch.poisson(torch.tensor([float("nan")])), RuntimeError, "invalid Poisson rate"),
        (lambda: torch.poisson(torch.tensor([1])), NotImplementedError, "\"poisson_cpu\" not implemented for 'Long'"),
        (lambda: torch._standard_gamma(torch.ones(1).half()), NotImplementedError, "\"gamma_cpu\" not implemented"),
        (lambda: torch.binomial(torch.ones(1), torch.ones(1).double()), RuntimeError, "Found dtype Double but"),
        (lambda: torch.binomial(torch.tensor([1]), torch.ones(1)), ValueError, "floating-point dtypes for count, got"),
        (
            lambda: torch.binomial(torch.ones(1), torch.ones(1, requires_grad=True)).backward(),
            RuntimeError,
            "derivative for aten::binomial is not implemented",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(draw: Callable[[], object], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        draw()
