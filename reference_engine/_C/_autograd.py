"""The few names of ``torch._C._autograd`` that scripts and test suites use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reference_engine.autograd.introspection import keeps_graph as _get_current_graph_task_keep_graph
from reference_engine.autograd.node import Node
from reference_engine.autograd.profiler import is_running as _profiler_enabled
from reference_engine.autograd.saved import enabled as _saved_tensors_hooks_is_enabled
from reference_engine.autograd.saved import pop_default_hooks as _pop_saved_tensors_default_hooks
from reference_engine.autograd.saved import push_default_hooks as _push_saved_tensors_default_hooks
from reference_engine.semantics import refusal
from reference_engine.versions import SavedTensor

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def _make_saved_tensor(tensor: Tensor, is_output: bool) -> SavedTensor:
    """Save a tensor as a node would, but for a program's own use."""
    return SavedTensor(tensor, Node(), is_output)


def _unsafe_set_version_counter(tensors: Sequence[Tensor], versions: Sequence[int]) -> None:
    """Set version counters by hand, which deceives the check of saved tensors.

    Raises:
        RuntimeError: a negative version, another number of versions than tensors, or an inference tensor, which has
            no version. What comes before it is done.
    """
    if len(tensors) != len(versions):
        raise refusal("version.set.count", tensors=len(tensors), versions=len(versions))
    for tensor, version in zip(tensors, versions, strict=True):
        if tensor._inference:
            raise refusal("version.set.inference")
        if version < 0:
            raise refusal("version.set.negative", version=version)
        tensor._version_counter.value = version


__all__ = [
    "SavedTensor", "_get_current_graph_task_keep_graph", "_make_saved_tensor", "_pop_saved_tensors_default_hooks",
    "_profiler_enabled", "_push_saved_tensors_default_hooks", "_saved_tensors_hooks_is_enabled",
    "_unsafe_set_version_counter",
]  # fmt: skip
