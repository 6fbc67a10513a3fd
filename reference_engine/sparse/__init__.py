"""``torch.sparse``: tensors that keep only what is specified of them.

How they keep it is in ``memory.py``; what the ops of this engine do with it in the modules beside, one a kind.
"""

from __future__ import annotations

import importlib
from typing import Any

_KERNELS = (
    "access", "arithmetic", "compressed", "conversion", "copying", "creation", "products", "rearranging", "reducing",
    "unary",
)  # fmt: skip
_HOMES = {
    "check_sparse_tensor_invariants": "invariants",
    "as_sparse_gradcheck": "gradchecking",
    "spdiags": "diagonals",
    "sum": "reducing",
}

__all__ = [
    "addmm", "check_sparse_tensor_invariants", "mm", "sum", "softmax", "log_softmax", "as_sparse_gradcheck",
]  # fmt: skip


def declare_all() -> None:
    """Import every module of kernels and ops."""
    for name in _KERNELS:
        importlib.import_module(f"{__name__}.{name}")


def __getattr__(name: str) -> Any:
    if name.endswith("Tensor"):
        from reference_engine.legacy_types import SPARSE_TYPES

        if name in SPARSE_TYPES:
            return SPARSE_TYPES[name]
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
