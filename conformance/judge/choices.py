"""Choices that both engines may make in their own way: the reference is run again with those that the subject made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np

from conformance.execute.trace import Glimpse, Seen, StepTrace, TensorState, Trace
from conformance.judge import numbers

SHOWN = frozenset({"linalg.vectors.choice", "linalg.zero.choice"})
"""What can be seen of the subject's arrays."""

SINGULAR = "linalg.singular.choice"


def ways(expected: Trace, observed: Trace) -> Iterator[AbstractContextManager[None]]:
    """Blocks in which the reference chooses as the subject may have done, as far as that is right."""
    from reference_engine.ops import gauge

    cited = {clause for step in expected.steps for clause in step.clauses}
    if not SHOWN.isdisjoint(cited):
        yield gauge.near(_arrays(expected, observed))
    if SINGULAR in cited:
        for singular in (True, False):
            yield gauge.near(_arrays(expected, observed), singular)


def _arrays(expected: Trace, observed: Trace) -> list[Any]:
    """What the subject got, and the reference did not."""
    arrays = []
    for wanted, seen in zip(expected.steps, observed.steps, strict=True):
        ours = {state.value for state in _states(wanted)}
        for state in _states(seen):
            if state.value is None or state.value in ours or not state.shape or state.dtype == "complex32":
                continue
            if not state.dtype.startswith(("float", "complex")):
                continue
            array = numbers.array(state.dtype, state.shape, state.value)
            wide = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
            arrays.append(wide)
            if wide.ndim > 1:
                arrays.append(np.conj(np.swapaxes(wide, -1, -2)))
    return arrays


def _states(step: StepTrace) -> Iterator[TensorState | Glimpse]:
    """The tensors that a step changed, made, returned or gave to hooks."""
    yield from step.tensors.values()
    for seen in (step.result, *(call.args for call in step.calls)):
        yield from _glimpses(seen)


def _glimpses(seen: Seen) -> Iterator[TensorState | Glimpse]:
    if isinstance(seen, (TensorState, Glimpse)):
        yield seen
    elif isinstance(seen, tuple):
        for part in seen:
            yield from _glimpses(part)
