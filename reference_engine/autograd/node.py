"""Nodes of the backward graph, and the edges between them."""

from __future__ import annotations

import itertools
import math
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reference_engine import modes
from reference_engine.autograd import anomaly, hooks
from reference_engine.devices import CPU, META, device
from reference_engine.semantics import refusal, switch
from reference_engine.versions import SavedNumber, SavedTensor

if TYPE_CHECKING:
    from reference_engine.dtypes import dtype
    from reference_engine.ops.declare import Op
    from reference_engine.tensor import Tensor

_sequence = itertools.count()
FIRST = (1 << 64) - 1  # AccumulateGrad nodes outrank every operation in the ready queue


class Edge(NamedTuple):
    """Where a gradient goes: the node that takes it, and which of that node's inputs it is."""

    node: Node | None
    input_nr: int


NO_EDGE = Edge(None, 0)


class InputMeta(NamedTuple):
    """What a gradient that arrives at a node must look like: the forward result it belongs to."""

    shape: tuple[int, ...]
    dtype: dtype | None  # None: any, for a leaf that said so
    is_sparse: bool = False  # of any layout but strided
    meta: bool = False  # on the device without values

    @property
    def device(self) -> device:
        """Where the gradient lives."""
        return META if self.meta else CPU


class _InputMetadata:
    """An InputMeta as scripts see it."""

    is_nested_tensor = is_cpp_nested_tensor = False

    def __init__(self, meta: InputMeta) -> None:
        self.shape, self.dtype, self.device = list(meta.shape), meta.dtype, meta.device

    def __repr__(self) -> str:
        return f"<torch._C._autograd._InputMetadata object at {id(self):#x}>"


_PUBLIC = (
    "_input_metadata", "_register_hook_dict", "_sequence_nr", "_set_sequence_nr", "metadata", "name", "next_functions",
    "register_hook", "register_prehook", "requires_grad",
)  # fmt: skip


class Node:
    """One step of the backward pass.

    A node's *inputs* are the gradients of the forward operation's results; its *outputs* are the gradients of the
    forward operation's arguments, sent along ``edges``.
    """

    freed = False  # run by a pass that did not keep the graph

    def __init__(self, edges: Sequence[Edge] = ()) -> None:
        self.sequence_nr = next(_sequence)
        self.next_edges: tuple[Edge, ...] = tuple(edges)
        self.input_metadata: list[InputMeta] = []
        self.tensor_hooks: dict[int, list[OrderedDict[int, Callable[..., Any]]]] = {}
        self.retain_grad_hooks: dict[int, Callable[[Tensor], None]] = {}
        self.pre_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self.post_hooks: OrderedDict[int, Callable[..., Any]] = OrderedDict()
        self.hook_order: list[tuple[str, int]] = []  # which kinds of hooks came first, for versions where it matters
        self._metadata: dict[Any, Any] | None = None
        if anomaly.enabled():
            anomaly.remember(self)

    # -- what the engine calls ---------------------------------------------------------------------------------

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> Sequence[Tensor | None]:
        """The gradients of the arguments, one an edge; those not ``needed`` may be None."""
        raise NotImplementedError

    def release_variables(self) -> None:
        """Free what was saved for backward."""

    def add_input(self, tensor: Tensor) -> int:
        """Register one more forward result; returns its output number."""
        found = InputMeta(tensor._shape, tensor._dtype, tensor._sparse is not None, tensor._storage.meta)
        self.input_metadata.append(found)
        return len(self.input_metadata) - 1

    # -- torch's public face -----------------------------------------------------------------------------------

    graph_name: str | None = None  # where it is not the class's own

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"cannot pickle '{type(self).__name__}' object")  # a graph is neither copied nor saved

    def name(self) -> str:
        return self.graph_name or type(self).__name__

    def op_label(self) -> str:
        """The name as newer versions of torch put it in messages: ``Exp`` for ``ExpBackward0``."""
        return re.sub(r"Backward(?:0$|(?=\d+$)|$)", "", self.name())

    @property
    def next_functions(self) -> tuple[tuple[Node | None, int], ...]:
        return tuple((edge.node, edge.input_nr) for edge in self.next_edges)

    @property
    def metadata(self) -> dict[Any, Any]:
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    @property
    def _input_metadata(self) -> tuple[_InputMetadata, ...]:
        return tuple(_InputMetadata(meta) for meta in self.input_metadata)

    def refuse_first(self) -> None:
        """A node that can only refuse need not wait for others."""
        if switch("engine.order.refusals_first"):
            self.sequence_nr = FIRST

    def _sequence_nr(self) -> int:
        return self.sequence_nr

    def _set_sequence_nr(self, nr: int) -> None:
        self.sequence_nr = nr

    requires_grad = True

    def __dir__(self) -> list[str]:
        return [*dir(object), *_PUBLIC]

    def __call__(self, *grads: Any, **kwargs: Any) -> Any:
        """Run the node by hand, without hooks and with nothing freed.

        Raises:
            TypeError: keywords, another number of gradients than the node has inputs, or something else than tensors.
        """
        from reference_engine.tensor import Tensor

        if kwargs:
            raise refusal("graph.node.call_keywords")
        if len(grads) != len(self.input_metadata):
            raise refusal("graph.node.call_arity", expected=len(self.input_metadata), actual=len(grads))
        for i, grad in enumerate(grads):
            if grad is not None and not isinstance(grad, Tensor):
                raise refusal("graph.node.call_type", index=i)
        made = tuple(self.evaluate(list(grads), [edge.node is not None for edge in self.next_edges]))
        return made[0] if len(made) == 1 else made

    def register_hook(self, fn: Callable[..., Any]) -> hooks.RemovableHandle:
        """Call ``fn(grad_inputs, grad_outputs)`` after the node ran; a returned tuple replaces ``grad_inputs``."""
        return hooks.add(self.post_hooks, fn)

    def register_prehook(self, fn: Callable[..., Any]) -> hooks.RemovableHandle:
        """Call ``fn(grad_outputs)`` before the node runs; a returned tuple replaces them."""
        self.note_hook("pre", 0)
        return hooks.add(self.pre_hooks, fn)

    def note_hook(self, kind: str, output_nr: int) -> None:
        """Remember the first registration of a kind of hook."""
        if (kind, output_nr) not in self.hook_order:
            self.hook_order.append((kind, output_nr))

    def _register_hook_dict(self, tensor: Tensor) -> None:
        from reference_engine.tensor import Tensor

        if not isinstance(tensor, Tensor):
            raise refusal("hooks.tensor.dict_type")
        assert tensor._backward_hooks is not None
        self.note_hook("tensor", tensor._output_nr)
        self.tensor_hooks.setdefault(tensor._output_nr, []).append(tensor._backward_hooks)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {id(self):#x}>"


class OpNode(Node):
    """The backward of a declared op: keeps what the op's formulas ask for, and evaluates them."""

    op: Op

    def __init__(self, edges: Sequence[Edge], values: list[Any], active: set[str]) -> None:
        super().__init__(edges)
        self.active = active  # the arguments that want a gradient
        self.values = values  # the bound arguments that are not tensors, by position; tensors are in `saved`
        self.saved: dict[str, Any] = {}
        self.slots: dict[str, tuple[int, int | None]] = {}
        self.asked = ""  # the op that was called: of a composite op's nodes, that op
        self.made_by: str | None = None  # the op whose gradient formula made this node, if one did

    def evaluate(self, grads: list[Tensor | None], needed: Sequence[bool]) -> Sequence[Tensor | None]:
        return self.op.backward(self, grads, needed)

    def release_variables(self) -> None:
        for value in self.saved.values():
            for item in value if isinstance(value, list) else (value,):
                if isinstance(item, (SavedTensor, SavedNumber)):
                    item.release()

    def __getattr__(self, name: str) -> Any:
        """``node._saved_dim``: what a formula keeps besides tensors."""
        values = self.__dict__.get("values")
        if name.startswith("_saved_") and values is not None:
            key = name.removeprefix("_saved_")
            if key.endswith("_sym_numel") and self.op.name == "mean":
                return math.prod(self.saved[key.removesuffix("_sym_numel") + "_shape"])
            for shown, kept in _METADATA.items():
                if key.endswith(shown):
                    key = key.removesuffix(shown) + kept
            if key in self.saved:
                return self.saved[key]
            index = self.op.index_of.get(key)
            if index is not None and not self.op.params[index].is_tensor:
                return _shown(values[index], key)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self.op.shown_saves})


#: What torch calls the metadata of a tensor, and how it is kept here.
_METADATA = {"_sym_sizes": "_shape", "_sym_strides": "_strides"}

_REDUCTIONS = ("none", "mean", "sum")


def _shown(value: Any, name: str) -> Any:
    """An argument that a node keeps, as torch shows it: integers without a sign, the reduction of a loss by number."""
    if isinstance(value, (list, tuple)):
        return tuple(_shown(each, name) for each in value)
    if name == "reduction" and value in _REDUCTIONS:
        return _REDUCTIONS.index(value)
    if name == "padding_idx" and value is None:
        value = -1
    if isinstance(value, int) and not isinstance(value, bool) and value < 0:
        return value + (1 << 64)
    return value


class SavedAttribute:
    """``node._saved_self``, and ``node._raw_saved_self``: a tensor that a node saved, as torch shows it."""

    def __init__(self, name: str, raw: bool) -> None:
        self.name, self.raw = name, raw

    def __get__(self, node: OpNode | None, owner: type | None = None) -> Any:
        if node is None:
            return self
        item = node.saved.get(self.name)
        if item is None:  # not saved, because nobody wanted the gradient that needs it
            item = SavedTensor(None, node) if self.raw else None
        if self.raw:
            return tuple(item) if isinstance(item, list) else item
        if isinstance(item, list):
            return tuple(i.unpack(looking=True) if isinstance(i, SavedTensor) else i for i in item)
        if isinstance(item, SavedNumber):
            return _as_tensor(item.unpack())
        return item.unpack(looking=True) if isinstance(item, SavedTensor) else item

    def __set__(self, node: OpNode, value: Any) -> None:
        raise refusal("saved.read_only", name=f"_{'raw_' * self.raw}saved_{self.name}", node=node.name())


def _as_tensor(number: Any) -> Tensor:
    """A Python number as the tensor that torch saves in its place."""
    from reference_engine import creation, dtypes

    wide = {bool: dtypes.bool_, int: dtypes.int64, float: dtypes.float64, complex: dtypes.complex128}
    return creation.scalar_tensor(number, dtype=wide[type(number)])


def gradient_edge(tensor: Tensor) -> Edge:
    """Where the gradient of ``tensor`` goes: its grad_fn, its accumulator if it is a leaf, or nowhere."""
    node = tensor.grad_fn if tensor._view is not None else tensor._node
    if node is not None:
        return Edge(node, tensor._output_nr)
    if tensor._leaf_requires_grad:
        from reference_engine.autograd.accumulate import accumulator

        return Edge(accumulator(tensor), 0)
    return NO_EDGE


def collect_edges(tensors: Sequence[Tensor | None]) -> list[Edge]:
    """One edge for each tensor argument; none while recording is off."""
    if not modes.state.grad:
        return [NO_EDGE] * len(tensors)
    return [NO_EDGE if t is None else gradient_edge(t) for t in tensors]
