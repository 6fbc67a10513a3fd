"""Anomaly mode."""

from __future__ import annotations

from typing import Any

import pytest

import reference_engine as engine

autograd = engine.autograd


def test_entering_warns_that_it_is_slow() -> None:
    with pytest.warns(UserWarning, match="increase the runtime"):
        autograd.detect_anomaly()


def test_a_nan_gradient_is_refused_and_the_forward_call_shown(x: Any, make: Any) -> None:
    f = make(lambda ctx, a: a * 2, lambda ctx, g: g * float("nan"))
    with autograd.set_detect_anomaly(True):
        y = f.apply(x)
        with (
            pytest.warns(UserWarning, match=r"(?s)Traceback of forward call.*f\.apply\(x\)"),
            pytest.raises(RuntimeError, match="'MadeBackward' returned nan values in its 0th output"),
        ):
            y.sum().backward()
    assert not engine.is_anomaly_enabled()


def test_without_the_nan_check_nan_passes(x: Any, make: Any) -> None:
    f = make(lambda ctx, a: a * 2, lambda ctx, g: g * float("nan"))
    with autograd.set_detect_anomaly(True, check_nan=False):
        f.apply(x).sum().backward()
    assert engine.isnan(x.grad).all()


def test_a_nan_made_by_a_node_hook_is_found_too(x: Any) -> None:
    with autograd.set_detect_anomaly(True):
        y = x * 2
        y.grad_fn.register_hook(lambda made, given: (made[0] * float("nan"), None))
        with (
            pytest.warns(UserWarning, match="Error detected in MulBackward0"),
            pytest.raises(RuntimeError, match="nan"),
        ):
            y.sum().backward()


def test_a_node_made_outside_has_no_traceback(x: Any, make: Any) -> None:
    def fail(ctx: Any, g: Any) -> Any:
        raise KeyError("inside")

    y = make(lambda ctx, a: a * 2, fail).apply(x)
    with (
        autograd.set_detect_anomaly(True),
        pytest.warns(UserWarning, match="No forward pass information"),
        pytest.raises(KeyError),
    ):
        y.sum().backward()


def test_nodes_of_a_second_derivative_name_their_parents(x: Any, make: Any) -> None:
    def fail(ctx: Any, g: Any) -> Any:
        raise KeyError("inside")

    inner = make(lambda ctx, a: a * 2, fail)
    outer = make(
        lambda ctx, a: (ctx.save_for_backward(a), a * a)[1], lambda ctx, g: inner.apply(ctx.saved_tensors[0]) * g
    )
    with autograd.set_detect_anomaly(True):
        (g,) = autograd.grad(outer.apply(x).sum(), x, create_graph=True)
        with (
            pytest.warns(UserWarning, match="Previous calculation was induced by MadeBackward"),
            pytest.raises(KeyError),
        ):
            g.sum().backward()


def test_the_switch_is_a_bool() -> None:
    with pytest.raises(TypeError, match="must be bool, not str"):
        autograd.set_detect_anomaly("x")
