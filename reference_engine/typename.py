"""How messages call the type of a value."""

from __future__ import annotations

from typing import Any

from reference_engine.tensor import Tensor


def typename(value: Any) -> str:
    """The legacy type name of a tensor (`torch.FloatTensor`), else the type's qualified name."""
    if isinstance(value, Tensor):
        return value.dtype.tensor_name
    module = getattr(value, "__module__", "") or ""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None)
    if name is None:
        module, name = type(value).__module__, type(value).__qualname__
    return name if module in ("", "builtins") else f"{module}.{name}"
