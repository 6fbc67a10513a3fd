"""``torch.FloatTensor`` and its kin: one name for each dtype, from before there were dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np

from reference_engine import creation, dtypes
from reference_engine.dtypes import dtype
from reference_engine.layouts import LAYOUTS
from reference_engine.semantics import refusal, switch, warn
from reference_engine.size import Size
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor


def made(d: dtype, args: tuple[Any, ...]) -> Tensor:
    """What the old constructors make of sizes, of data, or of another tensor.

    Raises:
        TypeError: a tensor of another dtype, or neither sizes nor data.
    """
    if not args:
        return creation.zeros(0, dtype=d)
    first = args[0]
    if isinstance(first, Tensor):
        if first._dtype is not d:
            raise refusal("tensor.legacy.dtype", expected=_options(d), got=_options(first._dtype))
        return first._alias()
    if isinstance(first, Storage) or hasattr(first, "_untyped_storage"):
        return creation.empty(0, dtype=d).set_(first)
    if isinstance(first, (list, tuple, np.ndarray, range)) and not isinstance(first, Size):
        return creation.tensor(list(first) if isinstance(first, range) else first, dtype=d)
    sizes = tuple(first) if isinstance(first, Size) else args
    for i, n in enumerate(sizes):
        if isinstance(n, bool) or not hasattr(type(n), "__index__"):
            if i == 0:
                raise refusal("tensor.legacy.data", type=type(n).__name__)
            raise refusal("tensor.legacy.size", position=i + 1, type=type(n).__name__)
    return creation.zeros(*sizes, dtype=d)


def _options(d: dtype) -> str:
    return (
        f"TensorOptions(dtype={d.cpp_name}, device=cpu, layout=Strided, requires_grad=false (default), "
        "pinned_memory=false (default), memory_format=(nullopt))"
    )


class LegacyType(type):
    """A dtype by its old name. Its instances are the tensors of that dtype."""

    dtype: dtype

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, Tensor) and value._dtype is cls.dtype

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return made(cls.dtype, args)

    def __repr__(cls) -> str:
        return f"<class '{cls.dtype.tensor_name}'>"


_EVERYWHERE = {"is_cuda": False, "is_sparse": False, "layout": LAYOUTS["strided"], "__module__": "torch"}
TYPES: dict[str, LegacyType] = {
    name: LegacyType(name, (), {"dtype": d, **_EVERYWHERE})
    for d in dtypes.ALL
    if not d.is_complex
    for name in [d.tensor_name.removeprefix("torch.")]
}  # fmt: skip


class SparseType(LegacyType):
    """``torch.sparse.FloatTensor``: a dtype of tensors in coordinate layout, by its old name."""

    def __instancecheck__(cls, value: Any) -> bool:
        return super().__instancecheck__(value) and value.layout == LAYOUTS["sparse_coo"]

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        from reference_engine.sparse.creation import sparse_coo_tensor

        if args and isinstance(args[0], Tensor):
            if len(args) > 1 and isinstance(args[1], Tensor) and args[1]._dtype is not cls.dtype:
                raise refusal("tensor.legacy.dtype", expected=_options(cls.dtype), got=_options(args[1]._dtype))
            return sparse_coo_tensor(*args)
        sizes = args[0] if args and isinstance(args[0], Size) else args or (0,)
        return sparse_coo_tensor(tuple(sizes), dtype=cls.dtype)

    def __repr__(cls) -> str:
        return f"<class 'torch.sparse.{cls.__name__}'>"


SPARSE_TYPES = {
    name: SparseType(name, (), {**vars(TYPES[name]), "is_sparse": True, "layout": LAYOUTS["sparse_coo"],
                                "__module__": "torch.sparse"})
    for name in ("BFloat16Tensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor", "IntTensor",
                 "LongTensor", "ShortTensor")
}  # fmt: skip


def new(self: Tensor, *args: Any, device: Any = None) -> Tensor:
    """A tensor of the same dtype, of sizes or of data. Use ``new_tensor`` and ``new_empty``."""
    return made(self._dtype, args)


def set_default_tensor_type(t: Any, /) -> None:
    """Set the default dtype by its old name. Use ``set_default_dtype``.

    Raises:
        TypeError: no floating point type.
    """
    if switch("tensor.legacy.default_type_deprecated"):
        warn("tensor.legacy.default_type_deprecated")
    name = t.rpartition(".")[2] if isinstance(t, str) else getattr(t, "__name__", "")
    if name not in TYPES or not TYPES[name].dtype.is_floating_point:
        raise refusal("tensor.legacy.default_type")
    dtypes.set_default_dtype(TYPES[name].dtype)


def dtype_of(value: Any) -> dtype:
    """The dtype that ``Tensor.type`` is given: a dtype, a legacy type, or the name of one.

    Raises:
        ValueError: an unknown name. TypeError: something else.
    """
    if isinstance(value, dtype):
        return value
    if isinstance(value, LegacyType):
        return value.dtype
    if isinstance(value, str):
        found = TYPES.get(value.removeprefix("torch."))
        if found is None or not value.startswith("torch."):
            raise refusal("tensor.type.name", name=value)
        return found.dtype
    if isinstance(value, type):
        made_in_c = not value.__flags__ & 1 << 9  # Py_TPFLAGS_HEAPTYPE
        outside = made_in_c and value.__module__ != "builtins"
        raise refusal("tensor.type.name", name=f"{value.__module__}.{value.__name__}" if outside else value.__name__)
    raise refusal("tensor.type.type")
