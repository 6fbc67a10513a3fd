"""Choices that both engines may make in their own way: the reference is run again with those that the subject made."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np

from conformance.execute.trace import Trace
from conformance.judge import numbers

OPEN = "linalg.vectors.choice"


def are_open(expected: Trace) -> bool:
    """Whether something in a Program is settled by nobody's promise, and everything behind it depends on it."""
    return any(OPEN in step.clauses for step in expected.steps)


def following(observed: Trace) -> AbstractContextManager[None]:
    """A block in which the reference chooses as the subject did, as far as that is right."""
    from reference_engine.ops import gauge

    matrices = []
    for step in observed.steps:
        for state in step.tensors.values():
            if state.value is None or len(state.shape or ()) < 2 or not state.dtype.startswith(("float", "complex")):
                continue
            if state.dtype == "complex32":
                continue
            matrix = numbers.array(state.dtype, state.shape, state.value)
            wide = matrix.astype(np.complex128 if matrix.dtype.kind == "c" else np.float64)
            matrices += [wide, np.conj(np.swapaxes(wide, -1, -2))]
    return gauge.near(matrices)
