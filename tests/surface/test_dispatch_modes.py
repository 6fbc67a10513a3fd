"""What this engine does not have is refused in clear words when it is used, not when a suite is imported."""

from __future__ import annotations

import pytest

import reference_engine as engine
from reference_engine.utils._mode_utils import no_dispatch
from reference_engine.utils._python_dispatch import TorchDispatchMode


def test_a_dispatch_mode_can_be_defined_but_not_entered() -> None:
    class Log(TorchDispatchMode):
        pass

    with pytest.raises(NotImplementedError, match="Log: TorchDispatchMode is not part of this engine"), Log():
        pass
    with no_dispatch():
        assert engine.ones(1).item() == 1.0


def test_shapes_of_outputs_and_gradients() -> None:
    x = engine.ones(2, 3, requires_grad=True)
    edge = engine.autograd.graph.get_gradient_edge(x)
    for output in (x, edge):
        assert engine.autograd._calculate_shape(output, engine.ones(4, 3), False) == ((2, 3), (4, 3))
    assert engine.autograd._calculate_shape(x, engine.ones(5, 4, 3), True) == ((2, 3), (4, 3))
    with pytest.raises(RuntimeError, match="not supported with GradientEdge"):
        engine.autograd._calculate_shape(edge, engine.ones(5, 4, 3), True)
