"""Choices that both engines may make in their own way are no findings; what is no lawful choice is one."""

from __future__ import annotations

import numpy as np
import pytest

import reference_engine as engine
from conformance.execute.machine import execute
from conformance.judge.verdict import judge
from conformance.program import steps as s
from conformance.subjects.reference import Reference
from reference_engine.ops import gauge
from specs import Version


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


# -- zeros and pivots ------------------------------------------------------------------------------------------------


def test_another_zero_is_followed_where_all_else_is_alike() -> None:
    x = engine.tensor([[1.0, 0.0], [0.0, 2.0]], dtype=engine.float64)
    own = engine.linalg.inv(x).numpy()
    other = np.where(own == 0, -own, own)
    with gauge.near([other]):
        assert np.signbit(engine.linalg.inv(x).numpy()).tolist() == np.signbit(other).tolist()
    with gauge.near([2 * other, other.T[::-1]]):
        assert np.signbit(engine.linalg.inv(x).numpy()).tolist() == np.signbit(own).tolist()


def test_zeros_of_complex_numbers_are_followed_part_by_part() -> None:
    x = engine.tensor([[1.0 + 0j, 0.0], [0.0, 1j]])
    own = engine.linalg.inv(x).numpy()
    other = np.where(own == 0, complex(-0.0, -0.0), own)
    with gauge.near([other]):
        found = engine.linalg.inv(x).numpy()
    assert np.signbit(found.real).tolist() == np.signbit(other.real).tolist()
    assert np.signbit(found.imag).tolist() == np.signbit(other.imag).tolist()


SINGULAR = [[-0.75, -0.75], [1.25, 1.25]]  # -0.75 / 1.25 is rounded


@pytest.mark.parametrize("singular", [True, False])
def test_rounding_may_find_a_singular_matrix_singular_or_not(singular: bool) -> None:
    with gauge.near([], singular):
        info = engine.linalg.inv_ex(engine.tensor(SINGULAR, dtype=engine.float64))[1]
    assert info.item() == (2 if singular else 0)


@pytest.mark.parametrize("matrix", [[[1.0, 1.0], [1.0, 1.0]], [[0.0, 1.0], [0.0, 2.0]], [[2.0, 1.0], [1.0, 3.0]]])
@pytest.mark.parametrize("singular", [True, False])
def test_what_is_singular_without_rounding_is_no_choice(matrix: list[list[float]], singular: bool) -> None:
    own = engine.linalg.inv_ex(engine.tensor(matrix))[1].item()
    with gauge.near([], singular):
        assert engine.linalg.inv_ex(engine.tensor(matrix))[1].item() == own


def test_a_third_of_a_row_may_leave_a_definite_matrix() -> None:
    matrix = engine.tensor([[3.0, 1.0], [1.0, 1 / 3]], dtype=engine.float64)
    for singular in (True, False):
        with gauge.near([], singular):
            assert engine.linalg.cholesky_ex(matrix)[1].item() == (2 if singular else 0)


def test_gels_wants_full_rank() -> None:
    right = engine.ones(2)
    assert engine.linalg.lstsq(engine.zeros(2, 2), right, driver="gels")[0].tolist() == [0.0, 0.0]
    with pytest.raises(engine.linalg.LinAlgError, match=r"does not have full rank \(error code: 1\)"):
        engine.linalg.lstsq(engine.tensor([[0.0, 0.0], [0.0, 1.0]]), right, driver="gels")
    batch = engine.stack([engine.eye(2), engine.ones(2, 2)])
    with pytest.raises(engine.linalg.LinAlgError, match=r"\(Batch element 1\): .* \(error code: 2\)"):
        engine.linalg.lstsq(batch, engine.ones(2, 2), driver="gels")


# -- as the judge follows them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "looked_at", [s.Apply("mul", (s.Ref("v"), 2), outs=("y",)), s.Read("v", "repr")], ids=["a tensor", "its words"]
)
def test_a_choice_is_followed_wherever_it_is_seen(looked_at: s.Step) -> None:
    make = s.Make("a", (2.0, 1.0, 1.0, 3.0), (2, 2), dtype="float64")
    program = s.Program((make, s.Apply("linalg.eigh", (s.Ref("a"),), outs=("w", "v")), looked_at))
    reference, version = Reference(), Version.parse("2.13")
    expected = execute(program, reference)
    with gauge.near([-_vectors("eigh", [[2.0, 1.0], [1.0, 3.0]])]):
        observed = execute(program, reference)
    assert observed != expected
    assert judge(program, expected, observed, reference, (), version) is None
    other = s.Program((*program.steps[:2], s.Apply("mul", (s.Ref("v"), 3), outs=("y",))))
    assert judge(other, execute(other, reference), observed, reference, (), version) is not None
