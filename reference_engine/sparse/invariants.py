"""What has to hold of places and values, and whether that is looked at.

Source: https://docs.pytorch.org/docs/stable/generated/torch.sparse.check_sparse_tensor_invariants.html
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from reference_engine.semantics import refusal, switch, warn
from reference_engine.sparse import coalescing
from reference_engine.tensor import Tensor

_checked: bool | None = None  # nobody said so far


class check_sparse_tensor_invariants:
    """A context manager or decorator inside of which tensors of places are checked when they are made."""

    @staticmethod
    def is_enabled() -> bool:
        return bool(_checked)

    @staticmethod
    def enable() -> None:
        global _checked
        _checked = True

    @staticmethod
    def disable() -> None:
        global _checked
        _checked = False

    def __init__(self, enable: bool = True) -> None:
        self.state = enable
        self.saved_state: Any = ...

    def __enter__(self) -> None:
        global _checked
        if self.saved_state is not Ellipsis:
            raise refusal("sparse.invariants.nested")
        self.saved_state, _checked = _checked, self.state

    def __exit__(self, type: Any, value: Any, traceback: Any) -> None:
        global _checked
        _checked, self.saved_state = self.saved_state, ...

    def __call__(self, mth: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(mth)
        def checked(*args: Any, **kwargs: Any) -> Any:
            with type(self)(self.state):
                return mth(*args, **kwargs)

        return checked


def are_checked(asked: bool | None) -> bool:
    """Whether to look: what a call says, else what is in force, and if nobody said anything, no, with a warning."""
    if not switch("sparse.coo.checks_asked"):
        return True
    if asked is None and _checked is None and switch("sparse.invariants.warns"):
        warn("sparse.invariants.implicit")
    return bool(_checked) if asked is None else asked


def check_coordinates(indices: Tensor, shape: Sequence[int], coalesced: bool | None) -> None:
    """Every place lies within the shape, and is there once if that is claimed.

    Raises:
        RuntimeError: a place that doesn't, or isn't.
    """
    places = indices._read()
    if places.size:
        for d, row in enumerate(places):
            if row.min() < 0:
                raise refusal("sparse.coo.negative_index", index=int(row.min()), dim=d)
            if row.max() >= shape[d]:
                raise refusal("sparse.coo.index_range", dim=d, size=shape[d], index=int(row.max()))
    if coalesced:
        at = coalescing.flat(places, tuple(shape))
        if (np.diff(at) <= 0).any():
            raise refusal("sparse.coo.not_coalesced")


def check_compressed(compressed: Tensor, plain: Tensor, shape: Sequence[int], by_rows: bool) -> None:
    """Rows begin at zero, end at the number of values, and have their columns in order, each once.

    Raises:
        RuntimeError: one of them does not.
    """
    names = ("crow_indices", "col_indices") if by_rows else ("ccol_indices", "row_indices")
    counts = ("nrows", "ncols") if by_rows else ("ncols", "nrows")
    lines, across = (shape[-2], shape[-1]) if by_rows else (shape[-1], shape[-2])
    fields = {"compressed": names[0], "plain": names[1], "lines": counts[0], "across": counts[1]}
    if compressed._shape[-1] != lines + 1:
        kind = "rows" if by_rows else "columns"
        raise refusal(
            "sparse.compressed.count", name=names[0], kind=kind, expected=lines + 1, got=compressed._shape[-1]
        )
    starts = compressed._read().reshape(-1, lines + 1)
    columns = plain._read().reshape(len(starts), -1)
    for begin, row in zip(starts, columns, strict=True):
        if begin[0] != 0:
            raise refusal("sparse.compressed.first", **fields)
        if begin[-1] != row.size:
            raise refusal("sparse.compressed.last", **fields)
        lengths = np.diff(begin)
        if (lengths < 0).any() or (lengths > across).any():
            raise refusal("sparse.compressed.lengths", **fields)
        if row.size and (row.min() < 0 or row.max() >= across):
            raise refusal("sparse.compressed.range", **fields)
        for a, b in itertools.pairwise(begin):
            if (np.diff(row[a:b]) <= 0).any():
                raise refusal("sparse.compressed.order", **fields)
