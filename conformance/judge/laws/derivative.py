"""Laws about derivatives: the gradient against numerical differentiation of the subject's own forward."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from conformance.execute.trace import Trace
from conformance.judge.laws.law import NotApplicable, Violation, law, run, states_after, upto, wide
from conformance.program import steps as s
from conformance.program.steps import UNSET
from conformance.subjects.base import Subject

_STEP = 2.0**-18  # the third of float64's precision: rounding and truncation balance
_TOLERANCE = 1e-4
_LARGEST = 1e6  # beyond it the rounding of the objective drowns a difference of neighbours
_CUTS = {"detach", "detach_", "data", "sgn", "sign", "floor", "ceil", "round", "trunc", "fill", "requires_grad"}
_DOUBLE = {"float32": "float64", "float64": "float64"}


def _cuts(step: s.Step) -> bool:
    """Whether a step may part the function from what autograd is told of it."""
    if isinstance(step, (s.EnterMode, s.CustomFunction, s.SetAttr, s.Backward, s.Grad)):
        return True
    if isinstance(step, s.AddHook):
        return getattr(step.callback, "do", "") != "observe"
    if isinstance(step, s.Read):
        return step.out is not None
    if isinstance(step, s.Apply):
        return step.op.rpartition(".")[2] in _CUTS or step.form == "out" or "forward_ad" in step.op
    return False


def _in_double(program: s.Program) -> s.Program:
    """The same program with every real tensor in float64: truncation, not rounding, must be the error that is left."""
    steps: list[s.Step] = []
    for step in program.steps:
        if isinstance(step, s.Make):
            if step.dtype not in _DOUBLE and step.dtype not in ("int64", "int32", "bool", "uint8"):
                raise NotApplicable
            step = msgspec.structs.replace(step, dtype=_DOUBLE.get(step.dtype, step.dtype))
        if isinstance(step, s.Apply) and any(k == "dtype" for k, _ in step.kwargs):
            raise NotApplicable
        steps.append(step)
    return s.Program(tuple(steps), observe="each")


def _objective(program: s.Program, at: int, roots: list[str], cotangents: list[Any], subject: Subject) -> float:
    states = states_after(run(upto(program, at), subject), at - 1)
    total = 0.0
    for root, cotangent in zip(roots, cotangents, strict=True):
        if root not in states:
            raise NotApplicable
        y = wide(states[root])
        if np.iscomplexobj(y):
            raise NotApplicable
        total += float(np.sum(y * cotangent))
    if not abs(total) < _LARGEST:  # nan too
        raise NotApplicable
    return total


def _shifted(program: s.Program, make: int, element: int, by: float) -> s.Program:
    step: Any = program.steps[make]
    count = int(np.prod(step.shape))
    values = list(step.values) if len(step.values) >= count else list(step.values) * count
    if not isinstance(values[element], (int, float)):
        raise NotApplicable
    values[element] = float(values[element]) + by
    changed = msgspec.structs.replace(step, values=tuple(values))
    return s.Program((*program.steps[:make], changed, *program.steps[make + 1 :]), observe="each")


def _smooth_derivative(program: s.Program, make: int, element: int, f: Any) -> float:
    """A central difference that two step sizes agree on.

    Raises:
        NotApplicable: they do not, so the function has a kink nearby.
    """
    found = []
    for h in (_STEP, _STEP * 4):
        found.append((f(_shifted(program, make, element, h)) - f(_shifted(program, make, element, -h))) / (2 * h))
    one_sided = (f(_shifted(program, make, element, _STEP)) - f(program)) / _STEP
    size = 1 + abs(found[0])
    if abs(found[0] - found[1]) > _TOLERANCE / 4 * size or abs(found[0] - one_sided) > 100 * _TOLERANCE * size:
        raise NotApplicable
    return float(found[0])


@law("law.derivative.numerical")
def numerical(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Where a Program is a smooth function of a leaf, its gradient is the function's derivative.

    Views and in-place changes are part of the function: the whole Program is run again with the leaf moved.
    """
    at = next((i for i, x in enumerate(program.steps) if isinstance(x, (s.Backward, s.Grad))), None)
    if at is None or trace.steps[at].outcome != "ok" or any(_cuts(x) for x in program.steps[:at]):
        raise NotApplicable
    double = _in_double(program)
    step: Any = double.steps[at]
    roots_arg = step.tensors if isinstance(step, s.Backward) else step.outputs
    from conformance.judge.laws.law import refs

    roots = refs(roots_arg)
    answer = run(upto(double, at), subject)
    states = states_after(answer, at - 1)
    if any(t.outcome == "raised" for t in answer.steps):
        raise NotApplicable  # what is refused in one precision may not be in another
    leaves = [
        (i, x)
        for i, x in enumerate(double.steps[:at])
        if isinstance(x, s.Make)
        and x.requires_grad
        and x.strides is None
        and 0 not in x.shape
        and x.out in states
        and states[x.out].is_leaf
        and states[x.out].requires_grad
        and states[x.out].version == 0
        and states[x.out].same_as is None
    ]
    roots = [
        r for r in dict.fromkeys(roots) if r in states and states[r].requires_grad and states[r].dtype == "float64"
    ]
    if not leaves or not roots:
        raise NotApplicable
    rng = np.random.default_rng(len(program.steps))
    cotangents = [np.round(rng.uniform(-2, 2, states[r].shape), 2) for r in roots]
    makes = tuple(
        s.Make(f"lawc{k}", tuple(float(v) for v in c.reshape(-1)) or (0.0,), c.shape, "float64")
        for k, c in enumerate(cotangents)
    )
    outs = tuple(f"law{k}" for k in range(len(leaves)))
    ask = s.Grad(
        outs,
        s.Seq(tuple(s.Ref(r) for r in roots)),
        s.Seq(tuple(s.Ref(x.out) for _, x in leaves)),
        s.Seq(tuple(s.Ref(m.out) for m in makes)),
        allow_unused=True,
    )
    variant = upto(double, at, *makes, ask)
    got = run(variant, subject)
    where = at + len(makes)
    if got.steps[where].outcome != "ok":
        raise NotApplicable
    found = states_after(got, where)

    def f(p: s.Program) -> float:
        return _objective(p, at, roots, cotangents, subject)

    checked = False
    for k, (make, leaf) in enumerate(leaves):
        count = int(np.prod(leaf.shape))
        gradient = found.get(outs[k])
        analytic = np.zeros(leaf.shape) if gradient is None else wide(gradient)
        if not np.isfinite(analytic).all():
            continue
        for element in sorted({0, count - 1}):
            try:
                numeric = _smooth_derivative(double, make, element, f)
            except NotApplicable:
                continue
            checked = True
            seen = float(analytic.reshape(-1)[element])
            if abs(numeric - seen) > _TOLERANCE * 10 * (1 + abs(numeric)):
                return Violation(
                    where,
                    f"gradient of {leaf.out}[{element}]",
                    f"{numeric:.6g} (numerical differentiation)",
                    f"{seen:.6g}",
                    variant,
                )
    if not checked:
        raise NotApplicable
    return None


__all__ = ["UNSET", "numerical"]
