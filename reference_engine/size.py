"""``torch.Size``: a shape, a tuple that prints its own way."""

from __future__ import annotations

import math
from typing import Any


class _Named(type):
    def __repr__(cls) -> str:
        return "<class 'torch.Size'>"


class Size(tuple[int, ...], metaclass=_Named):
    """The shape of a tensor, in elements per dimension."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def numel(self) -> int:
        """The number of elements of a tensor of this shape (1 for no dimensions)."""
        return math.prod(self)

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, other)) if isinstance(other, tuple) else NotImplemented

    def __radd__(self, other: Any) -> Any:
        return Size(tuple(other) + tuple(self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: Any) -> Size:
        return Size(tuple.__mul__(self, count))
