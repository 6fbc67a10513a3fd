"""One module a family of steps. A family looks at the Builder's state and emits one or more steps, or nothing."""

from __future__ import annotations

from collections.abc import Callable

from conformance.generate.builder import Builder
from conformance.generate.families import (
    applying,
    calls,
    changing,
    duals,
    functions,
    gradients,
    hooking,
    indexing,
    leaves,
    making,
    misuse,
    modes,
    places,
    reading,
    rearranging,
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
    "dual_story": duals.story,
    "delete": reading.delete,
    "misuse": misuse.misuse,
    "rearrange": rearranging.rearrange,
    "after_use": changing.after_use,
    "views_at_once": changing.views_at_once,
    "overlap": changing.overlapping,
    "shared_cotangent": gradients.shared_cotangent,
    "used_again": gradients.used_again,
    "again": gradients.differentiated_again,
    "places": places.places,
}
