"""Matrix decompositions: gradients of their factors, in the memory order and with the refusals that torch has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import reference_engine as engine


def test_the_gradient_of_a_wide_qr_is_that_of_its_factors() -> None:
    rng = np.random.default_rng(0)
    a, of_q, of_r = rng.standard_normal((2, 3)), rng.standard_normal((2, 2)), rng.standard_normal((2, 3))

    def loss(x: np.ndarray) -> float:
        q, r = engine.linalg.qr(engine.tensor(x.tolist(), dtype=engine.float64))
        return float(np.sum(q.numpy() * of_q) + np.sum(r.numpy() * of_r))

    x = engine.tensor(a.tolist(), dtype=engine.float64, requires_grad=True)
    q, r = engine.linalg.qr(x)
    cotangents = [engine.tensor(m.tolist(), dtype=engine.float64) for m in (of_q, of_r)]
    (found,) = engine.autograd.grad([q, r], [x], cotangents)
    for at in np.ndindex(2, 3):
        step = np.zeros((2, 3))
        step[at] = 1e-6
        assert found[at].item() == pytest.approx((loss(a + step) - loss(a - step)) / 2e-6, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("which", [0, 1])
def test_geqrf_is_not_derived_in_any_result(which: int) -> None:
    x = engine.eye(2).requires_grad_()
    with pytest.raises(NotImplementedError, match="the derivative for 'geqrf' is not implemented"):
        engine.geqrf(x)[which].sum().backward()


def test_what_solves_from_the_right_is_a_conjugate() -> None:
    a = engine.ones((1, 1), dtype=engine.complex64)
    assert engine.linalg.solve(a, a, left=False).is_conj()
    assert not engine.linalg.solve(a, a).is_conj()


@pytest.mark.parametrize(("op", "name"), [("linalg.cholesky_ex", "cholesky_ex"), ("linalg.inv_ex", "inv_ex")])
def test_a_refusal_names_the_function_that_was_called(op: str, name: str) -> None:
    function = getattr(engine.linalg, name)
    with pytest.raises(RuntimeError, match=f"^{op}: "):
        function(engine.zeros(2, 2), check_errors=True)


def test_kron_refuses_a_product_that_cannot_be_looked_at_as_a_matrix() -> None:
    with pytest.raises(RuntimeError, match="view size is not compatible"):
        engine.kron(engine.ones(2), engine.ones(2, 2).t())


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["eigh", "eigvalsh", "lstsq"])
def test_lapack_complaints_about_numbers_do_not_leak(name: str, value: float) -> None:
    a = engine.tensor([[1.0, 1.0], [value, 1.0]])
    getattr(engine.linalg, name)(*([a, engine.ones(2)] if name == "lstsq" else [a]))


@pytest.mark.parametrize("dtype", [engine.float64, engine.complex64])
def test_the_inverse_of_what_is_infinite_is_found_at_once_and_is_nan(dtype: Any) -> None:
    """A routine for singular values may search for ever in such a matrix."""
    infinite = engine.tensor([[1.5, -2.5, -0.8], [-1.75, math.inf, 1.1], [-math.inf, 1.75, 2.25]], dtype=dtype)
    assert engine.linalg.pinv(infinite).isnan().all()
    both = engine.linalg.pinv(engine.stack([infinite, engine.eye(3, dtype=dtype)]))
    assert both[0].isnan().all()
    assert engine.equal(both[1], engine.eye(3, dtype=dtype))
    with pytest.raises(engine.linalg.LinAlgError, match=r"^linalg.svd: .*contained non-finite values\.$"):
        engine.linalg.pinv(infinite * 0)
