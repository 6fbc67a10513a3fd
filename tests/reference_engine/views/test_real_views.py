"""Real views of complex memory lie where their base does, counted in bytes."""

from __future__ import annotations

import reference_engine as engine


def test_an_imaginary_part_that_is_written_to_gets_the_history_of_its_base() -> None:
    x, w = engine.tensor(1.0, dtype=engine.complex128), engine.tensor(1.0, requires_grad=True)
    part = x.imag
    part.copy_(w)
    assert not part.is_leaf
    assert x.grad_fn.name() == "torch::autograd::CopySlices"
