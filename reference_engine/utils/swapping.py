"""``torch.utils.swap_tensors``: two tensors change places, each keeping its identity."""

from __future__ import annotations

import copyreg
import weakref
from typing import Any

from reference_engine.autograd.graph import get_gradient_edge

_POISONED = (
    "Trying to execute AccumulateGrad node that was poisoned by swap_tensors this can happen when you try to run "
    "backward on a tensor that was swapped. For a module m with "
    "`torch.__future__.set_swap_module_params_on_conversion(True)` you should not change the device or dtype of the "
    "module (e.g. `m.cpu()` or `m.half()`) between running forward and backward. To resolve this, please only change "
    "the device/dtype before running forward (or after both forward and backward)."
)


def _refuse_backward(grads: Any) -> None:
    raise RuntimeError(_POISONED)


def swap_tensors(t1: Any, t2: Any) -> None:
    """What one tensor is, the other becomes. An earlier graph that ends in either can no longer be run.

    Raises:
        RuntimeError: somebody has a weak reference to one, or they have different slots.
    """
    for name, t in (("t1", t1), ("t2", t2)):
        if weakref.getweakrefs(t):
            raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
    slots = [set(copyreg._slotnames(type(t))) for t in (t1, t2)]  # type: ignore[attr-defined]
    if slots[0] != slots[1]:
        raise RuntimeError("Cannot swap t1 and t2 if they have different slots")
    for t in (t1, t2):
        if not hasattr(t, "_storage"):
            raise AttributeError(f"{type(t).__name__!r} object has no attribute '_use_count'")
        if t._accumulator is not None and t._accumulator() is not None:
            get_gradient_edge(t).node.register_prehook(_refuse_backward)
            t._accumulator = None
    t1.__class__, t2.__class__ = t2.__class__, t1.__class__
    first, second = dict(vars(t1)), dict(vars(t2))
    for t, state in ((t1, second), (t2, first)):
        vars(t).clear()
        vars(t).update(state)
    for name in slots[0] - {"__weakref__", "__dict__"}:
        values = getattr(t1, name), getattr(t2, name)
        setattr(t1, name, values[1])
        setattr(t2, name, values[0])
