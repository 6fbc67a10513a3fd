"""What may be done to a tensor's place in the graph: requires_grad, .grad, .data, retain_grad, hooks, copies."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference_engine import levels
from reference_engine.autograd import hooks
from reference_engine.modes import state
from reference_engine.semantics import cite, refusal, switch
from reference_engine.sparse import memory

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor


def set_requires_grad(t: Tensor, value: Any, how: str) -> None:
    """Only a leaf has a flag of its own, and only floating point and complex tensors can require grad.

    Args:
        how: "attribute" or "method" (``requires_grad_()``); they differ in words, and in that the method may ask a
            non-leaf to require grad, which it does.

    Raises:
        RuntimeError: a non-leaf, an integer or bool tensor, or an inference tensor outside inference mode.
        TypeError: the method's argument is no bool.
    """
    if not isinstance(value, bool):
        if how == "method":
            raise refusal("leaf.requires_grad_.type", type=type(value).__name__)
        raise refusal("leaf.requires_grad.type")
    if how == "method":
        levels.refuse("functorch.requires_grad_")
    if t._inference and value and not state.inference:
        raise refusal("inference.requires_grad")
    if t._node is not None:
        if value and how == "method":
            cite("leaf.requires_grad_.non_leaf")
            return
        raise refusal("leaf.requires_grad.non_leaf" if value else "leaf.requires_grad.non_leaf_false")
    if value and not t._dtype.is_differentiable:
        raise refusal("leaf.requires_grad_.dtype" if how == "method" else "leaf.requires_grad.dtype")
    cite("leaf.requires_grad.set")
    t._leaf_requires_grad = value
    if value and t._view is not None:
        _note_among_views(t, t._view.base)


def _note_among_views(leaf: Tensor, base: Tensor) -> None:
    """A view that was made a leaf: whoever changes its base changes it."""
    if base._leaf_views is None:
        base._leaf_views = weakref.WeakValueDictionary()
    base._leaf_views[id(leaf)] = leaf


def set_grad(t: Tensor, value: Any) -> None:
    """``t.grad = value``: None clears; a tensor must match in dtype and shape.

    Raises:
        TypeError: not a tensor. RuntimeError: itself, another dtype, another shape.
    """
    from reference_engine.tensor import Tensor

    if value is None:
        cite("leaf.grad.cleared")
        t._grad = None
        return
    if not isinstance(value, Tensor):
        raise refusal("leaf.grad.type", got=type(value).__name__)
    if value is t:
        raise refusal("leaf.grad.itself")
    cite("leaf.grad.assign_order")
    wanted = t._grad_dtype if t.is_leaf and t._grad_dtype is not Ellipsis else t._dtype
    if wanted is not None and value._dtype is not wanted:
        raise refusal(
            "leaf.grad.dtype",
            expected_cpp=t._dtype.cpp_name,
            expected=wanted.scalar_name,
            got_cpp=value._dtype.cpp_name,
        )
    if value._storage.meta is not t._storage.meta:
        raise refusal("leaf.grad.device", expected=t.device.type, got=value.device.type)
    if value._sparse is not None or t._sparse is not None:
        _check_grad_layout(t, value)
    if value._shape != t._shape:
        raise refusal("leaf.grad.shape", expected=list(t._shape), got=list(value._shape))
    cite("leaf.grad.assigned")
    t._grad, t._grad_by_hand = value, True


def _check_grad_layout(t: Tensor, value: Tensor) -> None:
    """A gradient has the layout of the tensor; one of a strided tensor may be in coordinate layout too."""
    if value.layout is not t.layout and not (t._sparse is None and value.is_sparse):
        raise refusal("sparse.grad.layout")


def set_grad_dtype(t: Tensor, value: Any) -> None:
    """``t.grad_dtype = dtype``: which dtype gradients of this leaf have; None allows any.

    Raises:
        RuntimeError: a non-leaf, no dtype, or a gradient of another dtype is there already.
    """
    from reference_engine.dtypes import dtype

    if not switch("leaf.grad_dtype"):  # an attribute as any other
        t.__dict__["grad_dtype"] = value
        return
    if value is not None and not isinstance(value, dtype):
        raise refusal("leaf.grad_dtype.type", type=type(value).__name__)
    if not t.is_leaf:
        raise refusal("leaf.grad_dtype.non_leaf")
    if value is not None and t._grad is not None and t._grad._dtype is not value:
        raise refusal("leaf.grad_dtype.conflict", dtype=value.scalar_name, got_cpp=t._grad._dtype.cpp_name)
    t._grad_dtype = value
    accumulator = t._accumulator() if t._accumulator is not None else None
    if accumulator is not None:
        cite("leaf.grad_dtype.cast")
        accumulator.expect(t)


def set_data(t: Tensor, value: Any) -> None:
    """``t.data = value``: the tensor looks at other memory from now on; history and version stay.

    Raises:
        TypeError: not a tensor. RuntimeError: an incompatible tensor type.
    """
    from reference_engine.tensor import Tensor

    levels.refuse_memory(t, "functorch.set_data")
    if not isinstance(value, Tensor):
        raise refusal("leaf.data.type", got=type(value).__name__)
    if t._dtype is not value._dtype and t.requires_grad and not value._dtype.is_differentiable:
        raise refusal("leaf.data.dtype", expected=t.dtype.tensor_name, got=value.dtype.tensor_name)
    if t.layout is not value.layout or t._storage.meta is not value._storage.meta:
        raise refusal("leaf.data.incompatible")
    cite("leaf.data.assigned")
    retyped = t._dtype is not value._dtype
    t._storage, t._dtype, t._offset = value._storage, value._dtype, value._offset
    t._shape, t._strides, t._conj, t._neg = value._shape, value._strides, value._conj, value._neg
    if value._sparse is not None:
        t._sparse = value._sparse.alias()
    if retyped:  # the accumulator remembers the old dtype; a new one must be made
        old = t._accumulator() if t._accumulator is not None else None
        if old is not None and not switch("leaf.data.accumulator_keeps_dtype"):
            old.expect(t)
        t._accumulator = None


def retain_grad(t: Tensor) -> None:
    """Fill ``.grad`` of a non-leaf during backward, with a copy made after its tensor hooks ran.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not t.requires_grad:
        raise refusal("leaf.retain_grad.requires_grad")
    levels.refuse("functorch.retain_grad")
    if t._node is None or t._retains_grad:  # a stale view without history counts as a leaf here: it is not refused
        cite("leaf.retain_grad.twice" if t._retains_grad else "leaf.retain_grad.leaf_ignored")
        return
    node = t.grad_fn
    assert node is not None
    cite("leaf.retain_grad.kept")
    t._retains_grad = True
    attach_retain_grad(t, node)


def attach_retain_grad(t: Tensor, node: Any, clause: str | None = None) -> None:
    """The node holds the tensor weakly: a tensor that nobody can read needs no gradient.

    Args:
        clause: what keeping the gradient here is an instance of; cited now and when it is kept.
    """
    from reference_engine.autograd.accumulate import added

    ref = weakref.ref(t)
    if clause is not None:
        cite(clause)

    def keep(grad: Tensor) -> None:
        tensor = ref()
        if tensor is None:
            return
        if clause is not None:
            cite(clause)
        if tensor._grad is None:
            row_major = "torch.contiguous_format" if grad._sparse is None else None
            tensor._grad = grad.clone(memory_format=row_major)  # whatever the tensor is
        else:
            tensor._grad = added(tensor._grad, grad)

    node.retain_grad_hooks[t._output_nr] = keep
    node.note_hook("retain", t._output_nr)


def register_hook(t: Tensor, hook: Callable[..., Any]) -> hooks.RemovableHandle:
    """Register a tensor hook with the node that made the tensor (a leaf: with its accumulator).

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    if not t.requires_grad:
        raise refusal("hooks.tensor.requires_grad")
    before = t._node
    node = t.grad_fn
    if node is not before:
        cite("hooks.tensor.stale_view")
    if t._backward_hooks is None:
        t._backward_hooks = hooks.new_dict()
        if node is not None:
            node._register_hook_dict(t)
        else:
            made = t._accumulator() if t._accumulator is not None else None
            if made is not None:
                made._register_hook_dict(t)
    return hooks.add(t._backward_hooks, hook)


def register_post_accumulate_grad_hook(t: Tensor, hook: Callable[..., Any]) -> hooks.RemovableHandle:
    """Register a hook that runs after accumulation into a leaf.

    Raises:
        RuntimeError: the tensor does not require grad, or is no leaf.
    """
    if not t.requires_grad:
        raise refusal("hooks.post_accumulate.requires_grad")
    if t.grad_fn is not None:
        raise refusal("hooks.post_accumulate.non_leaf")
    if t._post_accumulate_grad_hooks is None:
        t._post_accumulate_grad_hooks = hooks.new_dict()
    return hooks.add(t._post_accumulate_grad_hooks, hook)


def deepcopy(t: Tensor, memo: dict[int, Any]) -> Tensor:
    """``copy.deepcopy``: a leaf with its own memory, the same layout, flag and gradient.

    Raises:
        RuntimeError: a non-leaf, whose history cannot be copied.
    """
    import copy

    from reference_engine import serialization

    if not t.is_leaf:
        raise refusal("leaf.deepcopy.non_leaf")
    if id(t) in memo:
        return memo[id(t)]
    levels.refuse_memory(t, "functorch.storage")
    key = id(t._storage)
    storage = memo.get(key)
    if storage is None:
        storage = memo[key] = t._storage.copied()
    made: Tensor = object.__new__(type(t))
    if t._sparse is not None:
        made._sparse = memory.copy(t)._sparse
    made._storage, made._dtype, made._offset = storage, t._dtype, t._offset
    made._shape, made._strides, made._conj, made._neg = t._shape, t._strides, t._conj, t._neg
    made._version_counter = type(t._version_counter)(1)  # it was made empty, and then given the memory
    made._inference = state.inference
    made._leaf_requires_grad = t.requires_grad
    memo[id(t)] = made
    if t._grad is not None:
        made._grad = copy.deepcopy(t._grad, memo)
    serialization.copy_user_attributes(t, made, memo)
    return made


def shallow_copy(t: Tensor) -> Tensor:
    """``copy.copy``: the same memory, as a new leaf, which requires grad if the tensor does."""
    from reference_engine import serialization

    made = t._alias()
    made.__class__ = type(t)
    made._version_counter = type(t._version_counter)(1)  # it was made empty, and then given the memory
    made._tangent = None
    made._inference = state.inference
    made._leaf_requires_grad = t.requires_grad and t._sparse is None
    vars(made).update(serialization.user_attributes(t))
    return made
