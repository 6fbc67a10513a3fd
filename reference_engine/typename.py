"""How messages call the type of a value."""

from __future__ import annotations

from typing import Any

from reference_engine.tensor import Tensor


def typename(obj: Any, /) -> str:
    """The legacy type name of a tensor (`torch.FloatTensor`), else the type's qualified name."""
    if isinstance(obj, Tensor):
        legacy: str = obj.dtype.tensor_name
        return legacy.replace("torch.", "torch.meta.", 1) if obj.is_meta else legacy
    module = getattr(obj, "__module__", "") or ""
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None)
    if name is None:
        module, name = type(obj).__module__, type(obj).__qualname__
    return name if module in ("", "builtins") else f"{module}.{name}"


def c_typename(value: Any) -> str:
    """What C code calls the type of a value: types made in C carry their module in their name, classes do not."""
    kind = type(value)
    made_in_c = not kind.__flags__ & 1 << 9  # Py_TPFLAGS_HEAPTYPE
    return f"{kind.__module__}.{kind.__name__}" if made_in_c and kind.__module__ != "builtins" else kind.__name__
