"""``torch.utils._python_dispatch``: modes and tensor subclasses that see calls below autograd."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

from reference_engine.dispatcher import watching
from reference_engine.dispatcher.operators import OpOverload, bind
from reference_engine.tensor import Tensor


class TorchDispatchMode:
    """A context manager whose ``__torch_dispatch__`` sees every call inside, below autograd.

    What it calls in turn is seen by the modes further out. Inside of ``with self:`` it would see that, too.
    """

    supports_higher_order_operators = False

    def __init__(self, _dispatch_key: Any = None) -> None:
        pass

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise NotImplementedError

    def __enter__(self) -> Any:
        watching.push(self)
        return self

    def __exit__(self, exc_type: Any, exc_val: Any, exc_tb: Any) -> Any:
        watching.pop()

    @classmethod
    def push(cls, *args: Any, **kwargs: Any) -> Any:
        """Make and return one, to be entered."""
        warnings.warn("`Mode.push()` is no longer necessary and can be replaced with just `with Mode()`", stacklevel=2)
        return cls(*args, **kwargs)

    @classmethod
    def is_infra_mode(cls) -> bool:
        """Whether it belongs to a compiler, and is not to be compiled."""
        return False

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        return cls.is_infra_mode()


class BaseTorchDispatchMode(TorchDispatchMode):
    """A mode that changes nothing."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return func(*args, **(kwargs or {}))


def is_in_torch_dispatch_mode(include_infra_modes: bool = True) -> bool:
    return any(include_infra_modes or not mode.is_infra_mode() for mode in watching.state.stack)


def is_in_any_mode_without_ignore_compile_internals() -> bool:
    return any(not mode.ignore_compile_internals() for mode in watching.state.stack)


def any_torch_dispatch_mode_on_stack() -> bool:
    return bool(watching.state.stack)


def _get_current_dispatch_mode() -> Any:
    return watching.state.stack[-1] if watching.state.stack else None


def _get_current_dispatch_mode_stack() -> list[Any]:
    """All modes that are on, the innermost last."""
    return list(watching.state.stack)


def _push_mode(mode: Any) -> None:
    watching.push(mode)


def _pop_mode(k: Any = None) -> Any:
    return watching.pop()


@contextmanager
def _pop_mode_temporarily(k: Any = None) -> Iterator[Any]:
    mode = watching.pop()
    try:
        yield mode
    finally:
        watching.push(mode)


@contextmanager
def _disable_current_modes() -> Iterator[list[Any]]:
    """Inside, no mode is on."""
    modes = watching.state.stack
    watching.state.stack = ()
    try:
        yield list(reversed(modes))
    finally:
        watching.state.stack = modes


# -- subclasses that wrap other tensors --------------------------------------------------------------------------------


class TensorWithFlatten:
    """What a wrapper subclass has: ``__tensor_flatten__`` and ``__tensor_unflatten__``."""


def _unwraps(kind: Any) -> bool:
    return hasattr(kind, "__tensor_flatten__") and hasattr(kind, "__tensor_unflatten__")


def is_traceable_wrapper_subclass(t: object) -> bool:
    """Whether a tensor is of a subclass that can be taken apart into other tensors, and put together."""
    return isinstance(t, Tensor) and type(t) is not Tensor and _unwraps(t)


def is_traceable_wrapper_subclass_type(t: type) -> bool:
    return issubclass(t, Tensor) and t is not Tensor and _unwraps(t)


def transform_subclass(
    t: Any, callback: Callable[[str, Any], Any], outer_size: Any = None, outer_stride: Any = None
) -> Any:
    """A wrapper of the same kind around what a function makes of each inner tensor.

    Raises:
        AssertionError: the new wrapper has another size or stride than it should.
    """
    size = t.size() if outer_size is None else outer_size
    stride = t.stride() if outer_stride is None else outer_stride
    names, context = t.__tensor_flatten__()
    made = type(t).__tensor_unflatten__({n: callback(n, getattr(t, n)) for n in names}, context, size, stride)
    for what, expected, got in (("shape", size, made.shape), ("stride", stride, made.stride())):
        if got != expected:
            raise AssertionError(
                f"Expected return value from {type(t)}__tensor_unflatten__() to have "
                f"{what} equal to {expected}, but got: {got}"
            )
    return made


@dataclass
class AliasInfo:
    """Which memory an argument or result of an operator is said to be."""

    alias_set: set[str]
    is_write: bool
    name: str | None


@dataclass
class SchemaInfo:
    """What the schema of an operator says of memory."""

    args: list[AliasInfo]
    outs: list[AliasInfo]
    is_inplace_view_op: bool
    outs_write_aliases: list[str] | None
    read_only_alias_match_indexes: list[tuple[int, int]]


def _alias_infos(arguments: Sequence[Any]) -> list[AliasInfo]:
    return [
        AliasInfo(set() if a.alias_info is None else set(a.alias_info.before_set), a.is_write, a.name or None)
        for a in arguments
    ]


@cache
def get_alias_info(func: OpOverload) -> SchemaInfo:
    """What the schema of an operator says of memory.

    Raises:
        RuntimeError: some results are arguments that were written to, and some are not.
    """
    args, outs = _alias_infos(func._schema.arguments), _alias_infos(func._schema.returns)
    written = [next(iter(out.alias_set)) for out in outs if out.is_write]
    if written and len(written) != len(outs):
        raise RuntimeError("Unsupported schema: " + str(func._schema))
    shared = [
        (i, k)
        for i, arg in enumerate(args)
        for k, out in enumerate(outs)
        if arg.alias_set & out.alias_set and not arg.is_write
    ]
    return SchemaInfo(args, outs, "inplace_view" in func._tag_names, written or None, shared)


def return_and_correct_aliasing(func: Any, args: Any, kwargs: Any, out: Any) -> Any:
    """What ``__torch_dispatch__`` of a wrapper subclass should return for ``out``.

    The result of a view shares the storage of the argument that it is a view of; what was written to in place is
    returned itself.

    Raises:
        AssertionError: a view of a wrapper is of another type.
    """
    info = get_alias_info(func)
    outs = out if isinstance(out, tuple) else (out,)
    for at, place in info.read_only_alias_match_indexes:
        argument = args[at]
        for result in outs[place] if isinstance(outs[place], list) else [outs[place]]:
            wraps = any(is_traceable_wrapper_subclass_type(type(t)) for t in (argument, result))
            if type(argument) is not type(result) and wraps:
                raise AssertionError(
                    f"Called {func} with input of type {type(argument)}\nand output of type {type(result)}. "
                    "But expected types to match."
                )
            result._storage = argument._storage
    if info.is_inplace_view_op:
        with watching.DisableTorchDispatch():
            func(*args, **(kwargs or {}))
    if info.outs_write_aliases is None:
        return out
    names = [argument.name for argument in func._schema.arguments]
    values = dict(zip(names, bind(func._schema, args, kwargs or {}), strict=True))
    found = [
        next(values[argument.name] for argument in info.args if alias in argument.alias_set)
        for alias in info.outs_write_aliases
    ]
    return found[0] if len(found) == 1 else type(out)(found)


__all__ = [
    "AliasInfo", "BaseTorchDispatchMode", "SchemaInfo", "TensorWithFlatten", "TorchDispatchMode",
    "any_torch_dispatch_mode_on_stack", "get_alias_info", "is_in_any_mode_without_ignore_compile_internals",
    "is_in_torch_dispatch_mode", "is_traceable_wrapper_subclass", "is_traceable_wrapper_subclass_type",
    "return_and_correct_aliasing", "transform_subclass",
]  # fmt: skip
