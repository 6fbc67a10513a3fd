"""What is refused first of an in-place change that breaks several rules."""

from __future__ import annotations

import pytest

import reference_engine as engine


def test_a_view_of_a_leaf_is_told_before_other_leaves_among_its_views() -> None:
    base = engine.ones(4)
    leaf = base.view(2, 2).requires_grad_()
    part = base.view(4).requires_grad_()[1:]
    with pytest.raises(RuntimeError, match=r"^a view of a leaf Variable that requires grad"):
        leaf[0].mul_(2)
    with pytest.raises(RuntimeError, match=r"^a view of a leaf Variable that requires grad"):
        part.mul_(2)
    with pytest.raises(RuntimeError, match=r"^a leaf Variable that requires grad"):
        base.mul_(engine.ones(4, requires_grad=True))


def test_an_inference_tensor_is_not_resized_outside_and_keeps_its_shape() -> None:
    with engine.inference_mode():
        t = engine.ones(3)
    assert t.resize_(3) is t
    for size in (2, 4):
        with pytest.raises(RuntimeError, match=r"^Inplace update to inference tensor outside InferenceMode"):
            t.resize_(size)
        assert t.shape == (3,)
    with engine.inference_mode():
        assert t.resize_(2).shape == (2,)


def test_a_memory_format_changes_strides_and_no_version() -> None:
    t = engine.ones(3, 2).t()
    assert t.resize_(2, 3).stride() == (1, 2)
    assert t.resize_(2, 3, memory_format=engine.contiguous_format).stride() == (3, 1)
    images = engine.ones(1, 2, 3, 3)
    assert images.resize_(1, 2, 3, 3, memory_format=engine.channels_last).stride() == (18, 1, 6, 2)
    assert (t._version, images._version) == (0, 0)
    assert images.resize_(2, 2, 3, 3, memory_format=engine.channels_last).stride() == (18, 1, 6, 2)
    assert images._version == 1
