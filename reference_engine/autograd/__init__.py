"""``torch.autograd`` as this engine has it."""

from __future__ import annotations

from reference_engine.autograd import forward_ad, graph
from reference_engine.autograd.anomaly import detect_anomaly, set_detect_anomaly
from reference_engine.autograd.backward import backward, grad
from reference_engine.modes import (
    _force_original_view_tracking,
    enable_grad,
    inference_mode,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)

__all__ = [
    "_force_original_view_tracking",
    "backward",
    "detect_anomaly",
    "enable_grad",
    "forward_ad",
    "grad",
    "graph",
    "inference_mode",
    "no_grad",
    "set_detect_anomaly",
    "set_grad_enabled",
    "set_multithreading_enabled",
]
