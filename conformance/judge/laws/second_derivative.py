"""Laws about second derivatives, and about forward mode: what reverse mode says, seen from another side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.execute.trace import Trace
from conformance.judge.laws.derivative import TOLERANCE, Question, question, smooth_derivative, weights
from conformance.judge.laws.law import NotApplicable, Violation, law, overlapping, run, states_after, upto, wide
from conformance.program import names as n
from conformance.program import steps as s
from conformance.subjects.base import Subject

_SECOND = TOLERANCE * 20


def _vectors(asked: Question, seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [np.round(rng.uniform(-2, 2, leaf.shape), 2) for _, leaf in asked.leaves]


def _first(asked: Question) -> tuple[list[s.Step], tuple[str, ...]]:
    outs = tuple(f"law{k}" for k in range(len(asked.leaves)))
    return [*asked.makes, asked.ask(outs, create_graph=True)], outs


def _products(asked: Question, along: list[Any], subject: Subject, prefix: str) -> tuple[s.Program, list[Any]]:
    """The Hessian times a vector, by differentiating the gradient."""
    steps, outs = _first(asked)
    answer = run(upto(asked.program, asked.at, *steps), subject)
    if answer.steps[-1].outcome != "ok":
        raise NotApplicable
    states = states_after(answer, len(answer.steps) - 1)
    taken = [k for k, out in enumerate(outs) if out in states and states[out].requires_grad]
    if not taken:
        raise NotApplicable
    makes = [weights(f"{prefix}{k}", along[k]) for k in taken]
    again = s.Grad(
        tuple(f"{prefix}h{k}" for k in range(len(asked.leaves))),
        s.Seq(tuple(s.Ref(outs[k]) for k in taken)),
        s.Seq(tuple(s.Ref(leaf.out) for _, leaf in asked.leaves)),
        s.Seq(tuple(s.Ref(make.out) for make in makes)),
        allow_unused=True,
    )
    variant = upto(asked.program, asked.at, *steps, *makes, again)
    second = run(variant, subject)
    if second.steps[-1].outcome != "ok":
        raise NotApplicable
    states = states_after(second, len(second.steps) - 1)
    found = [states.get(f"{prefix}h{k}") for k in range(len(asked.leaves))]
    values = [np.zeros(leaf.shape) if h is None else wide(h) for h, (_, leaf) in zip(found, asked.leaves, strict=True)]
    if not all(np.isfinite(v).all() for v in values):
        raise NotApplicable
    return variant, values


def _dot(one: list[Any], other: list[Any]) -> float:
    return float(sum(np.sum(a * b) for a, b in zip(one, other, strict=True)))


@law("law.derivative.second")
def second(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """The derivative of the gradient is what differentiating it numerically gives."""
    asked = question(program, trace, subject)
    along = _vectors(asked, len(program.steps) + 1)
    variant, products = _products(asked, along, subject, "lawv")
    slope = _slope(asked, along, subject)
    checked = False
    for k, (make, leaf) in enumerate(asked.leaves[:2]):
        try:
            numeric = smooth_derivative(asked.program, make, 0, slope)
        except NotApplicable:
            continue
        checked = True
        seen = float(products[k].reshape(-1)[0])
        if abs(numeric - seen) > _SECOND * (1 + abs(numeric)):
            what = f"second derivative by {leaf.out}[0]"
            told = f"{numeric:.6g} (numerical differentiation of the gradient)"
            return Violation(len(variant.steps) - 1, what, told, f"{seen:.6g}", variant)
    if not checked:
        raise NotApplicable
    return None


def _slope(asked: Question, along: list[Any], subject: Subject) -> Callable[[s.Program], float]:
    """The derivative in a direction, as a function of the Program."""
    steps, outs = _first(asked)

    def slope(moved: s.Program) -> float:
        answer = run(upto(moved, asked.at, *steps), subject)
        if answer.steps[-1].outcome != "ok":
            raise NotApplicable
        states = states_after(answer, len(answer.steps) - 1)
        total = sum(float(np.sum(wide(states[out]) * along[k])) for k, out in enumerate(outs) if out in states)
        if not abs(total) < 1e6:
            raise NotApplicable
        return total

    return slope


@law("law.derivative.symmetric")
def symmetric(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Second derivatives do not depend on the order: u H v is v H u."""
    asked = question(program, trace, subject)
    u, v = (_vectors(asked, len(program.steps) + k) for k in (2, 3))
    variant, of_v = _products(asked, v, subject, "lawv")
    _, of_u = _products(asked, u, subject, "lawu")
    one, other = _dot(u, of_v), _dot(v, of_u)
    size = 1 + max(float(np.max(np.abs(a), initial=0.0)) for a in (*of_u, *of_v))
    if size > 1e8:
        raise NotApplicable
    if abs(one - other) > 1e-6 * size:
        for make, _ in asked.leaves:  # where the gradient has a kink or a jump there is no second derivative
            smooth_derivative(asked.program, make, 0, _slope(asked, u, subject))
        return Violation(len(variant.steps) - 1, "Hessian", f"u H v = {one:.6g}", f"v H u = {other:.6g}", variant)
    return None


@law("law.derivative.forward")
def forward(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Reverse and forward mode agree: the gradient times a direction is the tangent in that direction."""
    asked = question(program, trace, subject)
    along = _vectors(asked, len(program.steps) + 4)
    outs = tuple(f"law{k}" for k in range(len(asked.leaves)))
    backwards = upto(asked.program, asked.at, *asked.makes, asked.ask(outs))
    reverse = run(backwards, subject)
    if reverse.steps[-1].outcome != "ok":
        raise NotApplicable
    states = states_after(reverse, len(reverse.steps) - 1)
    gradients = [
        np.zeros(x.shape) if out not in states else wide(states[out])
        for out, (_, x) in zip(outs, asked.leaves, strict=True)
    ]
    variant = _in_forward_mode(asked, along)
    answer = run(variant, subject)
    last = len(variant.steps) - 1
    if any(overlapping(t) for step in answer.steps for t in step.tensors.values()):
        raise NotApplicable  # which of two tangents stays where two elements lie is documented as undefined
    if any(t.outcome == "raised" for t in answer.steps):
        raise NotApplicable  # forward mode has no formula for some op, or refuses what reverse mode does not
    states = states_after(answer, last)
    pushed = 0.0
    for k, cotangent in enumerate(asked.cotangents):
        tangent = states.get(f"lawt{k}")
        if tangent is not None:
            with np.errstate(all="ignore"):
                pushed += float(np.sum(wide(tangent) * cotangent))
    if not all(np.isfinite(g).all() for g in gradients):
        raise NotApplicable
    pulled = _dot(gradients, along)
    if not (abs(pulled) < 1e8 and abs(pushed) < 1e8):
        raise NotApplicable
    size = 1 + max(float(np.max(np.abs(g), initial=0.0)) for g in gradients)
    if abs(pulled - pushed) > 1e-6 * size:
        told = f"{pulled:.6g} (reverse mode)", f"{pushed:.6g} (forward mode)"
        return Violation(last, "tangent", *told, variant, beside=(backwards,))
    return None


def _in_forward_mode(asked: Question, along: list[Any]) -> s.Program:
    """The same Program on dual tensors; the tangents of its roots at the end."""
    steps: list[s.Step] = [s.EnterMode("autograd.forward_ad.dual_level")]
    renamed: dict[str, str] = {}
    starts = {i: k for k, (i, _) in enumerate(asked.leaves)}
    for i, step in enumerate(asked.program.steps[: asked.at]):
        steps.append(n.renamed(step, renamed))
        if i in starts:
            k = starts[i]
            leaf = asked.leaves[k][1]
            pair = (s.Ref(leaf.out), s.Ref(f"lawd{k}"))
            steps.append(weights(f"lawd{k}", along[k]))
            steps.append(s.Apply("autograd.forward_ad.make_dual", pair, (), (f"lawx{k}",)))
            renamed[leaf.out] = f"lawx{k}"
    for k, root in enumerate(asked.roots):
        outs = (f"lawp{k}", f"lawt{k}")
        root = renamed.get(root, root)
        steps.append(s.Apply("autograd.forward_ad.unpack_dual", (s.Ref(root),), (), outs))
    return s.Program(tuple(steps), observe="each")


__all__ = ["forward", "second", "symmetric"]
