"""Entering and leaving grad modes and other contexts, nested in any order."""

from __future__ import annotations

from typing import Any

from conformance.generate.builder import Builder
from conformance.program import steps as s

_MODES: tuple[tuple[str, tuple[Any, ...]], ...] = (
    ("no_grad", ()),
    ("enable_grad", ()),
    ("set_grad_enabled", (False,)),
    ("set_grad_enabled", (True,)),
    ("inference_mode", ()),
    ("inference_mode", (False,)),
    ("autograd.set_detect_anomaly", (True,)),
    ("autograd.detect_anomaly", ()),
    ("autograd.graph.saved_tensors_hooks", (s.Callback("identity"), s.Callback("identity"))),
    ("autograd.graph.saved_tensors_hooks", (s.Callback("clone"), s.Callback("identity"))),
    ("autograd.graph.saved_tensors_hooks", (s.Callback("scale", 2.0), s.Callback("scale", 0.5))),
    ("autograd.graph.saved_tensors_hooks", (s.Callback("detach"), s.Callback("identity"))),
    ("autograd.graph.save_on_cpu", ()),
    ("autograd.graph.disable_saved_tensors_hooks", ("no hooks here",)),
    ("autograd.graph.allow_mutation_on_saved_tensors", ()),
)
_WEIGHTS = [10, 6, 3, 3, 3, 1, 0.6, 0.4, 1.5, 0.8, 0.3, 0.4, 0.3, 0.3, 1.0]
_CUMULATIVE = [sum(_WEIGHTS[: i + 1]) for i in range(len(_WEIGHTS))]


def enter_or_exit(b: Builder) -> None:
    if b.open_modes and (b.open_modes > 2 or b.choose.coin(0.65)):
        b.open_modes -= 1
        b.emit(s.ExitMode())
        return
    if b.choose.coin(0.06):  # called, not entered: it stays so
        b.call("set_grad_enabled", b.choose.coin(0.5), form="function")
        return
    mode, args = b.choose.weighted(_MODES, _CUMULATIVE)
    b.open_modes += 1
    b.emit(s.EnterMode(mode, args))
