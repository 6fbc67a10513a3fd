"""``out=`` of what is computed matrix by matrix: its dtype and the words about it, and where it may lie."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import reference_engine as torch

A = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
WIDE = torch.empty(0, dtype=torch.float64)
WHOLE = torch.empty(0, dtype=torch.int64)


def _refusal(call: Any) -> str:
    with pytest.raises((RuntimeError, TypeError, ValueError)) as caught:
        call()
    return f"{type(caught.value).__name__}: {caught.value}"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: torch.linalg.eigh(A, out=(WIDE, A.clone())), "Expected out tensor to have dtype float, but got"),
        (lambda: torch.linalg.svdvals(A, out=WIDE), "Expected out tensor to have dtype float, but got double"),
        (lambda: torch.linalg.inv(A, out=WIDE), "Expected out tensor to have dtype float, but got double"),
        (lambda: torch.linalg.solve(A, A, out=WIDE), "Expected out tensor to have dtype float, but got double"),
        (lambda: torch.linalg.lu_factor(A, out=(A.clone(), WIDE)), "Expected out tensor to have dtype int, but got"),
        (lambda: torch.mm(A, A, out=WIDE), "Expected out tensor to have dtype float, but got double"),
        (lambda: torch.matmul(A, A, out=WIDE), "Expected out tensor to have dtype float, but got double"),
        (lambda: torch.mv(A, A[0], out=WIDE), "addmv input tensors must have the same dtype, but got Double, Float"),
        (lambda: torch.matmul(A[0], A[0], out=WIDE), "result dtype Double does not match input dtype Float"),
        (lambda: torch.inner(A, A, out=WIDE), "tensordot: Expected the output tensor to have dtype Float, but got an"),
        (lambda: torch.linalg.multi_dot([A, A], out=WIDE), "expected out tensor to have dtype float but got double"),
        (lambda: torch.linalg.vecdot(A, A, out=WIDE), "linalg.vecdot: Expected out of dtypeFloat but found Double"),
        (lambda: torch.linalg.norm(A, out=WIDE), "linalg.norm expected out tensor dtype Float but got: Double"),
        (lambda: torch.nuclear_norm(A, out=WIDE), "linalg.matrix_norm expected out tensor dtype Float but got: Double"),
        (
            lambda: torch.linalg.eigvals(A, out=WIDE),
            "linalg.eigvals: Expected eigenvalues to be safely castable from ComplexFloat dtype, but got eigenvalues",
        ),
        (
            lambda: torch.linalg.eig(A, out=(A.cfloat(), WIDE)),
            "torch.linalg.eig: Expected eigenvectors to be safely castable from ComplexFloat dtype",
        ),
        (lambda: torch.geqrf(A, out=(A.clone(), WHOLE)), "torch.geqrf: Expected tau to be safely castable from Float"),
        (
            lambda: torch.linalg.lstsq(A, A, out=(A.clone(), A.clone(), torch.empty(0, dtype=torch.bool), A.clone())),
            "torch.linalg.lstsq: Expected rank to be safely castable from Long dtype, but got rank with dtype Bool",
        ),
        (lambda: torch.linalg.pinv(A, out=WHOLE), "linalg.pinv: Expected result to be safely castable from Float"),
        (lambda: torch.matrix_power(A, 2, out=WHOLE), "matrix_power: Expected result to be safely castable from Float"),
    ],
)  # fmt: skip
def test_an_out_of_another_dtype_is_refused_in_the_words_of_the_op(call: Any, words: str) -> None:
    assert words in _refusal(call)


def test_the_dtype_of_out_is_looked_at_before_a_kernel_is_chosen_and_after_the_shapes() -> None:
    half = A.half()
    assert "Expected out tensor to have dtype c10::Half" in _refusal(lambda: torch.linalg.eigvalsh(half, out=WIDE))
    assert "linalg_eigh_cpu" in _refusal(lambda: torch.linalg.eigvalsh(half, out=half.clone()))
    assert "must be batches of square matrices" in _refusal(lambda: torch.linalg.eigvalsh(half[:1], out=WIDE))


def test_what_is_read_may_share_memory_with_out() -> None:
    memory = torch.tensor([2.0, 0.0, 0.0, 4.0, 0.0, 0.0])
    torch.linalg.inv(memory[:4].view(2, 2), out=memory[2:].view(2, 2))
    assert memory[2:].tolist() == [0.5, 0.0, 0.0, 0.25]


def test_out_shares_no_memory_with_itself_once_it_has_its_shape() -> None:
    assert "more than one element" in _refusal(lambda: torch.linalg.inv(A, out=torch.zeros(1).expand(2, 2)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.linalg.inv(A, out=torch.zeros(1).expand(3))
    assert "was resized" in str(caught[0].message)


def test_a_result_without_derivative_may_be_written_to_what_requires_grad() -> None:
    permutation = torch.zeros(2, 2, requires_grad=True)
    torch.linalg.lu(A, out=(permutation, torch.empty(0), torch.empty(0)))
    assert permutation.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    lower = torch.zeros(2, 2, requires_grad=True)
    assert "linalg_lu(): functions with out=" in _refusal(
        lambda: torch.linalg.lu(A, out=(torch.empty(0), lower, torch.empty(0)))
    )


@pytest.mark.parametrize(
    ("call", "times"),
    [
        (lambda out: torch.ger(A[0], A[0], out=out), 1),
        (lambda out: torch.outer(A[0], A[0], out=out), 0),
        (lambda out: torch.ger(A[0], A[0]), 0),
        (lambda out: torch.chain_matmul(A, A, out=out), 1),
        (lambda out: torch.frobenius_norm(A, (0, 1), out=out.resize_(0)), 1),
    ],
)
def test_older_names_say_so(call: Any, times: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(torch.zeros(2, 2))
    assert len([w for w in caught if "deprecated" in str(w.message)]) == times


def test_older_names_say_so_before_they_refuse() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        words = _refusal(lambda: torch.frobenius_norm(A.clone().requires_grad_(), (0, 1), out=torch.empty(0)))
    assert words.startswith("RuntimeError: norm(): functions with out=")
    assert "at::frobenius_norm is deprecated" in str(caught[0].message)


@pytest.mark.parametrize(("op", "times"), [("eig", 2), ("eigvals", 1)])
def test_complex_numbers_of_half_precision_warn_before_anything_is_looked_at(op: str, times: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        words = _refusal(lambda: getattr(torch.linalg, op)(torch.ones(2, dtype=torch.float16)))
    assert words == f"RuntimeError: linalg.{op}: The input tensor A must have at least 2 dimensions."
    assert [str(w.message)[:11] for w in caught] == ["ComplexHalf"] * times
