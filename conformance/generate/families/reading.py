"""Looking at tensors as a user does, and forgetting them."""

from __future__ import annotations

from conformance.generate.builder import Builder
from conformance.program import steps as s

_WHAT = (
    "item",
    "tolist",
    "numpy",
    "bool",
    "float",
    "int",
    "len",
    "_version",
    "is_leaf",
    "grad_fn",
    "output_nr",
    "repr",
    "_base",
    "retains_grad",
    "requires_grad",
)


def read(b: Builder) -> None:
    name = b.pick()
    if name is not None:
        b.emit(s.Read(name, b.choose.one_of(_WHAT)))


def delete(b: Builder) -> None:
    if len(b.tensors) > 3:
        name = b.pick()
        if name is not None:
            b.emit(s.Delete((name,)))
