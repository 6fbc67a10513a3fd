"""Attributes of Tensor that say where and how it is kept, and the words that refuse to change or delete attributes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from reference_engine.layouts import memory_format
from reference_engine.legacy_types import new
from reference_engine.semantics import refusal, warn
from reference_engine.sparse import access, conversion
from reference_engine.strides import fastest_first
from reference_engine.tensor import Tensor
from reference_engine.tensor_base import TensorBase

#: What a tensor could be elsewhere. Here it is a strided tensor in the memory of the CPU.
_NEVER = (
    "is_cuda", "is_ipu", "is_maia", "is_mkldnn", "is_mps", "is_mtia", "is_nested", "is_quantized",
    "is_vulkan", "is_xla", "is_xpu",
)  # fmt: skip

_UNDELETED = {
    "data": "tensor.data.deleted",
    "requires_grad": "leaf.requires_grad.type",
    "_grad_fn": "tensor.grad_fn.deleted",
    "_backward_hooks": "tensor.backward_hooks.deleted",
    "_post_accumulate_grad_hooks": "tensor.post_accumulate_grad_hooks.deleted",
}


def _refuse_writing(name: str) -> Callable[[Tensor, Any], None]:
    def refuse(self: Tensor, value: Any) -> None:
        raise refusal("tensor.attribute.read_only", name=name)

    return refuse


def _constant(value: Any) -> property:
    return property(lambda self: value)


def _volatile(self: Tensor) -> bool:
    warn("tensor.volatile.read")
    return False


def _set_volatile(self: Tensor, value: Any) -> None:
    warn("tensor.volatile.written")


def _detach_grad_fn(self: Tensor, value: Any) -> None:
    """``t._grad_fn = None``, an old way to detach.

    Raises:
        RuntimeError: anything but None.
    """
    if value is not None:
        raise refusal("tensor.grad_fn.none")
    self.detach_()


def _apply(self: Tensor, function: Callable[[Any], Any]) -> Tensor:
    """Replace each element by what a Python function makes of it.

    Raises:
        RuntimeError: the tensor requires grad, for the function is not differentiated.
    """
    if self.requires_grad:
        raise refusal("tensor.apply.requires_grad", method="apply_")
    return self.copy_(self.new_tensor([function(v) for v in self.reshape(-1).tolist()]).reshape(self._shape))


def _map(self: Tensor, other: Tensor, function: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element by what a Python function makes of it and of its partner.

    Raises:
        RuntimeError: the tensor requires grad, for the function is not differentiated.
    """
    if self.requires_grad or other.requires_grad:
        raise refusal("tensor.apply.requires_grad", method="map_")
    pairs = zip(self.reshape(-1).tolist(), other.expand(self._shape).reshape(-1).tolist(), strict=True)
    return self.copy_(self.new_tensor([function(a, b) for a, b in pairs]).reshape(self._shape))


def _map2(self: Tensor, x: Tensor, y: Tensor, function: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replace each element by what a Python function makes of it and of two partners.

    Raises:
        RuntimeError: a tensor requires grad, for the function is not differentiated.
        TypeError: a partner is of another dtype.
    """
    for name, other in (("x", x), ("y", y)):
        if other._dtype is not self._dtype:
            raise refusal(
                "tensor.map2.dtype", name=name, expected=self._dtype.tensor_name, got=other._dtype.tensor_name
            )
    if self.requires_grad or x.requires_grad or y.requires_grad:
        raise refusal("tensor.apply.requires_grad", method="map2_")
    rows = zip(*(t.expand(self._shape).reshape(-1).tolist() for t in (self, x, y)), strict=True)
    return self.copy_(self.new_tensor([function(*row) for row in rows]).reshape(self._shape))


def _dim_order(self: Tensor, *, ambiguity_check: Any = False) -> tuple[int, ...]:
    """The dimensions from the one whose steps in memory are largest to the one whose are smallest.

    Raises:
        RuntimeError: asked to make sure, the order is not the only one, or of none of the memory formats given.
        TypeError: what is asked is neither a bool nor a list of memory formats.
    """
    formats = ambiguity_check if isinstance(ambiguity_check, list) else []
    asked = ambiguity_check is not False
    if not isinstance(ambiguity_check, (bool, list)) or not all(isinstance(f, memory_format) for f in formats):
        raise refusal("tensor.dim_order.check")
    steps = self._strides
    unclear = any(a == b for a, b in itertools.pairwise(steps)) or 1 in self._shape
    if asked and unclear and sum(self.is_contiguous(f) for f in formats) != 1:
        raise refusal("tensor.dim_order.formats")
    if asked and 0 in steps:
        raise refusal("tensor.dim_order.unique")
    return tuple(reversed(fastest_first(self._shape, [steps])))


def _cuda(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    from reference_engine import cuda

    return cuda.refuse()


def _delete(self: Tensor, name: str) -> None:
    """``del t.name``.

    Raises:
        RuntimeError, AttributeError: what a tensor cannot be without.
    """
    if name in _UNDELETED:
        raise refusal(_UNDELETED[name])
    found = getattr(type(self), name, None)
    if isinstance(found, property) and found.fdel is None:
        raise refusal("tensor.attribute.read_only", name=name)
    object.__delattr__(self, name)


def _module_load(self: Tensor, other: Tensor, assign: bool = False) -> Tensor:
    """What a module takes over for this parameter or buffer when other state is loaded."""
    return other.detach() if assign else self.copy_(other).detach()


def _pin_memory(self: Tensor, device: Any = None) -> Any:
    raise RuntimeError("Cannot access accelerator device when none is available.")


_module_load.__qualname__ = "Tensor.module_load"


def _is_shared(self: Tensor) -> bool:
    return self._storage.is_shared()


def _share_memory(self: Tensor) -> Tensor:
    """Remembered, without effect: no other process sees the memory."""
    self._storage.share_memory_()
    return self


_is_shared.__qualname__, _share_memory.__qualname__ = "Tensor.is_shared", "Tensor.share_memory_"


def attach() -> None:
    """Attach them to Tensor, and give every property that has no setter the words that torch has."""
    cls: Any = Tensor
    access.attach()
    conversion.attach()
    cls.is_cpu = property(lambda self: not self.is_meta)
    for name in _NEVER:
        setattr(cls, name, _constant(False))
    cls.volatile = property(_volatile, _set_volatile)
    cls._grad_fn = property(lambda self: self.grad_fn, _detach_grad_fn)
    cls._cdata = property(id)
    for name, found in [*vars(TensorBase).items(), *vars(cls).items()]:
        if isinstance(found, property) and found.fset is None:
            setattr(cls, name, found.setter(_refuse_writing(name)))
    cls.__delattr__ = _delete
    cls.new, cls.apply_, cls.map_, cls.cuda = new, _apply, _map, _cuda
    cls.map2_, cls.dim_order = _map2, _dim_order
    cls.is_pinned = cls.is_distributed = lambda self, *device: False
    cls.module_load, cls.pin_memory = _module_load, _pin_memory
    cls.is_shared, cls.share_memory_ = _is_shared, _share_memory
    cls.is_same_size = lambda self, other: self._shape == other._shape
    cls.is_nonzero = cls.__nonzero__ = Tensor.__bool__
    cls.__long__ = Tensor.__int__
    cls.const_data_ptr = Tensor.data_ptr
    cls.__reversed__ = lambda self: self.flip(0) if self._shape else self
    cls.__rmatmul__ = lambda self, other: other.matmul(self) if isinstance(other, Tensor) else NotImplemented
