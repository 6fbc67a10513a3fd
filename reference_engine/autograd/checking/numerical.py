"""Finite differences: central, in the input's own memory, so that the function sees the very tensors it was given.

A complex input is moved along the real and along the imaginary axis; both together are the conjugate Wirtinger
derivative of a real output. Source: https://docs.pytorch.org/docs/stable/notes/gradcheck.html
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reference_engine.autograd.checking.tensors import as_tuple, is_numeric, places
from reference_engine.semantics import cite, refusal

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

Function = Callable[..., Any]


def jacobians(fn: Function, inputs: Any, outputs: tuple[Any, ...], eps: float) -> list[tuple[Tensor, ...]]:
    """For each input that requires grad, for each numeric output: a matrix, a row an element of the input."""
    given = as_tuple(inputs)
    return [_jacobian(fn, given, i, outputs, eps) for i in places(given)]


def _jacobian(
    fn: Function, inputs: tuple[Any, ...], which: int, outputs: tuple[Any, ...], eps: float
) -> tuple[Tensor, ...]:
    target = inputs[which]
    dtype = target.dtype if target.is_complex() else None
    made = tuple(o.new_zeros((target.numel(), o.numel()), dtype=dtype) for o in outputs if is_numeric(o))
    numeric = [is_numeric(o) for o in outputs]
    if not all(numeric):
        cite("gradcheck.output.integer")
    memory = target.data  # changes of it go unnoticed by version checks
    for row, index in enumerate(itertools.product(*(range(n) for n in target._shape))):
        found = _derivative(fn, inputs, memory[index], eps, eps, target.is_complex(), list(index))
        for matrix, difference in zip(made, itertools.compress(found, numeric), strict=True):
            matrix[row] = difference
    return made


def directional(fn: Function, inputs: Any, which: int, u: Any, eps: float) -> list[Tensor]:
    """The derivative of each output along ``u`` (a pair for a complex input: along both axes)."""
    given = as_tuple(inputs)
    memory = given[which].data
    step = (
        tuple(eps * part.reshape(memory.shape) for part in u) if isinstance(u, tuple) else eps * u.reshape(memory.shape)
    )
    return _derivative(fn, given, memory, step, eps, given[which].is_complex(), None)


def _derivative(
    fn: Function, inputs: tuple[Any, ...], entry: Tensor, step: Any, eps: float, is_complex: bool, index: Any
) -> list[Tensor]:
    along_real, along_imaginary = step if isinstance(step, tuple) else (step, step)
    real = _difference(fn, inputs, entry, along_real, eps, index)
    if not is_complex:
        return real
    imaginary = _difference(fn, inputs, entry, along_imaginary * 1j, eps, index)
    return [a + b * 1j for a, b in zip(real, imaginary, strict=True)]


def _difference(
    fn: Function, inputs: tuple[Any, ...], entry: Tensor, step: Any, eps: float, index: Any
) -> list[Tensor]:
    original = entry.clone()
    entry.copy_(original - step)
    below = _outputs(fn, inputs)
    entry.copy_(original + step)
    above = _outputs(fn, inputs)
    entry.copy_(original)
    return [_quotient(a, b, eps, index) for a, b in zip(below, above, strict=False)]


def _outputs(fn: Function, inputs: tuple[Any, ...]) -> tuple[Tensor, ...]:
    return tuple(o.clone() for o in as_tuple(fn(*inputs)))


def _quotient(below: Tensor, above: Tensor, eps: float, index: Any) -> Tensor:
    """The central difference.

    Raises:
        AssertionError: the function returns another shape or dtype when its input moves.
    """
    for what, first, second in (("shape", below.shape, above.shape), ("dtype", below.dtype, above.dtype)):
        if first != second:
            clause = f"gradcheck.output.{what}" + ("" if index is not None else "_fast")
            raise refusal(clause, index=None if index is None else tuple(index), eps=eps, first=first, second=second)
    return ((above - below) / (2 * eps)).detach().reshape(-1)
