"""``torch.Size``: a shape, a tuple that prints its own way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class _Named(type):
    def __repr__(cls) -> str:
        return "<class 'torch.Size'>"


class Size(tuple[int, ...], metaclass=_Named):
    """The shape of a tensor, in elements per dimension."""

    __slots__ = ()

    def __new__(cls, sizes: Any = (), /) -> Size:
        if type(sizes) is tuple and {int}.issuperset(map(type, sizes)):
            return tuple.__new__(cls, sizes)
        values = []
        for at, size in enumerate(sizes):
            if not isinstance(size, (int, np.integer)):
                if not (hasattr(size, "_storage") and size.numel() == 1 and size.dtype.category == 1):
                    kind = type(size)
                    name = f"numpy.{kind.__name__}" if kind.__module__ == "numpy" else kind.__name__
                    raise TypeError(f"torch.Size() takes an iterable of 'int' (item {at} is '{name}')")
                size = int(size)
            values.append(size)
        return tuple.__new__(cls, values)

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
