"""Attributes and methods of tensors, as subclasses with a ``__torch_function__`` of their own see them.

An operation asks for itself whether somebody takes it over (``ops/dispatch.py``). What is no operation (``x.shape``,
``repr(x)``, ``x.register_hook``) is looked up on the subclass, and asks there: plain tensors lose nothing by it. Only
what a program calls is offered; not what this engine reads for its own ends.
"""

from __future__ import annotations

import inspect
import sys
import types
from collections.abc import Callable
from typing import Any

from reference_engine import overrides
from reference_engine.override_names import PYTHON_METHODS, defaults_of, named

#: Looked up for other reasons than to be called, or never handed over.
_UNSEEN = frozenset({
    "as_subclass", "new", "numel_", "requires_grad_to", "volatile", "__class__", "__dict__", "__dir__",
    "__getattribute__", "__hash__", "__init__", "__init_subclass__", "__iter__", "__new__", "__torch_dispatch__",
    "__torch_function__",
})  # fmt: skip


def _asked_by_program() -> bool:
    """Whether the one who called our caller is no module of this package, or one that shows values."""
    name = str(sys._getframe(2).f_globals.get("__name__", ""))
    return name.partition(".")[0] != "reference_engine" or name == "reference_engine.return_types"


def offered(cls: type, root: type) -> None:
    """Let a new subclass of the tensor class `root` be asked before its attributes are read and its methods run."""
    for name in dir(root):
        found = inspect.getattr_static(root, name)
        if name in _UNSEEN or inspect.getattr_static(cls, name) is not found:
            continue
        if isinstance(found, property):
            setattr(cls, name, _property(found))
        elif (
            isinstance(found, types.FunctionType)
            and found not in _asking
            and found.__module__ != "reference_engine.ops.dispatch"
        ):
            if not name.startswith("_") or name in PYTHON_METHODS or name in ("__float__", "__int__", "__bool__"):
                setattr(cls, name, _method(found, name in PYTHON_METHODS))


def asking(found: Callable[..., Any]) -> Callable[..., Any]:
    """A method of Tensor itself that asks modes and subclasses, although it is no operation."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _asked_by_program() and overrides.has_torch_function((self,)):
            return overrides.offer(method, (self,), (self, *args), kwargs, native=True)
        return found(self, *args, **kwargs)

    _asking.add(method)
    return method


_asking: set[Any] = set()


def _property(found: property) -> property:
    def get(self: Any) -> Any:
        if _asked_by_program() and overrides.has_torch_function((self,)):
            return overrides.offer(found.__get__, (self,), (self,), {}, native=True)
        return found.__get__(self)

    def set_(self: Any, value: Any) -> None:
        if _asked_by_program() and overrides.has_torch_function((self,)):
            overrides.offer(found.__set__, (self,), (self, value), {}, native=True)
            return
        found.__set__(self, value)

    return property(get, set_ if found.fset is not None else None, found.fdel, found.__doc__)


def _method(found: Callable[..., Any], in_python: bool) -> Callable[..., Any]:
    defaults = defaults_of(found) if in_python else {}

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if _asked_by_program() and overrides.has_torch_function((self,)):
            places, names = named(defaults, (self, *args), kwargs)
            return overrides.offer(found, (self,), places, names, native=not in_python)
        return found(self, *args, **kwargs)

    method.__name__, method.__qualname__, method.__doc__ = found.__name__, found.__qualname__, found.__doc__
    return method
