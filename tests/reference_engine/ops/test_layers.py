"""Layers: what is saved, laid out and refused. The expectations were measured on torch 2.13."""

from __future__ import annotations

from typing import Any

import pytest

import reference_engine as torch
import reference_engine.nn.functional as F


def saved_shapes(call: Any) -> list[tuple[int, ...]]:
    shapes: list[tuple[int, ...]] = []

    def pack(t: Any) -> Any:
        shapes.append(tuple(t.shape))
        return t

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        call()
    return shapes


def test_normalisations_save_their_statistics() -> None:
    x, w = torch.arange(12.0).reshape(2, 6).requires_grad_(), torch.ones(6).requires_grad_()
    assert saved_shapes(lambda: F.layer_norm(x, (6,), w)) == [(2, 6), (6,), (2, 1), (2, 1)]
    assert saved_shapes(lambda: F.layer_norm(x, (6,), w, w)) == [(6,), (2, 6), (6,), (2, 1), (2, 1)]
    assert saved_shapes(lambda: F.group_norm(x, 2)) == [(2, 6), (2, 2), (2, 2)]
    assert saved_shapes(lambda: F.batch_norm(x, None, None, w, None, True)) == [(2, 6), (6,), (6,), (6,)]


def test_running_statistics_are_not_differentiated() -> None:
    mean = torch.ones(1).requires_grad_()
    with pytest.raises(RuntimeError, match=r"^The function 'native_batch_norm' is not differentiable with respect to"):
        F.batch_norm(torch.ones(2, 1, 2), mean, torch.ones(1), None, None, True)


def test_rms_norm_is_computed_wide_and_laid_out_in_rows() -> None:
    x = torch.arange(6.0).as_strided((2, 3), (1, 2), 0).requires_grad_()
    assert F.rms_norm(x, (3,)).stride() == (3, 1)
    assert F.rms_norm(x, (3,)).grad_fn.name() == "CloneBackward0"
    half = torch.arange(6.0).reshape(2, 3).half().requires_grad_()
    made = F.rms_norm(half, (3,))
    assert made.grad_fn.name() == "ToCopyBackward0"
    assert made[1].tolist() == [0.73486328125, 0.97998046875, 1.224609375]


def test_linear_adds_a_bias_that_is_no_row_in_place() -> None:
    with pytest.raises(RuntimeError, match=r"^output with shape \[\] doesn't match the broadcast shape \[1, 1\]$"):
        F.linear(torch.ones(3), torch.ones(3), torch.ones(1, 1))
    with pytest.raises(RuntimeError, match=r"^The size of tensor a \(3\) must match the size of tensor b \(2\)"):
        F.linear(torch.ones(2), torch.ones(3, 2), torch.ones(2, 2))


def test_glu_lies_as_its_argument_does() -> None:
    assert F.glu(torch.arange(8.0).as_strided((2, 4), (1, 2), 0), 1).stride() == (1, 2)
