"""Which of several refusals a call meets first, and that a refused call has changed nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import reference_engine as engine

fwd = engine.autograd.forward_ad


@pytest.fixture
def dual() -> Iterator[Any]:
    with fwd.dual_level():
        yield fwd.make_dual(engine.ones(2), engine.ones(2))


def test_shared_memory_is_refused_before_the_dtype() -> None:
    target = engine.tensor(1).expand(2)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        target.bitwise_left_shift_(engine.tensor(1.0, dtype=engine.float64))


def test_lazily_negated_memory_is_copied_and_overlaps_nothing() -> None:
    x = engine.tensor(1.0 + 0j)
    with pytest.raises(RuntimeError, match="can't be cast"):
        x.conj().imag.sub_(x)


def test_missing_forward_mode_is_refused_before_the_computation(dual: Any) -> None:
    with pytest.raises(NotImplementedError, match="aten::bitwise_xor_ that does not support it"):
        engine.tensor(1.0).bitwise_xor_(dual)


def test_a_tangent_that_is_a_leaf_is_refused_last() -> None:
    with fwd.dual_level():
        y = fwd.make_dual(engine.ones(2, 2), engine.ones(2, 2, requires_grad=True))
        with pytest.raises(RuntimeError, match="some elements of the input tensor"):
            y.add_(y.mT)
        with pytest.raises(RuntimeError, match="a leaf Variable"):
            y.zero_()
        assert (y._version, float(y.sum())) == (0, 4.0)


def test_a_tangent_that_became_dual_is_refused() -> None:
    with fwd.dual_level():
        x, w = engine.ones(3), engine.ones(3)
        y = fwd.make_dual(x, w)
        w.mul_(y)
        for call in (lambda: engine.addcmul(x, w, y), lambda: y.fill_(1), lambda: engine.ones(3).copy_(y)):
            with pytest.raises(RuntimeError, match="Setting a forward grad that itself has a forward gradient"):
                call()


def test_a_dimension_of_one_element_takes_no_step_in_the_layout_of_a_tangent() -> None:
    with fwd.dual_level():
        tangent = engine.ones(3).as_strided((1, 3), (7, 1), 0)
        assert fwd.unpack_dual(fwd.make_dual(engine.ones(1, 3), tangent)).tangent is tangent


@pytest.mark.parametrize("value", [-1, -255])
def test_negative_numbers_wrap_in_unsigned_dtypes(value: int) -> None:
    one = engine.tensor(1, dtype=engine.uint8)
    expected = (1 + value) % 256
    assert engine.add(one, one, alpha=value).item() == expected
    assert engine.addcmul(one, one, one, value=value).item() == expected


@pytest.mark.parametrize("value", [256, -256])
def test_numbers_that_an_integer_dtype_cannot_hold_are_refused_in_torchs_words(value: int) -> None:
    one = engine.tensor(1, dtype=engine.uint8)
    for call in (lambda: engine.add(one, one, alpha=value), lambda: engine.addcmul(one, one, one, value=value)):
        with pytest.raises(RuntimeError, match="value cannot be converted to type uint8_t without overflow"):
            call()


def test_nan_to_num_of_integers_writes_nothing_whatever_the_memory() -> None:
    x = engine.tensor([1, 1]).as_strided((2,), (0,), 1)
    assert x.nan_to_num_().tolist() == [1, 1]
