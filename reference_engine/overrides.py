"""``__torch_function__``: other types may take over a call.

Source: https://docs.pytorch.org/docs/stable/notes/extending.html#extending-torch-python-api
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

_disabled = 0


def _disabled_torch_function_impl(func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """The ``__torch_function__`` of a subclass that does not want one (Parameter)."""
    return func(*args, **(kwargs or {}))


def is_tensor_like(value: Any) -> bool:
    from reference_engine.tensor import Tensor

    return isinstance(value, Tensor) or hasattr(type(value), "__torch_function__")


def _overrides(value: Any) -> bool:
    from reference_engine.tensor import Tensor

    kind = type(value)
    if kind is Tensor:
        return False
    method = getattr(kind, "__torch_function__", None)
    return method is not None and getattr(method, "__func__", method) is not _disabled_torch_function_impl


def has_torch_function(values: Sequence[Any]) -> bool:
    """Whether any value overrides torch's functions."""
    return not _disabled and any(_overrides(v) for v in values)


def handle(func: Callable[..., Any], values: Sequence[Any], args: Sequence[Any], **kwargs: Any) -> Any:
    """Offer the call to each overriding type, subclasses before their bases, else in argument order.

    Raises:
        TypeError: every override answered NotImplemented.
    """
    candidates: list[Any] = []
    for value in values:
        if not _overrides(value) or any(type(c) is type(value) for c in candidates):
            continue
        at = next((i for i, c in enumerate(candidates) if issubclass(type(value), type(c))), len(candidates))
        candidates.insert(at, value)
    types = tuple(type(c) for c in candidates)
    for candidate in candidates:
        result = type(candidate).__torch_function__(func, types, tuple(args), kwargs)
        if result is not NotImplemented:
            return result
    name = f"{getattr(func, '__module__', 'torch')}.{func.__name__}".replace("reference_engine", "torch", 1)
    raise TypeError(f"no implementation found for '{name}' on types that implement __torch_function__: {list(types)}")


def of_subclass(cls: type[Any], func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
    """What a subclass of Tensor does that says nothing else: the function as usual, its results as the subclass."""
    if not all(issubclass(cls, kind) for kind in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
        return _as_subclass(result, cls)


def _as_subclass(result: Any, cls: type[Any]) -> Any:
    from reference_engine.tensor import Tensor

    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if type(result) in (tuple, list):
        return type(result)(_as_subclass(value, cls) for value in result)
    return result


class DisableTorchFunctionSubclass:
    """Inside, subclasses of Tensor are treated as plain tensors."""

    def __enter__(self) -> None:
        global _disabled
        _disabled += 1

    def __exit__(self, *exc: object) -> None:
        global _disabled
        _disabled -= 1
