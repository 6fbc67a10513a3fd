"""``torch.autograd`` as this engine has it.

Where to start reading: ``backward.py`` (what a call may say), ``engine.py`` (the loop),
``node.py`` and ``accumulate.py`` (what it runs), ``function.py`` and ``custom.py`` (operations of the
user's own), ``forward_ad.py``.
"""

from __future__ import annotations

from typing import Any

from reference_engine import modes as grad_mode
from reference_engine.autograd import anomaly as anomaly_mode
from reference_engine.autograd import forward_ad, function, functional, graph, profiler
from reference_engine.autograd.anomaly import detect_anomaly, set_detect_anomaly
from reference_engine.autograd.backward import backward, grad
from reference_engine.autograd.function import Function
from reference_engine.autograd.gradcheck import gradcheck, gradgradcheck
from reference_engine.autograd.nested import NestedIOFunction
from reference_engine.autograd.profiler import kineto_available
from reference_engine.autograd.variable import Variable, variable
from reference_engine.modes import (
    _force_original_view_tracking,
    _unsafe_preserve_version_counter,
    enable_grad,
    enforce_grad_layout_policy,
    inference_mode,
    is_multithreading_enabled,
    is_view_replay_enabled,
    no_grad,
    set_grad_enabled,
    set_multithreading_enabled,
)
from reference_engine.overrides import handle_torch_function, has_torch_function, is_tensor_like
from reference_engine.semantics import refusal
from reference_engine.size import Size
from reference_engine.versions import SavedTensor


def _calculate_shape(output: Any, grad: Any, is_grads_batched: bool) -> tuple[Size, Size]:
    """The shape of an output, or of the place that an edge leads to, and that of one gradient for it.

    Raises:
        RuntimeError: a batch of gradients for an edge.
    """
    if isinstance(output, graph.GradientEdge):
        if is_grads_batched:
            raise refusal("backward.grad_tensors.batched_edge")
        shape = Size(output.node.input_metadata[output.output_nr].shape)
    else:
        shape = output.shape
    return shape, grad.shape[1:] if is_grads_batched else grad.shape


def _is_checkpoint_valid() -> bool:
    """Whether the running backward is one that a reentrant checkpoint can work in: not ``grad`` with ``inputs``."""
    from reference_engine.autograd.engine import current_pass

    running = current_pass()
    return running is None or running.captures is None


__all__ = [
    "handle_torch_function", "has_torch_function", "is_tensor_like",
    "Function", "NestedIOFunction", "SavedTensor", "Variable", "_calculate_shape", "_force_original_view_tracking",
    "kineto_available",
    "_is_checkpoint_valid", "_unsafe_preserve_version_counter", "anomaly_mode", "backward", "detect_anomaly",
    "enable_grad", "enforce_grad_layout_policy", "forward_ad", "function", "functional", "grad", "grad_mode",
    "gradcheck", "gradgradcheck", "graph", "inference_mode", "is_multithreading_enabled", "is_view_replay_enabled",
    "no_grad", "profiler", "set_detect_anomaly", "set_grad_enabled", "set_multithreading_enabled", "variable",
]  # fmt: skip
