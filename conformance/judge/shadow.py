"""Whether two different numbers may both be right: conditioning, measured instead of guessed.

Where the values of the two engines differ by more than a few units in the last place, the reference runs the program
again several times with random rounding noise on every inexact result. If the observed value lies within the spread
of these runs, the difference is rounding, amplified by the program; otherwise it stands.

This takes the place of a plain float64 shadow run. A float64 run tells how far the reference is from the exact
result, but a lucky reference (an error that happens to cancel) then condemns a correct subject; the spread over
random noise does not depend on luck. Exact results get no noise, so nothing is excused at ties, at zeros or at
whole numbers.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import numpy as np

from conformance.execute.machine import execute
from conformance.execute.trace import Glimpse, Number, TensorState, Trace
from conformance.judge import numbers
from conformance.judge.compare import Divergence
from conformance.program.steps import Program
from conformance.subjects.base import Subject

RUNS = 8
SLACK = 4.0  # the observed value may lie this many spreads away from the expected one


class ShadowRuns:
    """The noisy reference runs of one Program, made when they are first needed and as far as they are needed."""

    def __init__(self, program: Program, reference: Subject) -> None:
        self._program, self._reference = program, reference
        self._traces: dict[int, Trace] = {}

    def trace(self, seed: int, last: int) -> Trace:
        """The run with this noise, up to step ``last`` at least."""
        from reference_engine.ops import shadow

        made = self._traces.get(seed)
        if made is None or len(made.steps) <= last:
            program = self._program
            if made is None and not program.regions:  # what was too short once is run to its end
                program = msgspec.structs.replace(program, steps=program.steps[: last + 1])
            shadow.active = shadow.Shadow(seed)
            try:
                made = self._traces[seed] = execute(program, self._reference)
            finally:
                shadow.active = None
        return made

    def excuses(self, divergence: Divergence) -> bool:
        """Whether rounding alone may explain a difference of numbers."""
        mismatch = divergence.mismatch
        if mismatch is None:
            return False
        expected = _wide(mismatch.dtype, mismatch.expected)
        observed = _wide(mismatch.dtype, mismatch.observed)
        if expected.shape != observed.shape:
            return False
        alike = (expected == observed) & (np.signbit(expected.real) == np.signbit(observed.real)) | (
            np.isnan(expected) & np.isnan(observed)
        )
        zeros = (expected == 0) & (observed == 0)
        spread = np.zeros(expected.shape)
        same_kind = np.zeros(expected.shape, bool)  # a noisy run gave the very special value that was observed
        for seed in range(RUNS):  # each can only excuse more: the first that makes all of it rounding is the last
            raw = _find(self.trace(seed, divergence.step), divergence)
            if raw is None or len(raw) != len(mismatch.expected):
                continue
            noisy = _wide(mismatch.dtype, raw)
            with np.errstate(all="ignore"):
                distance = np.abs(noisy - expected)
            spread = np.fmax(spread, np.where(np.isfinite(distance), distance, 0))
            same_kind |= (noisy == observed) | (np.isnan(noisy) & np.isnan(observed))
            same_kind |= np.isfinite(noisy) & np.isfinite(observed) & ~np.isfinite(expected)
            with np.errstate(all="ignore"):
                close = np.abs(observed - expected) <= SLACK * spread
            if np.all(alike | (close | zeros) & (spread > 0) | same_kind & (expected != observed)):
                return True
        return False


def _wide(dtype: str, raw: bytes) -> Any:
    a = numbers.array(dtype, (-1,), raw)
    return a.astype(np.complex128 if a.dtype.kind == "c" else np.float64)


def _find(trace: Trace, divergence: Divergence) -> bytes | None:
    """The same field in another Trace: the last state up to the diverging step, or that step's result."""
    if divergence.tensor is not None:
        state: Any = None
        for step in trace.steps[: divergence.step + 1]:
            state = step.tensors.get(divergence.tensor, state)
        for part in divergence.field.split(".")[:-1]:
            state = getattr(state, part, None)
        return state.value if isinstance(state, TensorState) else None
    step = trace.steps[divergence.step]
    label, *path = re.split(r"[\[\]]+", divergence.expected.partition(":")[0].rstrip("]"))
    roots: list[Any] = (
        [step.result] if divergence.field == "result" else [c.args for c in step.calls if c.label == label]
    )
    found = []
    for value in roots:
        for index in path:
            value = value[int(index)] if isinstance(value, tuple) and int(index) < len(value) else None
        if isinstance(value, (Glimpse, Number)):
            found.append(value.value)
    size = len(divergence.mismatch.expected) if divergence.mismatch else -1
    return next((raw for raw in found if raw is not None and len(raw) == size), None)
