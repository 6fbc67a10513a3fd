"""Laws about parts and the whole: roots add up, cotangents add up, backward adds to what is there."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from conformance.execute.trace import TensorState, Trace
from conformance.judge.laws.law import (
    NotApplicable,
    Violation,
    alive,
    last_call,
    law,
    only_plain_hooks,
    refs,
    run,
    seen_throughout,
    shown,
    states_after,
    upto,
    wide,
)
from conformance.program import steps as s
from conformance.program.steps import UNSET
from conformance.subjects.base import Subject

_PRECISION = {"float32": 1e-4, "complex64": 1e-4, "float64": 1e-9, "complex128": 1e-9}


def precision(trace: Trace, upto: int) -> float:
    """What may be lost on the way: the coarsest dtype that the program has to do with decides.

    Raises:
        NotApplicable: one is too coarse for sums to tell anything.
    """
    dtypes = {state.dtype for state in states_after(trace, upto).values()}
    if dtypes & {"float16", "bfloat16"}:
        raise NotApplicable
    return max((_PRECISION.get(dtype, 0.0) for dtype in dtypes), default=1e-9) or 1e-9


def sums_to(parts: list[Any], whole: Any, tolerance: float) -> bool:
    """Whether gradients add up but for rounding; where a part is not finite, nothing is said."""
    with np.errstate(all="ignore"):
        total = sum(parts[1:], parts[0])
        size = sum(np.abs(part) for part in parts)
        fine = np.isfinite(size) & (size < 1e30)
        if not np.isfinite(whole[fine]).all():
            return False
        largest = float(np.max(size[fine], initial=1.0))  # sums on the way cancel: judged by the largest
        return bool(np.all(np.abs(whole[fine] - total[fine]) <= tolerance * largest))


def _question(program: s.Program, trace: Trace) -> tuple[int, Any]:
    """The last grad() of an ordinary program, whose hooks only look."""
    only_plain_hooks(program)
    i = last_call(program, trace, s.Grad)
    step: Any = program.steps[i]
    if not step.outs or step.is_grads_batched is not UNSET:
        raise NotApplicable
    return i, msgspec.structs.replace(step, retain_graph=True, allow_unused=True, materialize_grads=UNSET)


def _answers(program: s.Program, i: int, steps: list[s.Step], names: list[str], subject: Subject) -> Any:
    """The states of some names after further steps, or NotApplicable where one is refused."""
    variant = upto(program, i, *steps)
    answer = run(variant, subject)
    if any(t.outcome != "ok" for t in answer.steps[i:]):
        raise NotApplicable
    states = states_after(answer, len(variant.steps) - 1)
    return variant, [states.get(name) for name in names], precision(answer, i - 1)


def _zeros_for_none(states: list[TensorState | None], like: TensorState) -> list[Any]:
    return [np.zeros(like.shape) if state is None else wide(state) for state in states]


def _judge(
    parts: list[TensorState | None],
    whole: TensorState | None,
    tolerance: float,
    variant: s.Program,
    step: int,
    what: str,
) -> Violation | None:
    present = [p for p in (*parts, whole) if p is not None]
    if not present or any(p.dtype not in _PRECISION or p.shape != present[0].shape for p in present):
        return None
    values = _zeros_for_none([*parts, whole], present[0])
    if not sums_to(values[:-1], values[-1], tolerance):
        total = " + ".join(shown(p) for p in parts)
        return Violation(step, what, total, shown(whole), variant)
    return None


@law("law.roots.add_up")
def roots_add_up(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """One call over several roots gives the sum of one call for each."""
    i, step = _question(program, trace)
    roots = refs(step.outputs)
    given = [] if step.grad_outputs in (UNSET, None) else refs(step.grad_outputs)
    if len(roots) < 2 or (given and len(given) != len(roots)):
        raise NotApplicable
    calls: list[s.Step] = [step]
    for k, root in enumerate(roots):
        cotangent: Any = s.Ref(given[k]) if given else UNSET
        outs = tuple(f"law{k}x{j}" for j in range(len(step.outs)))
        calls.append(msgspec.structs.replace(step, outs=outs, outputs=s.Ref(root), grad_outputs=cotangent))
    names = [*step.outs, *(n for call in calls[1:] for n in call.outs)]  # type: ignore[union-attr]
    variant, found, tolerance = _answers(program, i, calls, names, subject)
    count = len(step.outs)
    for j, out in enumerate(step.outs):
        broken = _judge(found[count + j :: count], found[j], tolerance, variant, i, out)
        if broken is not None:
            return broken
    return None


@law("law.cotangent.additive")
def additive(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """The gradient for the sum of two cotangents is the sum of their gradients."""
    i, step = _question(program, trace)
    if step.grad_outputs in (UNSET, None):
        raise NotApplicable
    given = refs(step.grad_outputs)
    states = alive(program, seen_throughout(program, trace, subject), i - 1)
    if any(n not in states or states[n].dtype not in _PRECISION or states[n].requires_grad for n in given):
        raise NotApplicable
    steps: list[s.Step] = []
    rng = np.random.default_rng(len(program.steps))
    for k, name in enumerate(given):
        state = states[name]
        values = tuple(float(v) for v in np.round(rng.uniform(-2, 2, max(int(np.prod(state.shape)), 1)), 2))
        steps.append(s.Make(f"lawd{k}", values, state.shape, state.dtype))
        steps.append(s.Apply("add", (s.Ref(name), s.Ref(f"lawd{k}")), (), (f"lawe{k}",), "method"))
    names = list(step.outs)
    for suffix in ("d", "e"):
        cotangents = s.Seq(tuple(s.Ref(f"law{suffix}{k}") for k in range(len(given))))
        outs = tuple(f"law{suffix}{out}" for out in step.outs)
        names += outs
        steps.append(msgspec.structs.replace(step, outs=outs, grad_outputs=cotangents))
    variant, found, tolerance = _answers(
        program, i, [*steps[: 2 * len(given)], step, *steps[2 * len(given) :]], names, subject
    )
    count = len(step.outs)
    for j, out in enumerate(step.outs):
        broken = _judge(
            [found[j], found[count + j]], found[2 * count + j], tolerance, variant, len(variant.steps) - 1, out
        )
        if broken is not None:
            return broken
    return None


@law("law.cotangent.zero")
def zero(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """The gradient for a zero cotangent is zero, where the gradient is finite at all."""
    i, step = _question(program, trace)
    if step.grad_outputs in (UNSET, None):
        raise NotApplicable
    given = refs(step.grad_outputs)
    zeros: list[s.Step] = [
        s.Apply("zeros_like", (s.Ref(n),), (), (f"lawz{k}",), "function") for k, n in enumerate(given)
    ]
    nothing = s.Seq(tuple(s.Ref(f"lawz{k}") for k in range(len(given))))
    outs = tuple(f"law{out}" for out in step.outs)
    asked = msgspec.structs.replace(step, outs=outs, grad_outputs=nothing)
    variant, found, _ = _answers(program, i, [*zeros, step, asked], [*step.outs, *outs], subject)
    for j, out in enumerate(step.outs):
        usual, now = found[j], found[len(outs) + j]
        if usual is None or now is None or usual.shape != now.shape or usual.dtype not in _PRECISION:
            continue
        fine = np.isfinite(wide(usual))
        if np.any(wide(now)[fine] != 0):
            return Violation(len(variant.steps) - 1, out, "zeros", shown(now), variant)
    return None


@law("law.accumulate.adds_again")
def adds_again(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """With the graph retained, the same backward adds the same to .grad once more."""
    only_plain_hooks(program)
    i = last_call(program, trace, s.Backward)
    step: Any = msgspec.structs.replace(program.steps[i], retain_graph=True)
    if step.create_graph not in (UNSET, False):
        raise NotApplicable
    variant = upto(program, i, step, step)
    answer = run(variant, subject)
    if any(t.outcome != "ok" for t in answer.steps[i:]):
        raise NotApplicable
    before, once, twice = alive(program, answer, i - 1), states_after(answer, i), states_after(answer, i + 1)
    aliases = {t.grad for t in once.values() if isinstance(t.grad, str)}
    for name, state in before.items():
        first, second = once[name].grad, twice[name].grad
        if state.grad is not None or not isinstance(first, TensorState) or not isinstance(second, TensorState):
            continue
        if name in aliases or state.retains_grad or first.dtype not in _PRECISION or first.shape != second.shape:
            continue
        if not sums_to([wide(first), wide(first)], wide(second), precision(answer, i - 1)):
            return Violation(i + 1, f"{name}.grad", f"twice {shown(first)}", shown(second), variant)
    return None


__all__ = ["additive", "adds_again", "roots_add_up", "sums_to", "zero"]
