"""Losses of distributions, labels and triplets: what they are by definition, and their gradients."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import reference_engine as torch
from reference_engine.autograd import gradcheck, gradgradcheck

F = torch.nn.functional


def drawn(seed: int, low: float = -2.0, high: float = 2.0) -> Any:
    return torch.tensor(np.random.default_rng(seed).uniform(low, high, (2, 3)), requires_grad=True)


def test_the_gaussian_loss_is_the_logarithm_of_a_density() -> None:
    x, mean, var = drawn(1), drawn(2), drawn(3, 0.5, 2)
    found = F.gaussian_nll_loss(x, mean, var, full=True, reduction="none").detach().numpy()
    a, m, v = (t.detach().numpy() for t in (x, mean, var))
    np.testing.assert_allclose(found, -np.log(np.exp(-((a - m) ** 2) / (2 * v)) / np.sqrt(2 * math.pi * v)))


def test_the_multilabel_loss_is_a_binary_cross_entropy_of_each_label() -> None:
    x, labels = drawn(1), drawn(2, 0, 1)
    expected = F.binary_cross_entropy_with_logits(x, labels)
    assert F.multilabel_soft_margin_loss(x, labels).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_gradients_agree_with_differences(reduction: str) -> None:
    x, y, z = drawn(1), drawn(2), drawn(3)
    var, labels = drawn(4, 0.5, 2), drawn(5, 0, 1)
    for function, arguments in (
        (lambda *a: F.gaussian_nll_loss(*a, reduction=reduction), (x, y, var)),
        (lambda *a: F.multilabel_soft_margin_loss(*a, reduction=reduction), (x, labels)),
        (lambda *a: F.triplet_margin_with_distance_loss(*a, margin=3.0, reduction=reduction), (x, y, z)),
    ):
        assert gradcheck(function, arguments)
        assert gradgradcheck(function, arguments)


def test_a_variance_below_the_least_one_has_its_gradient_all_the_same() -> None:
    var = torch.full((1,), 0.01, requires_grad=True)
    F.gaussian_nll_loss(torch.zeros(1), torch.zeros(1), var, eps=0.5).backward()
    assert var.grad.item() == pytest.approx(1.0)  # 1 / (2 eps): the clamp is not recorded


def test_losses_refuse() -> None:
    x = torch.ones(2, 3)
    with pytest.raises(ValueError, match="var has negative entry/entries"):
        F.gaussian_nll_loss(x, x, -x)
    with pytest.raises(ValueError, match="var is of incorrect size"):
        F.gaussian_nll_loss(x, x, torch.ones(2, 4))
    with pytest.raises(ValueError, match="most is not valid"):
        F.multilabel_soft_margin_loss(x, x, reduction="most")
    with pytest.raises(ValueError, match="margin must be greater than 0, got -1"):
        F.triplet_margin_with_distance_loss(x, x, x, margin=-1)
