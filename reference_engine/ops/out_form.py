"""The ``out=`` form of an op: it writes where it is told to, resizes what it writes to, and is never recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from reference_engine import dtypes, levels, views
from reference_engine.autograd import forward_ad, saved
from reference_engine.modes import state
from reference_engine.ops import kernels
from reference_engine.ops.declare import Op
from reference_engine.return_types import Results, written
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.sparse import memory
from reference_engine.tensor import Tensor, tensors_in


def run_out(run: Callable[..., Any], record: Callable[..., Any], op: Op, values: list[Any], out: Any) -> Any:
    """Run an op and write what it computes to ``out``; ``record`` is for one that has no derivative at all.

    Raises:
        RuntimeError: an argument or ``out`` requires grad while recording; ``out`` overlaps what is read, or itself,
            or has a dtype that cannot hold the result.
    """
    if op.hands_out:
        kernels.will_write(None, out)
        return op.forward(*values)
    if op.copied:
        return _copied(op, run(op, values), out)
    outs = _places(op, out)
    if any(levels.is_mapped(t) for t in tensors_in([*values, *outs])):
        raise refusal("functorch.vmap.out", op=op.reference_name)
    if not op.out.late:
        refuse_recording(op, values, outs)
    if forward_ad.active:
        forward_ad.refuse_out(op, [*values, *outs])
    cite("ops.out.written")
    if not op.out.same_dtype:
        values = _in_dtype_of(outs[0], op, values)
    before, state.grad, kernels.common_dtype = state.grad, False, None
    kernels.expecting = partial(_check_dtypes, op, outs)
    try:
        made = run(op, values, written=outs[0] if len(outs) == 1 else None)
    finally:
        state.grad, kernels.expecting = before, None
    if op.out.late:
        refuse_recording(op, values, outs)
    for i, (o, r) in enumerate(zip(outs, [made] if isinstance(made, Tensor) else list(made), strict=True)):
        if op.out.copied_until:
            if not switch(op.out.copied_until):
                o.copy_(r)
                continue
            _check_dtype(op, i, o, r._dtype)
        if not op.out.overlaps and not op.out.apart and o._sparse is None:
            kernels.refuse_overlap(o, tensors_in(values))
        _write(op, i, o, r, tensors_in(values))
    if op.underived and not op.composite:
        record(op, values, outs)
    return written(type(made))(outs) if isinstance(made, Results) else out


def _places(op: Op, out: Any) -> list[Tensor]:
    """The tensors to write to.

    Raises:
        TypeError: not as many as there are results, or no tensors.
    """
    results = op.signature.rpartition("->")[2].strip()
    several = results.startswith("(")
    if isinstance(out, Tensor):
        if several:
            raise TypeError(f"{op.reference_name}(): argument 'out' must be tuple of Tensors, not Tensor")
        return [out]
    count = results.count("Tensor")
    if several and len(out) != count:
        raise TypeError(f"expected tuple of {count} elements but got {len(out)}")
    return list(out)


def refuse_recording(op: Op, values: Sequence[Any], outs: Sequence[Tensor]) -> None:
    """Raise if writing to ``out=`` would have to be recorded."""
    if not state.grad or state.inference or op.out.unrecorded:
        return
    differentiable = bool(op.vjp) or op.composite
    derived = [o for i, o in enumerate(outs) if i not in op.non_differentiable_outputs]
    if any(o.requires_grad for o in derived) or (differentiable and any(t.requires_grad for t in tensors_in(values))):
        clause = "ops.out.underived" if op.underived else "ops.out.requires_grad"
        raise refusal(clause, op=op.out.by or op.reference_name)


def _check_dtypes(op: Op, outs: Sequence[Tensor], results: Sequence[dtypes.dtype], refused: str) -> None:
    """Raise if one of the tensors to write to cannot hold its result."""
    asked = op.out.results or range(len(outs))
    for i, (o, at) in enumerate(zip(outs, asked, strict=True)):
        _check_dtype(op, i, o, results[at], refused)


def _check_dtype(op: Op, i: int, o: Tensor, result: dtypes.dtype, refused: str = "") -> None:
    """Raise if the ``i``-th tensor to write to cannot hold its result."""
    form = op.out
    fits = o._dtype is result if form.same_dtype else dtypes.can_cast(result, o._dtype)
    if not fits:
        words = form.words or (op.name if op.copied else op.reference_name)
        raise refusal(
            refused or form.refused, op=words, name=form.named[min(i, len(form.named) - 1)],
            result=result.scalar_name, target=o.dtype.scalar_name, expected=result.cpp_name, got=o.dtype.cpp_name,
        )  # fmt: skip


def refuse_castable(op: str, result: dtypes.dtype, out: Tensor) -> None:
    """Raise if ``out`` cannot hold a result: of an op that hands it on."""
    if not dtypes.can_cast(result, out._dtype):
        raise refusal(
            "ops.out.castable", op=op, name="result", result=result.scalar_name, target=out._dtype.scalar_name
        )


def _write(op: Op, i: int, o: Tensor, r: Tensor, read: Sequence[Tensor]) -> None:
    _check_dtype(op, i, o, r._dtype)
    views.check_inference(o)
    if o._sparse is not None or r._sparse is not None:
        _write_sparse(op, o, r)
        return
    if kernels.common_dtype not in (None, o._dtype) and o._shape != r._shape and o.numel():
        # an elementwise kernel computes into a tensor of its own dtype, and tells of both
        warn("ops.out.resized", shape=list(o._shape), result=list(r._shape))
    kernels.resize_out(o, r._shape, r._strides)
    if op.out.apart:
        kernels.refuse_overlap(o, [])
        kernels.note_undetected_overlap(o, read, overlapping=False)
    saved.before_write(o)
    o._write(r._read())
    cite("version.out_written")
    views.bump(o)


def _write_sparse(op: Op, o: Tensor, r: Tensor) -> None:
    """A sparse tensor becomes what was computed, whatever it was; a strided one takes no sparse result."""
    if o._sparse is None or r._sparse is None:
        raise refusal("sparse.out")
    memory.write(o, r, into_values=False)
    views.bump(o)


def _copied(op: Op, result: Tensor, out: Tensor) -> Tensor:
    """Some composite ops compute their result as ever and copy it, which is recorded."""
    _check_dtype(op, 0, out, result._dtype)
    return copy_to(out, result)


def copy_to(out: Tensor, result: Tensor) -> Tensor:
    """Copy a finished result to ``out=``, which is left alone if the copy is refused."""
    cite("ops.out.copied")
    views.check_in_place(out, out.requires_grad or result.requires_grad)
    kernels.resize_out(out, result._shape)
    made: Tensor = out.copy_(result)
    return made


def _in_dtype_of(out: Tensor, op: Op, values: list[Any]) -> list[Any]:
    """A reduction that may choose its dtype chooses that of ``out``, unless told otherwise."""
    at = op.index_of.get("dtype")
    if at is None or values[at] is not None:
        return values
    if op.out.floating and not (out._dtype.is_differentiable and values[0]._dtype.is_differentiable):
        return values  # refused as without out=
    return [out._dtype if i == at else v for i, v in enumerate(values)]
