"""``torch.sparse.spdiags``: a matrix from its diagonals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.layouts import LAYOUTS
from reference_engine.ops.declare import declare
from reference_engine.ops.dispatch import run
from reference_engine.ops.kernels import from_array
from reference_engine.semantics import refusal
from reference_engine.sparse import coalescing, converting, memory
from reference_engine.tensor import Tensor

_LAYOUTS = (None, *(LAYOUTS[name] for name in ("sparse_coo", "sparse_csc", "sparse_csr")))


def _spdiags(diagonals: Tensor, offsets: Tensor, shape: Sequence[int], layout: Any) -> Tensor:
    """Row k of ``diagonals`` on diagonal ``offsets[k]``; the index into a row is the column.

    Raises:
        RuntimeError: other layouts, shapes or dtypes, or an offset that is there twice.
    """
    rows = diagonals.unsqueeze(0) if len(diagonals._shape) == 1 else diagonals
    at = offsets.unsqueeze(0) if not offsets._shape else offsets
    _check(diagonals, offsets, rows, at, shape, layout)
    high, wide = shape
    places, values = [], []
    for row, k in zip(rows._read(), at._read().tolist(), strict=True):
        columns = np.arange(max(k, 0), min(wide, row.size, high + k))
        places.append(np.stack([columns - k, columns]))
        values.append(row[columns])
    indices, found = np.concatenate(places, axis=1), np.concatenate(values)
    made = memory.coo(shape, coalescing.row_major(indices), from_array(found, diagonals._dtype), None)
    return made if layout in _LAYOUTS[:2] else converting.to_layout(made, layout)


def _check(diagonals: Tensor, offsets: Tensor, rows: Tensor, at: Tensor, shape: Sequence[int], layout: Any) -> None:
    if len(rows._shape) != 2:
        raise refusal("sparse.spdiags.diagonals")
    if len(shape) != 2:
        raise refusal("sparse.spdiags.shape")
    if len(at._shape) != 1:
        raise refusal("sparse.spdiags.offsets")
    if rows._shape[0] != at._shape[0]:
        raise refusal("sparse.spdiags.count", diagonals=rows._shape[0], offsets=at._shape[0])
    if at._dtype is not dtypes.int64:
        raise refusal("sparse.spdiags.dtype", dtype=at._dtype.scalar_name)
    if len(np.unique(at._read())) != at.numel():
        raise refusal("sparse.spdiags.duplicates")
    if layout not in _LAYOUTS:
        names = {"torch.strided": "Strided", "torch.sparse_bsr": "SparseBsr", "torch.sparse_bsc": "SparseBsc"}
        raise refusal("sparse.spdiags.layout", got=names[str(layout)])
    high, wide = shape
    for k in at._read().tolist():
        count = min(wide, rows._shape[1], high + k) - max(k, 0)  # columns that this diagonal has
        if count < 0:
            raise refusal("sparse.spdiags.outside", count=count)


_SPDIAGS = declare(
    "_spdiags(Tensor diagonals, Tensor offsets, any shape, any layout) -> Tensor",
    forward=_spdiags, underived=True, method=False, function=False,
)  # fmt: skip


def spdiags(diagonals: Tensor, offsets: Tensor, shape: Sequence[int], layout: Any = None) -> Tensor:
    """A sparse matrix of this shape with these diagonals."""
    made: Tensor = run(_SPDIAGS, [diagonals, offsets, tuple(shape), layout])
    return made
