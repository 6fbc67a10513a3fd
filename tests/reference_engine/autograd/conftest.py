"""What the tests of autograd's facilities share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import reference_engine as engine


@pytest.fixture
def x() -> Any:
    """A leaf of three elements."""
    return engine.tensor([1.0, 2.0, 3.0], requires_grad=True)


@pytest.fixture
def dual_level() -> Iterator[None]:
    """An open dual level."""
    with engine.autograd.forward_ad.dual_level():
        yield


def function(forward: Callable[..., Any], backward: Callable[..., Any] | None = None, **more: Any) -> Any:
    """A custom Function of these methods."""
    methods = {"forward": forward, "backward": backward, **more}
    members = {name: staticmethod(fn) for name, fn in methods.items() if fn is not None}
    return type("Made", (engine.autograd.Function,), members)


@pytest.fixture
def make() -> Callable[..., Any]:
    """Makes custom Functions."""
    return function
