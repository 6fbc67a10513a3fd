"""The forms in which a Program calls an op."""

from __future__ import annotations

import copy
import operator
from collections.abc import Callable
from typing import Any

from conformance.execute.scope import Scope

# Functions that autograd scripts call and that are not torch's.
ELSEWHERE: dict[str, Callable[..., Any]] = {"copy.copy": copy.copy, "copy.deepcopy": copy.deepcopy, "len": len}


def _function(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    found = ELSEWHERE.get(op)
    return (found or scope.session.subject.resolve(op))(*args, **kwargs)


def _method(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return getattr(args[0], op)(*args[1:], **kwargs)


def _inplace(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return getattr(args[0], op + "_")(*args[1:], **kwargs)


def _operator(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return getattr(operator, OPERATORS[op])(*args)


def _augmented(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return getattr(operator, AUGMENTED[op])(*args)


def _property(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return getattr(args[0], op)


def _call(scope: Scope, op: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    return args[0](*args[1:], **kwargs)


# The name in a Program, and the function of Python's operator module.
OPERATORS = {
    name: name
    for name in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "xor",
        "lt", "le", "gt", "ge", "eq", "ne", "neg", "pos", "abs", "invert", "contains", "getitem",
    )
} | {"and": "and_", "or": "or_"}  # fmt: skip
AUGMENTED = {
    name: "i" + name
    for name in (
        "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "lshift", "rshift", "and", "or", "xor",
    )
}  # fmt: skip

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
