"""Which tensors among inputs and outputs take part in a check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def as_tuple(value: Any) -> tuple[Any, ...]:
    """A tuple of what a function was given or returned."""
    if isinstance(value, (tuple, list)):
        return tuple(value)
    return (value,)


def is_tensor(value: Any) -> bool:
    from reference_engine.tensor import Tensor

    return isinstance(value, Tensor)


def is_numeric(value: Any) -> bool:
    """A tensor of floating point or complex numbers."""
    return is_tensor(value) and value._dtype.is_differentiable


def differentiable(value: Any) -> tuple[Tensor, ...]:
    """The outputs that require grad."""
    return tuple(o for o in as_tuple(value) if o.requires_grad)


def requiring_grad(value: Any) -> Iterator[Tensor]:
    """The tensors that require grad, in nested sequences."""
    if is_tensor(value):
        if value.requires_grad:
            yield value
    elif isinstance(value, (tuple, list, set)) or hasattr(value, "__next__"):
        for item in value:
            yield from requiring_grad(item)


def places(inputs: tuple[Any, ...]) -> list[int]:
    """The positions of the inputs that require grad."""
    return [i for i, t in enumerate(inputs) if is_tensor(t) and t.requires_grad]
