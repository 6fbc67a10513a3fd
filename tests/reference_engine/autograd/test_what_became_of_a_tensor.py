"""Tensors that changed their place since the graph was made, and what is refused or told about them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import reference_engine as torch


def test_a_leaf_that_got_a_history_since_refuses_its_gradient() -> None:
    leaf, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    used = leaf * 2
    leaf.requires_grad_(False).add_(other)
    with pytest.raises(RuntimeError, match=r"^leaf variable has been moved into the graph interior$"):
        used.backward(torch.ones(2))


def test_only_a_node_that_saved_its_own_result_tells_the_output_number() -> None:
    _, vectors = torch.linalg.eigh(torch.eye(2, requires_grad=True))
    user = vectors.sin()
    with torch.no_grad():
        vectors.mul_(1)
    with pytest.raises(RuntimeError, match="which is output 0 of LinalgEigh, is at version 1"):
        user.sum().backward()
    values, vectors = torch.linalg.eigh(torch.eye(2, requires_grad=True))
    with torch.no_grad():
        vectors.mul_(1)
    with pytest.raises(RuntimeError, match="which is output 1 of LinalgEigh, is at version 1"):
        values.sum().backward()


def test_resizing_to_the_same_size_changes_nothing() -> None:
    x = torch.ones(3, 2).t()
    x.resize_((2, 3))
    assert (x._version, x.stride()) == (0, (1, 2))
    x.resize_((3, 2))
    assert (x._version, x.stride()) == (1, (2, 1))


def test_a_copy_of_a_result_is_a_leaf() -> None:
    result = torch.ones(2, requires_grad=True) * 2
    made = copy.copy(result)
    assert made.is_leaf
    assert made.requires_grad
    assert made.grad_fn is None


def test_a_missing_derivative_is_refused_though_no_gradient_arrives() -> None:
    class Ends(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> None:
            return None

    order = torch.ones((), requires_grad=True)
    with pytest.raises(NotImplementedError, match="the derivative for 'igamma: input' is not implemented"):
        Ends.apply(torch.special.gammainc(order, torch.ones(()))).backward()


@pytest.mark.parametrize("which", ["self", "source"])
def test_set_of_a_dual_tensor_is_refused(which: str) -> None:
    plain = torch.ones(3)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(torch.ones(3), torch.ones(3))
        with pytest.raises(NotImplementedError, match="Trying to use forward AD with set_ that does not support it"):
            dual.set_(plain) if which == "self" else plain.set_(dual)


def test_what_forbids_the_change_in_place_is_told_before_the_missing_forward_derivative() -> None:
    leaf = torch.ones(3, requires_grad=True)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(torch.ones(3), torch.ones(3))
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad is being used in an in-place"):
            leaf.set_(dual)


def test_a_hook_belongs_to_the_new_history_of_a_view() -> None:
    calls = []
    view = torch.ones(2, requires_grad=True).clone().view(2)
    view[:].add_(1)
    view.register_hook(calls.append)
    view.sum().backward()
    assert [grad.tolist() for grad in calls] == [[1.0, 1.0]]


def test_the_anomaly_of_a_cotangent_names_the_root() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.autograd.detect_anomaly(), pytest.raises(RuntimeError, match="Function 'torch::autograd::GraphRoot'"):
        torch.autograd.backward((x * 1, x * 2), (torch.tensor([float("nan"), 1.0]), torch.ones(2)))
