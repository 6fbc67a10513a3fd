"""Sliding blocks and resampling: linear maps, whose gradients are checked against differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference_engine as torch
from reference_engine.autograd import gradcheck, gradgradcheck

F = torch.nn.functional
MODES = (
    ("nearest", 1), ("nearest", 2), ("nearest", 3), ("nearest-exact", 2), ("linear", 1), ("bilinear", 2),
    ("trilinear", 3), ("bicubic", 2), ("area", 2),
)  # fmt: skip


def image(*shape: int) -> Any:
    return torch.tensor(np.random.default_rng(1).standard_normal(shape), requires_grad=True)


def test_unfold_takes_blocks_and_fold_adds_them_again() -> None:
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    columns = F.unfold(x, 2)
    assert columns[0, :, 0].tolist() == [0.0, 1.0, 3.0, 4.0]
    seen = F.fold(F.unfold(torch.ones(1, 1, 3, 3), 2), (3, 3), 2)  # how many blocks see each place
    assert seen[0, 0].tolist() == [[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]
    assert torch.equal(F.fold(columns, (3, 3), 2), x * seen)


def test_gradients_of_fold_and_unfold_agree_with_differences() -> None:
    for options in ((2,), (2, 1, 1), (2, 1, 0, 2), ((1, 2), 1, (0, 1), (2, 1))):
        x = image(1, 2, 4, 3)
        assert gradcheck(lambda x, o=options: F.unfold(x, *o), (x,))
        columns = F.unfold(x, *options).detach().requires_grad_()
        assert gradcheck(lambda c, o=options: F.fold(c, (4, 3), *o), (columns,))


@pytest.mark.parametrize(("mode", "dims"), MODES)
def test_gradients_of_interpolate_agree_with_differences(mode: str, dims: int) -> None:
    x = image(1, 2, *(3, 4, 2)[:dims])
    for options in ({"size": 3}, {"scale_factor": 1.7}):
        assert gradcheck(lambda x, o=options: F.interpolate(x, mode=mode, **o), (x,))
        assert gradgradcheck(lambda x, o=options: F.interpolate(x, mode=mode, **o), (x,))


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_a_constant_image_stays_constant_in_another_size(mode: str) -> None:
    for options in ({}, {"align_corners": True}, {"antialias": True}):
        found = F.interpolate(image(1, 1, 5, 4).detach().fill_(2.5), (3, 7), mode=mode, **options)
        np.testing.assert_allclose(found.numpy(), 2.5, atol=1e-12)


def test_aligned_corners_stay_where_they_are() -> None:
    x = image(1, 1, 3, 3)
    found = F.interpolate(x, (5, 5), mode="bilinear", align_corners=True)
    np.testing.assert_allclose(found.detach().numpy()[0, 0, ::2, ::2], x.detach().numpy()[0, 0], atol=1e-12)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: F.unfold(x, 0), "kernel size should be greater than zero"),
        (lambda x: F.unfold(x, 4), "calculated shape of the array of sliding blocks as (0, 0)"),
        (lambda x: F.fold(x[0], (4, 3), 2), "to be divisible by the product of kernel_size"),
        (lambda x: F.interpolate(x), "either size or scale_factor should be defined"),
        (lambda x: F.interpolate(x, 2, mode="linear"), "Got 4D input, but linear mode needs 3D input"),
        (lambda x: F.interpolate(x, 0), "got input (H: 3, W: 3) output (H: 0, W: 0)"),
        (lambda x: F.interpolate(x, 2, align_corners=True), "align_corners option can only be set"),
    ],
)
def test_it_refuses(call: Any, words: str) -> None:
    with pytest.raises((RuntimeError, ValueError, NotImplementedError)) as refused:
        call(torch.ones(1, 2, 3, 3))
    assert words in str(refused.value)
