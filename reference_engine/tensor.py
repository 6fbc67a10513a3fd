"""Tensor: a look into a storage, with what autograd keeps beside it.

Operations are attached by ``reference_engine.ops``; here is what a tensor *is*.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from reference_engine import dtypes, layouts, levels, strides
from reference_engine.autograd import hooks, leaf
from reference_engine.devices import CPU, device
from reference_engine.modes import state
from reference_engine.semantics import cite, refusal, switch, warn
from reference_engine.size import Size
from reference_engine.storage import Storage
from reference_engine.versions import VersionCounter

if TYPE_CHECKING:
    from reference_engine.autograd.forward_ad import Tangent
    from reference_engine.autograd.node import Node
    from reference_engine.dtypes import dtype
    from reference_engine.levels import Level
    from reference_engine.views import ViewOf


class _TensorMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return type.__instancecheck__(cls, instance)

    def __repr__(cls) -> str:
        """The name that scripts know: ``<class 'torch.Tensor'>``, ``<class 'torch.nn.parameter.Parameter'>``."""
        home = cls.__module__.replace("reference_engine.tensor", "torch").replace("reference_engine", "torch")
        return f"<class '{home}.{cls.__qualname__}'>"


class Tensor(metaclass=_TensorMeta):
    """A multi-dimensional array that remembers how it was made.

    Mirrors ``torch.Tensor``: https://docs.pytorch.org/docs/stable/tensors.html
    """

    # What autograd keeps. Class attributes are the state of a fresh tensor, so that making one is cheap.
    _leaf_requires_grad: bool = False
    _node: Node | None = None
    _output_nr: int = 0
    _view: ViewOf | None = None
    _grad: Tensor | None = None
    _accumulator: Callable[[], Any] | None = None
    _accumulator_of: Tensor | None = None  # an unpacked saved leaf stands for this leaf
    _backward_hooks: Any = None
    _post_accumulate_grad_hooks: Any = None
    _grad_dtype: Any = ...  # the tensor's own, unless set
    _retains_grad: bool = False
    _inference: bool = False
    _conj: bool = False
    _neg: bool = False
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

    __array_priority__ = 1000  # numpy must ask our reflected operators first
    __hash__ = object.__hash__

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """``torch.Tensor(2, 3)`` (uninitialised, here zeros), ``torch.Tensor([..])``, or a subclass instance."""
        from reference_engine import creation

        return creation.legacy_constructor(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    @classmethod
    def _make(
        cls, storage: Storage, d: dtype, shape: tuple[int, ...], strides_: tuple[int, ...], offset: int
    ) -> Tensor:
        """A tensor over existing memory, with no history and a version counter of its own."""
        t: Tensor = object.__new__(cls)
        t._storage, t._dtype, t._shape, t._strides, t._offset = storage, d, shape, strides_, offset
        t._version_counter = VersionCounter()
        if state.inference:
            t._inference = True
        return t

    def _alias(self) -> Tensor:
        """The same memory and version counter, without history."""
        t: Tensor = object.__new__(Tensor)
        t._storage, t._dtype, t._shape, t._strides, t._offset = (
            self._storage, self._dtype, self._shape, self._strides, self._offset,
        )  # fmt: skip
        t._version_counter = self._version_counter
        if self._conj or self._neg:
            t._conj, t._neg = self._conj, self._neg
        if self._inference:
            t._inference = True
        if self._tangent is not None:
            t._tangent = self._tangent
        if self._level is not None:
            t._level, t._below, t._batch_dim = self._level, self._below, self._batch_dim
        return t

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
        self._array()[...] = values

    def _copy(self, wanted_strides: tuple[int, ...]) -> Tensor:
        """A fresh tensor of the same values in a dense layout, without history."""
        from reference_engine.ops.kernels import from_array

        return from_array(self._read(), self._dtype, wanted_strides)

    # -- metadata ----------------------------------------------------------------------------------------------

    @property
    def shape(self) -> Size:
        return Size(self._shape)

    @property
    def dtype(self) -> dtype:
        return self._dtype

    @property
    def device(self) -> device:
        return CPU

    @property
    def ndim(self) -> int:
        return len(self._shape)

    @property
    def itemsize(self) -> int:
        return self._dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.numel() * self._dtype.itemsize

    def size(self, dim: int | None = None) -> Any:
        from reference_engine.ops.kernels import wrap_dim

        return Size(self._shape) if dim is None else self._shape[wrap_dim(dim, len(self._shape), False)]

    def stride(self, dim: int | None = None) -> Any:
        from reference_engine.ops.kernels import wrap_dim

        return self._strides if dim is None else self._strides[wrap_dim(dim, len(self._shape), False)]

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
        levels.refuse_memory(self, "functorch.storage")
        return self._storage

    def data_ptr(self) -> int:
        levels.refuse_memory(self, "functorch.memory")
        address = self._storage.data_ptr()
        return address + self._offset * self._dtype.itemsize if address and self.numel() else 0

    def is_contiguous(self, memory_format: Any = None) -> bool:
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

    # -- autograd ----------------------------------------------------------------------------------------------

    @property
    def grad_fn(self) -> Node | None:
        """The node that made this tensor; None for a leaf. A view whose base changed gets a new one here."""
        view = self._view
        if view is not None and view.attr_version != self._version_counter.value:
            from reference_engine import views

            views.refresh_history(self)
        return self._node

    @property
    def requires_grad(self) -> bool:
        if self._leaf_requires_grad or self._node is not None:
            return True
        return self._view is not None and self._view.base.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: Any) -> None:
        leaf.set_requires_grad(self, value, "attribute")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Change whether a leaf records operations; returns the tensor."""
        leaf.set_requires_grad(self, requires_grad, "method")
        return self

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @property
    def output_nr(self) -> int:
        return self._output_nr

    @property
    def retains_grad(self) -> bool:
        return self._retains_grad

    @property
    def _version(self) -> int:
        if self._inference:
            raise refusal("inference.version_counter")
        return self._version_counter.value

    @property
    def _base(self) -> Tensor | None:
        return None if self._view is None else self._view.base

    def _is_view(self) -> bool:
        return self._view is not None

    @property
    def grad(self) -> Tensor | None:
        if self._grad is None and not self._retains_grad and self._node is not None and self.requires_grad:
            warn("leaf.grad.read_non_leaf")
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        leaf.set_grad(self, value)

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def data(self) -> Tensor:
        """The same memory, without history and with a version counter of its own: changes go unnoticed."""
        levels.refuse_mapped(self, "functorch.vmap.data")
        cite("leaf.data.own_version")
        t = self._alias()
        t._version_counter = VersionCounter()
        t._tangent = None
        return t

    @data.setter
    def data(self, value: Any) -> None:
        leaf.set_data(self, value)

    @property
    def grad_dtype(self) -> dtypes.dtype | None:
        """Which dtype the gradient of a leaf has; None allows any."""
        if not self.is_leaf and not switch("leaf.grad_dtype.read_non_leaf"):
            raise refusal("leaf.grad_dtype.read_non_leaf")
        return self._dtype if self._grad_dtype is Ellipsis else self._grad_dtype

    @grad_dtype.setter
    def grad_dtype(self, value: Any) -> None:
        leaf.set_grad_dtype(self, value)

    def backward(
        self, gradient: Any = None, retain_graph: bool | None = None, create_graph: bool = False, inputs: Any = None
    ) -> None:
        """Differentiate the graph that ends here: see ``reference_engine.autograd.backward``."""
        from reference_engine import overrides
        from reference_engine.autograd.backward import backward

        if overrides.has_torch_function((self,)):
            return overrides.handle(
                Tensor.backward, (self,), (self,), gradient=gradient, retain_graph=retain_graph,
                create_graph=create_graph, inputs=inputs,
            )  # fmt: skip
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def retain_grad(self, *given: Any) -> None:
        """Keep ``.grad`` of a non-leaf. Nothing happens for a leaf, or when called again."""
        if given:
            raise refusal("leaf.retain_grad.arguments", given=len(given))
        leaf.retain_grad(self)

    def register_hook(self, hook: Callable[..., Any]) -> hooks.RemovableHandle:
        """Call ``hook(grad)`` each time the gradient of this tensor is computed; a returned tensor replaces it."""
        return leaf.register_hook(self, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[..., Any]) -> hooks.RemovableHandle:
        """Call ``hook(tensor)`` after ``.grad`` of this leaf was accumulated."""
        if not switch("hooks.post_accumulate.exists"):
            raise AttributeError("'Tensor' object has no attribute 'register_post_accumulate_grad_hook'")
        return leaf.register_post_accumulate_grad_hook(self, hook)

    def detach(self) -> Tensor:
        from reference_engine import overrides, views

        if overrides.has_torch_function((self,)):
            return overrides.handle(Tensor.detach, (self,), (self,))
        return views.detach(self)

    def detach_(self) -> Tensor:
        from reference_engine import views

        return views.detach_in_place(self)

    def data_as_numpy(self) -> np.ndarray[Any, Any]:
        return self._read()

    # -- leaving for Python and NumPy --------------------------------------------------------------------------

    def item(self) -> Any:
        """The one element as a Python number.

        Raises:
            RuntimeError: not exactly one element (clause tensor.item.one_element).
        """
        if self.numel() != 1:
            raise refusal("tensor.item.one_element", numel=self.numel())
        levels.refuse_mapped(self, "functorch.vmap.item")
        value = self._read().reshape(())
        return _python_number(value, self._dtype)

    def tolist(self) -> Any:
        levels.refuse_mapped(self, "functorch.memory")
        a = self._read()
        if self._dtype.itemsize == 2 and self._dtype.is_floating_point:
            a = a.astype(np.float32)
        return a.tolist()

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """A NumPy array over the same memory.

        Raises:
            RuntimeError: the tensor requires grad while recording, is a lazy conjugate or negative.
            TypeError: bfloat16.
        """
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

    def __contains__(self, element: Any) -> bool:
        if not isinstance(element, (Tensor, int, float, complex)):
            raise refusal("tensor.contains.type", type=type(element))
        return bool((self == element).any().item())

    def __iter__(self) -> Any:
        if not self._shape:
            raise refusal("tensor.iter.zero_dim")
        return iter(self.unbind(0))

    def __format__(self, spec: str) -> str:
        if not self._shape:
            return self.item().__format__(spec)
        return object.__format__(self, spec)

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        from reference_engine import printing

        return printing.of_tensor(self)

    def __dir__(self) -> list[str]:
        return sorted(set(object.__dir__(self)) - {"volatile"})  # to ask for it would warn

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return leaf.deepcopy(self, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        from reference_engine import serialization

        return serialization.reduce(self)

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        from reference_engine import overrides

        return overrides.of_subclass(cls, func, types, args, kwargs)

    def as_subclass(self, cls: type[Any]) -> Any:
        """A differentiable alias of this tensor, of another type."""
        made = self._view_alias()
        made.__class__ = cls
        return made

    def __copy__(self) -> Tensor:
        return leaf.shallow_copy(self)

    if TYPE_CHECKING:  # operations are attached by reference_engine.ops

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...


def _python_number(value: Any, d: dtype) -> Any:
    if d is dtypes.bool_:
        return bool(value)
    if d.is_complex:
        return complex(value)
    return float(value) if d.is_floating_point else int(value)


def is_tensor(obj: Any) -> bool:
    return isinstance(obj, Tensor)


def tensors_in(values: Sequence[Any]) -> list[Tensor]:
    """The tensors among bound arguments, those in lists included, in order."""
    found: list[Tensor] = []
    for v in values:
        if isinstance(v, Tensor):
            found.append(v)
        elif isinstance(v, (list, tuple)):
            found.extend(x for x in v if isinstance(x, Tensor))
    return found


__all__ = ["Tensor", "is_tensor", "tensors_in", "weakref"]
