"""Named example Programs: each clause shown once, deterministically.

Written by hand: the modules of this package, each with a tuple ``EXAMPLES``. Found by the generator and shrunk (see
``conformance.mine``): the files under ``programs/``, one an area.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from importlib import resources

import msgspec

from conformance.examples.example import Example

EXAMPLES: dict[str, Example] = {}

_WRITTEN = ("study",)


def _all() -> Iterator[Example]:
    for module in _WRITTEN:
        yield from importlib.import_module(f"{__name__}.{module}").EXAMPLES
    folder = resources.files(__name__) / "programs"
    for file in sorted(folder.iterdir(), key=lambda f: f.name) if folder.is_dir() else ():
        yield from msgspec.json.decode(file.read_bytes(), type=list[Example])


for _example in _all():
    if _example.name in EXAMPLES:
        raise ValueError(f"two examples are called {_example.name!r}")
    EXAMPLES[_example.name] = _example

__all__ = ["EXAMPLES", "Example"]
