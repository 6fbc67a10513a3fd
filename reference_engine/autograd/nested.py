"""NestedIOFunction: how old programs wrote Functions over nested lists of tensors.

Such a Function can be defined and instantiated, but not called any more: calls of instances went with torch 1.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reference_engine.autograd.function import Function
from reference_engine.semantics import refusal

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def _refuse(value: Any, accepted: str) -> Exception:
    from reference_engine.typename import typename

    return refusal("function.nested.type", type=typename(value), accepted=accepted)


def tensors_within(value: Any, accepted: str = "Tensors") -> Iterator[Tensor]:
    """The tensors in nested lists, tuples and dicts, in order."""
    from reference_engine.tensor import Tensor

    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_within(item, accepted)
    elif isinstance(value, dict):
        for item in value.values():
            yield from tensors_within(item, accepted)
    elif value is not None:
        raise _refuse(value, accepted)


def _rebuilt(flat: Any, like: Any) -> tuple[Any, Any]:
    """The flat sequence in the nesting of ``like``, and what is left of it."""
    if not isinstance(like, (list, tuple)):
        return flat[0], flat[1:]
    made: list[Any] = []
    for item in like:
        if item is None:
            made.append(None)
        else:
            one, flat = _rebuilt(flat, item)
            made.append(one)
    return type(like)(made), flat


class NestedIOFunction(Function):
    """Kept for old programs; use ``Function``."""

    _nested_input: tuple[Any, ...]  # only the old way of calling a Function set it; without it ``forward`` fails

    def save_for_backward(self, *args: Any) -> None:
        self.to_save = tuple(tensors_within(args))
        self._to_save_nested = args

    @property
    def saved_tensors(self) -> Any:
        flat = Function.saved_tensors.__get__(self)
        return _rebuilt(flat, self._to_save_nested)[0]

    def mark_dirty(self, *args: Any, **kwargs: Any) -> None:
        self.dirty_tensors = tuple(tensors_within((args, kwargs)))

    def mark_non_differentiable(self, *args: Any, **kwargs: Any) -> None:
        self.non_differentiable = tuple(tensors_within((args, kwargs)))

    def backward(self, *gradients: Any) -> Any:  # type: ignore[override]
        """Flattens what ``backward_extended`` returns."""
        result = self.backward_extended(*_rebuilt(gradients, self._nested_output)[0])
        return tuple(tensors_within(result, "Tensors or None"))

    def forward(self, *args: Any) -> Any:  # type: ignore[override]
        """Flattens what ``forward_extended`` returns."""
        result = self.forward_extended(*self._nested_input)
        self._nested_output = result
        return tuple(tensors_within(result))

    def forward_extended(self, *input: Any) -> Any:
        """To be overridden."""
        raise NotImplementedError

    def backward_extended(self, *grad_output: Any) -> Any:
        """To be overridden."""
        raise NotImplementedError
