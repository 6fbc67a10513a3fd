"""The ops: one file a kind, each op declared once. Importing this package declares them all and attaches them."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

_INFRASTRUCTURE = {
    "declare",
    "dispatch",
    "binding",
    "kernels",
    "shadow",
    "domains",
    "operators",
    "lapack",
    "lapack_symmetric",
}


_MODULES = {module.name for module in pkgutil.iter_modules(__path__)}


def declare_all() -> dict[str, dict[str, Any]]:
    """Import every op module, attach methods and operators, and return the public functions by namespace."""
    for name in sorted(_MODULES - _INFRASTRUCTURE):
        importlib.import_module(f"{__name__}.{name}")
    from reference_engine import sparse
    from reference_engine.ops import dispatch, operators

    sparse.declare_all()

    namespaces: dict[str, dict[str, Any]] = {}
    dispatch.install(namespaces)
    operators.attach()
    return namespaces


def __getattr__(name: str) -> Any:
    """``torch.ops.aten``, and the namespaces of a program's own operators."""
    if not name.startswith("__") and name not in _MODULES:
        from reference_engine.dispatcher import operators

        return operators.namespace(name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
