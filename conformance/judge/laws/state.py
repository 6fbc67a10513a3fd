"""Laws about state: repetition, bystanders, refusals."""

from __future__ import annotations

from typing import Any

from conformance.execute.trace import TensorState, Trace
from conformance.judge.laws.law import NotApplicable, Violation, law, run, seen_throughout, shown, states_after
from conformance.program import steps as s
from conformance.subjects.base import Subject

_ACTING_HOOKS = ("inplace_scale", "inplace_zero", "clear_grad", "replace")


@law("law.program.repeats")
def program_repeats(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """A Program does the same every time, bit for bit."""
    again = run(program, subject)
    for i, (one, other) in enumerate(zip(trace.steps, again.steps, strict=True)):
        if one != other:
            if one.calls != other.calls and one.tensors == other.tensors and one.outcome == other.outcome:
                what = "hook calls"
            else:
                what = "trace"
            return Violation(i, what, "the same as the first time", "something else", program)
    return None


def _acting(program: s.Program) -> bool:
    return any(
        isinstance(x, s.CustomFunction)
        or (isinstance(x, s.AddHook) and getattr(x.callback, "do", "replace") in _ACTING_HOOKS)
        or (isinstance(x, s.EnterMode) and "allow_mutation" in x.mode)
        or (isinstance(x, s.EnterMode) and any(getattr(a, "do", None) in _ACTING_HOOKS for a in x.args))
        for x in program.steps
    )


def _kept(program: s.Program) -> set[str]:
    """The names that hooks give to what they are called with: another tensor at each call."""
    hooks = [x.callback for x in program.steps if isinstance(x, s.AddHook)]
    return {str(hook.value) for hook in hooks if isinstance(hook, s.Callback) and hook.do.startswith("keep")}


@law("law.backward.bystanders")
def bystanders(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """backward and grad change the values and versions of no tensor but the accumulated gradients."""
    calls = [i for i, x in enumerate(program.steps) if isinstance(x, (s.Backward, s.Grad)) and i]
    if not calls or _acting(program):
        raise NotApplicable
    seen = seen_throughout(program, trace, subject)
    kept = _kept(program)
    for i in calls:
        before = states_after(seen, i - 1)
        accumulated = {t.grad for t in before.values() if isinstance(t.grad, str)}
        touched = {t.storage for n, t in before.items() if n in accumulated}
        for name, now in seen.steps[i].tensors.items():
            was = before.get(name)
            if (
                was is None
                or name in accumulated
                or was.storage in touched
                or name in getattr(program.steps[i], "outs", ())
                or name in kept
            ):
                continue
            for field in ("value", "version", "shape", "stride", "requires_grad", "dtype"):
                if getattr(was, field) != getattr(now, field):
                    one, other = (
                        (shown(was), shown(now)) if field == "value" else (getattr(was, field), getattr(now, field))
                    )
                    return Violation(i, f"{name}.{field}", str(one), str(other), program)
    return None


@law("law.accumulate.own_memory")
def own_memory(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """The .grad that backward makes shares its memory with nothing that the user holds, nor with another .grad."""
    calls = [
        i for i, x in enumerate(program.steps) if isinstance(x, s.Backward) and i and trace.steps[i].outcome == "ok"
    ]
    if not calls or _acting(program):
        raise NotApplicable
    seen = seen_throughout(program, trace, subject)
    for i in calls:
        before, after = states_after(seen, i - 1), states_after(seen, i)
        for name, now in after.items():
            was = before.get(name)
            if was is None or was.grad is not None or not isinstance(now.grad, TensorState) or now.same_as:
                continue
            sharers = [n for n, t in after.items() if t.storage == f"{name}.grad"]
            owner = now.grad.storage
            if owner not in (None, f"{name}.grad") or sharers:
                whom = owner if owner not in (None, f"{name}.grad") else sharers[0]
                return Violation(i, f"{name}.grad", "memory of its own", f"the memory of {whom}", program)
    return None


def _about_a_tangent(program: s.Program, i: int, told: str) -> bool:
    """Whether a tangent is what is refused: clause forward_ad.in_place.refused_first speaks of it."""
    dual = any(isinstance(x, s.EnterMode) and x.mode.endswith("dual_level") for x in program.steps[:i])
    return dual and ("forward grad" in told or "in-place operation" in told)


@law("law.refusal.leaves_no_trace")
def refusal_leaves_no_trace(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """A refused operation or assignment changes nothing."""
    kinds = (s.Apply, s.SetItem, s.GetItem, s.SetAttr, s.Make, s.Read, s.AddHook)
    refused = [i for i, t in enumerate(trace.steps) if t.outcome == "raised" and isinstance(program.steps[i], kinds)]
    if not refused or _acting(program):
        raise NotApplicable
    seen = seen_throughout(program, trace, subject)
    for i in refused:
        if _about_a_tangent(program, i, str(trace.steps[i].exception)):
            continue
        for name, now in seen.steps[i].tensors.items():
            was: Any = states_after(seen, i - 1).get(name)
            if was is None:
                continue
            for field in ("value", "version", "shape", "requires_grad", "grad_fn", "grad", "is_leaf", "dtype"):
                if getattr(was, field) != getattr(now, field):
                    one, other = (
                        (shown(was), shown(now)) if field == "value" else (getattr(was, field), getattr(now, field))
                    )
                    return Violation(i, f"{name}.{field}", str(one), str(other), program)
        if i and seen.steps[i].grad_enabled != seen.steps[i - 1].grad_enabled:
            return Violation(
                i, "grad mode", str(seen.steps[i - 1].grad_enabled), str(seen.steps[i].grad_enabled), program
            )
    return None


__all__ = ["bystanders", "own_memory", "program_repeats", "refusal_leaves_no_trace"]
