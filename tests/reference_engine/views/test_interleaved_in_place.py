"""Several live views over one memory, changed in place in turn: values, versions and gradients."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

import reference_engine as engine

VIEWS: list[Any] = [
    lambda t: t[0:2], lambda t: t.t(), lambda t: t.view(-1), lambda t: t[:, 1], lambda t: t.diagonal(),
    lambda t: t.unfold(0, 2, 2), lambda t: t.transpose(0, 1)[1:], lambda t: t.unsqueeze(0), lambda t: t.movedim(0, 1),
    lambda t: t.narrow(1, 1, 2), lambda t: t[1:3, ::2],
]  # fmt: skip


def program(x: Any, seed: int) -> Any:
    """Changes in place through several views of one base, drawn from a seed."""
    draw = random.Random(seed)
    base = x * 1.0
    views = [base] + [v(base) for v in draw.sample(VIEWS, 3)]
    for _ in range(5):
        target, other = draw.choice(views), draw.choice(views)
        kind = draw.randrange(5)
        if kind == 0:
            target.mul_(draw.choice([2.0, -0.5]))
        elif kind == 1:
            target.add_((other * 1.0).sum() * 0.1)
        elif kind == 2:
            target[0] = other.sum() * 0.2
        elif kind == 3:
            target.sin_()
        else:
            target.copy_((target + 1.0) * 0.5)
    return sum((v * v).sum() for v in views)


@pytest.mark.parametrize("seed", range(25))
def test_the_gradient_of_interleaved_in_place_changes_is_the_derivative(seed: int) -> None:
    values = np.random.default_rng(seed).uniform(-1, 1, (4, 4))
    x = engine.tensor(values, requires_grad=True)
    (grad,) = engine.autograd.grad(program(x, seed), x)
    for at in ((0, 0), (1, 2), (3, 1)):
        step = np.zeros((4, 4))
        step[at] = 1e-6
        high = program(engine.tensor(values + step), seed).item()
        low = program(engine.tensor(values - step), seed).item()
        assert grad[at].item() == pytest.approx((high - low) / 2e-6, rel=1e-4, abs=1e-5)


def test_all_views_of_a_memory_share_one_version() -> None:
    base = engine.ones(3, 3)
    views = [base[0], base.t(), base.view(9), base.detach()]
    base[0].add_(1)
    views[1].mul_(2)
    views[3].zero_()
    assert {t._version for t in [base, *views]} == {3}


def test_data_has_a_version_of_its_own() -> None:
    base = engine.ones(3)
    base.data.add_(1)
    assert base._version == 0
    assert base.tolist() == [2.0, 2.0, 2.0]


def test_reshaping_in_place_leaves_the_history_of_the_base_alone() -> None:
    base = engine.ones(2, 3, requires_grad=True) * 1
    view = base[0:2]
    view.t_()
    assert base.grad_fn.name() == "MulBackward0"
    assert view.grad_fn.name() == "TBackward1"
    assert tuple(view.shape) == (3, 2)
    assert base._version == view._version == 1


def test_one_of_several_views_cannot_be_changed_in_place() -> None:
    base = engine.ones(2, 3, requires_grad=True) * 1
    with pytest.raises(RuntimeError, match="returns multiple views"):
        base.chunk(2)[0].add_(1)


def test_a_refused_change_leaves_no_trace() -> None:
    base = engine.ones(3, 1).expand(3, 3)
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        base.add_(engine.ones(3, 3))
    assert base._version == 0
    assert base.sum().item() == 9.0


def test_a_refused_scatter_writes_nothing() -> None:
    x = engine.zeros(3)
    with pytest.raises(RuntimeError, match="out of bounds"):
        x.scatter_add_(0, engine.tensor([0, 9]), engine.ones(2))
    assert x.tolist() == [0.0, 0.0, 0.0]
    assert x._version == 0
