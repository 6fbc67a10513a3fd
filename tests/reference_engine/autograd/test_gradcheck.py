"""gradcheck finds wrong derivatives, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

import reference_engine as engine
from reference_engine.errors import GradcheckError

gradcheck, gradgradcheck = engine.autograd.gradcheck, engine.autograd.gradgradcheck


def real(*values: float) -> Any:
    return engine.tensor(values or [1.0, 2.0, 3.0], dtype=engine.float64, requires_grad=True)


def imaginary() -> Any:
    return engine.tensor([1 + 2j, 0.5 - 1j], dtype=engine.complex128, requires_grad=True)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    ("f", "inputs"),
    [
        (lambda a, b: (a * b, a.sum()), lambda: (real(), real(2.0, 0.5, 3.0))),
        (lambda a: a.exp() * a.sin(), real),
        (lambda a: a * a.conj(), imaginary),
        (lambda a: a.abs(), imaginary),
        (lambda a: (a.long(), a * 2), real),
    ],
)
def test_right_derivatives_pass_in_both_modes(f: Any, inputs: Any, fast: bool) -> None:
    assert gradcheck(f, inputs(), check_forward_ad=True, fast_mode=fast)


def test_second_derivatives_pass_backward_and_forward_over_backward() -> None:
    assert gradgradcheck(lambda a: a**3, real(), check_fwd_over_rev=True, check_batched_grad=True)
    assert gradgradcheck(lambda a: a * a, imaginary())


@pytest.mark.parametrize("options", [{}, {"fast_mode": True}])
def test_a_wrong_gradient_is_told_with_both_jacobians(make: Any, options: dict[str, Any]) -> None:
    wrong = make(lambda ctx, a: a * 2, lambda ctx, g: g * 3).apply
    with pytest.raises(GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"):
        gradcheck(wrong, real(), **options)
    assert gradcheck(wrong, real(), raise_exception=False, **options) is False


def test_a_wrong_tangent_is_told_apart_from_a_wrong_gradient(make: Any) -> None:
    wrong = make(lambda ctx, a: a * 2, lambda ctx, g: g * 2, jvp=lambda ctx, t: t * 3).apply
    assert gradcheck(wrong, real())
    with pytest.raises(GradcheckError, match="computed with forward mode mismatch"):
        gradcheck(wrong, real(), check_forward_ad=True)


def test_a_lost_second_derivative_is_found(make: Any) -> None:
    def forward(ctx: Any, a: Any) -> Any:
        ctx.save_for_backward(a)
        return a**2

    f = make(forward, lambda ctx, g: g * 2 * ctx.saved_tensors[0].detach()).apply
    assert gradcheck(f, real())
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradgradcheck(f, real())


def test_a_backward_that_differs_from_run_to_run_is_found(make: Any) -> None:
    runs = [0]

    def backward(ctx: Any, g: Any) -> Any:
        runs[0] += 1
        return g * 2 + runs[0] * 1e-9

    f = make(lambda ctx, a: a * 2, backward).apply
    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(f, real())


def test_a_backward_that_makes_something_of_nothing_is_found(make: Any) -> None:
    f = make(lambda ctx, a: a * 2, lambda ctx, g: g * 2 + 1e-7).apply
    with pytest.raises(GradcheckError, match="not multiplied by grad_output"):
        gradcheck(f, real())

    def backward(ctx: Any, g: Any) -> Any:
        return engine.ones(3, dtype=engine.float64) if g is None else g * 2

    undefined = make(lambda ctx, a: (ctx.set_materialize_grads(False), a * 2)[1], backward).apply
    with (
        pytest.warns(UserWarning, match="undefined gradient support"),
        pytest.raises(GradcheckError, match="undefined or zero"),
    ):
        gradcheck(undefined, real())
    assert gradcheck(undefined, real(), check_undefined_grad=False)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: gradcheck(lambda a: a, real().detach()), ValueError, "none of them have requires_grad"),
        (lambda: gradcheck(lambda a: a, real(), check_backward_ad=False), AssertionError, "at least one of"),
        (
            lambda: gradcheck(lambda a: a, real(), check_batched_forward_grad=True),
            AssertionError,
            "requires check_forward_ad",
        ),
        (
            lambda: gradcheck(lambda a: a, engine.ones(1, dtype=engine.float64).expand(3).requires_grad_()),
            RuntimeError, "stride 0",
        ),
        (lambda: gradgradcheck(lambda a: a, real(), check_rev_over_rev=False), AssertionError, "at least one of"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_refused(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_single_precision_warns() -> None:
    with pytest.warns(UserWarning, match="not a double precision"):
        gradcheck(lambda a: a * 2, engine.ones(2, requires_grad=True), eps=1e-2)


def test_the_callers_random_numbers_are_left_alone() -> None:
    engine.manual_seed(7)
    expected = engine.rand(3).tolist()
    engine.manual_seed(7)
    gradcheck(lambda a: a * 2, real(), fast_mode=True, check_forward_ad=True)
    assert engine.rand(3).tolist() == expected
