"""Storage: the flat memory that tensors look into.

A tensor is (storage, offset, shape, strides); two tensors are views of one memory exactly when they hold the same
Storage object.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

_addresses = itertools.count(0x1000, 0x40)


NOT_ALLOCATED = (
    "The tensor has a non-zero number of elements, but its data is not allocated yet.\n"
    "If you're using torch.compile/export/fx, it is likely that we are erroneously tracing into a custom kernel. "
    "To fix this, please wrap the custom kernel into an opaque custom op. Please see the following for details: "
    "https://pytorch.org/tutorials/advanced/custom_ops_landing_page.html\n"
    "If you're using Caffe2, Caffe2 uses a lazy allocation, so you will need to call mutable_data() or "
    "raw_mutable_data() to actually allocate memory."
)


class Storage:
    """A resizable run of bytes.

    Public face: what ``Tensor.untyped_storage()`` returns. Sizes are in bytes.
    """

    __slots__ = ("bytes", "_address", "__weakref__")

    def __init__(self, nbytes: int) -> None:
        self.bytes: np.ndarray[Any, Any] = np.zeros(nbytes, np.uint8)
        self._address = next(_addresses)

    def array(self, np_dtype: Any, shape: Sequence[int], strides: Sequence[int], offset: int) -> np.ndarray[Any, Any]:
        """A writable NumPy view; strides and offset in elements of ``np_dtype``."""
        size = np_dtype.itemsize
        if 0 in shape:  # NumPy wants even an empty view to lie inside its buffer
            return np.empty(shape, np_dtype)
        try:
            return np.ndarray(shape, np_dtype, self.bytes, offset * size, [s * size for s in strides])
        except TypeError:
            if self.bytes.size:
                raise
            raise RuntimeError(NOT_ALLOCATED) from None

    def nbytes(self) -> int:
        return int(self.bytes.size)

    size = __len__ = nbytes

    def data_ptr(self) -> int:
        """An address-like number: the same for the same memory, 0 for no memory."""
        return self._address if self.bytes.size else 0

    def resize_(self, nbytes: int) -> Storage:
        """Grow or shrink in place, keeping the leading bytes. The memory stays one memory for all its tensors."""
        grown = np.zeros(nbytes, np.uint8)
        kept = min(nbytes, self.bytes.size)
        grown[:kept] = self.bytes[:kept]
        self.bytes = grown
        return self

    def copied(self) -> Storage:
        """Other memory of the same bytes."""
        made = Storage(0)
        made.bytes = self.bytes.copy()
        return made

    @property
    def _cdata(self) -> int:
        return id(self)
