"""Joining, and channels last: the layout of the result, and the op that ``out=`` is given. Measured on torch 2.13."""

from __future__ import annotations

import pytest

import reference_engine as torch


@pytest.mark.parametrize("name", ["hstack", "vstack", "row_stack", "column_stack", "dstack"])
def test_out_of_a_stack_is_checked_by_cat(name: str) -> None:
    join = getattr(torch, name)
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match=r"^cat\(\): functions with out="):
        join([x.clone().requires_grad_()], out=torch.ones(2))
    with pytest.raises(TypeError, match=r"^torch.cat\(\): input types can't be cast to the desired output type Long"):
        join([x], out=torch.ones(2).long())
    out = torch.ones(join([x, x]).shape)
    assert join([x, x], out=out) is out
    y = torch.ones(join([x]).shape)
    with pytest.raises(RuntimeError, match="some elements of the input tensor and the written-to tensor"):
        join([y, y], out=y)


def test_images_with_channels_last_are_joined_to_such() -> None:
    x = torch.ones(2, 3, 4, 5).contiguous(memory_format=torch.channels_last)
    assert x.stride() == (60, 1, 15, 3)
    assert torch.cat([x, x]).stride() == (60, 1, 15, 3)
    assert torch.cat([x, x.contiguous()]).stride() == (60, 20, 5, 1)
    assert torch.cat([x, x], 1).stride() == (120, 1, 30, 6)


def test_channels_last_is_a_format_of_four_dimensions() -> None:
    x = torch.ones(2, 3, 4, 5)
    assert not x.is_contiguous(memory_format=torch.channels_last)
    assert x.to(memory_format=torch.channels_last).is_contiguous(memory_format=torch.channels_last)
    assert torch.empty_like(x, memory_format=torch.channels_last).stride() == (60, 1, 15, 3)
    assert not torch.ones(2).is_contiguous(memory_format=torch.channels_last)
    with pytest.raises(RuntimeError, match=r"^required rank 4 tensor to use channels_last format$"):
        torch.ones(2).contiguous(memory_format=torch.channels_last)


def test_a_number_is_not_rolled_along_a_dimension() -> None:
    assert torch.tensor(1.0).roll(3).item() == 1
    with pytest.raises(IndexError, match=r"^Dimension specified as -1 but tensor has no dimensions$"):
        torch.tensor(1.0).roll(0, -1)
    with pytest.raises(RuntimeError, match=r"^`shifts` required$"):
        torch.ones(2).roll((), ())
