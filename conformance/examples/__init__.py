"""Named example Programs: each clause shown once, deterministically.

Every module of this package holds the examples of one area, as a tuple ``EXAMPLES``.
"""

from __future__ import annotations

import importlib
import pkgutil

from conformance.examples.example import Example

EXAMPLES: dict[str, Example] = {}

for _module in sorted(m.name for m in pkgutil.iter_modules(__path__)):
    for _example in getattr(importlib.import_module(f"{__name__}.{_module}"), "EXAMPLES", ()):
        if _example.name in EXAMPLES:
            raise ValueError(f"two examples are called {_example.name!r}")
        EXAMPLES[_example.name] = _example

__all__ = ["EXAMPLES", "Example"]
