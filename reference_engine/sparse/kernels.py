"""Which computation an op does where an argument is sparse: each op is declared once, with kernels for other layouts.

Source: https://docs.pytorch.org/docs/stable/sparse.html#supported-operations
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine import dtypes, views
from reference_engine.ops.kernels import elementwise
from reference_engine.semantics import cite, refusal
from reference_engine.sparse import memory
from reference_engine.tensor import Tensor

if TYPE_CHECKING:
    from reference_engine.ops.declare import Op

Kernel = Callable[..., Any]

COO: dict[str, Kernel] = {}
COMPRESSED: dict[str, Kernel] = {}
IN_PLACE: dict[str, Kernel] = {}
"""What is asked of the arguments before an op writes to a sparse tensor in place."""


def kernel(*names: str, table: dict[str, Kernel] = COO) -> Callable[[Kernel], Kernel]:
    """Register the computation of these ops for tensors of a layout; it takes the bound arguments."""

    def register(function: Kernel) -> Kernel:
        for name in names:
            table[name] = function
        return function

    return register


def forward_of(op: Op, values: Sequence[Any]) -> Kernel:
    """What computes the op for these arguments: its own forward where none is sparse, or it is made of other ops."""
    found = _layout_among(values)
    if found is None:
        return op.forward
    table = COO if isinstance(found, memory.Coo) else COMPRESSED
    chosen = table.get(op.name)
    if chosen is not None:
        cite("sparse.kernel")
        return chosen
    if op.composite:
        return op.forward
    return _unsupported(op, found)


def _layout_among(values: Sequence[Any]) -> memory.Coo | memory.Compressed | None:
    found = None
    for value in values:
        if isinstance(value, Tensor):
            kept = value._sparse
        elif isinstance(value, (list, tuple)):
            kept = _layout_among(value)
        else:
            continue
        if kept is not None and not (found is not None and isinstance(kept, memory.Coo)):
            found = kept
    return found


#: Ops that are views by strides, and the op that is asked for one.
_AS_STRIDED = ("squeeze", "_slice", "split", "diagonal", "unfold")

#: What torch's own tables call an op where there are several of one name.
_OVERLOADS = {
    **{name: f"{name}.Tensor" for name in ("eq", "ne", "lt", "le", "gt", "ge", "remainder", "fmod")},
    "index": "index.Tensor",
    "fill": "fill_.Scalar",
    "index_add": "index_add_",
    "_select_backward": "select_backward",
    "masked_fill": "masked_fill_.Scalar",
    "linalg.vector_norm": "linalg_vector_norm",
    "mean": "mean.dim",
    "_tanh_backward": "tanh_backward",
    "_index": "index.Tensor",
    "_where": "where.self",
    "_diagonal_copy": "diagonal_copy",
    "lerp": "lerp.Scalar",
    "_slice_backward": "as_strided",
}


def aten_name(op: Op) -> str:
    """What the refusal calls an op."""
    if op.name in _AS_STRIDED:
        return "as_strided"
    return _OVERLOADS.get(op.name, op.reference_name)


def _unsupported(op: Op, found: memory.Coo | memory.Compressed) -> Kernel:
    def refuse(*values: Any) -> Any:
        if isinstance(found, memory.Compressed) and isinstance(op.forward, elementwise):
            words = "".join(part.title() for part in str(found.layout).removeprefix("torch.").split("_"))
            raise refusal("sparse.compressed.unsupported", layout=words)
        raise refusal("sparse.unsupported", op=aten_name(op), backend=found.backend)

    return refuse


def check_in_place(op: Op, values: Sequence[Any]) -> None:
    """Ask what an op asks before it writes to a sparse tensor."""
    check = IN_PLACE.get(op.name)
    if check is not None:
        check(op, *values)


def touches(target: Tensor, result: Tensor) -> bool:
    """Whether an op that writes in place has a sparse tensor to write, or to write to."""
    return target._sparse is not None or result._sparse is not None


def write(op: Op, values: Sequence[Any], target: Tensor, result: Tensor, check: Callable[[], None] | None) -> Tensor:
    """Store a result in a sparse target. For a strided one, return what is to be stored there.

    Raises:
        RuntimeError: a dtype that cannot hold the result.
    """
    if target._sparse is None:
        return result.to_dense()
    if not dtypes.can_cast(result._dtype, target._dtype):
        fields = {"result": result.dtype.scalar_name, "target": target.dtype.scalar_name, "op": op.name}
        raise refusal(_RESULT_DTYPES.get(op.name, "inplace.result_dtype"), **fields)
    if check is not None:
        check()
    if op.name in UNVOUCHED and memory.is_coo(result) and not all(memory.is_coo(v) for v in values):
        memory.coo_of(result).coalesced = memory.coo_of(result).nnz < 2
    memory.write(target, result, into_values=op.name in WRITE_VALUES)
    views.bump(target)
    return target


_RESULT_DTYPES = {"add": "sparse.add.result_dtype", "sub": "sparse.add.result_dtype", "mul": "sparse.mul.result_dtype"}

UNVOUCHED = ("mul",)
"""Ops after which a tensor changed in place no longer counts as coalesced, though it is."""

WRITE_VALUES: set[str] = set()
"""Ops that write in place to the values where they are; others give a tensor new ones."""
