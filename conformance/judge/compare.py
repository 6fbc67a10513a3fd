"""The first difference between two Traces of one Program."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from conformance.execute.trace import Call, Glimpse, Number, Seen, StepTrace, TensorState, Trace
from conformance.judge import numbers
from conformance.judge.numbers import ValueMismatch
from conformance.program import steps as s
from conformance.program.script import Note

__all__ = ["UNDER_SPECIFIED", "Divergence", "UnderSpecified", "ValueMismatch", "compare", "differences", "note"]


class Divergence(msgspec.Struct, frozen=True):
    """A field in which two Traces differ.

    `field` is `outcome`, `exception` (the type), `message`, `warnings`, `calls`, `result`, `grad_enabled`,
    `inference_mode`, or a field of a tensor's state; those of its gradient start with `grad.`.
    """

    step: int
    step_kind: str
    op: str | None
    tensor: str | None
    field: str
    expected: str
    observed: str
    clauses: tuple[str, ...]
    mismatch: ValueMismatch | None = None  # where it is about numbers: whether it counts is for the shadow to say

    @property
    def kind(self) -> str:
        """Of numbers that differ, in which way: see ``ValueMismatch``."""
        return self.mismatch.kind if self.mismatch is not None else ""


class UnderSpecified(msgspec.Struct, frozen=True):
    """A field that no promise settles, and so is not compared."""

    field: str  # a regular expression
    op: str  # a regular expression
    clause: str
    reason: str
    form: str = ".*"  # of the call
    outcome: str = ".*"

    def covers(self, step: s.Step, seen: StepTrace, field: str) -> bool:
        """Whether this speaks of a field after a step."""
        said = (field, _op(step) or "", getattr(step, "form", ""), seen.outcome)
        return all(map(re.fullmatch, (self.field, self.op, self.form, self.outcome), said))


UNDER_SPECIFIED = (
    UnderSpecified(
        "value|grad[.]value",
        r"(new_)?empty(_like|_strided)?",
        "creation.empty.uninitialised",
        "the elements of a tensor made by empty() are whatever the memory held",
    ),
    UnderSpecified(
        "value|grad[.]value",
        ".*",
        "creation.empty.uninitialised",
        "an op that is refused after it has resized its out= leaves there what the memory held",
        form="out",
        outcome="raised",
    ),
    UnderSpecified(
        "grad[.]coalesced",
        ".*",
        "sparse.accumulate.coalesced",
        "the engine takes a gradient apart that nobody else holds, and its copy is vouched for by nobody",
    ),
    UnderSpecified(
        "grad[.](version|offset)",
        ".*",
        "accumulate.birth_version",
        "how often the engine wrote to a gradient while it made it is its own affair",
    ),
)


UNDEFINED_VALUES = frozenset(
    {
        "inplace.overlap.undetected",
        "inplace.resize.uninitialised",
        "linalg.eigh.finite",
        "linalg.lstsq.deficient",
        "linalg.lstsq.finite",
        "linalg.lu.finite",
        "linalg.svd.infinite",
    }
)
"""Clauses that leave open which numbers memory holds: what is computed from then on may differ in value."""


def compare(program: s.Program, expected: Trace, observed: Trace) -> Divergence | None:
    """The first difference, if any. Where it has a `mismatch`, `differences` goes on behind it."""
    return next(differences(program, expected, observed), None)


def differences(program: s.Program, expected: Trace, observed: Trace) -> Iterator[Divergence]:
    """All differences, in the order of the steps; later ones may be consequences."""
    wanted_states: dict[str, TensorState] = {}
    seen_states: dict[str, TensorState] = {}
    births: dict[str, int] = {}
    made: set[str] = set()
    batched: set[str] = set()  # gradients of a batched call, stacked in an order of the engine's own
    cited: tuple[str, ...] = ()
    undefined = False
    tangents: set[str] = set()
    for index, (step, wanted, seen) in enumerate(zip(program.steps, expected.steps, observed.steps, strict=True)):
        wanted_states.update(wanted.tensors)
        seen_states.update(seen.tensors)
        made.update(_gradients_named(step), _tangents_made(step))
        tangents.update(_tangents_made(step), _tangents_given(step))
        if isinstance(step, s.Grad) and step.is_grads_batched is not s.UNSET:
            batched.update(step.outs)
        if program.observe == "end":  # states are looked at once, and any step may be the reason
            cited = tuple(dict.fromkeys((*wanted.clauses, *cited)))
        undefined = undefined or not UNDEFINED_VALUES.isdisjoint(wanted.clauses)
        fresh = made.union(n for n, t in wanted.tensors.items() if t.storage == n)  # no look into older memory
        _note_births(fresh, wanted_states, seen_states, births)
        if isinstance(step, s.Grad):
            wanted, seen = (_without_provenance(step, each) for each in (wanted, seen))
        for found in _of_step(wanted, seen, wanted_states, seen_states):
            if found.field == "version" and found.tensor is not None and _same_age(found, wanted_states, births):
                continue
            if undefined and found.mismatch is not None:
                continue
            if found.field == "result" and _in_words_of_other_numbers(step, wanted_states, seen_states):
                continue
            if found.tensor in tangents and found.field in ("grad_fn", "requires_grad", "is_leaf"):
                continue  # clause forward_ad.tangent.history
            if found.field in ("is_view", "base", "storage", "offset", "same_as") and found.tensor in made:
                continue  # clause accumulate.provenance
            if found.field in ("base", "storage", "offset") and found.tensor is not None:
                state = wanted_states[found.tensor]
                if state.base in made or state.storage in made:
                    continue  # a look into such a gradient
            if found.field == "stride" and found.tensor in made:
                same = _same_places(wanted_states[found.tensor], seen_states[found.tensor])
                if same or found.tensor in batched:
                    continue
            if found.field in ("grad_fn", "is_leaf") and found.tensor in batched:
                continue  # clause grad.batched.provenance
            if found.field == "calls" and getattr(step, "is_grads_batched", s.UNSET) is not s.UNSET:
                continue  # clause grad.batched.hooks: once for all slices, or once for each
            if any(rule.covers(step, seen, found.field) for rule in UNDER_SPECIFIED):
                continue
            op = _op(step)
            kind = str(type(step).__struct_config__.tag)
            yield Divergence(
                index,
                kind,
                op,
                found.tensor,
                found.field,
                found.expected,
                found.observed,
                wanted.clauses if found.tensor is None or program.observe == "each" else cited,
                found.mismatch,
            )


def _in_words_of_other_numbers(step: s.Step, wanted: dict[str, TensorState], seen: dict[str, TensorState]) -> bool:
    """Whether a step prints numbers that differ: they were judged where they came about, and the digits follow."""
    if not isinstance(step, s.Read) or step.what not in ("repr", "str"):
        return False
    one, other = wanted.get(step.target), seen.get(step.target)
    return one is not None and other is not None and one.value != other.value


def _same_places(wanted: TensorState | Glimpse, seen: TensorState | Glimpse) -> bool:
    """Whether two gradients differ only in strides that reach no element (clause accumulate.unit_dimensions)."""
    if wanted.shape != seen.shape or wanted.stride is None or seen.stride is None:
        return False
    return 0 in wanted.shape or all(
        n == 1 or a == b for n, a, b in zip(wanted.shape, wanted.stride, seen.stride, strict=True)
    )


def _without_provenance(step: s.Grad, taken: StepTrace) -> StepTrace:
    """A step of grad() with a result that says no more than is promised of gradients, those of a batch above all."""
    batched = step.is_grads_batched is not s.UNSET

    def seen(value: Seen) -> Seen:
        if isinstance(value, Glimpse):
            ours: dict[str, Any] = {"name": None}  # clause accumulate.provenance
            if batched:  # clause grad.batched.provenance
                ours |= {"stride": None, "grad_fn": value.grad_fn and "a node"}
            return msgspec.structs.replace(value, **ours)
        return tuple(map(seen, value)) if isinstance(value, tuple) else value

    return taken if taken.result is None else msgspec.structs.replace(taken, result=seen(taken.result))


def _gradients_named(step: s.Step) -> tuple[str, ...]:
    """The names that a step gives to gradients which the engine has made."""
    if isinstance(step, s.Grad):
        return step.outs
    return (step.out,) if isinstance(step, s.Read) and step.out is not None else ()


def _tangents_made(step: s.Step) -> tuple[str, ...]:
    """The names that a step gives to tangents which the engine has made."""
    if isinstance(step, s.Apply) and step.op == "autograd.forward_ad.unpack_dual":
        return step.outs[1:]
    return ()


def _tangents_given(step: s.Step) -> tuple[str, ...]:
    """The names of tangents of the user's, which change in place with their duals."""
    if isinstance(step, s.Apply) and step.op == "autograd.forward_ad.make_dual":
        return tuple(given.name for given in step.args[1:2] if isinstance(given, s.Ref))
    return ()


def _note_births(
    made: set[str], wanted: dict[str, TensorState], seen: dict[str, TensorState], births: dict[str, int]
) -> None:
    """How far apart the version counters of a fresh tensor are when it is first looked at.

    How often an engine wrote to it while it made it is its own affair (clauses version.birth and
    accumulate.birth_version); what counts is how the counter moves from then on.
    """
    for name in [n for n in made if n in wanted and n in seen and n not in births]:
        one, other = wanted[name].version, seen[name].version
        if one is not None and other is not None:
            births[name] = other - one


def _same_age(found: _Found, states: dict[str, TensorState], births: dict[str, int]) -> bool:
    assert found.tensor is not None
    apart = births.get(found.tensor)
    if apart is None:
        apart = births.get(states[found.tensor].storage or "")
    if apart is None or not (found.expected.isdigit() and found.observed.isdigit()):
        return False  # inference tensors have no counter
    return int(found.observed) - int(found.expected) == apart


class _Found(msgspec.Struct, frozen=True):
    tensor: str | None
    field: str
    expected: str
    observed: str
    mismatch: ValueMismatch | None = None


def _op(step: s.Step) -> str | None:
    if isinstance(step, s.Apply):
        return step.op or None
    if isinstance(step, s.EnterMode):
        return step.mode
    if isinstance(step, s.Read):
        return step.what
    return None


def _of_step(
    wanted: StepTrace, seen: StepTrace, wanted_states: dict[str, TensorState], seen_states: dict[str, TensorState]
) -> Iterator[_Found]:
    if wanted.outcome != seen.outcome:
        yield _Found(None, "outcome", _outcome(wanted), _outcome(seen))
        return
    if wanted.exception != seen.exception:
        same_type = wanted.exception and seen.exception and wanted.exception[0] == seen.exception[0]
        found = "message" if same_type else "exception"
        yield _Found(None, found, _words(wanted.exception), _words(seen.exception))
    if wanted.warnings != seen.warnings:
        yield _Found(None, "warnings", _list(wanted.warnings), _list(seen.warnings))
    if wanted.calls != seen.calls:
        yield from _calls(wanted.calls, seen.calls)
    if wanted.result != seen.result:
        yield from _seen("result", wanted.result, seen.result)
    if wanted.tensors != seen.tensors:
        # In the order of the Program's names, not of the dicts: a tensor may have changed on one side only.
        for name in [name for name in wanted_states if name in wanted.tensors or name in seen.tensors]:
            if name in seen_states:
                yield from _state(name, wanted_states[name], seen_states[name])
    for field in ("grad_enabled", "inference_mode"):
        if getattr(wanted, field) != getattr(seen, field):
            yield _Found(None, field, str(getattr(wanted, field)), str(getattr(seen, field)))


def _outcome(step: StepTrace) -> str:
    return step.outcome if step.exception is None else f"raised {_words(step.exception)}"


def _words(pair: tuple[str, str] | None) -> str:
    return "nothing" if pair is None else f"{pair[0]}: {pair[1]}"


def _list(pairs: tuple[tuple[str, str], ...]) -> str:
    return "no warning" if not pairs else "; ".join(_words(pair) for pair in pairs)


# -- tensors ---------------------------------------------------------------------------------------------------------

_FIELDS = tuple(field for field in TensorState.__struct_fields__ if field not in ("value", "grad", "places"))


def _state(name: str, wanted: TensorState, seen: TensorState, prefix: str = "") -> Iterator[_Found]:
    if wanted == seen:
        return
    for field in _FIELDS:
        one, other = getattr(wanted, field), getattr(seen, field)
        if one != other:
            if field == "stride" and prefix and _same_places(wanted, seen):
                continue
            texts = ["no storage" if field == "storage" and value is None else str(value) for value in (one, other)]
            yield _Found(name, prefix + field, texts[0], texts[1])
            if field in ("dtype", "shape"):
                return  # there is no comparing of values then
    if wanted.value != seen.value:
        yield from _values(name, f"{prefix}value", wanted, seen)
    if wanted.places != seen.places and wanted.places is not None and seen.places is not None:
        yield from _places(name, prefix, wanted, seen)
    if wanted.grad != seen.grad:
        yield from _gradient(name, wanted.grad, seen.grad)


def _places(name: str, prefix: str, wanted: TensorState, seen: TensorState) -> Iterator[_Found]:
    """How two sparse tensors differ in what they are made of."""
    one, other = wanted.places, seen.places
    assert one is not None
    assert other is not None
    for field in ("nnz", "coalesced", "indices"):
        a, b = getattr(one, field), getattr(other, field)
        if a != b:
            shown = [str(_integers(each)) if field == "indices" else str(each) for each in (a, b)]
            yield _Found(name, prefix + field, shown[0], shown[1])
            if field == "nnz":
                return
    same_sums = numbers.mismatch(wanted.dtype, wanted.shape, wanted.value or b"", seen.value or b"") is None
    if one.indices == other.indices and same_sums:  # how a sum is split among equal places
        flat = (-1,)
        if numbers.mismatch(wanted.dtype, flat, one.values, other.values) is not None:
            texts = [numbers.show(wanted.dtype, flat, each.values) for each in (one, other)]
            yield _Found(name, f"{prefix}values", texts[0], texts[1])


def _integers(parts: tuple[bytes, ...]) -> list[list[int]]:
    return [np.frombuffer(part, np.int64).tolist() for part in parts]


def _gradient(name: str, wanted: TensorState | str | None, seen: TensorState | str | None) -> Iterator[_Found]:
    if isinstance(wanted, TensorState) and isinstance(seen, TensorState):
        yield from _state(name, wanted, seen, "grad.")
    else:
        yield _Found(name, "grad", _text(wanted), _text(seen))


def _values(name: str | None, field: str, wanted: Any, seen: Any) -> Iterator[_Found]:
    if wanted.value is None or seen.value is None:
        return  # there is nothing to read on one side (a meta tensor, one inside of a transform): nothing to compare
    found = numbers.mismatch(wanted.dtype, wanted.shape, wanted.value, seen.value)
    if found is not None:
        shown = [numbers.show(found.dtype, found.shape, value) for value in (found.expected, found.observed)]
        yield _Found(name, field, shown[0], shown[1], found)


# -- hook calls and results ------------------------------------------------------------------------------------------


def _calls(wanted: tuple[Call, ...], seen: tuple[Call, ...]) -> Iterator[_Found]:
    if [call.label for call in wanted] != [call.label for call in seen]:
        yield _Found(None, "calls", _labels(wanted), _labels(seen))
        return
    for one, other in zip(wanted, seen, strict=True):
        for found in _seen(one.label, one.args, other.args):
            yield msgspec.structs.replace(found, field="calls")


def _labels(calls: tuple[Call, ...]) -> str:
    return ", ".join(call.label for call in calls) or "no call"


def _seen(label: str, wanted: Seen, seen: Seen) -> Iterator[_Found]:
    """Differences between two results, or two lists of arguments; the label says where in them."""
    if wanted == seen:
        return
    if isinstance(wanted, tuple) and isinstance(seen, tuple) and len(wanted) == len(seen):
        for index, (one, other) in enumerate(zip(wanted, seen, strict=True)):
            yield from _seen(f"{label}[{index}]", one, other)
    elif isinstance(wanted, (Glimpse, Number)) and type(wanted) is type(seen):
        one, other = wanted, seen
        for field in wanted.__struct_fields__:
            if (
                field == "stride"
                and isinstance(one, Glimpse)
                and isinstance(other, Glimpse)
                and _same_places(one, other)
            ):
                continue
            if field != "value" and getattr(one, field) != getattr(other, field):
                texts = [f"{label}: {field} {getattr(each, field)}" for each in (one, other)]
                yield _Found(None, "result", texts[0], texts[1])
                return
        for found in _values(None, "result", one, other):
            yield msgspec.structs.replace(
                found, expected=f"{label}: {found.expected}", observed=f"{label}: {found.observed}"
            )
    else:
        yield _Found(None, "result", f"{label}: {_text(wanted)}", f"{label}: {_text(seen)}")


def _text(value: Seen) -> str:
    if isinstance(value, (TensorState, Glimpse, Number)):
        return numbers.show(value.dtype, value.shape, value.value)
    return str(value)


# -- for the script --------------------------------------------------------------------------------------------------

_ASK = {
    "stride": "stride()",
    "offset": "storage_offset()",
    "version": "_version",
    "is_view": "_is_view()",
    "base": "_base is None",
    "storage": "untyped_storage()",
    "is_inference": "is_inference()",
    "is_conj": "is_conj()",
    "is_neg": "is_neg()",
    "nnz": "_nnz()",
    "coalesced": "is_coalesced()",
    "indices": "_indices()",
    "values": "_values()",
}


def note(divergence: Divergence) -> Note:
    """What the script says after the step: the expression that shows the difference, and both answers."""
    show = None
    if divergence.tensor is not None and divergence.field not in ("same_as", "storage"):
        owner, _, field = f"{divergence.tensor}.{divergence.field}".rpartition(".")
        show = owner if field == "value" else f"{owner}.{_ASK.get(field, field)}"
    elif divergence.field == "grad_enabled":
        show = "torch.is_grad_enabled()"
    elif divergence.field == "inference_mode":
        show = "torch.is_inference_mode_enabled()"
    return Note(show, (f"expected {divergence.expected}", f"observed {divergence.observed}"))
