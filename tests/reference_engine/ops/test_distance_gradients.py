"""The gradients of distances have the derivatives that central differences give them."""

from __future__ import annotations

import math

import pytest

import reference_engine as torch
from reference_engine.autograd import gradgradcheck
from reference_engine.semantics import Semantics, using

ROWS = torch.tensor([[1.0, 2.0, 3.0], [0.5, -1.0, 2.5], [4.0, 0.2, 1.0]], dtype=torch.float64)
OTHERS = torch.tensor([[0.3, -2.0, 1.3], [2.2, 1.1, -0.4]], dtype=torch.float64)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0, 1.5, 2.0, 3.0, math.inf])
def test_the_second_derivatives_agree_with_differences(p: float) -> None:
    rows, others = ROWS.clone().requires_grad_(), OTHERS.clone().requires_grad_()
    assert gradgradcheck(lambda x: torch.pdist(x, p), (rows,))
    assert gradgradcheck(lambda x, y: torch.cdist(x, y, p), (rows, others))


@pytest.mark.parametrize("p", [0.5, 1.5, 2.0, 3.0])
def test_equal_rows_have_none(p: float) -> None:
    rows = torch.ones(2, 3, requires_grad=True)
    (g,) = torch.autograd.grad(torch.pdist(rows, p).sum(), rows, create_graph=True)
    (second,) = torch.autograd.grad(g.sum(), rows)
    assert second.tolist() == [[0.0] * 3] * 2


def test_before_2_15_there_are_none() -> None:
    with using(Semantics("2.13.0")):
        rows = ROWS.clone().requires_grad_()
        for distances in (torch.pdist(rows), torch.cdist(rows, OTHERS)):
            (g,) = torch.autograd.grad(distances.sum(), rows, create_graph=True)
            with pytest.raises(NotImplementedError, match="is not implemented"):
                g.sum().backward()
