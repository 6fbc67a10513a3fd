"""How a tensor of another layout than strided keeps its elements: tensors of places, and a tensor of values.

What is not specified is zero. A strided tensor has no such thing (``Tensor._sparse`` is None), and no memory of the
kind that strides reach is behind a tensor that has.

Source: https://docs.pytorch.org/docs/stable/sparse.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from reference_engine import strides
from reference_engine.layouts import LAYOUTS
from reference_engine.modes import state
from reference_engine.semantics import refusal, warn
from reference_engine.storage import Storage

if TYPE_CHECKING:
    from reference_engine.layouts import layout
    from reference_engine.tensor import Tensor

met = False
"""Whether there ever was a sparse tensor; operations look for them only then."""


class NoStorage(Storage):
    """What a sparse tensor has instead of memory: a name for what its aliases share, and refusals."""

    __slots__ = ("backend",)

    def __init__(self, backend: str) -> None:
        super().__init__(0)
        self.backend = backend

    def copied(self) -> Storage:
        return NoStorage(self.backend)

    def array(self, np_dtype: Any, shape: Sequence[int], steps: Sequence[int], offset: int) -> np.ndarray[Any, Any]:
        from reference_engine.ops import dispatch

        raise refusal("sparse.unsupported", op=dispatch.asked() or "as_strided", backend=self.backend)


@dataclass(slots=True, eq=False)
class Coo:
    """Coordinates: the value number n, a tensor of the dense dimensions, is at the place ``indices[:, n]``.

    Attributes:
        indices: int64, (sparse dimensions, nnz).
        values: (nnz, *shape of the dense dimensions); values at the same place are summands.
        coalesced: every place is there once, in row-major order.
    """

    indices: Tensor
    values: Tensor
    coalesced: bool
    layout: ClassVar[layout] = LAYOUTS["sparse_coo"]

    backend: ClassVar[str] = "SparseCPU"

    @property
    def nnz(self) -> int:
        return self.indices._shape[1]

    @property
    def sparse_dim(self) -> int:
        return self.indices._shape[0]

    @property
    def dense_dim(self) -> int:
        return len(self.values._shape) - 1

    def alias(self) -> Coo:
        """The same places and values, for another tensor."""
        return replace(self)

    def parts(self) -> dict[str, Tensor]:
        """What it is made of, by the names that scripts use."""
        return {"indices": self.indices, "values": self.values}

    def copied(self, copy: Any) -> Coo:
        return Coo(copy(self.indices), copy(self.values), self.coalesced)


@dataclass(slots=True, eq=False)
class Compressed:
    """Rows (or columns) of elements (or blocks): those of row r are from ``compressed[r]`` up to ``compressed[r + 1]``.

    Attributes:
        compressed: (*batch, number of rows + 1): where each row begins.
        plain: (*batch, nnz): the column of each value.
        values: (*batch, nnz, *block, *shape of the dense dimensions).
        layout: CSR or BSR by rows, CSC or BSC by columns; the B is for blocks.
    """

    compressed: Tensor
    plain: Tensor
    values: Tensor
    layout: layout

    backend: ClassVar[str] = "SparseCsrCPU"

    @property
    def nnz(self) -> int:
        return self.plain._shape[-1]

    @property
    def by_rows(self) -> bool:
        return self.layout in (LAYOUTS["sparse_csr"], LAYOUTS["sparse_bsr"])

    @property
    def blocked(self) -> bool:
        return self.layout in (LAYOUTS["sparse_bsr"], LAYOUTS["sparse_bsc"])

    @property
    def sparse_dim(self) -> int:
        return 2

    @property
    def dense_dim(self) -> int:
        return len(self.values._shape) - len(self.compressed._shape) - 2 * self.blocked

    @property
    def blocksize(self) -> tuple[int, ...]:
        at = len(self.compressed._shape)
        return self.values._shape[at : at + 2] if self.blocked else ()

    def alias(self) -> Compressed:
        """The same places and values, for another tensor."""
        return replace(self)

    def parts(self) -> dict[str, Tensor]:
        """What it is made of, by the names that scripts use."""
        names = ("crow_indices", "col_indices") if self.by_rows else ("ccol_indices", "row_indices")
        return {names[0]: self.compressed, names[1]: self.plain, "values": self.values}

    def copied(self, copy: Any) -> Compressed:
        return Compressed(copy(self.compressed), copy(self.plain), copy(self.values), self.layout)


def tensor(shape: Sequence[int], kept: Coo | Compressed) -> Tensor:
    """A sparse tensor without history."""
    from reference_engine.tensor import Tensor

    global met
    met = True
    shape = tuple(shape)
    if isinstance(kept, Compressed):
        warn("sparse.compressed.beta", layout=str(kept.layout).removeprefix("torch.sparse_").upper())
    made = Tensor._make(NoStorage(kept.backend), kept.values._dtype, shape, (0,) * len(shape), 0)
    made._sparse = kept
    return made


def coo(shape: Sequence[int], indices: Tensor, values: Tensor, coalesced: bool | None = None) -> Tensor:
    """A tensor of coordinates; fewer than two of them need no coalescing."""
    if coalesced is None:
        coalesced = indices._shape[1] < 2
    return tensor(shape, Coo(indices, values, coalesced))


def no_places(shape: Sequence[int], dtype: Any, sparse_dim: int | None = None) -> Tensor:
    """Nothing but zeros, as coordinates."""
    from reference_engine import dtypes
    from reference_engine.ops.kernels import empty

    shape = tuple(shape)
    sparse_dim = len(shape) if sparse_dim is None else sparse_dim
    return coo(shape, empty((sparse_dim, 0), dtypes.int64), empty((0, *shape[sparse_dim:]), dtype), True)


def coo_of(t: Tensor) -> Coo:
    """What a tensor of coordinates is made of."""
    assert isinstance(t._sparse, Coo)
    return t._sparse


def is_coo(value: Any) -> bool:
    return isinstance(getattr(value, "_sparse", None), Coo)


def with_values(t: Tensor, values: Tensor) -> Tensor:
    """Other values at copies of the same places."""
    kept = t._sparse
    assert kept is not None
    made = kept.copied(lambda part: part if part is kept.values else _copied(part))
    made.values = values
    return tensor(t._shape, made)


def copy(t: Tensor) -> Tensor:
    """The same places and values in memory of their own, without history."""
    assert t._sparse is not None
    return tensor(t._shape, t._sparse.copied(_copied))


def _copied(part: Tensor) -> Tensor:
    return part._copy(strides.like(part._shape, part._strides))


def write(target: Tensor, result: Tensor, into_values: bool) -> None:
    """Make ``target`` what ``result`` is: with its memory, or with its values in the memory that is there."""
    old, new = target._sparse, result._sparse
    assert old is not None
    assert new is not None
    if into_values:
        old.values._write(new.values._read().astype(old.values._dtype.np))
        return
    if new.values._dtype is not target._dtype:
        new.values = new.values.to(target._dtype)
    target._sparse, target._shape, target._strides = new, result._shape, result._strides


def refuse_complex(op: str, t: Tensor) -> None:
    """Raise where torch's own tables know no derivative for complex results of an op.

    Raises:
        RuntimeError: a complex tensor that requires grad, while recording.
    """
    if t._dtype.is_complex and state.grad and t.requires_grad:
        raise refusal("complex.not_differentiable", op=op)
