"""``out=``: where it may lie, what dtype it may have, how it is resized, and who refuses to be recorded."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import reference_engine as torch


def _refusal(call: Any) -> str:
    with pytest.raises((RuntimeError, TypeError)) as caught:
        call()
    return f"{type(caught.value).__name__}: {caught.value}"


def test_out_must_not_overlap_itself_whatever_else_is_wrong() -> None:
    x, shared = torch.ones(2, 3), torch.ones(1).expand(2, 3)
    assert "more than one element of the written-to tensor" in _refusal(lambda: torch.add(x, x, out=shared))
    assert "more than one element of the written-to tensor" in _refusal(lambda: torch.add(x, torch.ones(4), out=shared))


def test_out_must_not_partly_overlap_what_is_read() -> None:
    memory = torch.ones(10)
    assert "some elements of the input tensor" in _refusal(lambda: torch.add(memory[:6], 1j, out=memory[1:7]))
    assert torch.add(memory[:6], 1, out=memory[:6]).tolist() == [2.0] * 6


def test_a_reduction_may_write_to_memory_that_elements_share() -> None:
    out = torch.zeros(1).expand(3)
    torch.sum(torch.ones(2, 3), 0, out=out)
    assert out.tolist() == [2.0, 2.0, 2.0]


def test_out_takes_the_layout_of_the_result() -> None:
    out = torch.empty(0)
    torch.add(torch.ones(2, 3).t(), 1, out=out)
    assert (tuple(out.shape), out.stride()) == ((3, 2), (1, 3))


@pytest.mark.parametrize(("dtype", "told"), [("float32", 1), ("complex64", 2), ("float64", 2)])
def test_a_resized_out_of_another_dtype_is_told_of_twice(dtype: str, told: int) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.add(torch.ones(1), torch.ones(1), out=torch.ones((), dtype=getattr(torch, dtype)))
    assert len([w for w in caught if "was resized since it had shape []" in str(w.message)]) == told


def test_a_comparison_writes_truth_values_without_a_second_tensor() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.gt(torch.ones(1), 0, out=torch.ones((), dtype=torch.bool))
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, o: torch.tril(x, out=o), "Expected out tensor to have dtype float, but got double instead"),
        (lambda x, o: torch.norm(x, out=o.new_ones(())), "Expected out tensor to have dtype float, but got double"),
        (lambda x, o: torch.clamp_min(x, 1, out=o), "Found dtype Double but expected Float"),
        (lambda x, o: torch.conj_physical(x, out=o), "Found dtype Double but expected Float"),
        (lambda x, o: torch.lerp(x, x, 0.5, out=o), "Found dtype Double but expected Float"),
        (lambda x, o: torch.logcumsumexp(x, 0, out=o), "expected scalar_type Float but found Double"),
        (lambda x, o: torch.heaviside(x, x, out=o), "heaviside is not yet implemented for tensors with different"),
        (
            lambda x, o: torch.amax(x, 0, out=o),
            "Expected the dtype for input and out to match, but got Float for input's dtype and Double for out's dtype",
        ),
    ],
    ids=["tril", "norm", "clamp_min", "conj_physical", "lerp", "logcumsumexp", "heaviside", "amax"],
)
def test_some_ops_want_an_out_of_the_dtype_of_the_result(call: Any, words: str) -> None:
    assert words in _refusal(lambda: call(torch.ones(2, 2), torch.ones(2, 2, dtype=torch.float64)))


def test_logsumexp_asks_about_the_dtype_of_out_first() -> None:
    words = _refusal(lambda: torch.logsumexp(torch.ones(2), (0, 0), out=torch.ones((), dtype=torch.int64)))
    assert words == "RuntimeError: logsumexp(): Expected floating point type for result tensor, but got: Long"


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda g, o: torch.square(g, out=o), "pow"),
        (lambda g, o: torch.float_power(g, 2, out=o.double()), "pow"),
        (lambda g, o: torch.hstack([g, g], out=o), "cat"),
        (lambda g, o: torch.nanmean(g, out=o), "nansum"),
        (lambda g, o: torch.diff(g, out=o), "sub"),
        (lambda g, o: torch.max(g, g, out=o), "maximum"),
        (lambda g, o: torch.norm(g, out=o), "linalg_vector_norm"),
    ],
    ids=["square", "float_power", "hstack", "nanmean", "diff", "max", "norm"],
)
def test_a_composite_hands_out_on_and_is_refused_under_the_name_of_the_other(call: Any, named: str) -> None:
    words = _refusal(lambda: call(torch.ones(3, requires_grad=True), torch.empty(0)))
    assert words.startswith(f"RuntimeError: {named}(): functions with out=... arguments don't support")


def test_what_a_composite_itself_asks_comes_before_recording() -> None:
    g = torch.ones(3, requires_grad=True)
    assert "the output given to float_power has dtype Float" in _refusal(
        lambda: torch.float_power(g, 2, out=torch.empty(0))
    )


def test_nanmean_and_diff_write_their_result_to_out() -> None:
    out = torch.empty(0)
    torch.nanmean(torch.tensor([1.0, float("nan"), 3.0]), out=out)
    assert out.tolist() == 2.0
    torch.diff(torch.tensor([1.0, 4.0, 9.0]), 2, out=out.resize_(0))
    assert out.tolist() == [2.0]


def test_an_op_without_a_derivative_refuses_only_an_out_that_requires_grad() -> None:
    g = torch.ones(2, requires_grad=True)
    written = torch.heaviside(g, g, out=torch.empty(0))
    assert written.grad_fn.name() == "torch::autograd::NotImplemented"
    assert _refusal(lambda: torch.heaviside(g, g, out=g)).startswith("RuntimeError: aten::heaviside(): functions with")


def test_diag_to_out_is_an_op_without_derivative() -> None:
    leaf = torch.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"aten::diag_embed\(\): functions with out="):
        torch.diag(torch.ones(2), out=leaf)
    assert torch.diag(leaf, out=torch.ones(2, 2)).tolist() == [[1, 0], [0, 1]]


def test_ndtr_to_out_is_computed_and_copied_with_its_history() -> None:
    x, out = torch.zeros(1, requires_grad=True), torch.ones(1)
    assert torch.special.ndtr(x, out=out) is out
    assert out.grad_fn is not None


def test_an_empty_cumulative_trapezoid_is_empty() -> None:
    assert torch.cumulative_trapezoid(torch.ones(2, 0)).shape == (2, 0)
    with pytest.raises(RuntimeError, match="one `x` value for each sample point"):
        torch.cumulative_trapezoid(torch.ones(0), torch.ones(3))


def test_out_has_the_shape_of_the_result_before_a_kernel_is_missed() -> None:
    out = torch.ones(5)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with pytest.raises(NotImplementedError, match="bitwise_not_cpu"):
            torch.bitwise_not(torch.ones(2), out=out)
    assert len(seen) == 1
    assert out.shape == (2,)
