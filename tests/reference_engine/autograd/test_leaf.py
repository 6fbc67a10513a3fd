"""What leaves are and may be given, where no Program says it shorter."""

from __future__ import annotations

import copy
from typing import Any

import pytest

import reference_engine as engine
from reference_engine import semantics


def test_requires_grad_is_a_bool_in_the_words_of_the_way_it_is_set(x: Any) -> None:
    with pytest.raises(TypeError, match=r"^requires_grad_\(\): argument 'requires_grad' .* must be bool, not str$"):
        x.requires_grad_("a")
    with pytest.raises(RuntimeError, match=r"^requires_grad must be a bool$"):
        x.requires_grad = "a"
    assert x.requires_grad


def test_grad_dtype_is_checked_against_the_gradient_that_is_there(x: Any) -> None:
    with pytest.raises(RuntimeError, match="grad_dtype"):
        x.grad_dtype = 1
    with pytest.raises(RuntimeError, match="leaf"):
        (x * 2).grad_dtype = None
    x.sum().backward()
    x.grad_dtype = None  # anything goes: no conflict with what is there
    x.grad_dtype = engine.float32
    with pytest.raises(RuntimeError, match="grad_dtype"):
        x.grad_dtype = engine.float64


def test_an_older_graph_goes_on_in_the_dtype_that_the_leaf_had(x: Any) -> None:
    for version, dtype in (("2.13", engine.float32), ("2.8", engine.float64)):
        leaf = x.detach().requires_grad_()
        with semantics.using(semantics.Semantics(version)):
            before = leaf.sum()
            leaf.data = engine.ones(3, dtype=engine.float64)
            before.backward()
            assert leaf.grad.dtype is dtype
        leaf.grad = None
        leaf.sum().backward()
        assert leaf.grad.dtype is engine.float64


def test_data_of_the_same_dtype_keeps_the_accumulator(x: Any) -> None:
    y = x.sum()
    accumulator = y.grad_fn.next_functions[0][0]
    x.data = engine.zeros(3)
    assert x.sum().grad_fn.next_functions[0][0] is accumulator
    x.data = engine.zeros(3, dtype=engine.float64)
    assert x.sum().grad_fn.next_functions[0][0] is not accumulator


def test_a_copy_has_a_copy_of_the_gradient(x: Any) -> None:
    assert copy.deepcopy(x).grad is None
    x.sum().backward()
    made = copy.deepcopy(x)
    assert made.grad.tolist() == [1, 1, 1]
    assert made.grad.data_ptr() != x.grad.data_ptr()


def test_backward_within_backward_has_no_depth() -> None:
    class Nested(engine.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, depth: int) -> Any:
            ctx.depth = depth
            return x.clone()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            if ctx.depth:
                with engine.enable_grad():
                    leaf = engine.ones((), requires_grad=True)
                    Nested.apply(leaf, ctx.depth - 1).backward()
                    return g + leaf.grad, None
            return g, None

    x = engine.ones((), requires_grad=True)
    Nested.apply(x, 70).backward()
    assert x.grad.item() == 71


def test_a_leaf_whose_grad_dtype_is_none_is_given_a_gradient_of_any(x: Any) -> None:
    other = engine.ones(3, dtype=engine.float64)
    with pytest.raises(RuntimeError, match="dtype"):
        x.grad = other
    x.grad_dtype = None
    x.grad = other
    assert x.grad is other
