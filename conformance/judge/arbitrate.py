"""Who is right: the Program as a function of its leaves, differentiated numerically in float64.

Central differences know nothing of autograd, so they are a third opinion about a gradient. They can be asked only
where the Program *is* a smooth function that autograd is promised to see whole: no detach, no grad mode, no hook that
changes a gradient, no custom Function. Elsewhere the answer is "undecided", and the clause's words decide.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from conformance.execute.machine import Machine
from conformance.execute.trace import TensorState, Trace
from conformance.judge import numbers
from conformance.judge.compare import Divergence
from conformance.program import steps as s
from conformance.report.run import Arbitration
from conformance.subjects.base import Subject

STEP = 1e-5
_WIDER = {"float16": "float64", "bfloat16": "float64", "float32": "float64"}
_OPAQUE = {"detach", "data", "sign", "sgn", "floor", "ceil", "round", "trunc", "bernoulli", "dropout"}


def arbitrate(
    program: s.Program, divergence: Divergence, reference: Subject, expected: Trace, observed: Trace
) -> Arbitration:
    """Say which side is right about a divergence, and how that is known."""
    if divergence.mismatch is None:
        return Arbitration("not_needed", "clause", "the clause says what must happen; numbers do not come into it")
    step = program.steps[divergence.step]
    if not isinstance(step, (s.Backward, s.Grad)):
        return _by_precision(program, divergence, reference)
    reason = _not_a_function(program, divergence.step)
    if reason is not None:
        return Arbitration("undecided", "numerical differentiation", reason)
    leaf, wanted, seen = _gradient_in_question(program, divergence, expected, observed)
    if leaf is None:
        return Arbitration(
            "undecided", "numerical differentiation", "the gradient belongs to no leaf made from literals"
        )
    try:
        numeric = _differentiate(program, divergence.step, leaf, reference)
    except _NoAnswer as why:
        return Arbitration("undecided", "numerical differentiation", str(why))
    return _verdict(numeric, wanted, seen, "numerical differentiation in float64")


class _NoAnswer(Exception):
    """Numerical differentiation cannot be done here."""


def _verdict(truth: Any, wanted: Any, seen: Any, method: str) -> Arbitration:
    def distance(values: Any) -> float:
        with np.errstate(all="ignore"):
            gap = np.abs(values - truth) / (1 + np.abs(truth))
        return float(np.max(np.where(np.isfinite(gap), gap, np.inf), initial=0.0))

    mine, theirs = distance(wanted), distance(seen)
    shown = f"it gives {np.array2string(truth, precision=6, separator=', ')}"
    if mine < 1e-3 and theirs > 10 * max(mine, 1e-6):
        return Arbitration("reference", method, shown)
    if theirs < 1e-3 and mine > 10 * max(theirs, 1e-6):
        return Arbitration("subject", method, shown)
    return Arbitration("undecided", method, shown)


def _by_precision(program: s.Program, divergence: Divergence, reference: Subject) -> Arbitration:
    """A forward value: the same computation in float64 tells whose float32 is nearer."""
    assert divergence.mismatch is not None
    if divergence.tensor is None or divergence.field != "value":
        return Arbitration("undecided", "float64", "the number is no tensor's value")
    wide = _widened(program, {})
    with Machine(reference) as machine:
        for step in wide.steps[: divergence.step + 1]:
            machine.step(step)
        state = machine.states.get(divergence.tensor)
    m = divergence.mismatch
    if state is None or state.value is None or state.dtype == m.dtype:
        return Arbitration("undecided", "float64", "the computation is in float64 already")
    truth = _values(state)
    if truth.shape != m.shape:
        return Arbitration("undecided", "float64", "the wider computation takes another course")
    wanted, seen = (numbers.array(m.dtype, m.shape, v).astype(truth.dtype) for v in (m.expected, m.observed))
    return _verdict(truth, wanted, seen, "the same computation in float64")


# -- the Program as a function ---------------------------------------------------------------------------------------


def _not_a_function(program: s.Program, upto: int) -> str | None:
    """Why autograd is not promised to see the whole function, if so."""
    for step in program.steps[:upto]:
        if isinstance(step, (s.EnterMode, s.CustomFunction)):
            return "grad modes and custom Functions may cut the graph on purpose"
        if isinstance(step, s.AddHook) and step.on != "retain_grad" and getattr(step.callback, "do", "") != "observe":
            return "a hook changes gradients on purpose"
        if isinstance(step, s.SetAttr) or (isinstance(step, s.Apply) and step.op.rpartition(".")[2] in _OPAQUE):
            return "the graph is cut on purpose"
        if isinstance(step, s.Read) and step.out is not None:
            return "a value was read out of the graph"
        if isinstance(step, (s.Backward, s.Grad)):
            return "an earlier backward is part of the program"
    return None


def _values(state: TensorState) -> Any:
    assert state.value is not None
    a = numbers.array(state.dtype, state.shape, state.value)
    return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def _gradient_in_question(
    program: s.Program, divergence: Divergence, expected: Trace, observed: Trace
) -> tuple[s.Make | None, Any, Any]:
    """The leaf whose gradient differs, and both answers."""
    m = divergence.mismatch
    assert m is not None
    step = program.steps[divergence.step]
    name = divergence.tensor
    if isinstance(step, s.Grad) and divergence.field == "value" and name in step.outs:
        items: Any = step.inputs.items if isinstance(step.inputs, s.Seq) else (step.inputs,)
        source = items[step.outs.index(name)]
        name = source.name if isinstance(source, s.Ref) else None
    elif divergence.field != "grad.value":
        return None, None, None
    leaf = next((x for x in program.steps if isinstance(x, s.Make) and x.out == name and x.requires_grad), None)
    if leaf is None or leaf.strides is not None or leaf.dtype.startswith("complex"):
        return None, None, None
    both = [numbers.array(m.dtype, m.shape, v).astype(np.float64) for v in (m.expected, m.observed)]
    return leaf, both[0], both[1]


def _widened(program: s.Program, replaced: dict[str, tuple[Any, ...]]) -> s.Program:
    steps = []
    for step in program.steps:
        if isinstance(step, s.Make):
            step = msgspec.structs.replace(
                step, dtype=_WIDER.get(step.dtype, step.dtype), values=replaced.get(step.out, step.values)
            )
        steps.append(step)
    return msgspec.structs.replace(program, steps=tuple(steps))


def _differentiate(program: s.Program, upto: int, leaf: s.Make, reference: Subject) -> Any:
    """d(sum of roots times cotangents) / d(leaf), by central differences."""
    count = 1
    for n in leaf.shape:
        count *= n
    values = leaf.values if len(leaf.values) == count else leaf.values * count
    if not all(isinstance(v, (int, float)) for v in values):
        raise _NoAnswer("the leaf holds special values")
    numbers_of = [float(v) for v in values if isinstance(v, (int, float))]
    weights = _objective(_widened(program, {}), upto, reference, None)[
        1
    ]  # a cotangent stays, also one that is the leaf
    out = np.zeros(count)
    for i in range(count):
        sides = []
        for sign in (1, -1):
            moved = (*values[:i], numbers_of[i] + sign * STEP, *values[i + 1 :])
            sides.append(_objective(_widened(program, {leaf.out: moved}), upto, reference, weights)[0])
        out[i] = (sides[0] - sides[1]) / (2 * STEP)
    if not np.isfinite(out).all():
        raise _NoAnswer("the function is not finite around this point")
    return out.reshape(leaf.shape)


def _objective(program: s.Program, upto: int, reference: Subject, weights: list[Any] | None) -> tuple[float, list[Any]]:
    """What the step at ``upto`` differentiates, as a number; and the cotangents, if none are given."""
    step: Any = program.steps[upto]
    roots = _refs(step.tensors if isinstance(step, s.Backward) else step.outputs)
    given = step.grad_tensors if isinstance(step, s.Backward) else step.grad_outputs
    cotangents = [None] * len(roots) if given is s.UNSET or given is None else _refs(given)
    total = 0.0
    with Machine(reference) as machine:
        for each in program.steps[:upto]:
            machine.step(each)
        states = machine.states
        used: list[Any] = []
        for k, (root, cotangent) in enumerate(zip(roots, cotangents, strict=False)):
            if root not in states:
                raise _NoAnswer("a root is not made when the leaf is moved")
            y = _values(states[root])
            own = np.ones_like(y) if cotangent is None else _values(states[cotangent])
            used.append(own if weights is None else weights[k])
            total += float(np.sum((y * np.conj(used[-1])).real))
    return total, used


def _refs(arg: Any) -> list[Any]:
    items = arg.items if isinstance(arg, (s.Seq, s.Generator)) else (arg,)
    names: list[Any] = []
    for item in items:
        if item is None:
            names.append(None)
        elif isinstance(item, (s.Ref, s.Edge)):
            names.append(item.name)
        else:
            raise _NoAnswer("the call is not an ordinary one")
    return names
