"""Version counters, and tensors saved for backward that check them.

A version counter belongs to a memory, not to a tensor: a base, its views and its detached aliases share one.
Every in-place operation bumps it; a saved tensor remembers the count and refuses to be used after a change.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from reference_engine.semantics import cite, refusal

if TYPE_CHECKING:
    from reference_engine.autograd.node import Node
    from reference_engine.tensor import Tensor


class VersionCounter:
    """How many in-place changes a memory has seen."""

    __slots__ = ("value",)

    def __init__(self, value: int = 0) -> None:
        self.value = value


class SavedTensor:
    """A tensor that a node keeps for its backward.

    An *output* of the node is kept without its history, which would be a reference cycle, and gets it back when it
    is unpacked. Saved-tensor hooks, if any are active, see the tensor now and again when it is unpacked.

    Raises (on unpacking):
        RuntimeError: the graph was freed, or the tensor was changed in place since it was saved.
    """

    __slots__ = ("_data", "_version", "_output_nr", "_packed", "_unpack", "_is_output", "_meta", "_owner", "_wrapped")

    def __init__(self, tensor: Tensor, owner: Node, is_output: bool = False) -> None:
        from reference_engine.autograd import graph

        if tensor._inference:
            raise refusal("inference.saved_for_backward")
        self._owner = weakref.ref(owner)
        self._is_output = is_output and not tensor.is_leaf
        self._version: int = tensor._version_counter.value
        self._output_nr = tensor._output_nr
        self._packed: Any = None
        self._unpack: Any = None
        self._data: Tensor | None = tensor._alias() if self._is_output else tensor
        self._meta = (tensor._leaf_requires_grad, None if self._is_output else tensor._node)
        if graph.saved_tensors_hooks_stack:
            pack, unpack = graph.saved_tensors_hooks_stack[-1]
            self.register_hooks(pack, unpack)

    def register_hooks(self, pack: Any, unpack: Any) -> None:
        """Pass the tensor through ``pack`` now; ``unpack`` gives it back."""
        from reference_engine.autograd import graph

        if self._data is None and self._unpack is None:
            raise refusal("saved.hooks.freed")
        if self._unpack is not None:
            raise refusal("saved.hooks.twice")
        data = self._data
        assert data is not None
        cite("saved.hooks.pack")
        self._packed = graph.run_pack(pack, data)
        self._unpack = unpack
        self._data = None

    @property
    def is_freed(self) -> bool:
        return self._data is None and self._unpack is None

    def unpack(self) -> Tensor:
        """The tensor, with its history, for use in a gradient formula."""
        from reference_engine.autograd import graph

        node = self._owner()
        if self.is_freed:
            raise refusal("engine.freed_graph")
        if self._unpack is not None:
            cite("saved.hooks.unpack")
            data = graph.run_unpack(self._unpack, self._packed)
            result: Tensor = data._alias()
            if self._is_output:
                result._node, result._output_nr = node, self._output_nr
            else:
                requires, history = self._meta
                result._node, result._output_nr = history, self._output_nr
                result._leaf_requires_grad = requires and history is None
                if requires and history is None:
                    result._accumulator_of = data if data._leaf_requires_grad else None
            return result
        assert self._data is not None
        data = self._data
        if data._version_counter.value != self._version:
            raise _modified(data, self, node)
        if not self._is_output:
            return data
        result = data._alias()
        result._node, result._output_nr = node, self._output_nr
        return result

    def release(self) -> None:
        """Forget the tensor: the graph is freed."""
        self._data = self._packed = self._unpack = None


def _modified(data: Tensor, saved: SavedTensor, node: Node | None) -> Exception:
    """The refusal that tells which saved tensor was changed in place."""
    from reference_engine.autograd import anomaly

    history = node if saved._is_output else data._node
    clause = "version.saved_modified"
    fields: dict[str, Any] = {
        "type": data.dtype.tensor_name,
        "shape": list(data._shape),
        "current": data._version_counter.value,
        "expected": saved._version,
    }
    if history is None:
        return refusal(f"{clause}_leaf" if not anomaly.enabled() else f"{clause}_leaf_anomaly", **fields)
    fields |= {"output_nr": saved._output_nr, "node": history.name(), "op": history.op_label()}
    return refusal(f"{clause}_anomaly" if anomaly.enabled() else clause, **fields)
