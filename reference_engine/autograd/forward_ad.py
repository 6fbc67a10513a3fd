"""``torch.autograd.forward_ad``: dual tensors, a value with a tangent, and how tangents travel.

A tangent has the memory layout of its primal, so that the tangent of a view is the view of the tangent: a change of
either in place is then seen by the other. Tangents are pushed through operations as they run (``push_forward``).

Source: https://docs.pytorch.org/docs/stable/autograd.html#forward-mode-automatic-differentiation
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from reference_engine import levels, remarks
from reference_engine.autograd import tangent_clauses, tangent_layout, transpose
from reference_engine.modes import _ContextDecorator, state
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.sparse import memory

if TYPE_CHECKING:
    from reference_engine.ops.declare import Op
    from reference_engine.tensor import Tensor

_current_level = -1
active = False
"""Whether a dual level is open; operations look at tangents only then."""
_epoch = 0  # tangents of levels that were left are void


class Tangent(NamedTuple):
    """The tangent of a tensor, and the level that it belongs to."""

    epoch: int
    value: Tensor


# -- levels ------------------------------------------------------------------------------------------------------------


def enter_dual_level() -> int:
    """Open the level in which dual tensors can be made; returns its number, which is 0.

    Raises:
        RuntimeError: a level is open already.
    """
    global _current_level, active, _epoch
    if _current_level >= 0:
        raise refusal("forward_ad.level.nested")
    _current_level, active = 0, True
    _epoch += 1
    return _current_level


def exit_dual_level(*, level: int | None = None) -> None:
    """Close the level: all its tangents are forgotten.

    Raises:
        RuntimeError: none is open, or another.
    """
    global _current_level, active, _epoch
    if level is None:
        level = _current_level
    if level != _current_level:
        raise refusal("forward_ad.level.exit_order")
    if level < 0:
        raise refusal("forward_ad.level.exit_missing")
    cite("forward_ad.level.forgets")
    _current_level, active = level - 1, False
    _epoch += 1


class dual_level(_ContextDecorator):
    """A dual level as a context manager or decorator."""

    def __enter__(self) -> Any:
        return enter_dual_level()

    def __exit__(self, *exc: object) -> None:
        exit_dual_level()


class _set_fwd_grad_enabled(_ContextDecorator):
    """Whether tangents are seen and pushed forward."""

    def __init__(self, mode: bool) -> None:
        self.prev, self.mode = state.forward_grad, mode
        state.forward_grad = mode

    def clone(self) -> Any:
        return type(self)(self.mode)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        state.forward_grad = self.prev


def _is_fwd_grad_enabled() -> bool:
    return _sees_tangents()


def _sees_tangents() -> bool:
    return state.forward_grad and not state.inference and levels.depth() not in _hidden_in


# -- dual tensors ------------------------------------------------------------------------------------------------------


class UnpackedDualTensor(NamedTuple):
    """What ``unpack_dual`` returns: a view of the value, and the tangent or None."""

    primal: Tensor
    tangent: Tensor | None


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> Tensor:
    """A view of ``tensor`` that carries ``tangent``; the tangent is copied if its memory layout differs.

    Raises:
        RuntimeError: no level is open, the tensor or the tangent has a tangent, another shape.
        ValueError: an integer or bool tensor.
    """
    if level is None:
        level = _current_level
    if level < 0:
        raise refusal("forward_ad.level.missing")
    if not (tensor.is_floating_point() or tensor.is_complex()):
        raise refusal("forward_ad.primal.dtype", dtype=tensor.dtype)
    if not (tangent.is_floating_point() or tangent.is_complex()):
        raise refusal("forward_ad.tangent.dtype", dtype=tangent.dtype)
    if level > 0:
        raise refusal("forward_ad.make_dual.level")
    if tensor._sparse is not None or tangent._sparse is not None:
        raise refusal("sparse.storage")
    if levels.used:
        tensor, tangent = levels.lifted([tensor, tangent], captured=False)
        if (inside := levels.innermost()) is not None and inside.kind == "vmap" and tensor._level is inside:
            return _batch_of_duals(tensor, tangent, inside)
    if tangent_of(tensor) is not None:
        raise refusal("forward_ad.primal.dual", level=level)
    cite("forward_ad.make_dual.view")
    made = tensor.view(tensor.shape)
    made._strides = tensor._strides  # also those of dimensions of size one
    made._forward_root = True
    if not state.inference:
        set_tangent(made, tangent)
    return made


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """The value and the tangent of a tensor; outside of a level, the tensor itself and None.

    Raises:
        TypeError: not a tensor. RuntimeError: another level than 0.
    """
    from reference_engine.tensor import Tensor

    if level is None:
        level = _current_level
    if level < 0:
        return UnpackedDualTensor(tensor, None)
    if not isinstance(tensor, Tensor):
        raise refusal("forward_ad.unpack_dual.type", type=type(tensor).__name__)
    if level > 0:
        raise refusal("forward_ad.unpack_dual.level")
    if levels.used:
        tensor = levels.lifted(tensor)
        if tensor._batch_dim is not None and tensor._level is levels.innermost():
            return _unpacked_batch(tensor)
    cite("forward_ad.unpack_dual.primal_view")
    cite("forward_ad.tangent.history")
    if (tangent := tangent_of(tensor)) is not None:
        remarks.recall(tangent)
        tangent_clauses.note_zeros(tangent)
    with hidden():
        primal = tensor._view_alias() if levels.stack else tensor._fw_primal(level)
    primal._forward_base, primal._forward_root = None, True
    return UnpackedDualTensor(primal, tangent_of(tensor))


def _batch_of_duals(tensor: Tensor, tangent: Tensor, level: levels.Level) -> Tensor:
    """Under vmap: the dual of what is below, where what is the same for all slices is repeated."""
    with levels.outside(level):
        pair = [_below_in_front(t, level) for t in (tensor, tangent)]
        made = make_dual(*pair)
    return levels.batch(made, 0, level)


def _below_in_front(t: Tensor, level: levels.Level) -> Tensor:
    if t._level is not level or t._below is None or t._batch_dim is None:
        return t.expand(level.size, *t._shape).clone()  # the tangent is laid out alike, and written
    return t._below if t._batch_dim == 0 else t._below.movedim(t._batch_dim, 0)


def _unpacked_batch(tensor: Tensor) -> UnpackedDualTensor:
    level, dim = tensor._level, tensor._batch_dim
    assert level is not None
    assert dim is not None
    assert tensor._below is not None
    with levels.outside(level):
        primal, tangent = unpack_dual(tensor._below)
    wrapped = None if tangent is None else levels.batch(tangent, dim, level)
    return UnpackedDualTensor(levels.batch(primal, dim, level), wrapped)


def tangent_of(t: Tensor) -> Tensor | None:
    """The tangent in force. A view without one looks at that of its base: an in-place change may have given it one."""
    held = t._tangent
    if not _sees_tangents():
        return None
    if held is not None and held.epoch == _epoch:
        return held.value
    base = forward_base(t)
    found = tangent_of(base) if base is not None else None
    if found is None:
        return None
    cite("forward_ad.view.of_base_tangent")
    value = _same_view(t, found)
    t._tangent = Tangent(_epoch, value)
    return value


def forward_base(t: Tensor) -> Tensor | None:
    """The tensor of whose tangent the tangent of ``t`` is a view; a dual tensor begins such a chain afresh."""
    if t._forward_root:
        return None
    if t._forward_base is not None:
        return t._forward_base
    return t._view.base if t._view is not None else None


def _same_view(t: Tensor, tangent: Tensor) -> Tensor:
    """The part of a base's tangent that ``t`` is of the base."""
    if t._view is not None and t._view.replay is not None and t._forward_base is None:
        return t._view.replay(tangent)
    return tangent.as_strided(t._shape, t._strides, t._offset)


def set_tangent(t: Tensor, tangent: Tensor, inplace: bool = False) -> None:
    """Give ``t`` a tangent.

    Args:
        inplace: an in-place operation gives it: the base of a view gets a tangent too.

    Raises:
        RuntimeError: the tangent has a tangent itself, or another shape.
    """
    if tangent_of(tangent) is not None:
        raise refusal("forward_ad.tangent.dual", level=0)
    if t._shape != tangent._shape:
        raise refusal("forward_ad.tangent.shape", shape=list(t._shape), got=list(tangent._shape))
    base = forward_base(t)
    if inplace and base is not None and tangent_of(base) is None:
        cite("forward_ad.inplace.base_gets_tangent")
        whole = tangent_layout.zeros_laid_out_as(base, tangent)
        set_tangent(base, whole)
        value = _same_view(t, whole)
        value.copy_(tangent)
        tangent = value
    if not tangent_layout.same_layout(tangent, t):
        cite("forward_ad.tangent.layout")
        copied = tangent_layout.zeros_laid_out_as(t, tangent)
        copied.copy_(tangent)
        tangent = copied
    t._tangent = Tangent(_epoch, tangent)


# -- through operations ------------------------------------------------------------------------------------------------


_hidden_in: list[int] = []  # the depths, in levels of transforms, where tangents are hidden; outside they are seen


class hidden(_ContextDecorator):
    """Tangents are computed with tangents hidden: one level only."""

    def __enter__(self) -> None:
        _hidden_in.append(levels.depth())

    def __exit__(self, *exc: object) -> None:
        _hidden_in.pop()


BACKWARD_ONLY = {
    "_cdist_forward": "_cdist_forward", "cholesky": "cholesky", "igamma": "igamma", "igammac": "igammac",
    "index_reduce": "index_reduce", "_embedding_bag": "_embedding_bag",
    "_standard_gamma": "_standard_gamma", "segment_reduce": "segment_reduce",
    "nn.functional.multi_margin_loss": "multi_margin_loss",
    "nn.functional.multilabel_margin_loss": "multilabel_margin_loss_forward", "_pdist_forward": "_pdist_forward",
    "nn.functional.soft_margin_loss": "soft_margin_loss_backward", "special.zeta": "special_zeta",
    "_sparse_addmm": "_sparse_addmm", "_sparse_compressed_tensor_values": "sparse_compressed_tensor",
    "_sparse_coo_tensor_with_dims_and_tensors": "_sparse_coo_tensor_with_dims_and_tensors",
    "_to_sparse": "_to_sparse", "_to_sparse_bsc": "_to_sparse_bsc", "_to_sparse_bsr": "_to_sparse_bsr",
    "_to_sparse_by_dim": "_to_sparse", "_to_sparse_csc": "_to_sparse_csc", "_to_sparse_csr": "_to_sparse_csr",
    "sparse.sampled_addmm": "sparse_sampled_addmm", "sparse_mask": "sparse_mask",
}  # fmt: skip
"""Operations for which torch has no forward mode, and what its refusal calls them."""


_LATER = {"logcumsumexp": "reduction.logcumsumexp_tangent"}
"""Operations whose forward mode came with a switch."""


class Pushing(NamedTuple):
    """What must be remembered of a call until its result is there.

    Attributes:
        aliased: it writes to what it reads.
        recast: it is in place, and a result gets a tangent of another dtype in its own.
    """

    values: list[Any]
    tangents: list[Any]
    aliased: bool = False
    recast: bool = False


def before(values: Sequence[Any], target: Tensor | None) -> Pushing | None:
    """The arguments and their tangents, if any has one; all that an in-place operation will change is copied first."""
    if not _sees_tangents():
        return None
    tangents = [_tangents_in(v) for v in values]
    if all(t is None for t in tangents):
        return None
    if target is None:
        return Pushing(list(values), tangents)
    with hidden():
        first, own = target.clone(), tangent_storage(target)
        kept = [first, *(_copied(v, target._storage) for v in values[1:])]
        aliased = any(v is not k for v, k in zip(values[1:], kept[1:], strict=True))
        if own is None:
            return Pushing(kept, tangents, aliased)
        mine = None if tangents[0] is None else tangents[0].clone()
        return Pushing(kept, [mine, *(_copied(t, own) for t in tangents[1:])], aliased)


def check_in_place(op: Op, values: Sequence[Any]) -> None:
    """Refuse a change that has no forward mode, or whose tangent may not be changed, before anything is written."""
    check_op(op, values, inplace=True)
    check_tangent(values[0])


def check_tangent(target: Tensor) -> None:
    """Refuse to change a tensor in place whose tangent may not be changed."""
    from reference_engine import views

    held = tangent_of(target)
    if held is not None and tangent_of(held) is not None:
        cite("forward_ad.in_place.refused_first")
        raise refusal("forward_ad.tangent.dual", level=0)
    if held is not None and held.requires_grad and state.grad:
        cite("forward_ad.in_place.refused_first")
        views.check_in_place(held, True)


def check_op(op: Op, values: Sequence[Any], inplace: bool) -> None:
    """Refuse an operation without forward mode, before it computes anything."""
    from reference_engine.tensor import Tensor

    if memory.met and any(isinstance(v, Tensor) and v._sparse is not None for v in values):
        _check_sparse(op, values)
    later = _LATER.get(op.name)
    missing = op.name if later is not None and not switch(later) else "" if inplace else op.not_derived
    only_backward = BACKWARD_ONLY.get(op.name, missing)
    if not only_backward or all(_tangents_in(v) is None for v in values):
        return
    if inplace:
        cite("forward_ad.in_place.refused_first")
    clause = "forward_ad.not_implemented_in_place" if inplace else "forward_ad.not_implemented"
    raise refusal(clause, op=only_backward + "_" * inplace)


def _check_sparse(op: Op, values: Sequence[Any]) -> None:
    """A sparse argument has no tangent, and none of zeros can be made for it."""
    if len(op.differentiable) > 1 and op.name not in BACKWARD_ONLY and any(_tangents_in(v) is not None for v in values):
        raise refusal("sparse.unsupported", op="_efficientzerotensor", backend="SparseCPU")


def check_underived(op: Op, values: Sequence[Any], inplace: bool) -> None:
    """Refuse an operation without any derivative, before it looks at anything else."""
    if any(_tangents_in(v) is not None for v in values):
        raise refusal("forward_ad.underived", op=op.reference_name + "_" * inplace)


def tangent_storage(t: Tensor) -> Any:
    """The memory of a tensor's tangent, whether or not tangents are hidden."""
    held = t._tangent
    return held.value._storage if held is not None and held.epoch == _epoch else None


def _copied(value: Any, storage: Any) -> Any:
    """A value that looks into this memory is copied, so that it keeps what it sees now."""
    from reference_engine.tensor import Tensor

    if isinstance(value, (list, tuple)):
        copies = [_copied(v, storage) for v in value]
        return copies if any(c is not v for c, v in zip(copies, value, strict=True)) else value
    if not isinstance(value, Tensor) or value._storage is not storage:
        return value
    cite("forward_ad.in_place.aliased")
    return value.clone()


def _tangents_in(value: Any) -> Any:
    from reference_engine.tensor import Tensor

    if isinstance(value, Tensor):
        return tangent_of(value)
    if isinstance(value, (list, tuple)):
        found = [tangent_of(v) if isinstance(v, Tensor) else None for v in value]
        return found if any(t is not None for t in found) else None
    return None


def refuse_out(op: Op, values: Sequence[Any]) -> None:
    """``out=`` has no tangent to push into.

    Raises:
        NotImplementedError: an argument or ``out`` has a tangent.
    """
    if op.underived:
        check_underived(op, values, inplace=False)
    if any(_tangents_in(v) is not None for v in values):
        raise refusal("forward_ad.out", op=op.reference_name)


def push_forward(op: Op, given: Pushing, results: Sequence[Tensor], inplace: bool) -> None:
    """Compute the tangents of the results of an operation."""
    from reference_engine.ops.kernels import share_memory

    if not results or not any(r._dtype.is_differentiable for r in results):
        return
    if not op.vjp and not inplace:
        return
    moving = [t for i in op.moving for t in _flat(given.tangents[i])]
    if not moving:
        if any(_flat(given.tangents[i]) for i in op.differentiable):
            cite("forward_ad.op.constant")
        return
    if any(tangent_of(t) is not None for t in moving):  # it was changed by a dual tensor after it had become a tangent
        raise refusal("forward_ad.tangent.dual", level=0)
    cite("forward_ad.op.jvp")
    pairs = [(v, t) for v, t in zip(given.values, given.tangents, strict=True) if t is not None]
    if any(not isinstance(t, list) and t._shape != v._shape for v, t in pairs):
        cite("forward_ad.tangent.changed_shape")
    with hidden():
        if op.is_view:
            tangents = _of_view(op, given)
        else:
            tangents = [_own(t, given) for t in transpose.jvp(op, given.values, given.tangents, results)]
    for result, tangent in zip(results, tangents, strict=True):
        if tangent is None or not result._dtype.is_differentiable:
            continue
        if inplace and any(t._dtype is not result._dtype for t in moving):
            given = given._replace(recast=True)
            with hidden():
                tangent = tangent.to(result.dtype)
        held = tangent_of(result) if inplace else None
        written = held is not None or (inplace and forward_base(result) is not None)
        if op.name == "_to_copy" or (op.name == "copy" and written):
            _tell_of_cast(moving, result)
        if held is not None and share_memory(held, result):
            cite("forward_ad.in_place.tangent_is_primal")
            held, tangent = None, tangent.clone()
        if held is not None:
            cite("forward_ad.in_place")
            remarks.recall(held)
            with hidden():
                held.copy_(tangent)
        else:
            set_tangent(result, tangent, inplace)
        found = tangent_of(result)
        assert found is not None
        tangent_clauses.remember(op, given, result, found)


def _tell_of_cast(tangents: Sequence[Tensor], result: Tensor) -> None:
    """A tangent is cast as its primal is, which warns a second time."""
    if not result._dtype.is_complex and any(t._dtype.is_complex for t in tangents):
        warn("ops.cast.discards_imaginary")


def _flat(tangents: Any) -> list[Tensor]:
    """The tangents of one argument."""
    found = tangents if isinstance(tangents, (list, tuple)) else [tangents]
    return [t for t in found if t is not None]


def _own(tangent: Any, given: Pushing) -> Any:
    """A tangent that an operation passed on as it was gets memory of its own, as the operation's result has."""
    from reference_engine.tensor import tensors_in

    shared = tangent is not None and any(t._storage is tangent._storage for t in tensors_in(given.tangents))
    return tangent.clone() if shared else tangent


def _of_view(op: Op, given: Pushing) -> list[Any]:
    """A view operation is linear: the tangent of the view is the view of the tangent."""
    from reference_engine.ops import dispatch

    cite("forward_ad.views")
    viewed = given.values[0]
    if not tangent_layout.same_layout(given.tangents[0], viewed):
        cite("forward_ad.view.changed_tangent")
    remarks.recall(given.tangents[0])
    if op.name == "_alias_view":
        tangent = given.tangents[0]
        if tangent.requires_grad or tangent._is_view():
            return [tangent]
        remarks.remember(tangent, "forward_ad.view.alias")
        return [tangent._alias()]  # and no view of it
    made = dispatch.run(op, [given.tangents[0], *given.values[1:]])
    return list(made) if isinstance(made, (list, tuple)) else [made]
