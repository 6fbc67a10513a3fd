"""Making instances of subclasses of Tensor: over the memory of another tensor, or over none."""

from __future__ import annotations

from typing import Any

from reference_engine import dtypes, strides
from reference_engine.dispatcher import watching
from reference_engine.modes import state
from reference_engine.semantics import refusal
from reference_engine.storage import Storage
from reference_engine.tensor import Tensor
from reference_engine.versions import VersionCounter


def _blank(cls: Any, storage: Storage, d: Any, shape: Any, strides_: Any, offset: int) -> Any:
    """An instance, made without asking the class."""
    if not (isinstance(cls, type) and issubclass(cls, Tensor)):
        raise TypeError(
            "Creating a Tensor subclass from a class that does not inherit from Tensor is not possible. "
            "Make sure your class inherits from Tensor."
        )
    made: Any = object.__new__(cls)
    made._storage, made._dtype, made._shape, made._strides, made._offset = storage, d, shape, strides_, offset
    made._version_counter = VersionCounter()
    if state.inference:
        made._inference = True
    return made


def _flagged(made: Any, requires_grad: bool) -> Any:
    if requires_grad and not made._dtype.is_differentiable:
        raise refusal("leaf.factory.dtype")
    made._leaf_requires_grad = bool(requires_grad)
    return made


def make_subclass(cls: Any, data: Any, require_grad: bool = False, **dispatched: Any) -> Any:
    """``Tensor._make_subclass``: an instance that looks at the memory of a tensor, without its history.

    Raises:
        TypeError: not a tensor, or not a subclass of Tensor.
    """
    if not isinstance(data, Tensor):
        raise TypeError(f"_make_subclass(): argument 'data' (position 2) must be Tensor, not {type(data).__name__}")
    made = _blank(cls, data._storage, data._dtype, data._shape, data._strides, data._offset)
    made._conj, made._neg, made._inference = data._conj, data._neg, data._inference
    return _flagged(made, require_grad)


def make_wrapper_subclass(
    cls: Any, size: Any = ..., strides_: Any = None, storage_offset: int | None = None, memory_format: Any = None,
    dtype: Any = None, layout: Any = None, device: Any = None, pin_memory: bool = False, requires_grad: bool = False,
    dispatch_sizes_strides_policy: Any = None, dispatch_device: bool = False, dispatch_layout: bool = False,
    _extra_dispatch_keys: Any = None, storage_size: int | None = None, **named: Any,
) -> Any:  # fmt: skip
    """``Tensor._make_wrapper_subclass``: an instance that has no memory of its own; its operations are all overridden.

    Raises:
        TypeError: no size, or a class without ``__torch_dispatch__``.
    """
    if size is ...:
        raise TypeError('_make_wrapper_subclass() missing 1 required positional arguments: "size"')
    if not isinstance(size, (tuple, list)):
        raise TypeError(
            f"_make_wrapper_subclass(): argument 'size' (position 2) must be tuple of ints, not {type(size).__name__}"
        )
    if not watching.overrides(cls):
        raise TypeError(f"{cls.__name__} must define __torch_dispatch__")
    shape = tuple(int(n) for n in size)
    given = named.get("strides", strides_)
    wanted = strides.contiguous(shape) if given is None else tuple(int(n) for n in given)
    made = _blank(cls, Storage(0), dtype or dtypes.get_default_dtype(), shape, wanted, storage_offset or 0)
    return _flagged(made, requires_grad)


def attach() -> None:
    """Attach both to Tensor."""
    cls: Any = Tensor
    cls._make_subclass = staticmethod(make_subclass)
    cls._make_wrapper_subclass = staticmethod(make_wrapper_subclass)
