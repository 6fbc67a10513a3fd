"""TensorBase: a look into a storage. Its memory and metadata, and how its values leave for Python and NumPy.

What autograd makes of it is in ``tensor.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_engine import dtypes, layouts, levels, strides
from reference_engine.devices import CPU, META, device
from reference_engine.dispatcher import watching
from reference_engine.modes import state
from reference_engine.semantics import quiet, refusal, require_attribute, switch, warn
from reference_engine.size import Size
from reference_engine.sparse.memory import Compressed
from reference_engine.storage import Storage
from reference_engine.versions import VersionCounter

if TYPE_CHECKING:
    from reference_engine.autograd.forward_ad import Tangent
    from reference_engine.autograd.node import Node
    from reference_engine.dtypes import dtype
    from reference_engine.levels import Level
    from reference_engine.sparse.memory import Coo
    from reference_engine.tensor import Tensor
    from reference_engine.views import ViewOf


class _TensorMeta(type):
    def __init__(cls, name: str, bases: Any, body: Any, **given: Any) -> None:
        super().__init__(name, bases, body)
        watching.note_subclass(cls)

    def __instancecheck__(cls, instance: Any) -> bool:
        return type.__instancecheck__(cls, instance)

    def __repr__(cls) -> str:
        """The name that scripts know: ``<class 'torch.Tensor'>``, ``<class 'torch.nn.parameter.Parameter'>``."""
        home = (
            cls.__module__.replace("reference_engine.tensor_base", "torch._C")
            .replace("reference_engine.tensor", "torch")
            .replace("reference_engine", "torch")
        )
        return f"<class '{home}.{cls.__qualname__}'>"


def _as_dim(dim: Any, method: str) -> int:
    """A dimension that a method of metadata is asked for.

    Raises:
        TypeError: no integer.
    """
    if not hasattr(dim, "__index__") or isinstance(dim, bool):
        raise TypeError(f"{method}(): argument 'dim' (position 1) must be int, not {type(dim).__name__}")
    return int(dim)


class TensorBase(metaclass=_TensorMeta):
    """What ``torch._C.TensorBase`` is: everything of a tensor that is not about its history."""

    # What autograd keeps. Class attributes are the state of a fresh tensor, so that making one is cheap.
    _leaf_requires_grad: bool = False
    _node: Node | None = None
    _output_nr: int = 0
    _view: ViewOf | None = None
    _leaf_views: Any = None  # views of this that were made leaves, by identity, weakly
    _grad: Tensor | None = None
    _accumulator: Callable[[], Any] | None = None
    _accumulator_of: Tensor | None = None  # an unpacked saved leaf stands for this leaf
    _backward_hooks: Any = None
    _post_accumulate_grad_hooks: Any = None
    _grad_dtype: Any = ...  # the tensor's own, unless set
    _retains_grad: bool = False
    _grad_by_hand: bool = False  # it was assigned
    _inference: bool = False
    _conj: bool = False
    _neg: bool = False
    _sparse: Coo | Compressed | None = None  # what it keeps its elements in, if it is not strided
    _tangent: Tangent | None = None
    _forward_root: bool = False  # a dual tensor: its tangent is a view of nothing
    _forward_base: Tensor | None = None  # the dual tensor that this is a view of
    _level: Level | None = None  # the transform that this belongs to, and the tensor outside of it that it stands for
    _below: Tensor | None = None
    _batch_dim: int | None = None  # of the tensor below: vmap goes along it
    _captured: bool = False  # it came into the transform without being an argument
    _version_counter: VersionCounter
    name: Any = None

    _storage: Storage
    _dtype: dtype
    _shape: tuple[int, ...]
    _strides: tuple[int, ...]
    _offset: int

    # -- memory ------------------------------------------------------------------------------------------------

    def _array(self) -> np.ndarray[Any, Any]:
        """A writable NumPy view of the memory (before any lazy conjugation or negation)."""
        return self._storage.array(self._dtype.np, self._shape, self._strides, self._offset)

    def _read(self) -> np.ndarray[Any, Any]:
        """The values. May alias the memory: do not write to it."""
        if self._level is not None:
            levels.refuse_mapped(self, "functorch.vmap.item")
        a = self._array()
        if self._conj:
            a = np.conj(a)
        return -a if self._neg else a

    def _write(self, values: Any) -> None:
        """Store values (broadcast, cast) into the memory. The caller bumps the version."""
        if self._neg:
            values = -np.asarray(values)
        if self._conj:
            values = np.conj(values)
        with quiet():  # what does not fit becomes an infinity, and nobody is told
            self._array()[...] = values

    def _copy(self, wanted_strides: tuple[int, ...]) -> Tensor:
        """A fresh tensor of the same values in a dense layout, without history."""
        from reference_engine.ops.kernels import from_array

        made = from_array(self._read(), self._dtype, wanted_strides)
        made._storage.meta = self._storage.meta
        return made

    # -- metadata ----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        return Size(self._shape)

    @property
    def dtype(self) -> dtype:
        return self._dtype

    @property
    def device(self) -> device:
        return META if self._storage.meta else CPU

    @property
    def is_meta(self) -> bool:
        """Whether it has no values."""
        return self._storage.meta

    @property
    def ndim(self) -> int:
        return len(self._shape)

    @property
    def itemsize(self) -> int:
        require_attribute("tensor.nbytes.exists", "Tensor", "itemsize")
        return self._dtype.itemsize

    @property
    def nbytes(self) -> int:
        require_attribute("tensor.nbytes.exists", "Tensor", "nbytes")
        if self._sparse is not None:
            raise refusal("sparse.nbytes")
        return self.numel() * self._dtype.itemsize

    def size(self, dim: int | None = None) -> Any:
        from reference_engine.ops.kernels import wrap_dim

        if dim is None:
            return Size(self._shape)
        return self._shape[wrap_dim(_as_dim(dim, "size"), len(self._shape), False)]

    def stride(self, dim: int | None = None) -> Any:
        from reference_engine.ops.kernels import wrap_dim

        if isinstance(self._sparse, Compressed):
            raise refusal("sparse.strides")
        if dim is None:
            return self._strides
        return self._strides[wrap_dim(_as_dim(dim, "stride"), len(self._shape), False)]

    def dim(self) -> int:
        return len(self._shape)

    ndimension = dim

    def numel(self) -> int:
        return strides.numel(self._shape)

    nelement = numel

    def element_size(self) -> int:
        return self._dtype.itemsize

    def storage_offset(self) -> int:
        return self._offset

    def untyped_storage(self) -> Storage:
        require_attribute("tensor.untyped_storage.exists", "Tensor", "untyped_storage")
        return self._whole_memory()

    def _whole_memory(self) -> Storage:
        levels.refuse_memory(self, "functorch.storage")
        if self._sparse is not None:
            raise refusal("sparse.storage")
        return self._storage

    def data_ptr(self) -> int:
        levels.refuse_memory(self, "functorch.memory")
        if self._sparse is not None:
            raise refusal("sparse.data_ptr")
        address = 0 if self._storage.meta else self._storage.data_ptr()
        return address + self._offset * self._dtype.itemsize if address and self.numel() else 0

    def is_contiguous(self, memory_format: Any = None) -> bool:
        if self._sparse is not None:
            return False
        return layouts.is_laid_out(self._shape, self._strides, memory_format)

    def is_floating_point(self) -> bool:
        return self._dtype.is_floating_point

    def is_complex(self) -> bool:
        return self._dtype.is_complex

    def is_signed(self) -> bool:
        return self._dtype.is_signed

    def is_conj(self) -> bool:
        return self._conj

    def is_neg(self) -> bool:
        return self._neg

    def is_inference(self) -> bool:
        return self._inference

    def is_set_to(self, other: Tensor) -> bool:
        mine = (self._storage, self._offset, self._shape, self._strides)
        return mine == (other._storage, other._offset, other._shape, other._strides)

    def get_device(self) -> int:
        return -1

    def __len__(self) -> int:
        if not self._shape:
            raise refusal("tensor.len.zero_dim")
        return self._shape[0]

    # -- leaving for Python and NumPy --------------------------------------------------------------------------

    def item(self) -> Any:
        """The one element as a Python number.

        Raises:
            RuntimeError: not exactly one element (clause tensor.item.one_element).
        """
        if self.numel() != 1:
            raise refusal("tensor.item.one_element", numel=self.numel())
        levels.refuse_mapped(self, "functorch.vmap.item")
        if watching.used and watching.sees((self,)):
            return watching.shown("_local_scalar_dense.default", self)
        if self._sparse is not None:
            return self.to_dense().item()
        self._refuse_meta()
        value = self._read().reshape(())
        return _python_number(value, self._dtype)

    def _refuse_meta(self) -> None:
        """What has no values gives none."""
        if self._storage.meta:
            raise RuntimeError("Tensor.item() cannot be called on meta tensors")

    def tolist(self) -> Any:
        levels.refuse_mapped(self, "functorch.memory")
        if watching.used and watching.overrides(type(self)):
            raise RuntimeError(f".tolist() is not supported for tensor subclasses, got {type(self).__name__}")
        if self._sparse is not None:
            raise refusal("sparse.data_ptr")
        if self._storage.meta:
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        a = self._read()
        if self._dtype.itemsize < 4 and self._dtype.is_floating_point:
            a = a.astype(np.float32)
        return a.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """A NumPy array over the same memory.

        Raises:
            RuntimeError: the tensor requires grad while recording, is a lazy conjugate or negative.
            TypeError: bfloat16.
        """
        if watching.used and watching.overrides(type(self)):
            raise RuntimeError(".numpy() is not supported for tensor subclasses.")
        if self._sparse is not None:
            raise refusal("sparse.numpy")
        if self._storage.meta and not force:
            raise TypeError(
                "can't convert meta device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory "
                "first."
            )
        if force:
            return self.detach().cpu().resolve_conj().resolve_neg()._array()
        if self.requires_grad and state.grad:
            raise refusal("tensor.numpy.requires_grad")
        if self._conj:
            raise refusal("tensor.numpy.conj")
        if self._neg:
            raise refusal("tensor.numpy.neg")
        if self._dtype is dtypes.bfloat16:
            raise refusal("tensor.numpy.dtype", dtype_name="BFloat16")
        levels.refuse_memory(self, "functorch.memory")
        return self._array()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        a = self.numpy()
        return a if dtype is None else a.astype(dtype, copy=False)

    def __array_wrap__(self, array: np.ndarray[Any, Any]) -> Any:
        """What a function of NumPy made of tensors is a tensor again; truth values become numbers."""
        from reference_engine import creation

        return creation.from_numpy(array.astype(np.uint8) if array.dtype == bool else array)

    def __bool__(self) -> bool:
        n = self.numel()
        if n == 0:
            raise refusal("tensor.bool.empty")
        if n > 1:
            raise refusal("tensor.bool.ambiguous")
        levels.refuse_mapped(self, "functorch.vmap.control_flow")
        return bool(self.item())

    def __int__(self) -> int:
        return int(self._scalar("int"))

    def __float__(self) -> float:
        return float(self._scalar("float"))

    def __complex__(self) -> complex:
        return complex(self._scalar("complex"))

    def __index__(self) -> int:
        if self._dtype.category > 1 or (self._shape and self.numel() != 1):
            raise refusal("tensor.index.integer")
        return int(self.item())

    def _scalar(self, to: str) -> Any:
        if to == "float" and state.grad and self.requires_grad and switch("tensor.scalar.warns"):
            warn("tensor.scalar.requires_grad")
        if self.numel() != 1:
            raise refusal("tensor.scalar.one_element")
        value = self.item()
        if to != "complex" and isinstance(value, complex) and value.imag:
            raise refusal("tensor.value.overflow", dtype_cpp="double" if to == "float" else "int64_t")
        return value.real if to != "complex" and isinstance(value, complex) else value

    if TYPE_CHECKING:  # what Tensor and reference_engine.ops add

        def __getattr__(self, name: str) -> Any: ...


def _python_number(value: Any, d: dtype) -> Any:
    if d is dtypes.bool_:
        return bool(value)
    if d.is_complex:
        return complex(value)
    return float(value) if d.is_floating_point else int(value)
