"""What one Program shows of each op: the cells of the op matrix.

A call is evidence for the form it has, the dtype, layout and size of its arguments, and the special values among them;
a backward pass is evidence for the gradient of each op whose formula ran, in the dtype of the gradient.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

import reference_engine  # noqa: F401 - importing the engine declares its ops
from conformance.execute.trace import StepTrace, TensorState, Trace
from conformance.judge import numbers
from conformance.program import steps as s
from reference_engine.ops.declare import ALIASES, OPS

Column = tuple[str, str]
"""An op, and one of the ways in which it can be exercised."""

_OPERATOR_NAMES = {"truediv": "div", "and": "bitwise_and", "or": "bitwise_or", "mod": "remainder"}


def public_ops() -> tuple[str, ...]:
    """The rows of the matrix: every op with a public name, aliases not counted."""
    return tuple(sorted(name for name in OPS if name not in ALIASES and _is_public(name)))


def exercised(program: s.Program, expected: Trace, upto: int) -> set[Column]:
    """The cells that the steps before ``upto`` are evidence for."""
    states: dict[str, TensorState] = {}
    cells: set[Column] = set()
    for step, trace in zip(program.steps[:upto], expected.steps, strict=False):
        cells.update(_of_step(step, trace, states))
        states.update(trace.tensors)
    return cells


def exercised_at(program: s.Program, expected: Trace, index: int) -> set[Column]:
    """The cells that a step at which the engines part is about: a call's own, or those of the one formula that ran."""
    states: dict[str, TensorState] = {}
    for trace in expected.steps[:index]:
        states.update(trace.tensors)
    step, trace = program.steps[index], expected.steps[index]
    if isinstance(step, s.Apply):
        return _of_call(step, trace, states)
    formulas = _of_formulas(trace.evidence)
    return formulas if len({op for op, _ in formulas}) == 1 else set()  # of several, which one is not known


def _of_step(step: s.Step, trace: StepTrace, states: dict[str, TensorState]) -> set[Column]:
    cells = _of_formulas(trace.evidence) if trace.evidence else set()
    return cells | _of_call(step, trace, states) if isinstance(step, s.Apply) else cells


def _of_formulas(witnessed: Iterable[tuple[str, str]]) -> set[Column]:
    """``("double gradient float32", "exp")`` speaks for the double gradient, in general and of this dtype."""
    cells: set[Column] = set()
    for way, op in witnessed:
        name = row_of(op)
        if name is not None:
            cells.update(((name, way), (name, way.rpartition(" ")[0])))
    return cells


def _of_call(step: s.Apply, trace: StepTrace, states: dict[str, TensorState]) -> set[Column]:
    name = row_of(step.op) if step.op else None
    if name is None or trace.outcome == "skipped":
        return set()
    if trace.outcome == "raised":
        return {(name, "refusals")}
    columns = {"in-place" if step.form in ("inplace", "augmented") else "out=" if step.form == "out" else "forward"}
    arguments = [states[ref.name] for ref in _refs(step.args) if ref.name in states]
    if arguments:
        columns.add(arguments[0].dtype)
    for state in arguments:
        if 0 in state.shape:
            columns.add("zero-size")
        elif state.stride is not None and state.stride != _row_major(state.shape):
            columns.add("non-contiguous")
        if "special values" not in columns and _holds_special(state, name):
            columns.add("special values")
    made = trace.tensors.get(step.outs[0]) if step.outs else None
    if made is not None and made.is_view:
        columns.add("view")
    return {(name, column) for column in columns}


@cache
def row_of(op: str) -> str | None:
    """The row that a name belongs to; None for what is no public op (``requires_grad_``, a part of another op)."""
    op = _OPERATOR_NAMES.get(op, op)
    op = ALIASES.get(op, op)
    return op if op in OPS and _is_public(op) else None


def _is_public(name: str) -> bool:
    return not name.rpartition(".")[2].startswith("_")


def _holds_special(state: TensorState, op: str) -> bool:
    """Whether an infinity, a nan, or a value that the op's declaration calls awkward is among the elements."""
    if not state.value or not state.dtype.startswith(("float", "bfloat", "complex")) or state.dtype == "complex32":
        return False
    values: Any = numbers.array(state.dtype, (-1,), state.value)
    if state.dtype == "bfloat16":
        values = values.astype(np.float32)
    with np.errstate(invalid="ignore"):
        if not math.isfinite(abs(values.sum())) and not np.isfinite(values).all():
            return True
        return any((values == special).any() for special in _special_values(op))


@cache
def _special_values(op: str) -> frozenset[float]:
    domains = [overload.samples for overload in OPS[op] if overload.samples is not None]
    return frozenset(value for domain in domains for value in domain.special if math.isfinite(value))


def _refs(args: Iterable[Any]) -> list[s.Ref]:
    found: list[s.Ref] = []
    for arg in args:
        if isinstance(arg, s.Ref):
            found.append(arg)
        elif isinstance(arg, s.Seq):
            found.extend(_refs(arg.items))
    return found


def _row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    out, step = [], 1
    for n in reversed(shape):
        out.append(step)
        step *= max(n, 1)
    return tuple(reversed(out))
