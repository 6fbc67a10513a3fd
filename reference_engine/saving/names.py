"""Names of globals in a file: torch's, for what this engine has under names of its own."""

from __future__ import annotations

import importlib
from typing import Any

from reference_engine import dtypes, nn, typed_storage
from reference_engine.devices import device
from reference_engine.saving import rebuilding
from reference_engine.size import Size
from reference_engine.storage import UntypedStorage
from reference_engine.tensor import Tensor

_PACKAGE = "reference_engine"

_OWN: dict[int, tuple[str, str]] = {
    id(value): name
    for value, name in (
        (Tensor, ("torch", "Tensor")),
        (Size, ("torch", "Size")),
        (device, ("torch", "device")),
        (UntypedStorage, ("torch.storage", "UntypedStorage")),
        (rebuilding.rebuild_tensor, ("torch._utils", "_rebuild_tensor_v2")),
        (rebuilding.rebuild_parameter, ("torch._utils", "_rebuild_parameter")),
        (rebuilding.rebuild_parameter_with_state, ("torch._utils", "_rebuild_parameter_with_state")),
        (rebuilding.rebuild_from_type, ("torch._tensor", "_rebuild_from_type_v2")),
        (rebuilding.layout_named, ("torch.serialization", "_get_layout")),
    )
}
_OWN |= {id(d): ("torch", d.name) for d in dtypes.ALL}
_OWN |= {id(kind): ("torch", name) for name, kind in typed_storage.LEGACY.items()}


def name_of(value: Any, name: str | None) -> tuple[str, str] | None:
    """Module and name that a file has for a class or function of this engine; None for any other."""
    if id(value) in _OWN:
        return _OWN[id(value)]
    module = getattr(value, "__module__", None) or ""
    if module != _PACKAGE and not module.startswith(f"{_PACKAGE}."):
        return None
    return _layer_home(value) or published(module), name or value.__qualname__


def _layer_home(value: Any) -> str | None:
    """The submodule of ``torch.nn.modules`` where torch has a layer."""
    from reference_engine.nn.module_homes import _CLASSES

    name = getattr(value, "__name__", "")
    if not isinstance(value, type) or getattr(nn, name, None) is not value:
        return None
    return next((f"torch.nn.modules.{home}" for home, names in _CLASSES.items() if name in names.split()), None)


def published(module: str) -> str:
    """Where torch has a module of this engine."""
    from reference_engine.namespaces import _ALIASES

    own = module.removeprefix(_PACKAGE).removeprefix(".")
    shown = next((alias for alias, real in _ALIASES.items() if real == own and alias != own), own)
    return f"torch.{shown}" if shown else "torch"


_FOUND: dict[tuple[str, str], Any] = {}


def value_of(module: str, name: str) -> Any:
    """The class or function that a file names; any module of torch's is this engine's.

    Raises:
        AttributeError, ImportError: there is none.
    """
    if not _FOUND:
        _FOUND.update({("torch", d.name): d for d in dtypes.ALL})
        _FOUND.update({("torch", key): kind for key, kind in typed_storage.LEGACY.items()})
        for value, key in (
            (Tensor, ("torch", "Tensor")),
            (Tensor, ("torch._tensor", "Tensor")),
            (Size, ("torch", "Size")),
            (device, ("torch", "device")),
            (UntypedStorage, ("torch.storage", "UntypedStorage")),
            (UntypedStorage, ("torch", "UntypedStorage")),
            (rebuilding.rebuild_tensor, ("torch._utils", "_rebuild_tensor_v2")),
            (rebuilding.rebuild_tensor_of_old, ("torch._utils", "_rebuild_tensor")),
            (rebuilding.rebuild_parameter, ("torch._utils", "_rebuild_parameter")),
            (rebuilding.rebuild_parameter_with_state, ("torch._utils", "_rebuild_parameter_with_state")),
            (rebuilding.rebuild_from_type, ("torch._tensor", "_rebuild_from_type_v2")),
            (rebuilding.layout_named, ("torch.serialization", "_get_layout")),
        ):
            _FOUND[key] = value
    if (module, name) in _FOUND:
        return _FOUND[module, name]
    if module == "torch" or module.startswith("torch."):
        module = _PACKAGE + module.removeprefix("torch")
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found
