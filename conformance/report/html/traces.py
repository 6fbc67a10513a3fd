"""Two traces side by side: step by step, the same on both sides in one line, a difference marked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from conformance.program import codec
from conformance.program.limits import ProgramError
from conformance.program.script import to_script
from conformance.program.steps import Program
from conformance.report.html.values import readable_value
from conformance.report.run import Finding

_LONGEST = 600
"""Characters of one value that a trace shows; a finding's program is small, so more than this is noise."""

_UNREMARKABLE: dict[str, Any] = {
    "offset": 0,
    "output_nr": 0,
    "is_view": False,
    "base": None,
    "retains_grad": False,
    "is_inference": False,
    "is_conj": False,
    "is_neg": False,
    "layout": "strided",
    "same_as": None,
    "grad": None,
    "grad_fn": None,
    "name": None,
    "type": "tensor",
}
"""State that says nothing where both sides agree on it: left out, to let the eye find what matters."""

_STATE_ORDER = {
    key: index
    for index, key in enumerate(
        (
            *("dtype", "shape", "stride", "offset", "requires_grad", "is_leaf", "grad_fn", "output_nr", "version"),
            *("is_view", "base", "storage", "same_as", "retains_grad", "is_inference", "is_conj", "is_neg"),
            *("device", "layout", "grad"),
        )
    )
}
"""The order of reading; a file keeps names in alphabetical order."""

_ORDER = ("outcome", "exception", "warnings", "calls", "result", "grad_enabled", "inference_mode")
_USUAL = {"outcome": "ok", "exception": None, "result": None, "grad_enabled": True, "inference_mode": False}


@dataclass(frozen=True)
class Field:
    """One observed field on both sides; None where a side does not have it."""

    name: str
    reference: str | None
    subject: str | None

    @property
    def differs(self) -> bool:
        """Whether the two sides disagree."""
        return self.reference != self.subject


@dataclass(frozen=True)
class Row:
    """What is observed of one thing (the step itself, its warnings, or a tensor) after a step."""

    name: str
    fields: tuple[Field, ...]
    is_tensor: bool = False

    @property
    def differs(self) -> bool:
        """Whether any field of the row does."""
        return any(field.differs for field in self.fields)

    def is_absent(self, side: str) -> bool:
        """Whether a side has nothing of this row: no exception, no such tensor."""
        return all(getattr(field, side) is None for field in self.fields)

    def is_finding(self, field: Field, finding_field: str) -> bool:
        """Whether a field is the one that the finding is about, and not merely another that differs."""
        if self.is_tensor:
            # A tensor's field may be named alone, or after the tensor.
            names = (finding_field, finding_field.removeprefix(f"{self.name}."))
            return any(field.name == name or name.startswith(f"{field.name}.") for name in names)
        named = f"{self.name}.{field.name}".rstrip(".")
        return finding_field in (self.name, field.name, named) and bool(finding_field)


@dataclass(frozen=True)
class StepRows:
    """One step of the program and all that both sides observed after it."""

    index: int
    label: str
    rows: tuple[Row, ...]
    is_finding: bool

    @property
    def differs(self) -> bool:
        """Whether the two sides disagree anywhere in this step."""
        return any(row.differs for row in self.rows)


def side_by_side(finding: Finding) -> list[StepRows]:
    """The finding's two traces, aligned."""
    reference, subject = _steps(_listed(finding.reference_trace)), _steps(_listed(finding.subject_trace))
    labels = step_labels(finding.program)
    steps = []
    # A trace tells of a tensor only when it changes, so what a side last said of one still holds.
    here: dict[str, Any] = {}
    there: dict[str, Any] = {}
    for index in range(max(len(reference), len(subject))):
        sides = _mapping(_at(reference, index)), _mapping(_at(subject, index))
        changed = [_mapping(side.get("tensors")) for side in sides]
        here.update(changed[0])
        there.update(changed[1])
        tensors = {name: (here.get(name), there.get(name)) for name in sorted({*changed[0], *changed[1]}, key=_natural)}
        steps.append(
            StepRows(
                index=index,
                label=labels[index] if index < len(labels) else "",
                rows=(*_step_rows(*sides), *_tensor_rows(tensors)),
                is_finding=index == finding.step,
            )
        )
    return steps


def step_labels(program: Any) -> list[str]:
    """Each step as its line of the script; in a few words where the program is none that this version can print."""
    try:
        steps = codec.decode(msgspec.json.encode(program)).steps
    except (ProgramError, UnicodeError, TypeError):
        return [_in_words(step) for step in _steps(program)]
    scripts = (to_script(Program((step,))).partition("\n\n")[2] for step in steps)
    # Alone, entering a mode needs a body and leaving one leaves nothing.
    return [script.strip().removesuffix("\n    pass") or "(leave the mode)" for script in scripts]


def _in_words(step: Any) -> str:
    if not isinstance(step, Mapping):
        return ""
    words = [step.get(key) for key in ("step", "op", "form", "mode", "on", "target", "name")]
    label = " ".join(word.replace("_", " ") for word in words if isinstance(word, str) and word)
    outs = step.get("outs") or step.get("out") or ()
    made = ", ".join(map(str, outs)) if isinstance(outs, Sequence) and not isinstance(outs, str) else str(outs)
    return f"{label} → {made}" if made else label


def shown(value: Any) -> str:
    """Any JSON value on one line, a tensor with its elements read."""
    if value is None or isinstance(value, bool):
        return repr(value)
    read = _read(value)
    text = read if isinstance(read, str) else json.dumps(read, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]} … ({len(text):,} characters)"


def _steps(trace: Any) -> Sequence[Any]:
    steps = trace.get("steps", ()) if isinstance(trace, Mapping) else trace
    return steps if isinstance(steps, Sequence) and not isinstance(steps, str) else ()


def _natural(name: str) -> tuple[str, int, str]:
    """t2 before t10; a file keeps names in alphabetical order."""
    stem = name.rstrip("0123456789")
    number = name[len(stem) :]
    return (stem, int(number) if number.isascii() and len(number) < 10 and number else -1, name)


def _listed(value: Any) -> Any:
    """The value as it comes out of a file: a Run that was never written may hold tuples."""
    if isinstance(value, Mapping):
        return {key: _listed(part) for key, part in value.items()}
    return [_listed(part) for part in value] if isinstance(value, (list, tuple)) else value


def _at(steps: Sequence[Any], index: int) -> Any:
    return steps[index] if index < len(steps) else {}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _step_rows(reference: Mapping[str, Any], subject: Mapping[str, Any]) -> Iterator[Row]:
    """What was done: outcome, exception, warnings, calls, the result."""
    for name in [*_ORDER, *sorted({*reference, *subject} - {*_ORDER})]:
        # The reference alone says which clauses and formulas it applied; that is no observation.
        if name in ("tensors", "clauses", "evidence"):
            continue
        # A side that leaves a field out does what is usual; one that has no such step at all does nothing.
        here, there = (side.get(name, _USUAL.get(name)) if side else None for side in (reference, subject))
        remarkable = [value for value in (here, there) if value not in (None, [], {}, _USUAL.get(name))]
        if not remarkable and (here == there or name != "outcome"):
            continue
        yield Row(name, tuple(_pair(dict(_parts(name, here)), dict(_parts(name, there)))))


def _tensor_rows(tensors: Mapping[str, tuple[Any, Any]]) -> Iterator[Row]:
    """The tensors that changed, each on both sides."""
    for name, states in tensors.items():
        here, there = map(_mapping, states)
        # Where only one side has a gradient, that is one difference and not twenty.
        whole = isinstance(here.get("grad"), Mapping) != isinstance(there.get("grad"), Mapping)
        fields = _pair(dict(_state(here, whole)), dict(_state(there, whole)))
        yield Row(name, tuple(f for f in fields if not _says_nothing(f, here or there, name)), True)


def _pair(reference: Mapping[str, str], subject: Mapping[str, str]) -> Iterator[Field]:
    for name in dict.fromkeys([*reference, *subject]):
        yield Field(name, reference.get(name), subject.get(name))


def _parts(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """One field of a step as the parts that can differ on their own."""
    if name == "exception" and value:
        kind, message = _two(value)
        yield "type", kind
        yield "message", message
    elif isinstance(value, list) and name in ("warnings", "calls"):
        for index, item in enumerate(value):
            if isinstance(item, list) and name == "warnings":
                yield f"[{index}]", ": ".join(map(str, item))
            elif name == "calls":
                call = _mapping(item)
                yield f"[{index}]", f"{call.get('label', '')}({', '.join(map(shown, call.get('args', ())))})"
            else:
                yield f"[{index}]", shown(item)
    elif value is not None or name == "result":
        yield "", shown(value)


def _two(value: Any) -> tuple[str, str]:
    if isinstance(value, Mapping):
        return str(value.get("type", "")), str(value.get("message", ""))
    return (str(value[0]), str(value[1])) if isinstance(value, list) and len(value) == 2 else ("", shown(value))


def _state(state: Mapping[str, Any], whole_grad: bool, prefix: str = "") -> Iterator[tuple[str, str]]:
    """A tensor's state, its value first; that of its .grad after it."""
    if "value" in state:
        readable = readable_value(state)
        yield f"{prefix}value", shown(state["value"]) if readable is None else readable
    for key in sorted(state, key=lambda key: _STATE_ORDER.get(key, len(_STATE_ORDER))):
        value = state[key]
        if isinstance(value, Mapping) and whole_grad:
            yield f"{prefix}{key}", shown(value)
        elif isinstance(value, Mapping):
            yield from _state(value, False, f"{prefix}{key}.")
        elif key != "value":
            yield f"{prefix}{key}", shown(value)


def _says_nothing(field: Field, state: Mapping[str, Any], name: str) -> bool:
    if field.reference is not None and field.subject is not None and field.differs:
        return False
    key, said = field.name.rpartition(".")[2], field.reference or field.subject
    if key == "storage":
        return said in (name, f"{name}.grad")
    if key == "stride":
        owner = _mapping(state.get("grad")) if field.name.startswith("grad.") else state
        return owner.get("stride") == _contiguous(owner.get("shape"))
    if key == "device":
        return said in ("cpu", "default")
    return key in _UNREMARKABLE and said == shown(_UNREMARKABLE[key])


def _contiguous(shape: Any) -> list[int] | None:
    if not isinstance(shape, list) or not all(isinstance(size, int) for size in shape):
        return None
    strides: list[int] = []
    step = 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return strides[::-1]


def _read(value: Any) -> Any:
    """The same JSON with the elements of tensors in place of their bytes."""
    if isinstance(value, Mapping):
        readable = readable_value(value)
        if readable is not None:
            named = value.get("name")
            return f"{f'{named}: ' if named else ''}{readable}, {value['dtype']} {value.get('shape')}"
        return {str(key): _read(part) for key, part in value.items()}
    return [_read(part) for part in value] if isinstance(value, list) else value
