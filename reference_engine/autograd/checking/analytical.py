"""Jacobians as the engine computes them: row by row backward, or column by column forward."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from reference_engine.autograd import forward_ad
from reference_engine.autograd.backward import grad
from reference_engine.autograd.checking.tensors import as_tuple, is_numeric, is_tensor, requiring_grad
from reference_engine.semantics import current, refusal

if TYPE_CHECKING:
    from reference_engine.tensor import Tensor

Rows = list[list["Tensor | None"]]


def backward_jacobians(
    inputs: Any, output: Tensor, tolerance: float, check_dtypes: bool, cotangent: Tensor | None = None
) -> list[Tensor]:
    """For each input a matrix of a row an element: its columns are the gradients of the elements of ``output``.

    Args:
        inputs: what was given to the function.
        output: one of its outputs.
        tolerance: how much two runs may differ.
        check_dtypes: refuse gradients of another dtype than the input's.
        cotangent: compute only the product with this vector, in one column.

    Raises:
        GradcheckError: gradients of a wrong shape or dtype, or other gradients in a second run.
    """
    matrices, same, sizes, kinds = examined(inputs, output, tolerance, cotangent)
    if not kinds and check_dtypes:
        raise refusal("gradcheck.gradient.dtype")
    if not sizes:
        raise refusal("gradcheck.gradient.size")
    if not same:
        hint = current().message("gradcheck.nondeterminism_hint")[1]
        raise refusal("gradcheck.not_reentrant", tolerance=tolerance, hint=hint)
    return matrices


def examined(
    inputs: Any, output: Tensor, tolerance: float, cotangent: Tensor | None = None
) -> tuple[list[Tensor], bool, bool, bool]:
    """The matrices; whether a second run gives the same, whether sizes and whether dtypes are those of the inputs."""
    targets = list(requiring_grad(inputs))

    def gradients(seed: Tensor) -> Sequence[Tensor | None]:
        found = grad(output, targets, seed, retain_graph=True, allow_unused=True)
        return [None if g is None else g.clone() for g in found]

    def collect() -> Rows:
        if cotangent is not None:
            return [[g] for g in gradients(cotangent.reshape(output.shape))]
        return _rows(gradients, output)

    first, second = collect(), collect()
    width = 1 if cotangent is not None else output.numel()
    matrices, sizes, kinds = _stacked(first, targets, width)
    again, _, _ = _stacked(second, targets, width)
    same = all(not (a.numel() and bool((a - b).abs().max() > tolerance)) for a, b in zip(matrices, again, strict=True))
    return matrices, same, sizes, kinds


def _rows(gradients: Callable[[Tensor], Sequence[Tensor | None]], output: Tensor) -> Rows:
    import reference_engine as engine

    seed = engine.zeros(output.shape, dtype=output.dtype)
    flat = seed.view(-1)
    rows: Rows = []
    for j in range(flat.numel()):
        flat.zero_()
        flat[j] = 1.0
        for i, g in enumerate(gradients(seed)):
            if j == 0:
                rows.append([])
            rows[i].append(g)
    return rows


def _stacked(rows: Rows, targets: Sequence[Tensor], width: int) -> tuple[list[Tensor], bool, bool]:
    """The gradients as columns of matrices; whether all have the sizes, and the dtypes, of their inputs."""
    made = [t.new_zeros((t.numel(), width)) for t in targets]
    sizes = dtypes = True
    for matrix, target, row in zip(made, targets, rows, strict=False):
        for j, g in enumerate(row):
            if g is None:
                continue
            sizes &= g._shape == target._shape
            dtypes &= g._dtype is target._dtype
            matrix[:, j] = g.reshape(-1)
    return made, sizes, dtypes


def forward_jacobians(
    fn: Callable[..., Any], inputs: Any, outputs: tuple[Any, ...], check_dtypes: bool = False, along: Any = None
) -> list[list[Tensor]]:
    """For each input that requires grad, for each numeric output: a matrix of a row an element of the input.

    Args:
        along: for each of these inputs a vector: compute only the product with it.

    Raises:
        GradcheckError: a complex tangent of a real output, or the reverse.
    """
    numeric = [o for o in outputs if is_numeric(o)]
    result: list[list[Tensor]] = []
    with forward_ad.dual_level():
        duals, tangents = _duals(inputs)
        for i, tangent in enumerate(tangents):
            if along is not None:
                made = [o.new_zeros((o.numel(),)) for o in numeric]
                tangent.copy_(along[i].view_as(tangent))
                _fill(made, fn, duals, check_dtypes)
                tangent.zero_()
            else:
                made = [o.new_zeros((tangent.numel(), o.numel())) for o in numeric]
                for row, index in enumerate(itertools.product(*(range(n) for n in tangent._shape))):
                    tangent[index] = 1.0
                    _fill([m[row] for m in made], fn, duals, check_dtypes)
                    tangent[index] = 0.0
            result.append(made)
    return result


def _duals(inputs: Any) -> tuple[list[Any], list[Tensor]]:
    """The inputs, those that require grad as dual tensors, and their tangents, which are zero."""
    import reference_engine as engine

    duals: list[Any] = []
    tangents: list[Tensor] = []
    for value in inputs:
        if is_tensor(value) and value.requires_grad:
            value = forward_ad.make_dual(value.detach(), engine.zeros_like(value))
            tangent = forward_ad.unpack_dual(value).tangent
            assert tangent is not None
            tangents.append(tangent)
        duals.append(value)
    return duals, tangents


def _fill(rows: Sequence[Tensor], fn: Callable[..., Any], duals: Sequence[Any], check_dtypes: bool) -> None:
    found = [o for o in as_tuple(fn(*duals)) if is_numeric(o)]
    for row, output in zip(rows, found, strict=False):
        value, tangent = forward_ad.unpack_dual(output)
        if tangent is None:
            row.zero_()
            continue
        if check_dtypes and value.is_complex() != tangent.is_complex():
            raise refusal("gradcheck.tangent.dtype")
        row.copy_(tangent.reshape(-1))
