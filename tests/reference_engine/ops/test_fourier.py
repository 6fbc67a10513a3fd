"""Discrete Fourier transforms: values against NumPy, gradients against numerical differentiation, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference_engine as torch
from reference_engine.autograd import gradcheck, gradgradcheck

ONE = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft")
SEVERAL = ("fftn", "ifftn", "rfftn", "irfftn", "hfftn", "ihfftn", "fft2", "ifft2", "rfft2", "irfft2", "hfft2", "ihfft2")


def drawn(name: str, *shape: int) -> Any:
    rng = np.random.default_rng(3)
    values = rng.standard_normal(shape)
    if name.removesuffix("n").removesuffix("2") not in ("rfft", "ihfft"):
        values = values + 1j * rng.standard_normal(shape)
    return values


@pytest.mark.parametrize("norm", ["backward", "ortho", "forward"])
@pytest.mark.parametrize("name", ONE)
def test_a_transform_along_one_dimension_has_the_values_of_numpy(name: str, norm: Any) -> None:
    values = drawn(name, 3, 4)
    for n in (None, 3, 6):
        found = getattr(torch.fft, name)(torch.tensor(values), n, 0, norm)
        np.testing.assert_allclose(found.resolve_conj().numpy(), getattr(np.fft, name)(values, n, 0, norm), atol=1e-12)


@pytest.mark.parametrize("name", [name for name in SEVERAL if "hfft" not in name])
def test_a_transform_along_several_dimensions_has_the_values_of_numpy(name: str) -> None:
    values = drawn(name, 2, 3, 4)
    if "irfft" in name:  # of numbers that a transform of real ones could give: others are out of contract
        values = np.fft.rfftn(values.real, axes=(1, 2))
    found = getattr(torch.fft, name)(torch.tensor(values), s=(3, 4), dim=(1, 2))
    expected = getattr(np.fft, name)(values, s=(3, 4), axes=(1, 2))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("name", ONE + SEVERAL)
def test_gradients_of_a_transform_agree_with_differences(name: str) -> None:
    x = torch.tensor(drawn(name, 3, 4), requires_grad=True)
    transform = getattr(torch.fft, name)
    assert gradcheck(transform, (x,))
    assert gradgradcheck(transform, (x,))


def test_a_resized_transform_sends_gradients_back_to_what_it_kept() -> None:
    x = torch.tensor(drawn("fft", 4), requires_grad=True)
    assert gradcheck(lambda x: torch.fft.fft(x, 3), (x,))
    assert gradcheck(lambda x: torch.fft.irfft(x, 9), (x,))


def test_zero_is_shifted_to_the_middle_and_back() -> None:
    frequencies = torch.fft.fftfreq(5, 0.2)
    assert frequencies.tolist() == [0.0, 1.0, 2.0, -2.0, -1.0]
    shifted = torch.fft.fftshift(frequencies)
    assert shifted.tolist() == [-2.0, -1.0, 0.0, 1.0, 2.0]
    assert torch.equal(torch.fft.ifftshift(shifted), frequencies)
    assert torch.fft.rfftfreq(4).tolist() == [0.0, 0.25, 0.5]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: torch.fft.fft(x, 0), "Invalid number of data points (0) specified"),
        (lambda x: torch.fft.fft(x, norm="x"), 'Invalid normalization mode: "x"'),
        (lambda x: torch.fft.fftn(x, dim=(0, 0)), "FFT dims must be unique"),
        (lambda x: torch.fft.fftn(x, s=(1, 2, 3)), "Got shape with 3 values but input tensor only has 2 dimensions."),
        (
            lambda x: torch.fft.fftn(x, s=(2,), dim=(0, 1)),
            "When given, dim and shape arguments must have the same length",
        ),
        (lambda x: torch.fft.rfftn(x, dim=()), "rfftn must transform at least one axis"),
    ],
)  # fmt: skip
def test_a_transform_refuses(call: Any, words: str) -> None:
    with pytest.raises(RuntimeError) as refused:
        call(torch.ones(3, 4))
    assert str(refused.value) == words


def test_complex_numbers_are_refused_where_real_ones_are_transformed() -> None:
    with pytest.raises(TypeError, match="rfft expects a real input tensor, but got ComplexFloat"):
        torch.fft.rfft(torch.ones(3, dtype=torch.complex64))
