"""What a law is: a promise that mathematics or torch's documentation makes of *any* engine.

A law judges a subject alone. Where the reference and torch share a mistake their traces agree, and only a law sees it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from conformance.execute.machine import execute
from conformance.execute.trace import TensorState, Trace
from conformance.judge import numbers
from conformance.program import steps as s
from conformance.program.names import walk
from conformance.subjects.base import Subject


class Violation(msgspec.Struct, frozen=True):
    """A law that does not hold of a Program on a subject.

    Attributes:
        step: the step where it shows, in ``program``.
        what: the tensor or field concerned.
        expected, observed: what the law says and what happened.
        program: the Program that shows it: the one given, or the law's rewriting of it.
        beside: the other Programs whose outcome the law holds against it.
    """

    step: int
    what: str
    expected: str
    observed: str
    program: s.Program
    beside: tuple[s.Program, ...] = ()


Check = Callable[[s.Program, Trace, Subject], Violation | None]


class NotApplicable(Exception):
    """The law's conditions do not hold of this Program: nothing was checked."""


class Law(msgspec.Struct, frozen=True):
    """A law by the id of its clause; its sentence, conditions and source stand in ``specs/clauses/law.toml``."""

    id: str
    check: Check


LAWS: dict[str, Law] = {}


def law(clause: str) -> Callable[[Check], Check]:
    """Register a check as the law of a clause."""

    def register(check: Check) -> Check:
        LAWS[clause] = Law(clause, check)
        return check

    return register


# -- helpers that several laws need ----------------------------------------------------------------------------------


def states_after(trace: Trace, upto: int) -> dict[str, TensorState]:
    """The last seen state of each tensor after the step at index ``upto``."""
    states: dict[str, TensorState] = {}
    for step in trace.steps[: upto + 1]:
        states.update(step.tensors)
    return states


def alive(program: s.Program, trace: Trace, upto: int) -> dict[str, TensorState]:
    """The states of the tensors that still have a name then."""
    states = states_after(trace, upto)
    for step in program.steps[: upto + 1]:
        if isinstance(step, s.Delete):
            for name in step.names:
                states.pop(name, None)
    return states


def seen_throughout(program: s.Program, trace: Trace, subject: Subject) -> Trace:
    """The Trace with every step looked at: the one given if it is, else a new run."""
    return trace if program.observe == "each" else execute(s.Program(program.steps, observe="each"), subject)


def last_call(program: s.Program, trace: Trace, kind: type) -> int:
    """The index of the last step of a kind that succeeded.

    Raises:
        NotApplicable: there is none, or one of its arguments answered in the engine's place.
    """
    for i in range(len(program.steps) - 1, -1, -1):
        if isinstance(program.steps[i], kind) and trace.steps[i].outcome == "ok":
            if any(isinstance(part, s.Overriding) for part in walk(program.steps[i])):
                raise NotApplicable
            return i
    raise NotApplicable


def upto(program: s.Program, stop: int, *more: s.Step) -> s.Program:
    """The steps before ``stop``, then others; looked at after each, so that states are at hand."""
    return s.Program((*program.steps[:stop], *more), observe="each")


def run(program: s.Program, subject: Subject) -> Trace:
    return execute(program, subject)


def refs(arg: Any) -> list[str]:
    """The names in an argument that is a tensor or a sequence of tensors.

    Raises:
        NotApplicable: it holds anything else.
    """
    items = arg.items if isinstance(arg, (s.Seq, s.Generator)) else (arg,)
    names = []
    for item in items:
        if not isinstance(item, s.Ref):
            raise NotApplicable
        names.append(item.name)
    return names


def wide(state: TensorState) -> Any:
    """A state's values in double precision."""
    if state.value is None:
        raise NotApplicable
    a = numbers.array(state.dtype, state.shape, state.value)
    return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def overlapping(state: TensorState) -> bool:
    """Whether two elements of a tensor lie at one place."""
    if state.stride is None:
        return False
    reach = 0
    for stride, size in sorted((k, c) for k, c in zip(state.stride, state.shape, strict=True) if c > 1):
        if stride <= reach:
            return True
        reach += (size - 1) * stride
    return False


def rounding(dtype: str) -> float:
    """Some tens of units in the last place, relatively."""
    return 64 * _EPS.get(dtype, 2e-16)


def close(dtype: str, shape: tuple[int, ...], a: bytes | None, b: bytes | None, scale: float = 1.0) -> bool:
    """Equal but for rounding: within the tight bound, or relatively within some tens of units in the last place."""
    if a == b:
        return True
    if a is None or b is None or len(a) != len(b):
        return False
    if numbers.mismatch(dtype, shape, a, b) is None:
        return True
    x, y = numbers.array(dtype, (-1,), a), numbers.array(dtype, (-1,), b)
    if x.dtype.kind in "biu":
        return False
    x, y = x.astype(np.complex128), y.astype(np.complex128)
    with np.errstate(all="ignore"):
        size = np.abs(x[np.isfinite(x)]).max(initial=0.0) + scale
        special = (np.isfinite(x) != np.isfinite(y)) | (np.isnan(x) != np.isnan(y))
        return bool(not special.any() and np.all((np.abs(x - y) <= rounding(dtype) * size) | ~np.isfinite(x)))


_EPS = {"float32": 1.2e-7, "complex64": 1.2e-7, "float16": 1e-3, "bfloat16": 8e-3}


def shown(state: TensorState | None) -> str:
    return "nothing" if state is None else numbers.show(state.dtype, state.shape, state.value)


GRADIENT_CHANGING_HOOKS = frozenset(
    {
        "add",
        "replace",
        "zeros",
        "detach",
        "raise",
        "wrong_shape",
        "wrong_dtype",
        "wrong_type",
        "inplace_scale",
        "inplace_zero",
        "short_tuple",
        "none_tuple",
        "clear_grad",
        "scale",
        "scale_first",
    }
)


def only_plain_hooks(program: s.Program) -> None:
    """Raise NotApplicable if a hook or a custom Function changes gradients or tensors on purpose."""
    for step in program.steps:
        if isinstance(step, s.CustomFunction):
            raise NotApplicable
        if isinstance(step, s.AddHook) and getattr(step.callback, "do", "raise") in GRADIENT_CHANGING_HOOKS:
            raise NotApplicable
