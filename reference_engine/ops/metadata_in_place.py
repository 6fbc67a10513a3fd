"""What changes how a tensor looks at its memory, in place: t_, squeeze_, as_strided_, resize_, set_, fill_diagonal_.

No memory is written, so a base is not rebased: the tensor alone gets a new history. The version counts up all the same.

Source: https://docs.pytorch.org/docs/stable/generated/torch.Tensor.transpose_.html
"""

from __future__ import annotations

from typing import Any

from reference_engine import layouts, levels, remarks, strides, views
from reference_engine.autograd import forward_ad
from reference_engine.autograd.node import Edge, collect_edges
from reference_engine.modes import state
from reference_engine.ops import binding, dispatch, kernels, rearranging, shape, strided  # noqa: F401 - changed here, declared there
from reference_engine.ops.declare import OPS, Op, declare
from reference_engine.semantics import cite, refusal, switch
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor


def _second_form(op: Op, number: int) -> Op:
    """The same op once more, for the node of its in-place form: torch numbers these after the others."""
    hidden = f"_{op.name}_in_place"
    stem = op.node_type.__name__.rstrip("0123456789")
    earlier = f"graph.node.squeeze_in_place: {stem}{number - 1}" if op.name == "squeeze" else ""
    return declare(
        op.signature.replace(f"{op.name}(", f"{hidden}(", 1),
        forward=op.forward,
        vjp={", ".join(f.of): f.fn for f in op.vjp.values()},
        node=f"{stem}{number}",
        older_node=earlier,
        display=op.reference_name,
        method=False,
        function=False,
        exact=True,
        when=op.when,
    )


def _look_anew(op: Op, self: Tensor, values: list[Any]) -> Tensor:
    """Give ``self`` the geometry of the view that ``op`` would make of it."""
    if levels.stack:
        (self,) = values[:1] = [levels.lifted(self)]
        levels.refuse_captured(self, f"aten::{op.reference_name}_")
    recorded = state.grad and not state.inference and self.requires_grad and not self._inference
    views.check_in_place(self, recorded)
    made = op.forward(*values)
    tangent = forward_ad.tangent_of(self) if forward_ad.active else None
    if tangent is not None:
        forward_ad.check_tangent(self)
    node = None
    if recorded:
        node = op.make_node(values, collect_edges([self]), {"self"}, inplace=False)
        node.slots = {"self": (0, None)}
    cite("inplace.metadata")
    if levels.stack and self._below is not None:
        _look_anew_below(op, self, values)
    before = self._view.replay if self._view is not None else None
    self._shape, self._strides, self._offset = made._shape, made._strides, made._offset
    views.bump(self)
    if tangent is not None:
        remarks.remember(tangent, "forward_ad.view.alias")
        with forward_ad.hidden():
            _look_anew(op, tangent, [tangent, *values[1:]])
    if node is not None:
        views.set_history(self, Edge(node, node.add_input(self)), turned=True)
    view = self._view
    if view is not None:
        if node is not None:
            view.attr_version = self._version_counter.value
        if before is not None:
            view.replay = _keeping_geometry(before, self)
    return self


def _keeping_geometry(before: views.Replay, view: Tensor) -> views.Replay:
    again = views.by_strides(view)

    def replay(base: Tensor) -> Tensor:
        cite("view.stale.own_geometry")
        return again(before(base))

    return replay


def _look_anew_below(op: Op, self: Tensor, values: list[Any]) -> None:
    """Inside of a transform: what the tensor stands for looks anew too."""
    level = self._level
    assert level is not None
    assert self._below is not None
    if level.kind == "vmap":
        whole = dispatch.run(op, values)
        self._below, self._batch_dim = whole._below, whole._batch_dim
        return
    with levels.outside(level):
        self._below = dispatch.run(op, levels.lowered(values))


def _in_place(name: str, ops: list[Op]) -> Any:
    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if name == "t_" and len(self._shape) > 2:
            views.check_in_place(self, self.requires_grad and not self._inference)
            raise refusal("inplace.t.rank", ndim=len(self._shape))
        op, values = binding.resolve([o for o in ops if o.holds()], name, (self, *args), kwargs, True)
        return _look_anew(op, self, values)

    call.__name__ = name
    call.__qualname__ = f"Tensor.{name}"
    call.__doc__ = f"{name.rstrip('_')} of the tensor itself, which keeps its memory."
    return call


_NUMBERS = {"t": (1,), "transpose": (1,), "unsqueeze": (1,), "squeeze": (3, 4, 5), "as_strided": (1,)}


def resize_(self: Tensor, *size: Any, memory_format: Any = None) -> Tensor:
    """Change the shape; memory grows where needed, and what is new is not initialised.

    Raises:
        RuntimeError: the tensor requires grad, a size is negative, or the size of an inference tensor would change
            outside of inference mode. Nothing changes then.
    """
    sizes = tuple(int(s) for s in (size[0] if len(size) == 1 and isinstance(size[0], (tuple, list)) else size))
    return _resize(self, sizes, memory_format, alone=True)


def _resize(self: Tensor, sizes: tuple[int, ...], memory_format: Any, alone: bool) -> Tensor:
    """Resize; of an inference tensor that is ``alone`` nobody asks whether it requires grad."""
    inference = self._inference and not state.inference
    if self.requires_grad and not state.inference and not (alone and inference):
        raise refusal("inplace.resize.requires_grad")
    if any(s < 0 for s in sizes):
        raise refusal("ops.expand.negative")
    if forward_ad.active and forward_ad.tangent_of(self) is not None:
        cite("forward_ad.in_place.refused_first")
        raise refusal("forward_ad.resize")
    wanted = None if memory_format is None else layouts.strides_in(sizes, memory_format)
    if sizes == self._shape:  # nothing changes but the strides, if they are named, and the version stays
        self._strides = wanted or self._strides
        return self
    if inference and switch("inference.resize_checked"):
        raise refusal("inference.resize")
    if strides.numel(sizes) * self._dtype.itemsize > self._storage.nbytes() - self._offset * self._dtype.itemsize:
        cite("inplace.resize.uninitialised")
    kernels.resize(self, sizes, wanted)
    if switch("inplace.resize.counts"):
        views.bump(self)
    return self


def resize_as_(self: Tensor, the_template: Tensor, *, memory_format: Any = None) -> Tensor:
    """``resize_`` to the shape of another tensor."""
    return _resize(self, the_template._shape, None, alone=False)


_SET = declare(
    "_set(Tensor self, Tensor source) -> Tensor", forward=lambda self, source: source, display="set", underived="set_",
    method=False, function=False, exact=True,
)  # fmt: skip


def set_(self: Tensor, source: Any = None, storage_offset: int = 0, size: Any = None, stride: Any = None) -> Tensor:
    """Make the tensor look into another's memory.

    Raises:
        RuntimeError: a leaf that requires grad, or a source of another dtype.
    """
    if isinstance(source, Tensor) and size is not None:
        source = source._storage
    if isinstance(source, Tensor) and source._dtype is not self._dtype:
        names = {"int64": "long int", "int16": "short int"}
        raise refusal(
            "inplace.set.dtype", source=names.get(source.dtype.name, source.dtype.cpp_name),
            target=names.get(self.dtype.name, self.dtype.cpp_name),
        )  # fmt: skip
    tensors = [self, source] if isinstance(source, Tensor) else [self]
    wants = any(t.requires_grad for t in tensors)
    views.check_in_place(self, wants)
    if forward_ad.active and any(forward_ad.tangent_of(t) is not None for t in tensors):
        raise refusal("forward_ad.not_implemented_in_place", op="set_")
    node = None
    if wants and state.grad and not state.inference:
        node = _SET.make_node(
            [self, source if isinstance(source, Tensor) else None], collect_edges(tensors), {"self"}, True
        )
    if isinstance(source, Tensor):
        self._storage, self._shape, self._strides, self._offset = (
            source._storage,
            source._shape,
            source._strides,
            source._offset,
        )
    else:
        self._storage = Storage(0) if source is None else source.untyped()
        whole = self._storage.nbytes() // self._dtype.itemsize
        self._shape = tuple(size) if size is not None else (whole,)
        self._strides = tuple(stride) if stride is not None else strides.contiguous(self._shape)
        self._offset = storage_offset
        needed = (storage_offset + strides.extent(self._shape, self._strides)) * self._dtype.itemsize
        if needed > self._storage.nbytes():
            self._storage.resize_(needed)
    views.bump(self)
    if self._accumulator is not None:
        cite("leaf.set.new_accumulator")
        self._accumulator = None
    if node is not None:
        views.rebase_history(self, node)
    return self


def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Fill the main diagonal; with ``wrap`` it starts again below the bottom of a tall matrix.

    Raises:
        RuntimeError: fewer than two dimensions; more than two of unequal size.
    """
    n = len(self._shape)
    if n < 2:
        raise refusal("inplace.fill_diagonal.rank")
    if n > 2 and len(set(self._shape)) > 1:
        raise refusal("inplace.fill_diagonal.sizes")
    rows, columns = self._shape[0], self._shape[1]
    length, step = min(self._shape), sum(self._strides)
    self.as_strided((length,), (step,), self._offset).fill_(fill_value)
    if wrap and n == 2 and rows > columns + 1:
        more = -(-self.numel() // (length + 1)) - length
        start = self._offset + self._strides[0] * (length + 1)
        self.as_strided((more,), (step,), start).fill_(fill_value)
    return self


def attach() -> None:
    """Make these methods of Tensor."""
    cls: Any = Tensor
    for name, numbers in _NUMBERS.items():
        forms = [_second_form(op, n) for op, n in zip(list(OPS[name]), numbers, strict=True)]
        method = _in_place(f"{name}_", forms)
        setattr(cls, f"{name}_", method)
    cls.swapaxes_ = cls.swapdims_ = cls.transpose_
    cls.resize_, cls.resize_as_, cls.set_, cls.fill_diagonal_ = resize_, resize_as_, set_, fill_diagonal_


attach()
