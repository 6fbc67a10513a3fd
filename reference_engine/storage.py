"""Storage: the flat memory that tensors look into.

A tensor is (storage, offset, shape, strides); two tensors are views of one memory exactly when they hold the same
Storage object.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
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


class UntypedStorage:
    """A resizable run of bytes: ``torch.UntypedStorage``, and what ``Tensor.untyped_storage()`` returns.

    Args:
        content: how many bytes, or the bytes; none by default.
    """

    __slots__ = ("bytes", "_address", "meta", "shared", "__weakref__")
    __module__ = "torch.storage"

    is_cuda = is_sparse = is_hpu = is_sparse_csr = False

    def __init__(self, content: Any = 0, *others: Any, device: Any = None) -> None:
        if type(content) is not int:
            content = _bytes_of(content)
        if others:
            kinds = ", ".join(type(value).__name__ for value in (content, *others))
            raise TypeError(f"{_WRONG} - got ({kinds}), but expected one of:\n{_FORMS}")
        self.bytes: np.ndarray[Any, Any] = np.zeros(content, np.uint8) if type(content) is int else content
        self._address = next(_addresses)
        self.meta = False  # what it holds does not count

    # -- what tensors ask of it --------------------------------------------------------------------------------

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

    def resize_(self, nbytes: int) -> UntypedStorage:
        """Grow or shrink in place, keeping the leading bytes. The memory stays one memory for all its tensors."""
        grown = np.zeros(nbytes, np.uint8)
        kept = min(nbytes, self.bytes.size)
        grown[:kept] = self.bytes[:kept]
        self.bytes = grown
        return self

    def copied(self) -> Storage:
        """Other memory of the same bytes."""
        made = Storage(0)
        made.bytes, made.meta = self.bytes.copy(), self.meta
        return made

    @property
    def _cdata(self) -> int:
        return id(self)

    # -- its bytes ---------------------------------------------------------------------------------------------

    def _index(self, index: int) -> int:
        if not -self.bytes.size <= index < self.bytes.size:
            raise IndexError(f"index {index} out of range for storage of size {self.bytes.size}")
        return index

    def __getitem__(self, index: Any) -> Any:
        """One byte; of a slice, a storage that looks at the same memory."""
        if isinstance(index, slice):
            made = UntypedStorage()
            made.bytes = self.bytes[index]
            return made
        return int(self.bytes[self._index(index)])

    def __setitem__(self, index: Any, value: int) -> None:
        if not isinstance(index, slice) and not -self.bytes.size <= index < self.bytes.size:
            raise RuntimeError("out of bounds")
        self.bytes[index] = value % 256

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def tolist(self) -> list[int]:
        found: list[int] = self.bytes.tolist()
        return found

    def fill_(self, value: int) -> UntypedStorage:
        self.bytes[...] = value % 256
        return self

    def copy_(self, source: Any, non_blocking: bool | None = None) -> UntypedStorage:
        """Take over another's bytes.

        Raises:
            RuntimeError: it has another number of them.
        """
        content = source.untyped().bytes
        if content.size != self.bytes.size:
            raise RuntimeError(
                f"size does not match, self was {self.bytes.size} bytes but src was {content.size} bytes"
            )
        self.bytes[...] = content
        return self

    def clone(self) -> UntypedStorage:
        made = UntypedStorage()
        made.bytes = self.bytes.copy()
        return made

    __copy__ = clone

    def __deepcopy__(self, memo: dict[Any, Any]) -> UntypedStorage:
        known = memo.setdefault("torch", {})
        if id(self) not in known:
            known[id(self)] = self.clone()
        made: UntypedStorage = known[id(self)]
        return made

    def byteswap(self, dtype: Any) -> None:
        """Reverse the bytes of each element of a dtype."""
        self.bytes[...] = self.bytes.view(dtype.np).byteswap().view(np.uint8)

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        return " " + "\n ".join(map(str, self.tolist())) + f"\n[{self._words()}]"

    def _words(self) -> str:
        return f"torch.storage.UntypedStorage(device=cpu) of size {len(self)}"

    # -- where it is -------------------------------------------------------------------------------------------

    @property
    def device(self) -> Any:
        from reference_engine.devices import CPU, META

        return META if self.meta else CPU

    def get_device(self) -> int:
        return -1

    def element_size(self) -> int:
        return 1

    def resizable(self) -> bool:
        return True

    def is_shared(self) -> bool:
        return hasattr(self, "shared")

    def is_pinned(self, device: Any = None) -> bool:
        return False

    def share_memory_(self) -> UntypedStorage:
        """Remembered, without effect."""
        self.shared = True
        return self

    def untyped(self) -> UntypedStorage:
        return self

    cpu = untyped

    def new(self) -> UntypedStorage:
        return UntypedStorage()

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        return "torch.storage.UntypedStorage" if dtype is None else self


_WRONG = "torch.UntypedStorage() received an invalid combination of arguments"
_FORMS = (
    " * (*, int allocator = None, torch.device device = None)\n"
    " * (int size, *, int allocator = None, torch.device device = None)\n"
    " * (object sequence, *, int allocator = None, torch.device device = None)\n"
)


def _bytes_of(content: Any) -> Any:
    """The number of bytes, or the bytes, that a storage is made of.

    Raises:
        RuntimeError: neither a number nor a sequence, or a sequence of something else than numbers.
    """
    if hasattr(content, "__index__"):
        return int(content)
    if not isinstance(content, Sequence):
        raise RuntimeError(f"torch.UntypedStorage(): Expected a sequence type, but got {type(content).__name__}")
    for value in content:
        if not hasattr(value, "__index__"):
            raise RuntimeError(
                f"torch.UntypedStorage(): tried to construct a storage from a sequence ({type(content).__name__}), but "
                f"one of the items was of type {type(value).__name__} instead of int"
            )
    return np.array([int(value) % 256 for value in content], np.uint8)


Storage = UntypedStorage
