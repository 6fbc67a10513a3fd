"""Parameter and Buffer: tensors that a module keeps."""

from __future__ import annotations

from typing import Any

from reference_engine import creation, overrides
from reference_engine.dispatcher import watching
from reference_engine.override_names import PYTHON_METHODS
from reference_engine.tensor import Tensor


def adopt(cls: type[Any], data: Tensor, requires_grad: bool) -> Any:
    """`data` as a leaf of type `cls` that shares its memory and version."""
    if requires_grad and not data.dtype.is_differentiable:
        raise RuntimeError("Only Tensors of floating point and complex dtype can require gradients")
    if watching.used:
        with watching.DisableTorchDispatch(), overrides.DisableTorchFunction():  # becoming a parameter is no operation
            made = data.detach()
    else:
        with overrides.DisableTorchFunction():
            made = data.detach()
    made.__class__ = cls
    made._leaf_requires_grad = requires_grad  # not by requires_grad_(), which transforms refuse
    return made


class _ByMark(type(Tensor)):  # type: ignore[misc]
    """Makes `isinstance` also answer for subclasses of Tensor that carry the mark of the class."""

    def __instancecheck__(cls, instance: Any) -> bool:
        if type.__instancecheck__(cls, instance):
            return True
        return cls is cls._marked() and isinstance(instance, Tensor) and getattr(instance, cls._mark, False)

    def _marked(cls) -> Any:
        return next((base for base in cls.__mro__ if "_mark" in vars(base)), None)


class Parameter(Tensor, metaclass=_ByMark):
    """A tensor that a module registers as its parameter when it is assigned as an attribute.

    Mirrors ``torch.nn.Parameter``: https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html
    """

    _mark = "_is_param"
    __torch_function__ = staticmethod(overrides._disabled_torch_function_impl)

    def __new__(cls, data: Any = None, requires_grad: bool = True) -> Any:
        if data is None:
            data = creation.empty(0)
        if type(data) in (Tensor, Parameter):
            return adopt(cls, data, requires_grad)
        # A subclass of Tensor keeps its type.
        made = data.detach().requires_grad_(requires_grad)
        if type(made) is not type(data):
            raise RuntimeError(
                f"Creating a Parameter from an instance of type {type(data).__name__} requires that detach() returns "
                f"an instance of the same type, but return type {type(made).__name__} was found instead. To use the "
                "type as a Parameter, please correct the detach() semantics defined by its __torch_dispatch__() "
                "implementation."
            )
        made._is_param = True
        return made

    def __repr__(self) -> str:  # type: ignore[override]
        return "Parameter containing:\n" + super().__repr__()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]


class Buffer(Tensor, metaclass=_ByMark):
    """A tensor that a module registers as its buffer when it is assigned as an attribute."""

    _mark = "_is_buffer"

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        if data is None:
            data = creation.empty(0)
        made = data.detach().requires_grad_(data.requires_grad)
        made.persistent, made._is_buffer = persistent, True
        return made


_UNKNOWN = (
    "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in `load_state_dict` "
    "when trying to load an uninitialized parameter into an initialized one. Call `forward` to initialize the "
    "parameters before accessing their attributes."
)


_UNUSABLE = (
    "Attempted to use an uninitialized parameter in {}. This error happens when you are using a `LazyModule` or "
    "explicitly manipulating `torch.nn.parameter.{}` objects. When using LazyModules Call `forward` with a dummy batch "
    "to initialize the parameters before calling torch functions"
)
_NOT_SHARED = (
    "Can't share memory on an uninitialized parameter or buffer. Call `forward` to initialize the parameters before "
    "calling `module.share_memory()`."
)
#: What can be done with a tensor that has no shape.
_USABLE = {
    "__hash__", "_has_compatible_shallow_copy_type", "_to_copy", "char", "copy_", "cpu", "cuda", "double", "float",
    "get_device", "half", "int", "is_complex", "is_floating_point", "long", "short", "size", "to",
}  # fmt: skip


def _described(func: Any) -> str:
    """A method as it is printed where it is written in C."""
    owner, _, name = getattr(func, "__qualname__", "").rpartition(".")
    if owner not in ("Tensor", "TensorBase") or name in PYTHON_METHODS:
        return repr(func)
    return f"<{'slot wrapper' if name.startswith('__') else 'method'} {name!r} of 'torch._C.TensorBase' objects>"


class _Uninitialized:
    """A tensor without a shape yet."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        if name in _USABLE or name == "__get__" or type(func).__name__ == "method-wrapper":
            return super().__torch_function__(func, types, args, kwargs or {})  # type: ignore[misc]
        raise ValueError(_UNUSABLE.format(_described(func), cls.__name__))

    def __reduce_ex__(self: Any, protocol: Any) -> Any:
        return type(self), (self.requires_grad,)

    def share_memory_(self) -> Any:
        raise RuntimeError(_NOT_SHARED)

    def __deepcopy__(self: Any, memo: dict[int, Any]) -> Any:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.requires_grad, dtype=self.dtype)
        return memo[id(self)]

    @property
    def shape(self) -> Any:
        raise RuntimeError(_UNKNOWN)

    def materialize(self: Any, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Give it a shape, and the type it stands for."""
        self.data = creation.empty(tuple(shape), dtype=dtype or self.dtype)
        self.__class__ = self.cls_to_become

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):  # type: ignore[misc, metaclass]
    """A parameter without a shape yet."""

    cls_to_become = Parameter

    def __new__(cls, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> Any:
        made = Parameter(creation.empty(0, dtype=dtype), requires_grad)
        made.__class__ = cls
        return made


class UninitializedBuffer(_Uninitialized, Buffer):  # type: ignore[misc, metaclass]
    """A buffer without a shape yet."""

    cls_to_become = Tensor

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: Any = None, persistent: bool = True
    ) -> Any:
        made: Any = creation.empty(0, dtype=dtype)
        made.__class__, made.persistent, made._is_buffer = cls, persistent, True
        return made


def is_lazy(param: Any) -> bool:
    """Whether it has no shape yet."""
    return isinstance(param, _Uninitialized)
