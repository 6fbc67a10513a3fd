"""Version counters, and tensors saved for backward that check them.

A version counter belongs to a memory, not to a tensor: a base, its views and its detached aliases share one.
Every in-place operation bumps it; a saved tensor remembers the count and refuses to be used after a change.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from reference_engine.autograd import saved
from reference_engine.dispatcher import watching
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
        RuntimeError: the graph was freed, or the tensor was changed or detached in place since it was saved.
    """

    __slots__ = (
        "_data", "_version", "_output_nr", "_packed", "_hooked", "_unpack", "_is_output", "_is_leaf", "_history",
        "_owner", "_tangent", "_none", "_seen_through",
    )  # fmt: skip

    def __init__(
        self, tensor: Tensor | None = None, owner: Node | None = None, is_output: bool = False, of_op: bool = True
    ) -> None:
        if owner is None:
            raise refusal("saved.construct")
        self._owner = self._seen_through = weakref.ref(owner)
        self._data: Tensor | None = None
        self._packed: Any = None
        self._unpack: Any = None
        self._hooked = False
        self._none = tensor is None
        if tensor is None:
            return
        if tensor._inference:
            raise refusal("inference.saved_for_backward")
        self._is_leaf = tensor._node is None
        self._is_output = is_output and not self._is_leaf
        if of_op and self._is_output and tensor._node is not None and tensor._node is not owner:
            # the result of an in-place change of a view: its history is that of the base, looked at again
            self._seen_through = weakref.ref(tensor._node)
        self._version = tensor._version_counter.value
        self._output_nr = tensor._output_nr
        self._tangent = tensor._tangent
        self._history: tuple[Node | None, Node | None] = (None, None)  # what a tensor behind hooks needs of its own
        pair = saved.innermost()
        if pair is not None:
            self._hook(*pair, tensor, original=False)
        else:
            self._data = _detached(tensor) if self._is_output else tensor

    def register_hooks(self, *hooks: Any) -> None:
        """Pass the tensor through the first of two hooks, ``pack``, now; the second, ``unpack``, gives it back.

        Raises:
            TypeError: not two callables. RuntimeError: it has hooks, was freed, or is None.
        """
        if len(hooks) != 2 or not all(callable(hook) for hook in hooks):
            raise refusal("saved.hooks.register_callable", given=", ".join(repr(v) for v in (self, *hooks)))
        pack, unpack = hooks
        if self._hooked:
            raise refusal("saved.hooks.twice")
        if self._none:
            raise refusal("saved.hooks.none")
        data = self._data
        if data is None:
            raise refusal("saved.hooks.freed")
        self._hook(pack, unpack, data, original=not self._is_output)
        self._data = None

    def _hook(self, pack: Any, unpack: Any, tensor: Tensor, original: bool) -> None:
        """Hooks may change the tensor, so its place in the graph is remembered beside it."""
        cite("saved.hooks.pack")
        from reference_engine.autograd.node import gradient_edge

        edge = gradient_edge(tensor) if tensor.requires_grad and not self._is_output else None
        self._hooked, self._unpack = True, unpack
        if edge is not None:
            self._history = (None, edge.node) if self._is_leaf else (edge.node, None)
        self._packed = saved.run_pack(pack, tensor, original)

    @property
    def is_freed(self) -> bool:
        return self._data is None and not self._hooked and not self._none

    @property
    def data(self) -> Any:
        """What is kept: of an output a detached alias, behind hooks what the first of them returned."""
        return self._packed if self._hooked else self._data

    @property
    def unpack_hook(self) -> Any:
        """The second of the hooks, or None."""
        return self._unpack

    def unpack(self, looking: bool = False) -> Any:
        """The tensor, with its history, for use in a gradient formula; or for somebody who is just ``looking``.

        None for an absent tensor.
        """
        if self._none:
            return None
        if self.is_freed:
            raise refusal("engine.freed_graph")
        node = self._owner()
        if self._hooked:
            return self._unhook(node)
        data = self._data
        assert data is not None
        lost = not self._is_output and not self._is_leaf and data._node is None
        if lost and not looking:
            raise refusal("version.saved_detached")
        if data._version_counter.value != self._version:
            raise _modified(data, self, self._seen_through() or node)
        if not self._is_output:
            return data
        result = _detached(data)
        result._node, result._output_nr = self._seen_through() or node, self._output_nr
        return result

    def _unhook(self, node: Node | None) -> Tensor:
        cite("saved.hooks.unpack")
        cite("saved.hooks.no_version_check")
        data = saved.run_unpack(self._unpack, self._packed)
        history, accumulator = self._history
        if self._is_output:
            history = node
        if history is None and accumulator is None and not data.requires_grad and self._tangent is None:
            return data
        result: Tensor = data._alias()
        result._tangent = self._tangent
        result._node, result._output_nr = history, self._output_nr if history is not None else 0
        if accumulator is not None:
            result._leaf_requires_grad = True
            result._accumulator = weakref.ref(accumulator)
        return result

    def release(self) -> None:
        """Forget the tensor: the graph is freed."""
        self._data = self._packed = self._unpack = None
        self._hooked = False

    def __repr__(self) -> str:
        return f"<torch._C._autograd.SavedTensor object at {id(self):#x}>"


def _detached(tensor: Tensor) -> Tensor:
    """An output as it is kept, or given back; who watches sees it detached."""
    if watching.used and tensor._level is None and watching.sees((tensor,)):
        found: Tensor = watching.shown("detach.default", tensor)
        return found
    return tensor._alias()


class SavedNumber:
    """A Python number in the place of a tensor argument: no version to check, but it is freed with the graph."""

    __slots__ = ("value", "is_freed")

    def __init__(self, value: Any) -> None:
        self.value, self.is_freed = value, False

    def unpack(self) -> Any:
        if self.is_freed:
            raise refusal("engine.freed_graph")
        return self.value

    def release(self) -> None:
        self.is_freed = True


_OPERANDS_OF = {"kron": "version.operand_of_kron"}
"""By op, what the change of an operand that it has saved is an instance of."""


def _modified(data: Tensor, kept: SavedTensor, node: Node | None) -> Exception:
    """The refusal that tells which saved tensor was changed in place."""
    from reference_engine.autograd import anomaly

    asked = getattr(node, "asked", "")
    if asked in _OPERANDS_OF:
        cite(_OPERANDS_OF[asked])
    history = node if kept._is_output else data.grad_fn
    clause = "version.saved_modified"
    fields: dict[str, Any] = {
        "type": data.dtype.cpp_type_name if data._sparse is None else data.type(),
        "shape": list(data._shape),
        "current": data._version_counter.value,
        "expected": kept._version,
    }
    if history is None:
        return refusal(f"{clause}_leaf" if not anomaly.enabled() else f"{clause}_leaf_anomaly", **fields)
    # only of an output of the node itself is the number remembered
    fields |= {"output_nr": kept._output_nr if kept._is_output else 0, "node": history.name(), "op": history.op_label()}
    return refusal(f"{clause}_anomaly" if anomaly.enabled() else clause, **fields)
