"""Choices that both engines may make in their own way are no findings; what is no lawful choice is one."""

from __future__ import annotations

import numpy as np
import pytest

import reference_engine as engine
from reference_engine.ops import gauge


def _vectors(name: str, matrix: list[list[float]]) -> np.ndarray:
    made = getattr(engine.linalg, name)(engine.tensor(matrix, dtype=engine.float64))
    return np.asarray(made[1 if name == "eigh" else 0].numpy())


@pytest.mark.parametrize("name", ["eigh", "svd"])
def test_another_sign_is_followed(name: str) -> None:
    matrix = [[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 5.0]]
    other = _vectors(name, matrix) * np.array([1.0, -1.0, -1.0])
    with gauge.near([other]):
        assert np.allclose(_vectors(name, matrix), other, atol=1e-12)


def test_another_basis_of_a_shared_eigenspace_is_followed() -> None:
    matrix = np.ones((3, 3)).tolist()
    own = _vectors("eigh", matrix)
    c, s = np.cos(0.7), np.sin(0.7)
    other = own @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    with gauge.near([other]):
        assert np.allclose(_vectors("eigh", matrix), other, atol=1e-12)


def test_a_wrong_decomposition_is_not_imitated() -> None:
    matrix = [[2.0, 1.0], [1.0, 3.0]]
    wrong = _vectors("eigh", matrix) * np.array([1.0, -1.01])
    with gauge.near([wrong]):
        found = _vectors("eigh", matrix)
    assert np.allclose(np.linalg.norm(found, axis=0), 1)
    assert not np.allclose(found, wrong)


def test_long_columns_are_not_preferred() -> None:
    matrix = [[2.0, 1.0], [1.0, 3.0]]
    other = -_vectors("eigh", matrix)
    with gauge.near([10 * np.array(matrix), other]):
        assert np.allclose(_vectors("eigh", matrix), other)
