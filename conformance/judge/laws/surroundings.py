"""Laws about what surrounds a call: anomaly mode, grad mode, a bystander's retain_grad, an earlier refusal."""

from __future__ import annotations

from typing import Any

from conformance.execute.trace import Trace
from conformance.judge.laws.law import (
    NotApplicable,
    Violation,
    alive,
    close,
    last_call,
    law,
    only_plain_hooks,
    run,
    seen_throughout,
    shown,
    states_after,
    upto,
)
from conformance.program import steps as s
from conformance.program.steps import UNSET
from conformance.subjects.base import Subject


def _same_gradients(
    program: s.Program, trace: Trace, subject: Subject, around: tuple[s.Step, ...], only_without_graph: bool = False
) -> Violation | None:
    """Whether the last grad() gives the same with some steps before it."""
    only_plain_hooks(program)
    i = last_call(program, trace, s.Grad)
    step: Any = program.steps[i]
    if not step.outs or (only_without_graph and step.create_graph not in (UNSET, False)):
        raise NotApplicable
    one = run(upto(program, i, step), subject)
    if one.steps[i].outcome != "ok":
        raise NotApplicable
    variant = upto(program, i, *around, step)
    other, at = run(variant, subject), i + len(around)
    if any(t.outcome != "ok" for t in other.steps[i:at]):
        raise NotApplicable
    if other.steps[at].outcome != "ok":
        return Violation(at, "outcome", "ok", str(other.steps[at].exception), variant)
    first, second = states_after(one, i), states_after(other, at)
    for out in step.outs:
        a, b = first.get(out), second.get(out)
        if (a is None) != (b is None) or (
            a is not None and b is not None and not (a.shape == b.shape and close(a.dtype, a.shape, a.value, b.value))
        ):
            return Violation(at, out, shown(a), shown(b), variant)
    return None


@law("law.flags.anomaly")
def anomaly(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Anomaly mode changes no gradient's number; that it refuses nan is what it is for."""
    around = (s.EnterMode("autograd.set_detect_anomaly", (True,)),)
    found = _same_gradients(program, trace, subject, around)
    if found is not None and ("nan" in found.observed or "hook" in found.observed):
        raise NotApplicable
    return found


@law("law.flags.grad_mode")
def grad_mode(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """The grad mode in which grad() is called changes no number."""
    return _same_gradients(program, trace, subject, (s.EnterMode("no_grad"),))


@law("law.flags.retain_grad")
def retain_grad(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """That some tensor retains its gradient changes no other gradient's number."""
    i = last_call(program, trace, s.Grad)
    if getattr(program.steps[i], "is_grads_batched", UNSET) is not UNSET:
        raise NotApplicable
    states = alive(program, seen_throughout(program, trace, subject), i - 1)
    kept = [n for n, t in states.items() if t.requires_grad and not t.is_leaf and not t.retains_grad][:3]
    if not kept:
        raise NotApplicable
    around = tuple(s.AddHook(f"lawr{k}", "retain_grad", (n,)) for k, n in enumerate(kept))
    return _same_gradients(program, trace, subject, around)


@law("law.refusal.engine_works")
def engine_works(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """After whatever was refused, a fresh graph is differentiated as ever."""
    if not any(t.outcome == "raised" for t in trace.steps):
        raise NotApplicable
    more: tuple[s.Step, ...] = (
        s.EnterMode("inference_mode", (False,)),
        s.EnterMode("enable_grad"),
        s.Make("lawx", (3.0,), (), "float64", True),
        s.Apply("mul", (s.Ref("lawx"), s.Ref("lawx")), (), ("lawy",), "method"),
        s.Grad(("lawg",), s.Ref("lawy"), s.Ref("lawx")),
    )
    # the modes that a program leaves open would be around the new graph too: hooks on saved tensors, anomaly
    opened = {x.mode.rpartition(".")[2] for x in program.steps if isinstance(x, s.EnterMode)}
    if not opened <= {"no_grad", "enable_grad", "set_grad_enabled", "inference_mode", "dual_level"}:
        raise NotApplicable
    at = len(program.steps)
    variant = upto(program, at, *more)
    answer = run(variant, subject)
    if answer.steps[-1].outcome != "ok":
        return Violation(at + 4, "outcome", "ok", str(answer.steps[-1].exception), variant)
    found = states_after(answer, at + 4).get("lawg")
    if found is None or shown(found) != "6.":
        return Violation(at + 4, "lawg", "6.", shown(found), variant)
    return None


__all__ = ["anomaly", "engine_works", "grad_mode", "retain_grad"]
