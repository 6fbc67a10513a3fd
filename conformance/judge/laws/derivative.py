"""Laws about derivatives: the gradient against numerical differentiation of the subject's own forward."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from conformance.execute.trace import Trace
from conformance.judge.laws.law import NotApplicable, Violation, law, refs, run, states_after, upto, wide
from conformance.program import steps as s
from conformance.subjects.base import Subject

_STEP = 2.0**-18  # the third of float64's precision: rounding and truncation balance
TOLERANCE = 1e-4
_LARGEST = 1e6  # beyond it the rounding of the objective drowns a difference of neighbours
_CUTS = {
    *("detach", "detach_", "data", "sgn", "sign", "floor", "ceil", "round", "trunc", "fill", "requires_grad"),
    # steps whose gradient is documented to be that of a straight line
    *("fake_quantize_per_tensor_affine", "fake_quantize_per_channel_affine"),
}
# Where two values go to one place, which of them stays is documented as undefined, and so is whose gradient counts.
_CROWDED = frozenset({"index_copy", "scatter", "put", "index_put", "index_fill", "masked_scatter"})
_DOUBLE = {"float32": "float64", "float64": "float64"}


def _cuts(step: s.Step) -> bool:
    """Whether a step may part the function from what autograd is told of it."""
    if isinstance(step, (s.EnterMode, s.CustomFunction, s.SetAttr, s.Backward, s.Grad)):
        return True
    if isinstance(step, s.AddHook):
        return getattr(step.callback, "do", "") != "observe"
    if isinstance(step, s.SetItem):
        return _repeats(step.index)
    if isinstance(step, s.Read):
        return step.out is not None
    if isinstance(step, s.Apply):
        if step.op.startswith("copy.") or step.op == "nn.Parameter":
            return True  # a leaf of its own
        if step.op in _CROWDED:
            return True
        if any(name == "padding_idx" for name, _ in step.kwargs):
            return True  # the row that pads is documented to get no gradient
        return step.op.rpartition(".")[2] in _CUTS or step.form == "out" or "forward_ad" in step.op
    return False


def _repeats(index: Any) -> bool:
    """Whether an index may name an element twice."""
    items = index.items if isinstance(index, s.Seq) and index.type == "tuple" else (index,)
    return any(isinstance(x, s.Ref) or (isinstance(x, s.Seq) and len(set(x.items)) < len(x.items)) for x in items)


def in_double(program: s.Program) -> s.Program:
    """The same program with every real tensor in float64: truncation, not rounding, must be the error that is left."""
    steps: list[s.Step] = []
    for step in program.steps:
        if isinstance(step, s.Make):
            if step.dtype not in _DOUBLE and step.dtype not in ("int64", "int32", "bool", "uint8"):
                raise NotApplicable
            if any(isinstance(v, str) or (isinstance(v, float) and abs(v) > _LARGEST) for v in step.values):
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
        with np.errstate(all="ignore"):
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


def smooth_derivative(program: s.Program, make: int, element: int, f: Any) -> float:
    """A central difference that two step sizes agree on.

    Raises:
        NotApplicable: they do not, so the function has a kink nearby.
    """
    found = []
    for h in (_STEP, _STEP * 4):
        found.append((f(_shifted(program, make, element, h)) - f(_shifted(program, make, element, -h))) / (2 * h))
    one_sided = (f(_shifted(program, make, element, _STEP)) - f(program)) / _STEP
    size = 1 + abs(found[0])
    if abs(found[0] - found[1]) > TOLERANCE / 4 * size or abs(found[0] - one_sided) > 100 * TOLERANCE * size:
        raise NotApplicable
    return float(found[0])


class Question(msgspec.Struct, frozen=True):
    """A Program as a function: of some leaves, to the sum of its roots times fixed cotangents.

    Attributes:
        program: in double precision.
        at: the index of the call that ends the function.
        leaves: (index of the Make, the Make) of each leaf.
        roots, cotangents: what is differentiated, and the weights.
        makes: steps that make the cotangents.
    """

    program: s.Program
    at: int
    leaves: tuple[tuple[int, s.Make], ...]
    roots: list[str]
    cotangents: list[Any]
    makes: tuple[s.Make, ...]

    def objective(self, program: s.Program, subject: Subject) -> float:
        return _objective(program, self.at, self.roots, self.cotangents, subject)

    def ask(self, outs: tuple[str, ...], **more: Any) -> s.Grad:
        """The call of grad for all leaves."""
        return s.Grad(
            outs,
            s.Seq(tuple(s.Ref(r) for r in self.roots)),
            s.Seq(tuple(s.Ref(x.out) for _, x in self.leaves)),
            s.Seq(tuple(s.Ref(m.out) for m in self.makes)),
            allow_unused=True,
            **more,
        )


def question(program: s.Program, trace: Trace, subject: Subject) -> Question:
    """What a Program asks, if it is a function of its leaves that nothing cuts on purpose.

    Raises:
        NotApplicable: it is not.
    """
    at = next((i for i, x in enumerate(program.steps) if isinstance(x, (s.Backward, s.Grad))), None)
    if at is None or trace.steps[at].outcome != "ok" or any(_cuts(x) for x in program.steps[:at]):
        raise NotApplicable
    double = in_double(program)
    step: Any = double.steps[at]
    roots = refs(step.tensors if isinstance(step, s.Backward) else step.outputs)
    answer = run(upto(double, at), subject)
    states = states_after(answer, at - 1)
    if any(t.outcome == "raised" for t in answer.steps):
        raise NotApplicable  # what is refused in one precision may not be in another
    leaves = tuple(
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
    )
    roots = [
        r for r in dict.fromkeys(roots) if r in states and states[r].requires_grad and states[r].dtype == "float64"
    ]
    if not leaves or not roots:
        raise NotApplicable
    rng = np.random.default_rng(len(program.steps))
    cotangents = [np.round(rng.uniform(-2, 2, states[r].shape), 2) for r in roots]
    makes = tuple(weights(f"lawc{k}", c) for k, c in enumerate(cotangents))
    return Question(double, at, leaves, roots, cotangents, makes)


def weights(name: str, values: Any) -> s.Make:
    """A tensor of given numbers."""
    return s.Make(name, tuple(float(v) for v in values.reshape(-1)) or (0.0,), values.shape, "float64")


@law("law.derivative.numerical")
def numerical(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Where a Program is a smooth function of a leaf, its gradient is the function's derivative.

    Views and in-place changes are part of the function: the whole Program is run again with the leaf moved.
    """
    asked = question(program, trace, subject)
    outs = tuple(f"law{k}" for k in range(len(asked.leaves)))
    variant = upto(asked.program, asked.at, *asked.makes, asked.ask(outs))
    where = asked.at + len(asked.makes)
    got = run(variant, subject)
    if got.steps[where].outcome != "ok":
        raise NotApplicable
    found = states_after(got, where)
    checked = False
    for k, (make, leaf) in enumerate(asked.leaves):
        count = int(np.prod(leaf.shape))
        gradient = found.get(outs[k])
        analytic = np.zeros(leaf.shape) if gradient is None else wide(gradient)
        if not np.isfinite(analytic).all():
            continue
        for element in sorted({0, count - 1}):
            try:
                numeric = smooth_derivative(asked.program, make, element, lambda p: asked.objective(p, subject))
            except NotApplicable:
                continue
            checked = True
            seen = float(analytic.reshape(-1)[element])
            if abs(numeric - seen) > TOLERANCE * 10 * (1 + abs(numeric)):
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


__all__ = ["Question", "numerical", "question", "smooth_derivative", "weights"]
