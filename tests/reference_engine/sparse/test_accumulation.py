"""Which object .grad is after a gradient of either kind met one of either kind."""

from __future__ import annotations

from typing import Any

import pytest

import reference_engine as engine


def strided() -> Any:
    return engine.tensor([[1.0, 2.0], [3.0, 4.0]])


def sparse() -> Any:
    return engine.tensor([[0.0, 5.0], [0.0, 0.0]]).to_sparse()


@pytest.mark.parametrize(
    ("there", "arrives", "kept", "layout"),
    [
        (strided, strided, True, "torch.strided"),
        (strided, sparse, True, "torch.strided"),
        (sparse, sparse, True, "torch.sparse_coo"),
        (sparse, strided, False, "torch.strided"),
    ],
)
@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.filterwarnings("ignore")
def test_the_sum_is_in_place_unless_it_must_change_its_layout(
    there: Any, arrives: Any, kept: bool, layout: str, create_graph: bool
) -> None:
    w = engine.zeros(2, 2, requires_grad=True)
    w.grad = held = there()
    (w * 1).backward(arrives(), create_graph=create_graph)
    assert (w.grad is held) is (kept and not create_graph)
    assert str(w.grad.layout) == layout
    assert w.grad.to_dense().tolist() == (there().to_dense() + arrives().to_dense()).tolist()


def test_the_first_gradient_is_a_copy_of_its_own_layout() -> None:
    w, cotangent = engine.zeros(2, 2, requires_grad=True), sparse()
    w.clone().backward(cotangent)
    assert w.grad.is_sparse
    cotangent._values().zero_()
    assert w.grad.to_dense().tolist() == [[0.0, 5.0], [0.0, 0.0]]


def test_both_kinds_meet_within_the_graph() -> None:
    w = engine.arange(4.0).reshape(2, 2).requires_grad_()
    looked_up = engine.nn.functional.embedding(engine.tensor([1]), w, sparse=True)
    (looked_up.sum() + (w * w).sum()).backward()
    assert w.grad.tolist() == [[0.0, 2.0], [5.0, 7.0]]


def test_a_compressed_gradient_of_a_strided_tensor_is_refused() -> None:
    class Compressing(engine.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, grad: Any) -> Any:
            return grad.to_sparse_csr()

    w = engine.ones(2, 2, requires_grad=True)
    with pytest.raises(RuntimeError, match="returned an invalid gradient at index 0 - expected layout Strided"):
        Compressing.apply(w).sum().backward()
