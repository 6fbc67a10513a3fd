"""Values, layouts and arguments at the edges, as torch has them."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
import scipy.special

import reference_engine as torch

INF = float("inf")


@pytest.mark.parametrize(("size", "stride"), [((1, 1), (1, 2)), ((2, 1), (1, 2)), ((1,), (2,)), ((2, 3), (1, 2))])
def test_what_fills_or_scales_a_copy_keeps_its_layout(size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    x = torch.ones(20).as_strided(size, stride, 0)
    wanted = x.clone().stride()
    assert torch.fill(x, 1).stride() == torch.fill(x, torch.tensor(1.0)).stride() == wanted
    assert x.deg2rad().stride() == x.rad2deg().stride() == wanted
    assert torch.put(x, torch.tensor([0]), torch.tensor([1.0])).stride() == wanted


def test_logsigmoid_writes_row_by_row_and_glu_follows_its_halves() -> None:
    assert torch.nn.functional.logsigmoid(torch.ones(3, 2).t()).stride() == (3, 1)
    assert torch.nn.functional.glu(torch.ones(4, 2).t()).stride() == (1, 2)


def test_a_complex_power_of_two_keeps_infinities_apart() -> None:
    value = torch.exp2(torch.tensor([complex(INF, -0.25)])).item()
    assert (value.real, value.imag) == (INF, -INF)


def test_the_sum_of_two_halves_is_rounded_once() -> None:
    assert torch.logaddexp2(torch.tensor(-1.0), torch.tensor(-1.0)).item() == np.float32(-1.0601922895148164e-08)


def test_zeta_vanishes_at_an_infinite_offset() -> None:
    assert torch.special.zeta(torch.tensor(2.0), torch.tensor(INF)).item() == 0.0


@pytest.mark.parametrize("x", [0.5, 3.0, 4.9])
def test_bessel_functions_are_right_to_double_precision(x: float) -> None:
    for name in ("j0", "j1", "y0", "y1"):
        got = getattr(torch.special, f"bessel_{name}")(torch.tensor(x, dtype=torch.float64)).item()
        assert got == pytest.approx(getattr(scipy.special, name)(x), rel=1e-14)


def test_a_threshold_is_read_in_the_dtype_of_its_input() -> None:
    x = torch.tensor([1, 0, 5], dtype=torch.uint8)
    assert torch.threshold(x, 0, -1).tolist() == [1, 255, 5]
    assert torch.threshold(x, 1.5, 1.7).tolist() == [1, 1, 5]
    with pytest.raises(RuntimeError, match="value cannot be converted to type uint8_t without overflow"):
        torch.threshold(x, 300, 1)


def test_only_the_functional_threshold_has_a_form_in_place_and_a_node_of_its_own() -> None:
    with pytest.raises(TypeError, match=r"threshold\(\) takes 3 positional arguments but 4 were given"):
        torch.threshold(torch.ones(1), 0, 1, True)  # type: ignore[call-arg]
    x = torch.tensor([-1.0, 2.0], requires_grad=True)
    y = torch.nn.functional.threshold(x * 1, 0, 0.5, True)
    assert y.grad_fn.name() == "ThresholdBackward1"
    y.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]  # what is compared is the argument, not the half that took its place


def test_the_dtype_of_a_special_softmax_is_a_keyword() -> None:
    with pytest.raises(TypeError, match=r"special_log_softmax\(\) takes 2 positional arguments but 3 were given"):
        torch.special.log_softmax(torch.ones(2), 0, torch.float64)  # type: ignore[call-arg]
    assert torch.special.log_softmax(torch.zeros(2), 0, dtype=torch.float64).dtype is torch.float64


def test_cosine_similarity_asks_about_dtypes_first_and_divides_in_each_ones_own() -> None:
    x, c = torch.ones(1, 2, dtype=torch.float64), torch.ones((), dtype=torch.complex64)
    with pytest.raises(RuntimeError, match="expected common dtype to be floating point, yet common dtype is ComplexF"):
        torch.cosine_similarity(c, c)
    assert torch.cosine_similarity(x, torch.ones(1, 2)).item() == 0.9999999828857289
    assert math.isclose(torch.cosine_similarity(x, x).item(), 1.0, rel_tol=1e-15)


def test_a_value_too_large_for_its_dtype_is_made_without_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert torch.tensor([1.0, 1e30], dtype=torch.float16).tolist() == [1.0, INF]
