"""Selections by rank, and counting. The expectations were measured on torch 2.13."""

from __future__ import annotations

import math

import pytest

import reference_engine as torch

NAN = math.nan


def test_which_of_equal_elements_is_selected() -> None:
    x = torch.tensor([2.0, 2.0, 3.0, 1.0])
    assert x.topk(3).indices.tolist() == [2, 1, 0]
    assert torch.tensor([2.0, 2.0, 2.0]).kthvalue(1).indices.item() == 1
    assert torch.tensor([5.0, 4.0, 4.0, 4.0]).median(0).indices.item() == 2
    assert torch.tensor([1.0, 3.0, 1.0, 3.0]).mode().indices.item() == 2


def test_nan_is_the_largest_and_the_median() -> None:
    x = torch.tensor([1.0, NAN, 2.0])
    assert x.topk(1).indices.item() == 1
    assert x.median(0).indices.item() == 1
    assert math.isnan(x.median().item())
    assert x.nanmedian().item() == 1
    assert x.nanmedian(0).indices.item() == 0


@pytest.mark.parametrize("name", ["median", "nanmedian", "mode"])
def test_the_gradient_of_a_rank_goes_to_its_place(name: str) -> None:
    x = torch.tensor([[3.0, 1.0, 2.0], [1.0, 1.0, 5.0]], requires_grad=True)
    values, indices = getattr(x, name)(1, True)
    (values * torch.tensor([[2.0], [3.0]])).sum().backward()
    expected = torch.zeros(2, 3).scatter(1, indices, torch.tensor([[2.0], [3.0]]))
    assert x.grad.tolist() == expected.tolist()


def test_equal_elements_share_the_gradient_of_the_median_of_all() -> None:
    x = torch.tensor([1.0, 2.0, 2.0, 7.0], requires_grad=True)
    x.median().backward()
    assert x.grad.tolist() == [0, 0.5, 0.5, 0]


@pytest.mark.parametrize("name", ["kthvalue", "median", "nanmedian", "mode"])
def test_a_rank_is_one_among_elements(name: str) -> None:
    arguments = (1, 0) if name == "kthvalue" else (0,)
    said = "median" if name == "nanmedian" else name
    with pytest.raises(IndexError, match=rf"^{said}\(\): Expected reduction dim 0 to have non-zero size.$"):
        getattr(torch.zeros(0), name)(*arguments)


def test_sort_that_is_told_about_stability_is_another_overload() -> None:
    x = torch.ones(2).requires_grad_()
    assert x.sort().values.grad_fn.name() == "SortBackward0"
    assert x.sort(stable=False).values.grad_fn.name() == "SortBackward1"
    with pytest.raises(TypeError, match="invalid combination of arguments"):
        x.sort(0, stable=True)


def test_unique_counts_and_says_where_each_went() -> None:
    values, inverse, counts = torch.tensor([[3, 1], [1, 2]]).unique(return_inverse=True, return_counts=True)
    assert (values.tolist(), inverse.tolist(), counts.tolist()) == ([1, 2, 3], [[2, 0], [0, 1]], [2, 1, 1])
    rows = torch.tensor([[2, 1], [1, 1], [2, 1]]).unique(dim=0, return_counts=True)
    assert [t.tolist() for t in rows] == [[[1, 1], [2, 1]], [1, 2]]
    assert torch.tensor([3, 3, 1, 3]).unique_consecutive().tolist() == [3, 1, 3]
    assert torch.tensor([NAN, NAN]).unique().numel() == 2


def test_unique_is_recorded_and_refuses_to_be_differentiated() -> None:
    made = torch.ones(2).requires_grad_().unique()
    assert made.grad_fn.name() == "Unique2Backward0"
    with pytest.raises(NotImplementedError, match=r"^the derivative for '_unique2' is not implemented.$"):
        made.sum().backward()


def test_histograms_and_counts() -> None:
    assert torch.histc(torch.tensor([1.0, 2.0, 1.0]), 4, 0, 3).tolist() == [0, 2, 1, 0]
    assert torch.histc(torch.tensor([1.0, 1.0]), 2).tolist() == [0, 2]
    assert torch.bincount(torch.tensor([3, 1, 1]), minlength=6).tolist() == [0, 2, 0, 1, 0, 0]
    assert torch.bincount(torch.tensor([1, 1]), torch.tensor([0.5, 2.0])).tolist() == [0, 2.5]
    with pytest.raises(RuntimeError, match=r"^bincount only supports 1-d non-negative integral inputs.$"):
        torch.bincount(torch.tensor([-1]))
