"""Python operators, and the tensor properties and methods that are thin spellings of ops."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

from reference_engine import creation, dtypes, meta, overrides, strides
from reference_engine.devices import device, require
from reference_engine.dispatcher import watching
from reference_engine.ops.declare import OPS
from reference_engine.ops.dispatch import Function
from reference_engine.ops.kernels import promote
from reference_engine.ops.rearranging import hermitian, matrix_transpose, reversed_dimensions
from reference_engine.semantics import refusal, switch
from reference_engine.sparse.access import layout_word, type_name
from reference_engine.tensor import Tensor

_BINARY = {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "matmul": "matmul", "and": "bitwise_and",
    "or": "bitwise_or", "xor": "bitwise_xor", "lt": "lt", "le": "le", "gt": "gt", "ge": "ge", "eq": "eq", "ne": "ne",
    "mod": "remainder", "floordiv": "floor_divide", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift",
}  # fmt: skip
_INPLACE = {
    "iadd": "add_",
    "isub": "sub_",
    "imul": "mul_",
    "itruediv": "div_",
    "ipow": "pow_",
    "imod": "remainder_",
    "ifloordiv": "floor_divide_",
    "iand": "bitwise_and_",
    "ior": "bitwise_or_",
    "ixor": "bitwise_xor_",
    "ilshift": "bitwise_left_shift_",
    "irshift": "bitwise_right_shift_",
}

#: Operators that ``__torch_function__`` sees as such, and not as the method that they stand for.
_SEEN = ("and", "or", "xor", "lshift", "rshift", "eq")
_REFLECTED = {"radd": "add", "rmul": "mul", "rand": "bitwise_and", "ror": "bitwise_or", "rxor": "bitwise_xor"}


def _operand(value: Any) -> bool:
    """Whether an operator takes this; for anything else Python may try the other operand."""
    import numpy as np

    return isinstance(value, (Tensor, int, float, complex, np.number, np.bool_)) or hasattr(
        type(value), "__torch_function__"
    )


def _is_tensor(value: Any) -> bool:
    return hasattr(type(value), "__torch_function__")


def _binary(name: str) -> Callable[[Tensor, Any], Any]:
    def operate(self: Tensor, other: Any) -> Any:
        if not (_is_tensor(other) if name == "matmul" else _operand(other)):
            return NotImplemented
        if not (watching.used or overrides.state.modes) and (
            isinstance(other, Tensor) or not hasattr(type(other), "__torch_function__")
        ):
            return getattr(self, name)(other)
        try:
            return getattr(self, name)(other)
        except TypeError:  # nobody who was asked knew what to do
            return NotImplemented

    return operate


def _reflected(function: Function) -> Callable[[Tensor, Any], Any]:
    """The operator of a number on the left, which is made a tensor of the dtype of the result."""

    def operate(self: Tensor, other: Any) -> Any:
        if not _operand(other):
            return NotImplemented
        if not hasattr(type(other), "__torch_function__"):
            other = creation.tensor(other, dtype=promote([other, self]))
        return function(other, self)

    return operate


def _seen(operator: str) -> None:
    """Let ``__torch_function__`` see an operator."""
    operate = getattr(Tensor, f"__{operator}__")

    def seen(self: Tensor, other: Any) -> Any:
        if (type(self) is not Tensor or overrides.state.modes) and overrides.has_torch_function((self, other)):
            shown = getattr(Tensor, f"__{operator}__")
            return overrides.offer(shown, (self, other), (self, other), {}, native=True)
        return operate(self, other)

    setattr(Tensor, f"__{operator}__", seen)


def _power_of_number(pow_: Function) -> Callable[[Tensor, Any], Any]:
    def operate(self: Tensor, other: Any) -> Any:
        if not _operand(other):
            return NotImplemented
        if not switch("pointwise.pow_of_number_node"):
            other = creation.tensor(other, dtype=promote([other, self]))
        return pow_(other, self)

    return operate


def attach() -> None:
    """Attach operators and the properties made of ops to Tensor."""
    cls: Any = Tensor
    for operator, name in {**_BINARY, **_REFLECTED}.items():
        if name in OPS:
            setattr(cls, f"__{operator}__", _binary(name))
    for operator, name in _INPLACE.items():
        if hasattr(cls, name):
            setattr(cls, f"__{operator}__", _binary(name))
    for operator in (*_BINARY, *_REFLECTED, *_INPLACE):
        shown = getattr(cls, f"__{operator}__", None)
        if isinstance(shown, FunctionType):
            shown.__name__, shown.__qualname__ = f"__{operator}__", f"Tensor.__{operator}__"
    functions = {name: Function(name, ops) for name, ops in OPS.items()}
    cls.__rsub__ = lambda self, other: functions["rsub"](self, other) if _operand(other) else NotImplemented
    cls.__rtruediv__ = lambda self, other: self.reciprocal() * other if _operand(other) else NotImplemented
    for operator, name in {"mod": "remainder", "floordiv": "floor_divide"}.items():
        setattr(cls, f"__r{operator}__", _reflected(functions[name]))
    for operator, name in {"lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift"}.items():
        setattr(cls, f"__r{operator}__", _reflected(functions[name]))
    cls.__rmatmul__ = lambda self, other: functions["matmul"](other, self) if _is_tensor(other) else NotImplemented
    for operator in _SEEN:
        _seen(operator)
    cls.__rpow__ = _power_of_number(functions["pow"])
    cls.__rdiv__ = cls.__rtruediv__
    cls.__neg__ = lambda self: self.neg()
    cls.__pos__ = lambda self: self
    cls.__abs__ = lambda self: self.abs()
    cls.__invert__ = _inverted
    cls.__hash__ = object.__hash__
    cls.real = property(lambda self: functions["real"](self), _set_part("real"))
    cls.imag = property(lambda self: functions["imag"](self), _set_part("imag"))
    cls.T = property(reversed_dimensions)
    cls.mT = property(lambda self: matrix_transpose(self, "mT"))
    cls.H = property(hermitian)
    cls.mH = property(lambda self: matrix_transpose(self, "mH"))
    for name, d in {
        "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
        "int": dtypes.int32, "long": dtypes.int64, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
        "bool": dtypes.bool_, "cfloat": dtypes.complex64, "cdouble": dtypes.complex128,
    }.items():  # fmt: skip
        setattr(cls, name, _caster(d))
    cls.to = to
    cls.type = _type
    cls.type_as = _type_as
    cls.cpu = lambda self, memory_format=None: to(self, "cpu")
    cls.reshape_as = lambda self, other: self.reshape(other.shape)
    cls.view_as = lambda self, other: self.view(other.shape)
    cls.expand_as = lambda self, other: self.expand(other.shape)


def _inverted(self: Tensor) -> Any:
    if self._dtype.is_differentiable:
        raise TypeError("~ (operator.invert) is only implemented on integer and Boolean-type tensors")
    return self.bitwise_not()


def _set_part(name: str) -> Callable[[Tensor, Any], None]:
    def assign(self: Tensor, value: Any) -> None:
        getattr(self, name).copy_(value if isinstance(value, Tensor) else self.new_tensor(value))

    return assign


def _caster(d: dtypes.dtype) -> Callable[..., Any]:
    def cast(self: Tensor, memory_format: Any = None) -> Any:
        return to(self, d, memory_format=memory_format)

    return cast


def to(self: Tensor, *args: Any, **kwargs: Any) -> Any:
    """``x.to(dtype)``, ``x.to(device, dtype)``, ``x.to(other)``: itself if nothing changes and no copy is asked for."""
    places = [kwargs.get("device"), *(a.device if isinstance(a, Tensor) else a for a in args)]
    place = next((a for a in places if isinstance(a, (str, device))), None)
    require(place)
    there = meta.moved(self, place)
    self = self if there is None else there
    d = dtypes.of_type(kwargs.pop("dtype", None))
    copy = kwargs.pop("copy", False)
    format_ = kwargs.pop("memory_format", None)
    for a in map(dtypes.of_type, args):
        if isinstance(a, dtypes.dtype):
            d = a
        elif isinstance(a, Tensor):
            d = a.dtype
        elif isinstance(a, (str, device)):
            require(a)
    flags = [a for a in args if isinstance(a, bool)]  # non_blocking, copy
    copy = copy or flags[1:] == [True]
    require(kwargs.get("device"))
    looks_last = strides.suggests_channels_last(self._shape, self._strides)
    moved = format_ not in (None, "torch.preserve_format") and looks_last != format_.startswith("torch.channels_last")
    if d is None or d is self._dtype:
        return self._to_copy(self._dtype, format_) if copy or moved else self
    return self._to_copy(d, format_)


def _type_as(self: Tensor, other: Tensor) -> Any:
    """In the dtype of another tensor.

    Raises:
        RuntimeError: that has another layout.
    """
    if other.layout is not self.layout:
        raise refusal("sparse.to.layout", layout=layout_word(self), other=layout_word(other))
    return to(self, other.dtype)


def _type(self: Tensor, dtype: Any = None, non_blocking: bool = False) -> Any:
    if dtype is None:
        return type_name(self)
    from reference_engine.legacy_types import dtype_of

    return to(self, dtype_of(dtype))
