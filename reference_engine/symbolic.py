"""``torch.sym_int`` and others: functions of numbers that a compiler may not know yet. Here numbers are known."""

from __future__ import annotations

import builtins
import math
from typing import Any


def sym_int(a: Any) -> int:
    """Towards zero."""
    return math.trunc(a)


def sym_float(a: Any) -> float:
    return float(a)


def sym_not(a: Any) -> bool:
    return not a


def sym_max(a: Any, b: Any) -> Any:
    """A float if either is one."""
    return _larger_kind(builtins.max(a, b), a, b)


def sym_min(a: Any, b: Any) -> Any:
    """A float if either is one."""
    return _larger_kind(builtins.min(a, b), a, b)


def _larger_kind(found: Any, *of: Any) -> Any:
    return float(found) if any(isinstance(number, float) for number in of) else found


def sym_sum(*args: Any) -> Any:
    """The sum of numbers, given one by one or in one sequence."""
    return builtins.sum(args[0] if len(args) == 1 and not isinstance(args[0], (int, float)) else args)


def sym_sqrt(a: Any) -> float:
    return math.sqrt(a)


def sym_ite(b: bool, t: Any, f: Any) -> Any:
    """``t`` if ``b`` holds, else ``f``."""
    return t if b else f


class _Symbolic:
    """What stands for a number that a compiler does not know yet. Here numbers are known, so there are none.

    Raises:
        AttributeError: always.
    """

    __module__ = "torch"

    def __init__(self, node: Any) -> None:
        self.node = node
        raise AttributeError(f"'{type(node).__name__}' object has no attribute '_graph_repr'")


class SymInt(_Symbolic):
    """A whole number."""

    __module__ = "torch"


class SymFloat(_Symbolic):
    """A floating point number."""

    __module__ = "torch"


class SymBool(_Symbolic):
    """A truth value."""

    __module__ = "torch"
