"""What kernels of indexing and of sums refuse, and what they must not. Expectations were measured on torch 2.13."""

from __future__ import annotations

import math

import pytest

import reference_engine as torch


@pytest.mark.parametrize("include_self", [True, False])
def test_index_reduce_of_complex_numbers_has_no_order(include_self: bool) -> None:
    x, index = torch.ones(2, 2, dtype=torch.complex64), torch.tensor([0, 1])
    kernel = "maximum_cpu" if include_self else "index_reduce_func_exclude_input_init"
    with pytest.raises(NotImplementedError, match=f"\"{kernel}\" not implemented for 'ComplexFloat'"):
        x.index_reduce(0, index, x, "amax", include_self=include_self)


def test_index_reduce_multiplies_slices_of_complex_numbers() -> None:
    x = torch.full((2, 2), 2j)
    assert x.index_reduce(0, torch.tensor([0, 1]), x, "prod").tolist() == [[-4, -4], [-4, -4]]


def test_searchsorted_asks_about_the_dtype_that_both_are_compared_in() -> None:
    with pytest.raises(NotImplementedError, match="not implemented for 'ComplexFloat'"):
        torch.searchsorted(torch.tensor([1.0]), torch.tensor(1j))
    assert torch.searchsorted(torch.tensor([True]), torch.tensor(2.0)).item() == 1


def test_select_scatter_looks_at_sizes_before_it_refuses_complex_gradients() -> None:
    with pytest.raises(RuntimeError, match="expected src to have a size equal to the slice of self"):
        torch.select_scatter(torch.ones(2, dtype=torch.complex64), torch.ones(1, requires_grad=True), 0, 1)


def test_sample_points_of_a_trapezoid_are_broadcast_unless_they_are_one_row() -> None:
    y = torch.ones(3)
    assert torch.trapezoid(y, torch.ones(2, 2)).tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="There must be one `x` value for each sample point"):
        torch.trapezoid(y, torch.ones(2))
    with pytest.raises(RuntimeError, match=r"tensor a \(2\) must match the size of tensor b \(0\)"):
        torch.trapezoid(y, torch.tensor(1.0))


def test_a_running_sum_begins_with_positive_zero() -> None:
    assert math.copysign(1, torch.cumsum(torch.tensor([-0.0]), 0).item()) == 1


def test_a_complex_operand_of_a_logical_operation_on_real_memory_warns() -> None:
    with pytest.warns(UserWarning, match="Casting complex values to real"):
        torch.tensor(1.0).logical_and_(torch.tensor(1j))
