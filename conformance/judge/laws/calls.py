"""Laws about calls: grad and backward agree, parts make the whole, flags change no number."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from conformance.execute.trace import Trace
from conformance.judge.laws.law import (
    NotApplicable,
    Violation,
    alive,
    close,
    last_call,
    law,
    only_plain_hooks,
    refs,
    rounding,
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


def _leaves(states: dict[str, Any]) -> list[str]:
    """Leaves that can be asked for a gradient, each object once."""
    return [n for n, t in states.items() if t.is_leaf and t.requires_grad and not t.is_inference and t.same_as is None]


def _call(program: s.Program, i: int, **changed: Any) -> s.Step:
    return msgspec.structs.replace(program.steps[i], **changed)


def _compare_outs(
    program: s.Program, i: int, outs: dict[str, str], one: Trace, other: Trace, base: s.Program
) -> Violation | None:
    """Compare the gradients that ``one`` and ``other`` gave the same names at step ``i``."""
    first, second = states_after(one, i), states_after(other, i)
    for name, label in outs.items():
        a, b = first.get(name), second.get(name)
        if a is None or b is None:
            if a is not b:
                return Violation(i, label, shown(a), shown(b), program)
        elif a.shape != b.shape or a.dtype != b.dtype or not close(a.dtype, a.shape, a.value, b.value):
            return Violation(i, label, shown(a), shown(b), program)
    return None


@law("law.grad.equals_backward")
def grad_equals_backward(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """What backward puts into an empty .grad is what grad returns."""
    only_plain_hooks(program)
    i = last_call(program, trace, s.Backward)
    step: Any = program.steps[i]
    if step.inputs is not UNSET or step.grad_variables is not UNSET:
        raise NotApplicable
    plain = upto(program, i, step)
    accumulated = run(plain, subject)
    if accumulated.steps[i].outcome != "ok":
        raise NotApplicable
    before, after = alive(program, accumulated, i - 1), states_after(accumulated, i)
    # A leaf that was given other data may have a new accumulator: it is not the one that the graph leads to.
    moved = {x.target for x in program.steps[:i] if isinstance(x, s.SetAttr) and x.name == "data"}
    moved |= {
        n for x in program.steps[:i] if isinstance(x, s.Apply) and x.op in ("set", "set_") for n in refs(x.args[0])
    }
    leaves = [
        n for n in _leaves(before) if before[n].grad is None and not isinstance(after[n].grad, str) and n not in moved
    ]
    if not leaves:
        raise NotApplicable
    names = {f"law{k}": n for k, n in enumerate(leaves)}
    asked = s.Grad(
        tuple(names),
        step.tensors,
        s.Seq(tuple(s.Ref(n) for n in leaves)),
        grad_outputs=step.grad_tensors,
        retain_graph=step.retain_graph,
        create_graph=step.create_graph,
        allow_unused=True,
    )
    variant = upto(program, i, asked)
    answer = run(variant, subject)
    if answer.steps[i].outcome != "ok":
        if "running autograd.grad" in str(answer.steps[i].exception):
            raise NotApplicable  # a documented limit of hooks on several tensors
        return Violation(i, "grad", "the gradients that backward accumulates", str(answer.steps[i].exception), variant)
    got = states_after(answer, i)
    for out, leaf in names.items():
        a: Any = after[leaf].grad
        b = got.get(out)
        if (a is None) != (b is None) or (
            a is not None and b is not None and not close(a.dtype, a.shape, a.value, b.value)
        ):
            return Violation(
                i, leaf, f"{shown(a)} (accumulated by backward)", f"{shown(b)} (returned by grad)", variant
            )
    return None


@law("law.grad.each_as_in_company")
def each_as_in_company(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Asking for one input gives what asking for it together with others gives."""
    i = last_call(program, trace, s.Grad)
    step: Any = program.steps[i]
    names = refs(step.inputs)
    states = alive(program, seen_throughout(program, trace, subject), i - 1)
    more = [n for n in _leaves(states) if n not in names][:2]
    if len(names) + len(more) < 2 or len(step.outs) != len(names) or any(_acts(x) for x in program.steps[:i]):
        raise NotApplicable
    wanted = names[:1]
    alone = _call(
        program, i, inputs=s.Seq((s.Ref(wanted[0]),)), outs=("law0",), allow_unused=True, materialize_grads=UNSET
    )
    both = _call(
        program,
        i,
        inputs=s.Seq(tuple(s.Ref(n) for n in (*names, *more))),
        allow_unused=True,
        materialize_grads=UNSET,
        outs=tuple(f"law{k}" for k in range(len(names) + len(more))),
    )
    first, second = run(upto(program, i, alone), subject), run(upto(program, i, both), subject)
    if first.steps[i].outcome != "ok" or second.steps[i].outcome != "ok":
        raise NotApplicable
    return _compare_outs(upto(program, i, both), i, {"law0": f"gradient of {wanted[0]}"}, first, second, program)


def _acts(step: s.Step) -> bool:
    """Whether a hook or Function has effects beyond its gradient, so that calls are not independent."""
    if isinstance(step, s.CustomFunction):
        return True
    return isinstance(step, s.AddHook) and getattr(step.callback, "do", "raise") in (
        "inplace_scale",
        "inplace_zero",
        "raise",
    )


@law("law.grad.repeats")
def repeats(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """With the graph retained, the same question has the same answer."""
    i = last_call(program, trace, s.Grad)
    step: Any = program.steps[i]
    if not step.outs or any(_acts(x) for x in program.steps[:i]):
        raise NotApplicable
    first = _call(program, i, retain_graph=True)
    again = _call(program, i, retain_graph=True, outs=tuple(f"law{k}" for k in range(len(step.outs))))
    variant = upto(program, i, first, again)
    answer = run(variant, subject)
    if answer.steps[i].outcome != "ok" or answer.steps[i + 1].outcome != "ok":
        raise NotApplicable
    states = states_after(answer, i + 1)
    for k, out in enumerate(step.outs):
        a, b = states.get(out), states.get(f"law{k}")
        if (a is None) != (b is None) or (a is not None and b is not None and a.value != b.value):
            return Violation(i + 1, out, shown(a), shown(b), variant)
    return None


def _flag_law(**changed: Any) -> Any:
    def check(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
        only_plain_hooks(program)
        i = last_call(program, trace, s.Grad)
        step: Any = program.steps[i]
        if not step.outs:
            raise NotApplicable
        if step.grad_outputs is not UNSET and step.grad_outputs is not None:
            states = alive(program, seen_throughout(program, trace, subject), i - 1)
            if any(n not in states or states[n].requires_grad for n in refs(step.grad_outputs)):
                raise NotApplicable  # a recorded cotangent has a history of its own, which may be refused
        variant = upto(program, i, _call(program, i, **changed))
        one, other = run(upto(program, i, step), subject), run(variant, subject)
        if one.steps[i].outcome != "ok":
            raise NotApplicable
        if other.steps[i].outcome != "ok":
            told = str(other.steps[i].exception)
            if "not implemented" in told or "pack hook" in told:  # more is saved for a graph of the gradients
                raise NotApplicable
            return Violation(i, "outcome", "ok", str(other.steps[i].exception), variant)
        return _compare_outs(variant, i, {o: o for o in step.outs}, one, other, program)

    return check


law("law.flags.create_graph")(_flag_law(create_graph=True))
law("law.flags.retain_graph")(_flag_law(retain_graph=True))


def _surrounded(program: s.Program, trace: Trace, i: int) -> tuple[s.Step, ...]:
    states = alive(program, trace, i - 1)
    return tuple(
        s.AddHook(f"lawh{k}", "tensor", (n,), s.Callback("observe"))
        for k, (n, t) in enumerate(states.items())
        if t.requires_grad and not t.is_inference
    )[:4]


@law("law.hooks.observing")
def observing_hooks(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """A hook that only looks changes no gradient."""
    i = last_call(program, trace, s.Grad)
    step: Any = program.steps[i]
    hooks = _surrounded(program, seen_throughout(program, trace, subject), i)
    if not step.outs or not hooks or any(_acts(x) for x in program.steps[:i]) or step.is_grads_batched is not UNSET:
        raise NotApplicable  # a batched gradient cannot be looked at
    variant = upto(program, i, *hooks, step)
    one, other = run(upto(program, i, step), subject), run(variant, subject)
    at = i + len(hooks)
    if one.steps[i].outcome != "ok":
        raise NotApplicable
    if other.steps[at].outcome != "ok":
        return Violation(at, "outcome", "ok", str(other.steps[at].exception), variant)
    first, second = states_after(one, i), states_after(other, at)
    for out in step.outs:
        a, b = first.get(out), second.get(out)
        if a is not None and b is not None and not close(a.dtype, a.shape, a.value, b.value):
            return Violation(at, out, shown(a), shown(b), variant)
    return None


@law("law.cotangent.homogeneous")
def homogeneous(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Twice the cotangent, twice the gradient, but for the rounding of formulas that are not made of products."""
    only_plain_hooks(program)
    i = last_call(program, trace, s.Grad)
    step: Any = program.steps[i]
    if step.grad_outputs is UNSET or step.grad_outputs is None or not step.outs or step.is_grads_batched is not UNSET:
        raise NotApplicable
    given = refs(step.grad_outputs)
    states = alive(program, seen_throughout(program, trace, subject), i - 1)
    if any(n not in states or states[n].dtype in ("bool", "float16", "bfloat16") for n in given):
        raise NotApplicable
    doubled = tuple(s.Apply("mul", (s.Ref(n), 2), (), (f"lawc{k}",), "method") for k, n in enumerate(given))
    sequence = s.Seq(tuple(s.Ref(f"lawc{k}") for k in range(len(given))))
    variant = upto(program, i, *doubled, _call(program, i, grad_outputs=sequence))
    one, other = run(upto(program, i, step), subject), run(variant, subject)
    at = i + len(doubled)
    if one.steps[i].outcome != "ok" or other.steps[at].outcome != "ok":
        raise NotApplicable
    first, second = states_after(one, i), states_after(other, at)
    for out in step.outs:
        a, b = first.get(out), second.get(out)
        if a is None or b is None:
            continue
        x, y = wide(a), wide(b)
        fine = np.isfinite(x) & (np.abs(np.where(np.isfinite(x), x, 0)) < 1e30)
        special = fine & ~np.isfinite(y)
        within = rounding(a.dtype) * np.max(np.abs(x[fine]), initial=0.0)  # what sums that cancel leave
        if special.any() or not np.allclose(2 * x[fine], y[fine], rtol=1e-6, atol=max(within, 1e-30)):
            return Violation(at, out, f"twice {shown(a)}", shown(b), variant)
    return None
