"""The law of layout: where in memory a tensor's elements lie changes no number."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from conformance.execute.trace import TensorState, Trace
from conformance.judge.laws.law import NotApplicable, Violation, close, law, run, seen_throughout, shown, states_after
from conformance.program import names as n
from conformance.program import steps as s
from conformance.subjects.base import Subject

# What a view of memory, a copy, or a refusal is decided by strides here: other layouts are other programs. A tensor
# that is a window on a buffer is a view, which is refused where a tensor of its own is not: detach_, no_grad.
_BY_LAYOUT = frozenset(
    {
        *("view", "view_as", "reshape", "reshape_as", "flatten", "ravel", "contiguous", "as_strided", "resize", "set"),
        *(
            "resize_as",
            "data",
            "as_strided_copy",
            "as_strided_scatter",
            "view_as_real",
            "view_as_complex",
            "empty_like",
            "unflatten",
        ),
        *("nn.Parameter", "copy.deepcopy", "to", "stride", "channel_shuffle", "pixel_shuffle", "pixel_unshuffle"),
        *("detach", "set_grad_enabled"),
    }
)
_ABOUT_MEMORY = (
    "view size is not compatible", "single memory location", "is a view", "view of a leaf", "detach views in-place",
    "a second time",  # the node of a change through a view can be used once, whatever it saved
)  # fmt: skip
_SEEDED = frozenset({"float32", "float64", "complex64", "complex128"})


def _decided_by_layout(step: s.Step) -> bool:
    if isinstance(step, s.Apply):
        name = step.op.rpartition(".")[2]
        return step.form == "out" or name in _BY_LAYOUT or step.op in _BY_LAYOUT or name.startswith("empty")
    if isinstance(step, s.Read):
        return step.what in ("data", "repr", "str") or step.out is not None
    return isinstance(step, (s.SetAttr, s.CustomFunction, s.AddHook, s.EnterMode))


def _writes(step: s.Step) -> bool:
    return isinstance(step, s.SetItem) or (isinstance(step, s.Apply) and step.form in ("inplace", "augmented"))


def relaid(make: s.Make, kind: int, expandable: bool) -> s.Make:
    """The same tensor as a window on a larger, a transposed, or (equal values) a one-element buffer."""
    count = int(np.prod(make.shape))
    values = list(make.values) if len(make.values) == count else list(make.values) * count
    if expandable and all(v == values[0] for v in values):
        return msgspec.structs.replace(make, values=(values[0],), strides=(0,) * len(make.shape))
    places = np.arange(count).reshape(make.shape)
    if kind == 0:  # column-major
        order = places.transpose().reshape(-1)
        strides = [int(np.prod(make.shape[:d])) for d in range(len(make.shape))]
        return msgspec.structs.replace(make, values=tuple(values[int(k)] for k in order), strides=tuple(strides))
    spread: list[Any] = [values[0]]  # every other element, from the second on
    for value in values:
        spread += [value, values[0]]
    strides = [2 * int(np.prod(make.shape[d + 1 :])) for d in range(len(make.shape))]
    return msgspec.structs.replace(make, values=tuple(spread), strides=tuple(strides), offset=1)


@law("law.layout")
def layout(program: s.Program, trace: Trace, subject: Subject) -> Violation | None:
    """Equal values in other layouts give equal values and gradients."""
    if any(_decided_by_layout(step) for step in program.steps):
        raise NotApplicable
    expandable = not any(_writes(step) for step in program.steps)
    steps: list[s.Step] = []
    moved = 0
    for i, step in enumerate(program.steps):
        fits = isinstance(step, s.Make) and step.strides is None and step.shape and 0 not in step.shape
        if fits and isinstance(step, s.Make) and step.dtype in _SEEDED:
            steps.append(relaid(step, (i + len(program.steps)) % 2, expandable))
            moved += 1
        else:
            steps.append(step)
    if not moved or _recorded_cotangent(program, trace, subject):
        raise NotApplicable  # a gradient that is a cotangent's own memory has the cotangent's history, a copy has none
    variant = s.Program(tuple(steps), observe="each")
    usual, other = run(s.Program(program.steps, observe="each"), subject), run(variant, subject)
    for i, (one, two) in enumerate(zip(usual.steps, other.steps, strict=True)):
        if one.outcome != two.outcome:
            if any(words in str((one.exception, two.exception)) for words in _ABOUT_MEMORY):
                raise NotApplicable
            return Violation(i, "outcome", f"{one.outcome} {one.exception}", f"{two.outcome} {two.exception}", variant)
        first, second = states_after(usual, i), states_after(other, i)
        for name in one.tensors.keys() | two.tensors.keys():
            found = _differs(first.get(name), second.get(name))
            if found is not None:
                return Violation(i, f"{name}{found[0]}", found[1], found[2], variant)
    return None


def _recorded_cotangent(program: s.Program, trace: Trace, subject: Subject) -> bool:
    """Whether a cotangent requires grad."""
    seen: Trace | None = None
    for i, step in enumerate(program.steps):
        given = getattr(step, "grad_tensors", None) or getattr(step, "grad_outputs", None)
        names = {part.name for part in n.walk(given) if isinstance(part, s.Ref)} if given else set()
        if names:
            seen = seen or seen_throughout(program, trace, subject)
            states = states_after(seen, i - 1)
            if any(name in states and states[name].requires_grad for name in names):
                return True
    return False


def _differs(one: TensorState | None, other: TensorState | None) -> tuple[str, str, str] | None:
    for part, a, b in (("", one, other), (".grad", getattr(one, "grad", None), getattr(other, "grad", None))):
        if not isinstance(a, TensorState) or not isinstance(b, TensorState) or a.value is None or b.value is None:
            continue
        if a.shape != b.shape or a.dtype != b.dtype or not close(a.dtype, a.shape, a.value, b.value):
            return part, shown(a), shown(b)
    return None


__all__ = ["layout", "relaid"]
