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


ONES = engine.ones
WHAT_IT_IS_FOR = {
    "maximum of complex numbers": (
        lambda: ONES(2, dtype=engine.complex64).maximum(ONES(3)),
        "not implemented for complex",
    ),
    "a difference of truth values": (
        lambda: ONES(2, dtype=engine.bool).sub_(ONES(3, dtype=engine.bool)),
        "Subtraction",
    ),
    "addcdiv of integers": (
        lambda: engine.addcdiv(*[ONES(n, dtype=engine.int64) for n in (2, 3, 2)]),
        "Integer division",
    ),
    "a clamp without bounds": (lambda: ONES(1).expand(2).clamp_(), "At least one of 'min' or 'max'"),
    "the sign of complex numbers": (lambda: ONES(1, dtype=engine.complex64).expand(2).sign_(), "torch.sgn instead"),
    "rounding complex numbers": (
        lambda: ONES(1, dtype=engine.complex64).expand(2).floor_(),
        "not supported for complex",
    ),
    "relu of truth values": (lambda: ONES(1, dtype=engine.bool).expand(2).relu_(), "Boolean inputs not supported"),
    "a negated truth value": (lambda: ONES(1, dtype=engine.bool).expand(2).neg_(), "Negation"),
    "ldexp_ of integers": (lambda: ONES(1, dtype=engine.int64).expand(2).ldexp_(ONES(3)), "desired output type Long"),
    "mvlgamma_ of integers": (lambda: ONES(1, dtype=engine.int64).expand(2).mvlgamma_(1), "desired output type Long"),
}


@pytest.mark.parametrize("name", WHAT_IT_IS_FOR)
def test_what_an_op_is_not_for_is_refused_before_shapes_and_memory(name: str) -> None:
    call, words = WHAT_IT_IS_FOR[name]
    with pytest.raises(Exception, match=words):
        call()


def test_a_view_of_wider_elements_asks_for_the_innermost_stride_first() -> None:
    with pytest.raises(RuntimeError, match=r"stride\(-1\) must be 1"):
        ONES(2, 2).t().view(engine.float64)


def test_where_takes_no_numbers_with_out() -> None:
    with pytest.raises(TypeError, match=r"argument 'other' \(position 3\) must be Tensor, not float"):
        engine.where(engine.tensor(True), ONES(2), 1.0, out=ONES(2))
    with pytest.raises(RuntimeError, match="Expected out type to be Double but got Float"):
        engine.where(engine.tensor(True), ONES(2), ONES(2).double(), out=ONES(2))
