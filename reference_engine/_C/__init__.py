"""The few names of ``torch._C`` that scripts and test suites use."""

from __future__ import annotations

from typing import Any

from reference_engine._C import _autograd, _functions
from reference_engine.autograd.introspection import (
    WeakTensorRef as _WeakTensorRef,
)
from reference_engine.autograd.introspection import (
    current_graph_task_execution_order as _current_graph_task_execution_order,
)
from reference_engine.autograd.introspection import (
    current_graph_task_id as _current_graph_task_id,
)
from reference_engine.autograd.introspection import (
    current_node as _current_autograd_node,
)
from reference_engine.autograd.introspection import (
    will_engine_execute_node as _will_engine_execute_node,
)
from reference_engine.dispatcher import watching as _watching
from reference_engine.dispatcher.keys import DispatchKey
from reference_engine.dispatcher.operators import Tag
from reference_engine.dispatcher.schema import Argument, FunctionSchema, parse_schema
from reference_engine.dispatcher.watching import BelowAutograd as _AutoDispatchBelowAutograd
from reference_engine.dispatcher.watching import DisableTorchDispatch as _DisableTorchDispatch
from reference_engine.errors import LinAlgError as _LinAlgError
from reference_engine.modes import (
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
)
from reference_engine.modes import (
    set_grad_enabled as _set_grad_enabled,
)
from reference_engine.overrides import DisableTorchFunction, DisableTorchFunctionSubclass, _disabled_torch_function_impl
from reference_engine.random import Generator, default_generator
from reference_engine.tensor_base import TensorBase


def _len_torch_dispatch_stack() -> int:
    """How many dispatch modes are on."""
    return len(_watching.state.stack)


def _log_api_usage_once(event: str) -> None:
    """Nobody counts here what is used."""


def _get_dispatch_stack_at(index: int) -> Any:
    return _watching.state.stack[index]


class _InferenceMode(inference_mode):
    """``inference_mode`` as C++ has it."""


__all__ = [
    "_log_api_usage_once",
    "DisableTorchFunction", "DisableTorchFunctionSubclass", "TensorBase", "_LinAlgError", "_WeakTensorRef", "_autograd",
    "_current_autograd_node", "_InferenceMode", "_set_grad_enabled", "is_grad_enabled", "is_inference_mode_enabled",
    "Generator", "default_generator",
    "_current_graph_task_execution_order", "_current_graph_task_id", "_disabled_torch_function_impl", "_functions",
    "_will_engine_execute_node", "Argument", "DispatchKey", "FunctionSchema", "Tag", "_AutoDispatchBelowAutograd",
    "_DisableTorchDispatch", "parse_schema",
    "_get_dispatch_stack_at", "_len_torch_dispatch_stack",
]  # fmt: skip
