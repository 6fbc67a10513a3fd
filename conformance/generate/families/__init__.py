"""One module a family of steps. A family looks at the Builder's state and emits one or more steps, or nothing."""

from __future__ import annotations

from collections.abc import Callable

from conformance.generate.builder import Builder
from conformance.generate.families import (
    applying,
    calls,
    duals,
    functions,
    hooking,
    indexing,
    leaves,
    making,
    modes,
    reading,
)

FAMILIES: dict[str, Callable[[Builder], None]] = {
    "make": making.tensor,
    "op": applying.op,
    "view": applying.view,
    "inplace": applying.inplace,
    "backward": calls.backward,
    "grad": calls.grad,
    "mode": modes.enter_or_exit,
    "hook": hooking.hook,
    "leaf": leaves.change,
    "function": functions.custom,
    "index": indexing.index,
    "read": reading.read,
    "dual": duals.dual,
    "delete": reading.delete,
}
