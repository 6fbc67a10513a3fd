"""Typed storages: memory as elements of one dtype, which came before untyped storages, and are deprecated."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from reference_engine import dtypes
from reference_engine.storage import UntypedStorage
from reference_engine.tensor import Tensor

_told = False


def _tell_once() -> None:
    global _told
    if not _told:
        _told = True
        warnings.warn(
            "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the only storage "
            "class. This should only matter to you if you are using storages directly.  To access UntypedStorage "
            "directly, use tensor.untyped_storage() instead of tensor.storage()",
            UserWarning,
            stacklevel=3,
        )


class TypedStorage:
    """A run of elements of one dtype.

    Args:
        content: how many, or the elements.
        wrap_storage: the memory, which is shared.
    """

    __module__ = "torch.storage"
    is_sparse = False

    def __init__(
        self, content: Any = 0, *, wrap_storage: Any = None, dtype: Any = None, device: Any = None,
        _internal: bool = False,
    ) -> None:  # fmt: skip
        if not _internal:
            _tell_once()
        self.dtype: Any = dtype or dtypes.get_default_dtype()
        if wrap_storage is not None:
            self._untyped_storage: UntypedStorage = wrap_storage.untyped()
        elif isinstance(content, Sequence):
            self._untyped_storage = UntypedStorage()
            self._untyped_storage.bytes = np.array(content).astype(self.dtype.np).view(np.uint8)
        else:
            self._untyped_storage = UntypedStorage(int(content) * self.dtype.itemsize)

    @property
    def _dtype(self) -> Any:
        return self.dtype

    def _elements(self) -> Any:
        return self._untyped_storage.bytes.view(self.dtype.np)

    def _of(self, d: Any) -> TypedStorage:
        made = TypedStorage(dtype=d, _internal=True)
        made._untyped_storage.bytes = self._elements().astype(d.np).view(np.uint8)
        return made

    # -- elements ----------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return int(self._elements().size)

    size = __len__

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(index, int):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} out of range for storage of size {len(self)}")
        return self._elements()[index].item()

    def __setitem__(self, index: Any, value: Any) -> None:
        if not isinstance(index, (int, slice)):
            raise RuntimeError(f"can't index a {type(self)} with {type(index)}")
        self._elements()[index] = value

    def __iter__(self) -> Iterator[Any]:
        return iter(self.tolist())

    def tolist(self) -> list[Any]:
        found: list[Any] = self._elements().tolist()
        return found

    def fill_(self, value: Any) -> TypedStorage:
        self._elements()[...] = value
        return self

    def copy_(self, source: Any, non_blocking: bool | None = None) -> TypedStorage:
        """Take over another's elements."""
        self._elements()[...] = source._elements() if isinstance(source, TypedStorage) else source.bytes
        return self

    def clone(self) -> TypedStorage:
        return TypedStorage(wrap_storage=self._untyped_storage.clone(), dtype=self.dtype, _internal=True)

    __copy__ = clone

    def __deepcopy__(self, memo: dict[Any, Any]) -> TypedStorage:
        shared = self._untyped_storage.__deepcopy__(memo)
        return TypedStorage(wrap_storage=shared, dtype=self.dtype, _internal=True)

    def resize_(self, size: int) -> None:
        self._untyped_storage.resize_(size * self.dtype.itemsize)

    def __repr__(self) -> str:
        shown = " " + "\n ".join(map(str, self.tolist()))
        return f"{shown}\n[torch.storage.TypedStorage(dtype={self.dtype}, device=cpu) of size {len(self)}]"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TypedStorage) and self.data_ptr() == other.data_ptr()

    __hash__ = object.__hash__

    # -- memory ------------------------------------------------------------------------------------------------

    def untyped(self) -> UntypedStorage:
        """The memory itself."""
        return self._untyped_storage

    def nbytes(self) -> int:
        return self._untyped_storage.nbytes()

    def element_size(self) -> int:
        size: int = self.dtype.itemsize
        return size

    def data_ptr(self) -> int:
        return self._untyped_storage.data_ptr()

    @property
    def _cdata(self) -> int:
        return self._untyped_storage._cdata

    @property
    def device(self) -> Any:
        return self._untyped_storage.device

    @property
    def is_cuda(self) -> bool:
        return False

    def is_shared(self) -> bool:
        return False

    def is_pinned(self, device: Any = None) -> bool:
        return False

    def share_memory_(self) -> TypedStorage:
        return self

    def cpu(self) -> TypedStorage:
        return self

    def pickle_storage_type(self) -> str:
        """The name of the older class of this dtype."""
        return _name(self.dtype)

    def type(self, dtype: Any = None, non_blocking: bool = False) -> Any:
        return f"torch.{_name(self.dtype)}" if dtype is None else self._of(dtype)


for _method, _to in {
    "double": dtypes.float64, "float": dtypes.float32, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
    "long": dtypes.int64, "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
    "bool": dtypes.bool_, "complex_double": dtypes.complex128, "complex_float": dtypes.complex64,
}.items():  # fmt: skip
    setattr(TypedStorage, _method, lambda self, to=_to: self._of(to))


def _name(d: Any) -> str:
    names = {dtypes.complex64: "ComplexFloat", dtypes.complex128: "ComplexDouble"}
    found: str = names.get(d) or d.tensor_name.removeprefix("torch.").removesuffix("Tensor")
    return f"{found}Storage"


class LegacyStorage(type):
    """``torch.FloatStorage``: a typed storage of one dtype, by its older name."""

    dtype: Any

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, TypedStorage) and value.dtype is cls.dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return TypedStorage(*args, dtype=cls.dtype, **kwargs)

    def __repr__(cls) -> str:
        return f"<class 'torch.{cls.__name__}'>"


LEGACY = {
    _name(d): LegacyStorage(_name(d), (), {"dtype": d, "_dtype": d, "__module__": "torch", "is_cuda": False})
    for d in dtypes.ALL
}


def storage(self: Tensor) -> TypedStorage:
    """``Tensor.storage()``: the memory as elements of the tensor's dtype."""
    _tell_once()
    return TypedStorage(wrap_storage=self._whole_memory(), dtype=self._dtype, _internal=True)


def attach(top: dict[str, Any]) -> None:
    """Put the names where torch has them."""
    cls: Any = Tensor
    cls.storage = storage
    cls._typed_storage = lambda self: TypedStorage(wrap_storage=self._whole_memory(), dtype=self._dtype, _internal=True)
    cls.storage_type = lambda self: LEGACY[_name(self._dtype)]
    top.update(LEGACY)
    top["UntypedStorage"], top["TypedStorage"] = UntypedStorage, TypedStorage
