"""Where a shadow run adds noise: wherever something was rounded, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import reference_engine as engine
from reference_engine.ops import shadow


@pytest.fixture
def spread() -> Iterator[Callable[[Callable[[], Any]], Any]]:
    """How far the noisy runs of a computation lie from the plain one."""

    def measured(compute: Callable[[], Any]) -> Any:
        plain = np.array(compute().tolist())
        runs = []
        for seed in range(4):
            shadow.active = shadow.Shadow(seed)
            runs.append(np.abs(np.array(compute().tolist()) - plain))
            shadow.active = None
        return np.max(runs, axis=0)

    yield measured
    shadow.active = None


def test_a_product_that_cancels_is_noisy_where_its_terms_were_rounded(spread: Any) -> None:
    a, b = engine.tensor([1.0, 2.75, -2.3093093]), engine.tensor([1.0, 0.6876877, -0.5375375])
    assert np.all(spread(lambda: engine.linalg.cross(a, b)) > 1e-9)
    whole = engine.tensor([1.0, 2.0, 3.0])
    assert not np.any(spread(lambda: engine.linalg.cross(whole, whole + 1)))


def test_what_no_wider_arithmetic_can_check_is_noisy_unless_its_digits_are_few() -> None:
    def halves(x: Any) -> Any:
        return x.astype(np.float64) / 2  # as LAPACK, which knows no wider numbers

    given = np.array([3.0, 0.1])
    made = shadow.Shadow(0).perturb(halves, [given], halves(given), engine.float64)
    assert made[0] == 1.5
    assert made[1] != 0.05


def test_a_complex_quotient_is_rounded_on_the_way_though_it_is_one(spread: Any) -> None:
    z = engine.tensor([complex(-0.25, 2.009009), complex(3.0, 0.0)], dtype=engine.complex128)
    noise = spread(lambda: z / z)
    assert noise[0] > 0
    assert noise[1] == 0


def test_what_is_normalised_by_a_scale_and_a_shift_is_rounded_where_they_cancel(spread: Any) -> None:
    x = engine.tensor([[1.0, 1.0, 0.0, 0.0]])
    noise = spread(lambda: engine.nn.functional.group_norm(x, 2, None, engine.ones(4)))
    assert noise[0, 0] > 0
    assert noise[0, 2] == 0
