"""The forms in which a Program calls an op."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from conformance.execute.scope import Scope, Session
from conformance.program.limits import ProgramError

# -- what a Program may touch ------------------------------------------------------------------------------------------

_DATA: tuple[type, ...] = (type(None), bool, int, float, complex, str, tuple, list, dict, set, np.ndarray, np.generic)


def reachable(session: Session, value: Any) -> Any:
    """The value, if a Program may use its attributes: data, or an object of a class of the library under test.

    Anything else (a module, a function, a generator's frame) would be a way out of the library.
    """
    kind = type(value)
    known = session.reachable.get(kind)
    if known is None:
        root = session.api.__name__.partition(".")[0]
        # The classes of torch's graph nodes are made in C++ and have no module.
        of_library = kind.__module__.partition(".")[0] == root or hasattr(kind, "next_functions")
        known = session.reachable[kind] = kind in _DATA or of_library
    if not known:
        raise ProgramError(f"a Program may not use the attributes of a {kind.__name__}")
    return value


def _library_function(scope: Scope, op: str) -> Any:
    """A callable of the library under test; what the library imported from elsewhere is not its own."""
    session = scope.session
    found = session.subject.resolve(op)
    home = getattr(found.func if isinstance(found, partial) else found, "__module__", None)
    root = session.api.__name__.partition(".")[0]
    if isinstance(found, ModuleType) or (isinstance(home, str) and home.partition(".")[0] not in (root, "builtins")):
        raise ProgramError(f"{op!r} is not a function of {root}")
    session.functions[op] = found
    return found


# -- the forms ---------------------------------------------------------------------------------------------------------

# Functions that autograd scripts call and that are not torch's.
ELSEWHERE: dict[str, Callable[..., Any]] = {"copy.copy": copy.copy, "copy.deepcopy": copy.deepcopy, "len": len}

# Python's operator module names these differently, for they are keywords.
_IN_MODULE = {"and": "and_", "or": "or_"}


def _function(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    found = scope.session.functions.get(op) or ELSEWHERE.get(op) or _library_function(scope, op)
    return found(*args, **kwargs)


def _method(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return getattr(reachable(scope.session, args[0]), op)(*args[1:], **kwargs)


def _inplace(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return getattr(reachable(scope.session, args[0]), op + "_")(*args[1:], **kwargs)


def _operator(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    function: Callable[..., Any] = getattr(operator, _IN_MODULE.get(op, op))
    return function(*args)


def _augmented(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    function: Callable[..., Any] = getattr(operator, "i" + op)
    return function(*args)


def _property(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return getattr(reachable(scope.session, args[0]), op)


def _call(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return args[0](*args[1:], **kwargs)


FORMS: dict[str, Callable[[Scope, str, list[Any], dict[str, Any]], Any]] = {
    "function": _function,
    "out": _function,
    "method": _method,
    "inplace": _inplace,
    "operator": _operator,
    "augmented": _augmented,
    "property": _property,
    "call": _call,
}
