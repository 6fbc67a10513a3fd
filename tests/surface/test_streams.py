"""A seed gives the numbers that it gives in torch, bit for bit."""

from __future__ import annotations

import json

import numpy as np
import pytest
from record_streams import GOLDENS, LENGTH, torch_bytes
from stream_cases import sequence, stream_seed

from reference_engine import random as streams
from reference_engine.rounding import fused_multiply_add

RECORDED = json.loads(GOLDENS.read_text())["sequences"]

#: What MKL gives for seed 0 and probability 1/2.
MKL_MASK = "100110011110"

#: Half precision and large ranges were drawn otherwise before.
SAME_STREAMS_SINCE = (2, 13)


def test_fused_multiply_add_rounds_once() -> None:
    from fractions import Fraction

    rng = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        factor, other, addend = (rng.standard_normal(300) * 10.0 ** rng.integers(-3, 3, 300) for _ in range(3))
        addend = np.where(rng.random(300) < 0.5, -factor * other, addend)  # cancellation is where rounding twice shows
        factor, other, addend = (number.astype(dtype) for number in (factor, other, addend))
        for a, b, c, fused in zip(factor, other, addend, fused_multiply_add(factor, other, addend), strict=True):
            exact = Fraction(float(a)) * Fraction(float(b)) + Fraction(float(c))
            below, above = np.nextafter(fused, dtype(-np.inf)), np.nextafter(fused, dtype(np.inf))
            error = abs(Fraction(float(fused)) - exact)
            assert error <= abs(Fraction(float(below)) - exact)
            assert error <= abs(Fraction(float(above)) - exact)


@pytest.mark.parametrize("seed", range(len(RECORDED)))
def test_a_seed_gives_the_recorded_numbers(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # The numbers were recorded on a processor for which torch draws everything from the twister.
    monkeypatch.setattr(streams, "torch_uses_mkl_here", lambda: False)
    generator = streams.Generator().manual_seed(stream_seed(seed))
    for draw, expected in zip(sequence(seed, LENGTH), RECORDED[seed], strict=True):
        assert draw.ours(generator).tobytes().hex() == expected, draw.script


@pytest.mark.parametrize("seed", range(100, 140))
def test_a_seed_gives_the_numbers_of_the_installed_torch(seed: int) -> None:
    torch = pytest.importorskip("torch")
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < SAME_STREAMS_SINCE:
        pytest.skip("this torch draws half precision and large ranges otherwise")
    torch.manual_seed(stream_seed(seed))
    generator = streams.Generator().manual_seed(stream_seed(seed))
    for draw in sequence(seed, 20):
        ours, theirs = draw.ours(generator), torch_bytes(draw.script)
        if draw.kind == "exponential" and streams.torch_uses_mkl_here():
            # MKL's logarithm is not the C library's.
            theirs_as_numbers = np.frombuffer(bytes.fromhex(theirs), ours.dtype)
            np.testing.assert_array_max_ulp(ours, theirs_as_numbers, maxulp=2)
        else:
            assert ours.tobytes().hex() == theirs, draw.script


def test_the_stream_of_mkl_starts_as_recorded() -> None:
    # torch.manual_seed(0); torch.empty(12).bernoulli_(0.5), recorded where torch draws it from MKL.
    word = int(streams.Generator().manual_seed(0).words32(1)[0])
    mask = streams.multiplicative_fractions(word, 12) < 0.5
    assert "".join(str(int(bit)) for bit in mask) == MKL_MASK


def test_a_restored_generator_repeats_itself() -> None:
    generator = streams.Generator().manual_seed(7)
    streams.normal(generator, 3, np.float32)
    state = generator.snapshot()
    first = streams.normal(generator, 5, np.float64)
    generator.restore(state)
    assert np.array_equal(first, streams.normal(generator, 5, np.float64))
